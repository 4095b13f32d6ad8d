"""What SANA-FE runs instead of a program: the same sums, from spikes."""

from dataclasses import replace

import numpy as np
import pytest
from strategies import small_program

from hwsim import (
    Connection,
    Conv2d,
    Cuba,
    Dense,
    Input,
    Population,
    Program,
    Sparse,
    SumPool2d,
    blanked,
    run,
)
from hwsim.synapses import Synapse
from snnexport.formats.sanafe.spiking import input_bits, spiking, spiking_frames

SHAPE, HIGH = (2, 4, 3), 11


def graded(synapse: Synapse) -> Program:
    shape = synapse.output_shape(SHAPE)
    return Program(
        "graded", "loihi1", Input("in", SHAPE, 0, HIGH),
        (Population("out", shape, Cuba.leaky(900, 64 * 300, 70), 1),),
        (Connection("in", "out", synapse, graded=True),), "out",
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["dense", "conv", "groups", "sparse", "pool"])
def test_bits_of_a_graded_input_give_the_same_activations(rng, kind):
    weight = rng.integers(-90, 99, (6, 24))
    synapse = {
        "dense": Dense(weight, 2),
        "conv": Conv2d(rng.integers(-90, 99, (5, 2, 3, 2)), padding=(1, 0)),
        "groups": Conv2d(rng.integers(-90, 99, (4, 1, 2, 2)), groups=2),
        "sparse": Sparse.of(weight * (weight > 0), 1),
        "pool": SumPool2d((2, 2), (2, 1), weight=50),
    }[kind]
    program, frames = graded(synapse), rng.integers(0, HIGH + 1, (20, 2, *SHAPE))
    ours = run(program, frames, record="state").trace
    theirs = run(spiking(program), spiking_frames(program, frames), record="state").trace
    np.testing.assert_array_equal(ours.state["a"]["out"], theirs.state["a"]["out"])
    assert ours.spikes["out"].any()


def test_an_input_of_spikes_stays_as_it_is(rng):
    program, frames = small_program(rng, high=1), rng.integers(0, 2, (5, 3, 2, 9, 8))
    assert input_bits(program) == 1
    np.testing.assert_array_equal(spiking_frames(program, frames), frames)
    assert spiking(program).connections == program.connections


def test_resets_and_what_silences_populations_between_samples_are_gone(rng):
    program = small_program(rng, high=1, period=6)
    back = Connection("out", "out", Dense(np.full((7, 7), 2)))
    program = blanked(replace(program, connections=(*program.connections, back)))
    assert program.blank is not None
    left = spiking(program)
    assert left.blank is None
    assert left.period is None
    assert [c.name for c in left.connections] == [
        "image->conv", "conv->pool.spike", "pool.spike->out", "out->out"
    ]  # fmt: skip
