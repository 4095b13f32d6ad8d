"""The shipped checkpoint, and what ``spikeport export`` makes of it."""

import pytest
from command import call

from snnexport.shipped import shipped_checkpoint


@pytest.fixture(scope="session")
def checkpoint():
    return shipped_checkpoint("digits-conv")


@pytest.fixture(scope="session")
def exported(checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "out"
    result = call("export", checkpoint, "-o", folder, "--chip", "loihi1")
    assert result.exit_code == 0, result.output
    return folder
