"""What the tests of the Lava backend share: the golden networks, and a look at our processes."""

import importlib.util
import re
from contextlib import suppress
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[2] / "golden" / "networks.py"


@pytest.fixture(scope="session")
def networks():
    spec = importlib.util.spec_from_file_location("networks", GOLDEN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def processes(text):
    """Yield the folders in /proc of the processes whose command line holds a text."""
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if str(text).encode() in line.read_bytes().replace(b"\0", b" "):
                yield line.parent


@pytest.fixture
def running():
    """A function that lists the processes whose command line holds a text."""
    return lambda text: list(processes(text))


@pytest.fixture
def shared_memory():
    """A function that returns the shared memory which the processes of a text have mapped."""

    def find(text):
        found = set()
        for folder in processes(text):
            with suppress(OSError):
                found |= set(re.findall(r"/dev/shm/psm_\w+", (folder / "maps").read_text()))
        return found

    return find


@pytest.fixture
def script(tmp_path):
    """A function that writes an executable shell script and returns its path."""

    def write(body, name="python3.10"):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return write
