"""Every neuron, synapse and arrangement on real Lava, in state and activation of every step."""

import numpy as np
import pytest
from lava_cases import CASES

import hwsim
from hwsim.trace import Trace
from snnexport import lava

pytestmark = pytest.mark.lava


@pytest.fixture(scope="module")
def cases():
    return {name: build(np.random.default_rng(7)) for name, build in CASES.items()}


@pytest.fixture(scope="module")
def references(cases):
    return {
        name: hwsim.run(program, spikes, engine="reference", record="state")
        for name, (program, spikes) in cases.items()
    }


@pytest.fixture(scope="module")
def traces(cases):
    """What real Lava recorded, all in one process."""
    found = lava.run_many(list(cases.values()))
    assert all(isinstance(trace, Trace) for trace in found), found
    return dict(zip(cases, found, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_lava_equals_reference_in_every_array(traces, references, name):
    ours, theirs = traces[name].arrays, references[name].trace.arrays
    assert ours.keys() == theirs.keys()
    for key, array in ours.items():
        assert array.dtype == theirs[key].dtype
        np.testing.assert_array_equal(array, theirs[key], err_msg=key)


def test_registers_wrapped_saturated_and_fired(references):
    for name in ("neurons", "neurons-varied", "neurons-reset"):
        counts = {c.name: c for c in references[name].counts.populations}
        spiking = counts.keys() - {"LeakyIntegrator"}
        assert all(0 < counts[kind].spikes < counts[kind].updates for kind in spiking), name
        membranes = [kind for kind in counts if kind.startswith("Cuba")] + ["Ternary"]
        assert all(counts[kind].wraps for kind in (*membranes, "Gate", "Sigma", "Delta")), name
        assert all(counts[kind].saturations for kind in (*membranes, "Gate")), name


def test_stream_with_gap_and_blank_line_equals_each_sample_alone(cases, traces):
    program, spikes = cases["stream"]
    samples = spikes.reshape(10, program.period, 6)[:, : program.frames].swapaxes(0, 1)
    alone = hwsim.run(program, samples, engine="reference", record="state").trace.arrays
    for p in program.populations:
        for kind in ("spikes", *p.neuron.STATE):
            whole = traces["stream"].arrays[f"{p.name}/{kind}"][p.latency :, 0]
            for n in range(10):
                window = whole[n * program.period :][: program.frames]
                wanted = alone[f"{p.name}/{kind}"][p.latency :, n][: program.frames]
                np.testing.assert_array_equal(window, wanted, err_msg=f"{p.name} {kind} {n}")


@pytest.mark.parametrize("name", ["neurons-reset", "graph"])
def test_a_lava_of_processes_computes_what_a_lava_of_threads_does(cases, traces, name):
    program, spikes = cases[name]
    run = lava.run(program, spikes, record="state")
    for key, array in run.trace.arrays.items():
        np.testing.assert_array_equal(array, traces[name].arrays[key], err_msg=key)
