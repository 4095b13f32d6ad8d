"""Neurons that networks of snnTorch and sinabs need compute what those libraries compute."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hwsim.neurons import CubaLateReset, MultiSpike
from snntrain.neurons import Real
from snntrain.surrogates import FastSigmoid

PYTHON_VARIABLE = "SPIKEPORT_COUNTERS_PYTHON"
PACKAGES = {"snntorch": "1.0.0", "sinabs": "3.1.3"}
SCRIPT = Path(__file__).with_name("framework_neurons.py")
THRESHOLD, NONE = 1.5, -1e6
LATE = {"decay_v": 0.5, "threshold": THRESHOLD}
SEVERAL = {"threshold": THRESHOLD, "decrement": THRESHOLD, "most": 255, "lowest": NONE}
LEAK = {"decay_u": 1.0, "decay_v": 0.5}
CASES = {
    "leaky subtract": CubaLateReset(decay_u=1.0, decrement=THRESHOLD, **LATE),
    "leaky none": CubaLateReset(decay_u=1.0, decrement=0.0, **LATE),
    "synaptic subtract": CubaLateReset(decay_u=0.5, decrement=THRESHOLD, **LATE),
    "lif multi": MultiSpike(**LEAK, **SEVERAL),
    "lif multi current": MultiSpike(0.5, 0.5, **{**SEVERAL, "lowest": -0.75}),
    "lif max": MultiSpike(**LEAK, **{**SEVERAL, "most": 3, "lowest": -0.75}),
    "lif max value": MultiSpike(
        **LEAK, **{**SEVERAL, "most": 3, "lowest": -0.75, "decrement": 2.25}
    ),
    "lif single": MultiSpike(**LEAK, **{**SEVERAL, "most": 1}),
    "iaf multi": MultiSpike(1.0, 0.0, **SEVERAL),
    "iaf max": MultiSpike(1.0, 0.0, **{**SEVERAL, "most": 2, "lowest": -1.25}),
}
STEPS = 14
"""So short that every halved value is exact in the float32 of the libraries."""


@pytest.fixture(scope="module")
def frameworks():
    """The Python that has both libraries in the versions that were compared, or a skip."""
    python = os.environ.get(PYTHON_VARIABLE) or sys.executable
    asked = [f"m.version({name!r})" for name in PACKAGES]
    ask = f"import importlib.metadata as m; print({', '.join(asked)})"
    found = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False)
    if found.stdout.split() != [*PACKAGES.values()]:
        wanted = " ".join(f"{name}=={version}" for name, version in PACKAGES.items())
        pytest.skip(
            f"snnTorch and sinabs are missing: `python3.11 -m venv DIR; DIR/bin/pip install torch "
            f"{wanted}` and set {PYTHON_VARIABLE}=DIR/bin/python"
        )
    return python


def ours(neuron, inputs):
    """Messages and v of every step, in float64."""
    arithmetic = Real(FastSigmoid())
    state, found = (torch.zeros(inputs.shape[1], dtype=torch.float64),) * 2, []
    for x in torch.as_tensor(inputs).double():
        s, state = neuron.step(arithmetic, state, x)
        found.append((s.numpy(), state[1].numpy()))
    return map(np.array, zip(*found, strict=True))


@pytest.fixture(scope="module")
def inputs():
    return (np.random.default_rng(0).integers(-16, 32, (STEPS, 200)) / 8).astype(np.float32)


@pytest.fixture(scope="module")
def theirs(frameworks, inputs, tmp_path_factory):
    """Spikes and voltages of every case, as the libraries compute them."""
    folder = tmp_path_factory.mktemp("frameworks")
    np.save(folder / "in.npy", inputs)
    command = [frameworks, SCRIPT, folder / "in.npy", folder / "out.npz"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return np.load(folder / "out.npz")


@pytest.mark.parametrize("name", CASES)
def test_spikes_and_voltages_are_those_of_the_library(theirs, inputs, name):
    # sinabs lets the current decay after the input has entered it
    entering = inputs / 2 if name == "lif multi current" else inputs
    spikes, v = ours(CASES[name], entering)
    assert (spikes == theirs[f"{name}/spikes"]).all()
    assert (v == theirs[f"{name}/v"]).all()
    assert 0.05 < (spikes > 0).mean() < 0.95
    if "multi" in name:
        assert spikes.max() > 1
