"""SpikingJelly, sinabs, NeuroBench count what hwsim counts, or differ as docs/counting.md says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program, run

PYTHON_VARIABLE = "SPIKEPORT_COUNTERS_PYTHON"
PACKAGES = {"spikingjelly": "2.0.0", "sinabs": "3.1.3", "neurobench": "2.3.0"}
SCRIPT = Path(__file__).with_name("counter_tools.py")


def counted_by(tool, layers, tmp_path):
    """Return what ``tool`` counts of ``layers`` ({name: {array: values}}), by layer."""
    arrays = {f"{n}/{key}": value for n, layer in layers.items() for key, value in layer.items()}
    np.savez(tmp_path / "layers.npz", **arrays)
    command = [interpreter(tool), SCRIPT, tool, tmp_path / "layers.npz"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def interpreter(tool):
    """Return the Python that has ``tool`` in the version that was compared, or skip."""
    python, version = os.environ.get(PYTHON_VARIABLE) or sys.executable, PACKAGES[tool]
    ask = f"import importlib.metadata as m; print(m.version({tool!r}))"
    found = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False)
    if found.stdout.strip() != version:
        wanted = " ".join(f"{name}=={number}" for name, number in PACKAGES.items())
        pytest.skip(
            f"{tool} {version} is missing: `python3.11 -m venv DIR; DIR/bin/pip install torch "
            f"{wanted}` and set {PYTHON_VARIABLE}=DIR/bin/python"
        )
    return python


def measured(program, frames):
    """Return the layers of a chain with the messages that each really got, and our counts."""
    found = run(program, frames, record="state")
    messages = {program.input.name: frames}
    for p in program.populations:
        messages[p.name] = found.trace.spikes[p.name][p.latency : p.latency + len(frames)]
    layers = {}
    for c in program.connections:
        sent = messages[c.source].reshape(-1, *program.shape_of(c.source))
        layers[c.name] = {"weight": c.synapse.weight, "messages": sent}
        if isinstance(c.synapse, Conv2d):
            s = c.synapse
            rows = [s.stride, s.padding, s.dilation, (s.groups, s.groups)]
            layers[c.name]["geometry"] = np.array(rows)
        else:
            layers[c.name]["messages"] = sent.reshape(len(sent), -1)
    return layers, found


@pytest.fixture(scope="module")
def n2():
    """The benchmark network N2 with its real spikes."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
    try:
        from networks import n2
    finally:
        del sys.path[0]
    return measured(*n2())


@pytest.fixture(scope="module")
def odd():
    """Graded input, then borders, strides, dilations and groups, and many weights of 0."""
    rng = np.random.default_rng(5)

    def weights(*shape):
        return rng.integers(-9, 13, shape) * rng.integers(0, 2, shape)

    synapses = [
        Conv2d(weights(6, 2, 3, 3), (2, 1), (1, 2), (1, 2), groups=2),
        Conv2d(weights(4, 3, 3, 2), (1, 2), (2, 1), groups=2),
        Dense(weights(7, 4 * 7 * 5)),
    ]
    program = chain(Input("in", (4, 9, 8), 0, 9), synapses)
    frames = rng.integers(0, 10, (12, 2, 4, 9, 8)) * rng.integers(0, 2, (12, 2, 4, 9, 8))
    layers, found = measured(program, frames)
    assert all(0.02 < p.spikes / p.updates < 0.6 for p in found.counts.populations[:-1])
    return layers, found


def chain(source, synapses, threshold=64 * 20):
    shape, before, populations, connections = source.shape, source.name, [], []
    for number, synapse in enumerate(synapses):
        name, shape = f"layer{number}", synapse.output_shape(shape)
        connections.append(Connection(before, name, synapse, graded=number == 0))
        neuron = Cuba.integrator(threshold)
        populations.append(Population(name, shape, neuron, number + 1))
        before = name
    return Program("chain", "loihi2", source, populations, connections, before)


def test_spikingjelly_counts_the_same_synaptic_operations_of_n2(n2, tmp_path):
    layers, found = n2
    theirs = counted_by("spikingjelly", layers, tmp_path)
    assert {c.name: {"synops": c.synops} for c in found.counts.connections} == theirs


def test_spikingjelly_counts_nothing_of_graded_input_and_the_same_of_spikes(odd, tmp_path):
    layers, found = odd
    theirs = counted_by("spikingjelly", layers, tmp_path)
    analogue, *spiking = found.counts.connections
    assert theirs[analogue.name]["synops"] == 0
    assert all(theirs[c.name]["synops"] == c.synops > 0 for c in spiking)


def test_spikingjelly_leaves_zeros_out_if_all_weights_are_0_or_1(odd, tmp_path):
    layers, found = odd
    binary = {n: {**layer, "weight": (layer["weight"] != 0) * 1} for n, layer in layers.items()}
    theirs = counted_by("spikingjelly", binary, tmp_path)
    _, *spiking = found.counts.connections
    assert all(theirs[c.name]["synops"] == c.nonzero_synops < c.synops for c in spiking)


def test_sinabs_counts_the_same_synaptic_operations_of_n2(n2, tmp_path):
    layers, found = n2
    theirs = counted_by("sinabs", layers, tmp_path)
    assert {c.name: {"synops": c.synops} for c in found.counts.connections} == theirs


def test_sinabs_counts_graded_input_once_a_unit_and_spikes_the_same(odd, tmp_path):
    layers, found = odd
    theirs = counted_by("sinabs", layers, tmp_path)
    analogue, *spiking = found.counts.connections
    synapse, units = Conv2d(layers[analogue.name]["weight"], (2, 1), (1, 2), (1, 2), 2), 0
    for frame in layers[analogue.name]["messages"]:
        units += int((frame * synapse.fan_out(frame.shape)).sum())
    assert theirs[analogue.name]["synops"] == units > analogue.synops
    assert all(theirs[c.name]["synops"] == c.synops for c in spiking)


def test_neurobench_counts_the_same_accumulates_of_n2_without_zero_weights(n2, tmp_path):
    layers, found = n2
    theirs = counted_by("neurobench", layers, tmp_path)
    wanted = {c.name: {"macs": 0, "acs": c.nonzero_synops} for c in found.counts.connections}
    assert wanted == theirs
    assert all(c.nonzero_synops < c.synops for c in found.counts.connections)


def test_neurobench_counts_graded_input_as_multiplications_without_zero_weights(odd, tmp_path):
    layers, found = odd
    theirs = counted_by("neurobench", layers, tmp_path)
    analogue, *spiking = found.counts.connections
    assert theirs[analogue.name] == {"macs": analogue.nonzero_synops, "acs": 0}
    assert all(theirs[c.name] == {"macs": 0, "acs": c.nonzero_synops} for c in spiking)


def test_neurobench_leaves_out_updates_that_change_no_potential(tmp_path):
    rng = np.random.default_rng(9)
    synapse, threshold = Dense(rng.integers(-20, 30, (15, 20))), 100
    program = chain(Input("in", (20,)), [synapse], threshold=64 * threshold)
    frames = (rng.random((40, 1, 20)) < 0.05).astype(int)
    layers, found = measured(program, frames)
    layers["in->layer0"]["threshold"] = np.array(threshold)
    theirs = counted_by("neurobench", layers, tmp_path)["in->layer0"]["membrane_updates"]
    (ours,) = found.counts.populations
    v = found.trace.v["layer0"][1:]  # the answers to the frames
    unchanged = int((v[1:] == v[:-1]).sum())
    assert theirs == ours.updates - unchanged
    assert ours.spikes > 0
    assert ours.driven <= ours.updates - ours.zero
    assert theirs < ours.updates
