"""lava-dl 0.6.0 itself computes what hwsim computes: every spike, u and v, in every step."""

import netx_chains
import numpy as np
import pytest
from netx_chains import Layer
from strategies import even, frames, registers, small_program

import hwsim
from hwsim import Dense, Input
from hwsim.neurons import Gate, LeakyIntegrator
from snnexport import netx

pytestmark = pytest.mark.usefixtures("lava_dl")


def stream(rng, program, samples):
    """Return ``samples`` of the program's period, back to back in one column."""
    drawn = frames(rng, program, steps=program.period, batch=samples)
    return drawn.swapaxes(0, 1).reshape(-1, 1, *program.input.shape)


def compare(program, spikes):
    ran, wanted = (runner(program, spikes, record="state") for runner in (netx.run, hwsim.run))
    np.testing.assert_array_equal(ran.outputs, wanted.outputs)
    ours, theirs = wanted.trace.arrays, ran.trace.arrays
    assert ours.keys() == theirs.keys()
    for key, array in ours.items():
        assert array.dtype == theirs[key].dtype
        np.testing.assert_array_equal(array, theirs[key], err_msg=key)
    return wanted


def test_lava_dl_equals_hwsim_on_convolutions_and_pooling_with_resets(rng):
    program = small_program(rng)
    run = compare(program, stream(rng, program, 20))
    assert all(c.spikes for c in run.counts.populations)


def test_lava_dl_equals_hwsim_on_recurrence_and_every_kind_of_delay(rng):
    def late(*shape):
        return np.broadcast_to(rng.integers(0, 20, shape), (9, 12))

    layers = [
        Layer(registers(rng, 12, 2000), Dense(rng.integers(-127, 128, (12, 18))),
              Dense(rng.integers(-60, 61, (12, 12))), graded=True),
        Layer(registers(rng, 9, 800), Dense(even(rng, (9, 12)), delay=late(9, 1))),
        Layer(registers(rng, 12, 800), Dense(rng.integers(0, 256, (12, 9)), delay=late(9, 12).T)),
        Layer(registers(rng, 9, 800), Dense(-rng.integers(1, 256, (9, 12)), delay=late(1, 12))),
        Layer(Gate(64 * 50), Dense(rng.integers(-255, 255, (9, 9)))),
        Layer(LeakyIntegrator(100, 200, 64 * rng.integers(-9, 9, 4)), Dense(even(rng, (4, 9)))),
    ]  # fmt: skip
    program = netx_chains.chain(Input("in", (2, 3, 3), 0, 9), layers, period=6)
    run = compare(program, stream(rng, program, 20))
    assert all(c.spikes for c in run.counts.populations[:5])


def test_lava_dl_equals_hwsim_on_sigma_delta_neurons(rng):
    program = netx_chains.sigma_delta(rng)
    run = compare(program, frames(rng, program, steps=20, batch=2))
    assert all(c.spikes for c in run.counts.populations)


def test_lava_dl_equals_hwsim_behind_input_neurons(rng):
    program = netx_chains.input_neurons(rng)
    run = compare(program, stream(rng, program, 5))
    assert all(c.spikes for c in run.counts.populations)


@pytest.mark.parametrize("seed", range(4))
def test_lava_dl_equals_hwsim_on_random_chains(seed):
    rng = np.random.default_rng(seed)
    program = netx_chains.random_chain(rng)
    if program.period is None:
        compare(program, frames(rng, program, steps=9, batch=2))
    else:
        compare(program, stream(rng, program, 20))
