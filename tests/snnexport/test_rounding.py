"""Rounding of weights against a search through every integer that a synapse could hold."""

from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.arith import truncate_weights
from snnexport.graph import Convolution, Diagonal, Linear, SumPool
from snnexport.passes.rounding import (
    column,
    copies_needed,
    grid,
    integer_weights,
    mantissa_exponent,
    rows,
    squared_error,
)

REAL = st.floats(-3, 3, allow_subnormal=False)
TWO_ROWS = st.lists(REAL, min_size=6, max_size=6).map(lambda v: np.reshape(v, (2, 3)))
SCALES = st.tuples(st.floats(0.003, 0.5), st.floats(0.003, 0.5)).map(np.array)


@cache
def held(bits, sign):
    """Return every integer that a synapse of ``bits`` bits holds, 0 being a sign for both."""
    beside = {-1: [-128], 0: [-128, 128], 1: [128]}[sign]
    return [
        value
        for value in range(-256, 256)
        if value * sign >= 0 and truncate_weights(np.array([*beside, value]), bits)[-1] == value
    ]


def sign_of(weight):
    """Return the one sign that all ``weight`` have, 0 if there are both."""
    return 0 if weight.min() < 0 < weight.max() else -1 if weight.min() < 0 else 1


@settings(max_examples=60, deadline=None)
@given(weight=TWO_ROWS, scale=SCALES, bits=st.integers(2, 8))
def test_no_integer_that_a_synapse_holds_is_nearer_to_the_weight_than_its_own(weight, scale, bits):
    values = [v for v in held(bits, sign_of(weight)) if abs(v) <= grid(weight, bits)[1]]
    top = max(map(abs, values))
    parts = integer_weights(Linear(weight), scale, bits, top * scale)
    assert len(parts) == 1  # what exceeds the largest of them is clipped
    assert set(parts[0].weight.ravel()) <= set(values), "a synapse holds it"
    for (row, at), real in np.ndenumerate(weight):
        wanted = np.clip(real / scale[row], -top, top)
        nearest = min(abs(value - wanted) for value in values)
        assert abs(parts[0].weight[row, at] - wanted) <= nearest + 1e-9


@settings(max_examples=60, deadline=None)
@given(weight=TWO_ROWS, scale=SCALES, bits=st.integers(2, 8), clip=st.floats(0.1, 4))
def test_the_error_and_the_copies_are_those_that_one_counts(weight, scale, bits, clip):
    linear, limit = Linear(weight), np.full(2, clip)
    parts = integer_weights(linear, scale, bits, limit)
    assert len(parts) == copies_needed(linear, scale, bits, limit, 0)
    total = 0.0
    for row, at in product(range(2), range(3)):
        integer = sum(int(part.weight[row, at]) for part in parts)
        total += (weight[row, at] - scale[row] * integer) ** 2
    assert squared_error(linear, parts, scale) == pytest.approx(total, rel=1e-9, abs=1e-15)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-30000, 30000), min_size=1, max_size=4), st.integers(2, 8))
def test_the_exponent_is_the_smallest_that_brings_every_mantissa_into_its_bits(weight, bits):
    top, given_weight = grid(np.array(weight), bits)[1], np.array(weight)
    mantissa, exponent = mantissa_exponent(given_weight, bits)
    smallest = next(e for e in range(20) if max(map(abs, weight)) <= top << e)
    assert exponent == smallest
    assert mantissa.tolist() == [value >> smallest for value in weight]


@pytest.mark.parametrize(
    ("largest", "exponent", "copies"),
    [(255, 0, 1), (256, 0, 2), (510, 0, 2), (511, 0, 3), (510, 1, 1), (511, 1, 2), (0, 0, 1)],
)
def test_a_diagonal_needs_as_many_edges_as_its_shifted_range_goes_into_it(
    largest, exponent, copies
):
    diagonal = Diagonal(np.array([1.0, largest]))
    assert copies_needed(diagonal, np.ones(2), 8, np.full(2, np.inf), exponent) == copies
    matrix = Linear(np.array([[1.0], [largest]]))
    assert copies_needed(matrix, np.ones(2), 8, np.full(2, np.inf), exponent) == -(
        -max(largest, 1) // 255
    )


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        ([1020, 2], [[1020, 0]]),  # 2 is what a weight of mixed signs may be off
        ([2040, 3], [[2040, 0], [0, 3]]),
        ([-2040, -3, -2035], [[-2040, 0, -2032], [0, -3, -3]]),
        ([2032, -6], [[2032, 0], [0, -6]]),
    ],
)
def test_the_rest_of_a_shifted_diagonal_is_an_edge_of_its_own_from_3_on(weight, expected):
    diagonal, channels = Diagonal(np.array(weight, float)), len(weight)
    parts = integer_weights(diagonal, np.ones(channels), 8, np.full(channels, np.inf))
    assert [part.weight.tolist() for part in parts] == expected


def test_each_neuron_of_a_channel_takes_its_channels_value_whatever_the_weights():
    values = np.array([2.0, 3.0])
    cases = [
        (Linear(np.ones((6, 4))), [2, 2, 2, 3, 3, 3]),  # 2 channels of 3 neurons
        (Diagonal(np.ones(2)), [2, 3]),
        (Convolution(np.ones((2, 5, 3, 1))), [2, 3]),
        (SumPool((2, 2), (2, 2), (0, 0), np.ones(1)), [2]),
    ]
    for weights, expected in cases:
        found = column(values, weights)
        assert found.ravel().tolist() == expected
        assert (weights.weight * found).shape == weights.weight.shape


def test_one_neuron_of_a_channel_hears_a_row_of_weights():
    linear = Linear(np.arange(12).reshape(4, 3))
    assert rows(linear, 2).tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    kernel = Convolution(np.arange(8).reshape(2, 1, 2, 2))
    assert rows(kernel, 2).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    pool = SumPool((2, 3), (1, 1), (0, 0), np.array([0.5]))
    assert rows(pool, 4).tolist() == [[0.5] * 6] * 4
