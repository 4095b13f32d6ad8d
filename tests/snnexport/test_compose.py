"""compose(): fewer stages, the same map of messages over space and time."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from snnexport.graph import (
    Convolution,
    Diagonal,
    Flatten,
    Late,
    Linear,
    Place,
    SumPool,
    Weights,
    shapes_along,
)
from snnexport.interpret import propagate
from snnexport.passes import compose as composing
from snnexport.passes.compose import compose

seeds = st.integers(0, 2**32 - 1)


ANY = ("diagonal", "late", "place", "pool", "convolution", "convolution", "flatten", "linear")
PLANES_ONLY = ("pool", "convolution", "flatten")
WITHOUT_TIME = ("diagonal", "place", "pool", "convolution")


def random_path(rng, kinds=ANY, most=5):
    """A source shape (C, H, W) and up to ``most`` stages that can stand behind it."""
    source = tuple(rng.integers(1, (4, 6, 6)).tolist())
    stages = []
    for kind in rng.choice(kinds, rng.integers(0, most, endpoint=True)):
        shape = shapes_along(stages, source)[-1]
        if kind not in (PLANES_ONLY if len(shape) == 1 else ("linear",)):
            stages.append(RANDOM[kind](rng, shape))
    return source, stages


def random_late(rng, shape):
    same = np.full(shape[0], 2)
    return Late(same if rng.random() < 0.3 else rng.integers(0, 3, shape[0]))


def random_place(rng, shape):
    more = int(rng.integers(0, 2))
    return Place(int(rng.integers(0, more + 1)), shape[0] + more)


def random_windows(rng, shape):
    """Kernel, stride and padding, at most half a kernel, that fit a plane."""
    kernel = tuple(int(rng.integers(1, min(n, 3) + 1)) for n in shape[1:])
    padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
    return kernel, tuple(rng.integers(1, 4, 2).tolist()), padding


def random_pool(rng, shape):
    return SumPool(*random_windows(rng, shape), rng.normal(size=1))


def random_convolution(rng, shape):
    kernel, stride, padding = random_windows(rng, shape)
    groups = int(rng.choice([1, shape[0], np.gcd(shape[0], 2)]))
    dilation = (1, 2 if 2 * (kernel[1] - 1) < shape[2] else 1)
    weight = rng.normal(size=(groups * rng.integers(1, 3), shape[0] // groups, *kernel))
    padding = (padding[0] + int(rng.random() < 0.2), padding[1])
    return Convolution(weight, stride, padding, dilation, groups)


RANDOM = {
    "diagonal": lambda rng, shape: Diagonal(rng.normal(size=shape[0])),
    "late": random_late,
    "place": random_place,
    "pool": random_pool,
    "convolution": random_convolution,
    "flatten": lambda *_: Flatten(),
    "linear": lambda rng, shape: Linear(rng.normal(size=(rng.integers(1, 5), shape[0]))),
}


def response(stages, source, frames=11):
    """What a message from each neuron in frame 0 brings: (frames, n_in, n_out); delays are <= 2."""
    n = prod(source)
    impulses = torch.zeros(frames, n, *source, dtype=torch.float64)
    impulses[0] = torch.eye(n, dtype=torch.float64).reshape(n, *source)
    return propagate(stages, impulses).flatten(2)


@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_a_composed_path_answers_each_impulse_as_its_stages_do_one_by_one(seed):
    source, stages = random_path(np.random.default_rng(seed))
    expected, answer = response(stages, source), response(compose(stages, source), source)
    largest = max(1.0, float(expected.abs().max()))  # 1e-12: sums in another order
    assert (answer - expected).abs().max() <= 1e-12 * largest


@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_composing_again_changes_nothing(seed):
    source, stages = random_path(np.random.default_rng(seed))
    once = compose(stages, source)
    twice = compose(once, source)
    assert [type(s) for s in twice] == [type(s) for s in once]
    for one, other in zip(once, twice, strict=True):
        for a, b in zip(vars(one).values(), vars(other).values(), strict=True):
            assert np.array_equal(a, b)


@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_a_path_without_delays_that_ends_in_a_matrix_becomes_that_matrix_alone(seed):
    rng = np.random.default_rng(seed)
    source, stages = random_path(rng, WITHOUT_TIME)
    n = prod(shapes_along(stages, source)[-1])
    stages = [*stages, Flatten(), Linear(rng.normal(size=(3, n)))]
    (only,) = compose(stages, source)
    assert isinstance(only, Linear)
    dense = response(stages, source, frames=1)[0].numpy().T
    assert np.allclose(only.weight, dense, rtol=1e-12, atol=1e-12 * np.abs(dense).max(initial=1))


def test_an_average_pool_and_a_convolution_become_a_convolution_of_its_stride(rng):
    weight = rng.normal(size=(3, 2, 3, 3))
    pool = SumPool((2, 2), (2, 2), (0, 0), np.array([0.25]))
    (only,) = compose([pool, Convolution(weight, (1, 1), (1, 1))], (2, 8, 8))
    assert isinstance(only, Convolution)
    assert (only.stride, only.padding, only.groups) == ((2, 2), (2, 2), 1)
    assert np.array_equal(only.weight, weight.repeat(2, 2).repeat(2, 3) / 4)


def test_behind_single_taps_with_a_stride_the_taps_of_a_convolution_lie_that_far_apart(rng):
    stages = [
        Convolution(rng.normal(size=(3, 2, 1, 1)), stride=(2, 3)),
        Convolution(rng.normal(size=(4, 3, 3, 2))),
    ]
    (only,) = compose(stages, (2, 7, 7))
    assert isinstance(only, Convolution)
    assert (only.stride, only.dilation) == ((2, 3), (2, 3))
    expected, answer = (response(s, (2, 7, 7), frames=1) for s in (stages, [only]))
    assert (answer - expected).abs().max() <= 1e-12 * expected.abs().max()  # sums in another order


@pytest.mark.parametrize(
    ("padding", "kind"),
    [((1, 1), SumPool), ((2, 1), Convolution), ((1, 2), Convolution)],
)
def test_equal_weights_are_a_pool_unless_padded_by_more_than_half_a_window(padding, kind):
    (only,) = compose([Convolution(np.ones((2, 1, 3, 3)), padding=padding, groups=2)], (2, 6, 6))
    assert type(only) is kind


@pytest.mark.parametrize(
    "first",
    [
        SumPool((3, 3), (2, 2), (0, 0), np.ones(1)),
        SumPool((2, 2), (2, 2), (0, 0), np.ones(1)),  # the last column is in no window
        Convolution(np.ones((1, 1, 3, 3)), padding=(1, 1)),
    ],
)
def test_a_padding_that_would_see_more_than_zeros_keeps_both_stages(first):
    second = Convolution(np.arange(9.0).reshape(1, 1, 3, 3), padding=(1, 1))
    kept = compose([first, second], (1, 7, 7))
    assert len([s for s in kept if isinstance(s, Weights)]) == 2


def test_a_matrix_that_would_grow_too_large_is_not_built(monkeypatch):
    monkeypatch.setattr(composing, "LARGEST_MATRIX", 5 * 2 * 6 * 6 - 1)
    stages = [Convolution(np.ones((1, 2, 3, 3))), Flatten(), Linear(np.ones((5, 16)))]
    assert [type(s) for s in compose(stages, (2, 6, 6))] == [Convolution, Linear]


def test_a_delay_moves_in_front_of_weights_that_do_not_mix_channels():
    frames = np.array([2, 0, 1])
    late, weights = compose([Diagonal(np.arange(3.0)), Late(frames)], (3, 4, 4))
    assert isinstance(late, Late)
    assert isinstance(weights, Diagonal)
    assert (late.frames == frames).all()


def test_delays_of_receiving_channels_stay_behind_weights_that_mix_them(rng):
    stages = [Late(np.array([1, 0])), Linear(rng.normal(size=(3, 2))), Late(np.array([0, 1, 5]))]
    assert [type(s) for s in compose(stages, (2,))] == [Late, Linear, Late]


@pytest.mark.parametrize("source", [(3,), (3, 2, 2)])
def test_a_path_of_nothing_is_one_synapse_of_weight_1_a_neuron(source):
    (only,) = compose([], source)
    assert isinstance(only, Diagonal)
    assert only.weight.tolist() == [1, 1, 1]


def test_flattened_neurons_with_delays_of_their_own_keep_these_in_front_of_their_matrix(rng):
    frames = np.arange(12) % 5
    stages = [Flatten(), Late(frames), Linear(rng.normal(size=(4, 12)))]
    assert [type(s) for s in compose(stages, (3, 2, 2))] == [Flatten, Late, Linear]
