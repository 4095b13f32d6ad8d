"""The compiled engine's variants beside the reference engine: what both leave must be the same."""

import numpy as np

from hwsim import Connection, Cuba, Input, Population, Program
from hwsim.activations import arriving
from hwsim.engines.base import Job, Recording
from hwsim.engines.native import Native
from hwsim.engines.native.bounds import fits_32_bits
from hwsim.engines.native.engine import _extension
from hwsim.engines.reference import Reference

VARIANTS = _extension().variants()


def run(engine, spikes, steps, *, state=True, **how):
    recording = Recording.of(engine.program, steps, spikes.shape[1], state=state)
    tally = engine.run(spikes, Job(steps, **how), recording)
    return tally, recording.arrays


def assert_equal(got, want):
    (tally, arrays), (right, expected) = got, want
    for name, kinds in arrays.items():
        for kind, array in kinds.items():
            np.testing.assert_array_equal(array, expected[name][kind], err_msg=f"{name}/{kind}")
    for name, sums in right.populations.items():
        np.testing.assert_array_equal(tally.populations[name].fired, sums.fired, err_msg=name)
        for count in ("updates", "driven", "wraps", "saturations", "zero"):
            assert getattr(tally.populations[name], count) == getattr(sums, count), (name, count)
    np.testing.assert_array_equal(tally.outputs, right.outputs)


def compare(program, spikes, steps=None, **how):
    """Require equality, and return the lanes each population got."""
    steps = steps or len(spikes) + program.latency + 3
    want = run(Reference(program), spikes, steps)
    for variant in VARIANTS:
        for state in (False, True):  # paths of their own
            got = run(Native(program, variant=variant), spikes, steps, state=state, **how)
            assert_equal(got, want)
    return [32 if fits_32_bits(p.neuron, arriving(program, p)) else 64 for p in program.populations]


def one(neuron, synapse, *, shape, source=(6,), graded=False, low=0, high=1, **more):
    return Program(
        "one", "loihi1", Input("in", source, low, high), (Population("p", shape, neuron, 1),),
        (Connection("in", "p", synapse, graded=graded),), "p", **more,
    )  # fmt: skip


def weights(rng, *shape, scale=120):
    return rng.integers(-scale, scale + 1, shape)


CUBA = Cuba(1024, 300, 64 * 90, 50)
