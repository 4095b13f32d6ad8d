"""Real Lava computes what the reference engine computes: every spike, u and v, in every step."""

import numpy as np
import pytest

import hwsim
from snnexport import lava

pytestmark = pytest.mark.lava


def compare(lava_run, reference):
    assert lava_run.counts is None
    np.testing.assert_array_equal(lava_run.outputs, reference.outputs)
    ours, theirs = lava_run.trace.arrays, reference.trace.arrays
    assert ours.keys() == theirs.keys()
    for key, array in ours.items():
        assert array.dtype == theirs[key].dtype
        np.testing.assert_array_equal(array, theirs[key], err_msg=key)


@pytest.mark.parametrize(
    "name",
    ["mixed-19", "latency-above-period", "latency-one-below", "never-reset", "columns"],
)
def test_lava_equals_reference_in_spikes_u_and_v_of_every_step(networks, name):
    build, steps, batch = networks.CASES[name]
    program = build()
    spikes = networks.frames(program, 77, steps=steps, batch=batch)
    reference = hwsim.run(program, spikes, engine="reference", record="state")
    assert all(c.spikes for c in reference.counts.populations)
    compare(lava.run(program, spikes, record="state"), reference)


@pytest.mark.parametrize("seed", [2, 3])
def test_lava_equals_reference_where_u_wraps_and_v_saturates(networks, seed):
    program = networks.registers(seed)
    spikes = networks.frames(program, seed, steps=60, batch=1)
    reference = hwsim.run(program, spikes, engine="reference", record="state")
    assert all(c.wraps > 100 for c in reference.counts.populations[:2])
    assert all(c.saturations > 10 for c in reference.counts.populations)
    compare(lava.run(program, spikes, record="state"), reference)


def test_groups_beyond_lavas_int8_are_joined_and_equal(networks):
    program = networks.wide(5)
    spikes = networks.frames(program, 5, steps=3, batch=1)
    run = lava.run(program, spikes)
    compare(run, hwsim.run(program, spikes, record="spikes"))


def test_stream_of_samples_equals_samples_on_fresh_machines(networks):
    program = networks.program(24, depth=4, period=5, name="stream", skips=0)
    samples = networks.frames(program, 3, steps=5, batch=12)
    stream = samples.transpose(1, 0, *range(2, samples.ndim)).reshape(60, 1, *program.input.shape)
    calls = []
    streamed = lava.run(program, stream, progress=lambda done, total: calls.append((done, total)))
    fresh = hwsim.run(program, samples, record="spikes")
    for p in program.populations:
        window = streamed.trace.spikes[p.name][p.latency : p.latency + 60, 0]
        wanted = fresh.trace.spikes[p.name][p.latency : p.latency + 5].swapaxes(0, 1)
        np.testing.assert_array_equal(window, wanted.reshape(window.shape))
    total = 60 + program.latency
    assert calls[-1] == (total, total)


def test_steps_beyond_the_input_are_silent_and_fewer_steps_cut(networks):
    program = networks.program(25, depth=3, period=None, name="longer")
    spikes = networks.frames(program, 4, steps=6, batch=1)
    for steps in (3, 15):
        run = lava.run(program, spikes, steps=steps)
        compare(run, hwsim.run(program, spikes, steps=steps, record="spikes"))
