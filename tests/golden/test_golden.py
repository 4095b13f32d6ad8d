"""Replays every stored trace of real Lava with the reference engine: spikes, u and v, all steps."""

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

import hwsim
from hwsim.files import read_npz

HERE = Path(__file__).parent
FILES = sorted((HERE / "lava").glob("*.npz"))
README = (HERE / "lava" / "README.md").read_text()


def load_networks():
    spec = importlib.util.spec_from_file_location("networks", HERE / "networks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


networks = load_networks()


def test_every_case_has_its_golden_file():
    assert {f.stem for f in FILES} == set(networks.CASES)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_reference_engine_reproduces_lava_in_every_step(file):
    arrays = read_npz(file)
    net = networks.unpack(arrays)
    run = hwsim.run(net, arrays["input"], engine="reference", record="state")
    stored = {k.removeprefix("trace/"): a for k, a in arrays.items() if k.startswith("trace/")}
    assert len(stored) == 3 * len(net.populations)
    for key, array in stored.items():
        np.testing.assert_array_equal(run.trace.arrays[key], array, err_msg=key)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_golden_file_is_the_one_in_the_readme(file):
    assert f"`{hashlib.sha256(file.read_bytes()).hexdigest()}`" in README


@pytest.mark.parametrize("name", ["registers-0", "registers-1"])
def test_golden_registers_wrap_and_saturate(name):
    arrays = read_npz(HERE / "lava" / f"{name}.npz")
    counts = hwsim.run(networks.unpack(arrays), arrays["input"]).counts.populations
    assert sum(c.wraps for c in counts) > 1000
    assert sum(c.saturations for c in counts) > 1000
