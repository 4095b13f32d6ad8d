import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hwsim.arith import SignMode, truncate_weights
from snnexport.graph import Convolution, Diagonal, Linear, SumPool
from snnexport.passes.rounding import copies_needed, grid, integer_weights, mantissa_exponent

REALS = arrays(np.float64, (5, 7), elements=st.floats(-3000, 3000))
BITS = st.integers(2, 8)
FREE = np.full(5, np.inf)
ONE = np.ones(5)


@given(weight=REALS, bits=BITS)
def test_copies_add_up_to_the_nearest_integers_and_each_fits_one_synapse(weight, bits):
    parts = [w.weight for w in integer_weights(Linear(weight), ONE, bits, FREE)]
    step, top = grid(weight, bits)
    assert (sum(parts) == step * np.rint(weight / step)).all()
    assert all((truncate_weights(p, bits) == p).all() for p in parts)
    assert len(parts) == copies_needed(Linear(weight), ONE, bits, FREE, exponent=7)
    assert len(parts) == max(-(-np.abs(step * np.rint(weight / step)).max() // top), 1)


@given(weight=arrays(np.float64, 5, elements=st.floats(-16000, 16000)), bits=BITS)
def test_a_diagonal_is_shifted_and_loses_no_more_than_a_mixed_synapse_does(weight, bits):
    parts = [w.weight for w in integer_weights(Diagonal(weight), ONE, bits, FREE)]
    assert np.abs(sum(parts) - weight).max() <= 2 ** (9 - bits) + grid(weight, bits)[0] / 2
    for part in parts:
        mantissa, exponent = mantissa_exponent(part, bits)
        assert (mantissa << exponent == part).all()
        assert (truncate_weights(mantissa, bits) == mantissa).all()
        assert 0 <= exponent <= 7
    assert copies_needed(Diagonal(weight), ONE, bits, FREE, exponent=7) == 1


@pytest.mark.parametrize(("value", "expected"), [(254, [254]), (510, [510]), (511, [510])])
def test_a_diagonal_keeps_one_edge_while_its_rest_is_small(value, expected):
    parts = integer_weights(Diagonal(np.array([float(value)] * 5)), ONE, 8, FREE)
    assert [p.weight[0] for p in parts] == expected or abs(parts[0].weight[0] - value) <= 2


def test_a_diagonal_of_very_different_weights_is_two_edges_that_are_exact():
    weight = np.array([2000.0, 107.0, 1.0, 0.0, 999.0])
    parts = [w.weight for w in integer_weights(Diagonal(weight), ONE, 8, FREE)]
    assert len(parts) == 2
    assert (sum(parts) == weight).all()


def test_weights_beyond_their_clip_are_cut_and_not_split():
    weight = Convolution(np.array([[[[1000.0]]], [[[-1000.0]]], [[[3.0]]]]))
    parts = integer_weights(weight, np.ones(3), 8, np.full(3, 100.0))
    assert [p.weight.ravel().tolist() for p in parts] == [[100, -100, 4]]


def test_a_pool_takes_the_scale_that_its_channels_share():
    pool = SumPool((2, 2), (2, 2), (0, 0), np.array([0.5]))
    (part,) = integer_weights(pool, np.array([0.01, 0.01]), 8, np.array([0.5, 0.5]))
    assert part.weight.tolist() == [50]


@given(weight=REALS, bits=BITS)
def test_integers_of_one_sign_use_the_bit_that_mixed_ones_need(weight, bits):
    for kept in (weight, np.abs(weight), -np.abs(weight)):
        step, top = grid(kept, bits)
        assert step == 2 ** (8 - bits + (SignMode.of(kept) is SignMode.MIXED))
        assert top == 256 - step
