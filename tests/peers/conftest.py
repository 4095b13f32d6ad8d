"""lava-dl 0.6.0 and the networks in its wheel, for every test that needs them."""

from pathlib import Path

import pytest
from peers.lava_dl_wheel import lava_dl_data

from hwsim.errors import SpikeportError
from snnexport import netx


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder with lava-dl's trained networks."""
    try:
        return lava_dl_data()
    except OSError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def lava_dl() -> Path:
    """Python with lava-dl; made in the user's cache by the first run, which takes a while."""
    try:
        return netx.obtain_python(60)
    except SpikeportError as error:
        pytest.skip(f"lava-dl 0.6.0 is not to be had: {error.message}")
