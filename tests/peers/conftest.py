"""lava-dl 0.6.0 with the networks in its wheel, and SANA-FE, for every test that needs them."""

import os
from collections import Counter
from pathlib import Path

import pytest
from peers.lava_dl_wheel import lava_dl_data
from peers.sanafe_machine import LOIHI1, every_step, on_sanafe, some_frames, spikes_of

from hwsim.errors import SpikeportError
from snnexport import netx
from snnexport.formats.sanafe.spiking import spiking_frames
from snnexport.formats.sanafe.write import ARCHITECTURE, sanafe_mapping, write_sanafe

SANAFE_VARIABLE = "SPIKEPORT_SANAFE_PYTHON"


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


@pytest.fixture(scope="session")
def sanafe() -> Path:
    """The Python that has SANA-FE."""
    path = os.environ.get(SANAFE_VARIABLE)
    if path is None:
        pytest.skip(
            f"no SANA-FE: python3.11 -m venv DIR; DIR/bin/pip install sanafe==2.2.9; "
            f"export {SANAFE_VARIABLE}=DIR/bin/python"
        )
    return Path(path)


@pytest.fixture
def agree(sanafe, root, rng, tmp_path):
    """A function that says how often each population fired, if both machines agree."""

    def run(program, high=1, architecture=ARCHITECTURE, cores=None, frames=None):
        frames = some_frames(rng, program, high) if frames is None else frames
        mapping = cores or sanafe_mapping(program, LOIHI1)
        sent = spiking_frames(program, frames)
        write_sanafe(mapping, sent[:, 0], tmp_path)
        theirs = on_sanafe(sanafe, root, tmp_path, architecture)
        ours = every_step(program, frames)
        assert sum(p.wraps + p.saturations for p in ours.counts.populations) == 0
        spikes = spikes_of(mapping.program, sent, ours.trace)
        assert sorted(map(tuple, theirs["spikes"])) == spikes
        assert theirs["fired"] == len(spikes)
        assert theirs["synapse_events"] == ours.counts.synops
        ways = [(c.source, c.target) for c in mapping.program.connections]
        if len(set(ways)) == len(ways):  # parallel connections share their messages there
            traffic = mapping.messages(ours.counts.fired)
            assert theirs["messages"] == sum(int(t.messages.sum()) for t in traffic)
            assert theirs["hops"] == sum(t.total_hops for t in traffic)
        return Counter(group for _, group, _ in spikes)

    return run
