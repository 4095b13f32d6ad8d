"""Average poolings inside kernels: which they are, and what it costs to run them first."""

from dataclasses import replace

import numpy as np
import pytest

from hwsim import Connection, Conv2d, Cuba, Input, Population, Program, run
from hwsim._report.pooling import pooled
from hwsim.baseline import baseline_of

SMALL = np.array([[[[2]], [[4]]], [[[6]], [[-8]]]])
"""(2, 2, 1, 1): two channels to two."""
KERNEL = Conv2d(SMALL.repeat(2, axis=2).repeat(2, axis=3), (2, 2))
PROGRAM = Program(
    "pools",
    "loihi2",
    Input("in", (2, 4, 4)),
    (Population("a", (2, 2, 2), Cuba.integrator(threshold=64), 1),),
    (Connection("in", "a", KERNEL),),
    "a",
)


def with_kernel(kernel, shape=(2, 4, 4)):
    synapse = Connection("in", "a", kernel)
    a = replace(PROGRAM.populations[0], shape=kernel.output_shape(shape))
    return replace(PROGRAM, input=Input("in", shape), populations=(a,), connections=(synapse,))


def baseline(program, frames):
    done = run(program, frames, record="spikes")
    return baseline_of(program, frames, done.trace, done.counts)


def test_a_kernel_that_repeats_its_weights_over_its_stride_is_a_pooling_and_what_is_behind_it():
    ((connection, kernel, behind),) = pooled(PROGRAM)
    assert (connection.name, kernel) == ("in->a", KERNEL)
    assert (behind.weight == SMALL).all()
    assert (behind.stride, behind.padding) == ((1, 1), (0, 0))
    each = Conv2d(np.full((2, 1, 2, 2), 2), (2, 2), groups=2)
    ((_, _, behind),) = pooled(with_kernel(each))
    assert (behind.groups, behind.weight.shape) == (2, (2, 1, 1, 1))


def test_what_is_behind_a_pooling_gives_as_many_outputs():
    around = np.arange(36).reshape(1, 4, 3, 3)
    wide = Conv2d(around.repeat(2, axis=2).repeat(3, axis=3), (2, 3), (2, 3))
    ((_, _, behind),) = pooled(with_kernel(wide, (4, 8, 12)))
    assert (behind.weight == around).all()
    assert behind.padding == (1, 1)
    assert behind.output_shape((4, 4, 4)) == wide.output_shape((4, 8, 12))


@pytest.mark.parametrize(
    "kernel",
    [
        replace(KERNEL, stride=(1, 1)),
        replace(KERNEL, padding=(1, 1)),
        replace(KERNEL, weight=KERNEL.weight + np.arange(2)),
        replace(KERNEL, weight=KERNEL.weight[:, :, :1]),
        replace(KERNEL, dilation=(2, 1)),
    ],
)
def test_any_other_kernel_is_left_as_it_is(kernel):
    assert pooled(with_kernel(kernel)) == []


def test_a_source_that_windows_do_not_divide_is_left_as_it_is():
    assert pooled(with_kernel(KERNEL, (2, 5, 4))) == []


def test_what_pooling_first_costs_by_pen_and_paper():
    frames = np.zeros((1, 1, 2, 4, 4), np.int64)
    frames[0, 0, 0, 0, :3] = 1  # three of one channel, in two windows
    found = baseline(PROGRAM, frames)
    assert found.effective_macs == 3 * 2
    width = 3  # bits of -8..6 in steps of 2
    assert found.weight_bits == width
    fewer = (3 * 2 - 2 * 2) * (0.2 + 0.1 + width / 64 * 20)
    moved = 2 * 2 * (1 + 2 + 3) / 64 * 20  # written and read: count, three more, address of 8
    ann = found.ann_uj + (3 * 0.1 + moved - fewer) / 1e6
    (note,) = (n for n in found.notes if "average pooling" in n)
    assert note.startswith("The kernels of in->a hold")
    assert f"would take {ann:.3g} uJ, a ratio of {found.snn_uj / ann:.3g}." in note


def test_the_note_is_of_the_mean_over_samples_and_absent_without_a_pooling():
    one = np.zeros((1, 1, 2, 4, 4), np.int64)
    one[0, 0, 0, 0, :3] = 1
    three = baseline(PROGRAM, np.repeat(one, 3, axis=1))
    assert three.notes == baseline(PROGRAM, one).notes
    plain = baseline(with_kernel(replace(KERNEL, stride=(1, 1))), one)
    assert not any("pooling" in note for note in plain.notes)
