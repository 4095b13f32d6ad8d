"""Bounds of sums, against every message that could be sent and against sums made by hand."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program, Sparse, SumPool2d
from hwsim.activations import arriving, as_conv, delivered, inside, sums, undelayed, wrapping
from hwsim.arith import WORD

quick = settings(deadline=None, derandomize=True, database=None, max_examples=60)
small = st.integers(-9, 9)
ranges = st.tuples(small, small).map(lambda ends: (min(ends), max(ends)))
rows = st.lists(small, min_size=1, max_size=3)


def every_message(inputs, sent):
    """All that ``inputs`` neurons could send: a value of the range each, or nothing."""
    values = sorted({0, *range(sent[0], sent[1] + 1)})
    return np.array(list(product(values, repeat=inputs)))


@quick
@given(row=rows, sent=ranges, exponent=st.integers(-3, 3), sparse=st.booleans())
def test_bounds_of_one_neuron_are_the_least_and_largest_that_any_messages_deliver(
    row, sent, exponent, sparse
):
    weight = np.array([row])
    synapse = Sparse.of(weight, exponent) if sparse else Dense(weight, exponent)
    arrived = synapse.deliver(every_message(len(row), sent))
    assert delivered(synapse, sent) == ((arrived.min(), arrived.max()), False)
    totals = every_message(len(row), sent) @ np.array(row)
    assert sums(synapse, sent) == (totals.min(), totals.max())


@quick
@given(
    weight=st.lists(st.tuples(small, small, small), min_size=2, max_size=4).map(np.array),
    sent=ranges,
    sparse=st.booleans(),
)
def test_bounds_of_a_layer_take_its_most_excited_and_its_most_inhibited_neuron(
    weight, sent, sparse
):
    up = max(sum(w for w in row if w > 0) for row in weight.tolist())
    down = max(sum(-w for w in row if w < 0) for row in weight.tolist())
    low, high = min(sent[0], 0), max(sent[1], 0)
    found = sums(Sparse.of(weight) if sparse else Dense(weight), sent)
    assert found == (low * up - high * down, high * up - low * down)
    totals = every_message(3, sent) @ weight.T
    assert found[0] <= totals.min()
    assert totals.max() <= found[1]


def test_a_sparse_synapse_counts_what_meets_at_a_target_whatever_the_order():
    target, source = np.array([2, 0, 2, 0, 2]), np.array([0, 0, 1, 1, 2])
    synapse = Sparse((3, 3), target, source, np.array([5, -7, 6, -8, -1]))
    assert sums(synapse, (0, 1)) == (-15, 11)
    assert sums(synapse, (-2, 3)) == (-3 * 15 - 2 * 11, 3 * 11 + 2 * 15)


@pytest.mark.parametrize(
    "synapse",
    [
        Dense(np.zeros((0, 3), int)),
        Dense(np.zeros((2, 0), int)),
        Sparse.of(np.zeros((2, 3), int)),
        Dense(np.zeros((2, 3), int)),
    ],
    ids=["no outputs", "no inputs", "no synapses", "no weights but 0"],
)
def test_where_nothing_is_weighed_nothing_arrives(synapse):
    assert delivered(synapse, (-9, 9)) == ((0, 0), False)


def test_a_kernel_is_summed_over_its_channels_and_taps_for_each_output_channel_alone():
    weight = np.zeros((2, 2, 2, 2), int)
    weight[0, :, 0], weight[1, 1] = 3, -5
    assert sums(Conv2d(weight), (0, 1)) == (-20, 12)
    assert sums(Conv2d(weight), (-1, 2)) == (-2 * 20 - 12, 2 * 12 + 20)


@pytest.mark.parametrize(
    ("weight", "low", "high", "wraps"),
    [
        (1, -(2**23), 2**23 - 1, False),
        (1, -(2**23), 2**23, True),
        (1, -(2**23) - 1, 0, True),
        (-1, 1 - 2**23, 2**23, False),
        (-1, -(2**23), 0, True),
    ],
)
def test_a_convolution_wraps_where_a_sum_leaves_24_bits_and_may_then_bring_any(
    weight, low, high, wraps
):
    synapse = Conv2d(np.array([[[[weight]]]]))
    total = tuple(sorted((weight * low, weight * high)))
    expected = (-(2**23), 2**23 - 1) if wraps else total
    assert delivered(synapse, (low, high)) == (expected, wraps)


@pytest.mark.parametrize(
    ("weight", "high", "exponent", "bounds"),
    [
        (2, 2**30 - 1, 0, (0, 2**31 - 2)),
        (2, 2**30, 0, WORD),  # the sum itself leaves 32 bits
        (1, 2**30, 1, WORD),  # what the exponent makes of it does
        (-1, 2**30, 1, (-(2**31), 0)),
        (4, 2**30, -3, (WORD[0] >> 3, WORD[1] >> 3)),  # it wraps before it is shifted
        (1, 13, -2, (0, 3)),
        (-1, 13, -2, (-4, 0)),  # a shift to the right rounds down
    ],
)
def test_other_sums_may_be_any_word_from_where_they_leave_32_bits(weight, high, exponent, bounds):
    assert delivered(Dense(np.array([[weight]]), exponent), (0, high)) == (bounds, False)


def test_a_range_lies_in_itself_and_not_in_one_that_is_shorter_at_either_end():
    assert inside((-3, 4), (-3, 4))
    assert inside((-2, 3), (-3, 4))
    assert not inside((-4, 4), (-3, 4))
    assert not inside((-3, 5), (-3, 4))


def program_of(*connections, high=1):
    a = Population("a", (2,), Cuba(4096, 0, 640), 1)
    return Program("bounds", "loihi2", Input("in", (2,), 0, high), (a,), connections, "a")


def test_connections_add_up_and_those_asked_for_alone_are_counted():
    one = Connection("in", "a", Dense(np.array([[3, -2], [1, 1]])), label="one")
    two = Connection("in", "a", Dense(np.array([[-8, -1], [0, 0]])), graded=True, label="two")
    program = program_of(one, two, high=5)
    a = program.population("a")
    assert arriving(program, a) == (-2 - 45, 3)
    assert arriving(program, a, [one]) == (-2, 3)
    assert arriving(program, a, [two]) == (-45, 0)
    assert arriving(program, a, []) == (0, 0)


def test_each_delay_is_bounded_alone_for_its_sum_is_shifted_alone():
    weight, delay = np.array([[3, 3], [0, 0]]), np.array([[0, 4], [0, 0]])
    late = Connection("in", "a", Dense(weight, -1, delay))
    program = program_of(late)
    assert sorted(delay for delay, _ in undelayed(program, late)) == [0, 4]
    assert arriving(program, program.population("a")) == (0, 2)  # 3 >> 1 twice, not 6 >> 1


def test_the_sum_of_all_connections_may_be_any_word_if_it_leaves_32_bits():
    big = [Connection("in", "a", Dense(np.full((2, 2), 2**29)), label=f"{i}") for i in range(2)]
    program = program_of(*big)
    assert arriving(program, program.population("a"), big[:1]) == (0, 2**30)
    assert arriving(program, program.population("a")) == WORD


def test_a_pooling_is_bounded_as_the_convolution_that_it_is():
    pool = SumPool2d((2, 3), (2, 3), weight=7)
    conv = as_conv(pool, (4, 6, 6))
    assert conv.weight.shape == (4, 1, 2, 3)
    assert sums(conv, (0, 2)) == (0, 2 * 6 * 7)
    plain = Dense(np.ones((1, 1), int))
    assert as_conv(plain, (1,)) is plain


@pytest.mark.parametrize(("high", "names"), [(2**15, []), (2**22, ["in->conv"]),
                                             (2**30, ["in->conv", "in->flat"])])  # fmt: skip
def test_connections_whose_sums_may_leave_their_register_are_named_in_order(high, names):
    grid = Population("conv", (1, 1, 1), Cuba(4096, 0, 640), 1)
    flat = Population("flat", (1,), Cuba(4096, 0, 640), 1)
    spikes = Connection("in", "flat", Dense(np.full((1, 4), 2)), label="spikes")
    program = Program(
        "wraps", "loihi2", Input("in", (1, 2, 2), 0, high), (grid, flat),
        (
            Connection("in", "conv", Conv2d(np.ones((1, 1, 2, 2), int)), graded=True),
            Connection("in", "flat", Dense(np.ones((1, 4), int)), graded=True),
            spikes,
        ),
        "flat",
    )  # fmt: skip
    assert wrapping(program) == names
