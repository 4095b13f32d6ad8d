import re

import numpy as np
import pytest
import torch
from torch.nn import functional

from hwsim import Conv2d, Dense, Sparse, SumPool2d
from hwsim.errors import CheckError, RangeError

ONE = np.ones((1, 1), int)


def draw_conv(rng):
    groups = int(rng.choice([1, 2, 3]))
    kernel, stride, dilation = (tuple(int(x) for x in rng.integers(1, 4, 2)) for _ in range(3))
    padding = tuple(int(x) for x in rng.integers(0, 4, 2))
    weight = rng.integers(-255, 256, (2 * groups, 2, *kernel))
    source = (2 * groups, 12, 11)
    return Conv2d(weight, stride, padding, dilation, groups), source


def torch_conv(conv, x):
    return functional.conv2d(
        x.double(), torch.tensor(conv.weight).double(),
        stride=conv.stride, padding=conv.padding, dilation=conv.dilation, groups=conv.groups,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(30))
def test_gathered_convolution_equals_dense_product(seed):
    rng = np.random.default_rng(seed)
    conv, source = draw_conv(rng)
    spikes = rng.integers(-3, 20, (3, *source)) * (rng.random((3, *source)) < 0.3)
    expected = torch_conv(conv, torch.tensor(spikes)).numpy().astype(np.int64)
    assert (conv.deliver(spikes) == expected).all()
    assert conv.output_shape(source) == expected.shape[1:]


@pytest.mark.parametrize("seed", range(30))
def test_fan_out_counts_every_tap_inside_the_border(seed):
    conv, source = draw_conv(np.random.default_rng(seed))
    ones = Conv2d(np.ones_like(conv.weight), conv.stride, conv.padding, conv.dilation, conv.groups)
    x = torch.ones(1, *source, requires_grad=True, dtype=torch.double)
    torch_conv(ones, x).sum().backward()
    assert x.grad is not None
    assert (conv.fan_out(source) == x.grad[0].numpy()).all()


def test_gathered_dense_equals_matrix_product(rng):
    weight = rng.integers(-255, 256, (7, 24))
    spikes = rng.integers(0, 9, (5, 2, 3, 4)) * rng.integers(0, 2, (5, 2, 3, 4))
    assert (Dense(weight).deliver(spikes) == spikes.reshape(5, -1) @ weight.T).all()


def test_dense_exponent_shifts_the_sum_and_floors(rng):
    weight = np.array([[3, -4]])
    spikes = np.array([[1, 1]])
    assert Dense(weight, -1).deliver(spikes).tolist() == [[-1]]
    assert Dense(weight, 3).deliver(spikes).tolist() == [[-8]]


def test_sum_pool_adds_windows(rng):
    spikes = rng.integers(0, 2, (2, 3, 6, 6))
    pooled = functional.avg_pool2d(torch.tensor(spikes).double(), 2) * 4 * 5
    assert (SumPool2d((2, 2), (2, 2), weight=5).deliver(spikes) == pooled.numpy()).all()


def test_convolution_wraps_to_24_bits():
    conv = Conv2d(np.array([[[[2**22]]]]))
    assert conv.deliver(np.array([[[[2]]]])).item() == -(2**23)


def test_wrong_source_says_what_it_has_and_what_it_wants():
    with pytest.raises(RangeError, match=r"Conv2d of 3 input channels .* \(4, 8, 8\)"):
        Conv2d(np.zeros((2, 3, 3, 3), int)).output_shape((4, 8, 8))
    with pytest.raises(RangeError, match=r"kernel of \(3, 3\) does not fit into \(2, 2\)"):
        Conv2d(np.zeros((2, 3, 3, 3), int)).output_shape((3, 2, 2))
    with pytest.raises(RangeError, match="Dense of 5 inputs cannot follow 6 neurons"):
        Dense(np.zeros((2, 5), int)).output_shape((2, 3))


def draw_sparse(rng, *, delays=False, exponent=0):
    weight = rng.integers(-255, 256, (7, 24)) * (rng.random((7, 24)) < 0.3)
    return weight, Sparse.of(weight, exponent, rng.integers(0, 63, (7, 24)) if delays else None)


def test_sparse_synapses_equal_the_matrix_they_were_taken_from(rng):
    weight, sparse = draw_sparse(rng)
    spikes = rng.integers(-9, 9, (5, 2, 3, 4)) * rng.integers(0, 2, (5, 2, 3, 4))
    assert (sparse.deliver(spikes) == Dense(weight).deliver(spikes)).all()
    assert (sparse.fan_out((2, 3, 4)) == (weight != 0).sum(axis=0).reshape(2, 3, 4)).all()
    assert sparse.output_shape((24,)) == (7,)


@pytest.mark.parametrize("exponent", [-3, 0, 2])
@pytest.mark.parametrize("kind", [Dense, Sparse.of])
def test_delayed_synapses_act_as_many_steps_later_and_shift_each_delay_on_its_own(
    rng, kind, exponent
):
    weight, delay = rng.integers(-255, 256, (7, 24)), rng.integers(0, 63, (7, 24))
    synapse = kind(weight, exponent, delay)
    assert synapse.delays == tuple(np.unique(delay))
    spikes = rng.integers(0, 2, (70, 1, 24))  # (t, B, n)
    now = 69
    arrived = sum(part.deliver(spikes[now - d]) for d, part in synapse.parts())
    wanted = np.zeros(7, np.int64)
    for d in range(63):
        total = np.where(delay == d, weight, 0) @ spikes[now - d, 0]
        wanted += total << exponent if exponent >= 0 else total >> -exponent
    assert (arrived[0] == wanted).all()
    synapses = weight.size if kind is Dense else np.count_nonzero(weight)
    assert synapse.fan_out((24,)).sum() == synapses


def test_a_sum_wraps_to_32_bits_before_and_after_its_exponent():
    synapse = Dense(np.array([[255, 255]]), -4)
    spikes = np.array([[2**24, 2**23]])
    total = 255 * (2**24 + 2**23)
    assert synapse.deliver(spikes).item() == (total - 2**32) >> 4
    assert Dense(np.array([[1]]), 31).deliver(np.array([[3]])).item() == -(2**31)


@pytest.mark.parametrize("seed", range(5))
def test_an_unrolled_convolution_computes_the_same_as_single_synapses(seed):
    rng = np.random.default_rng(seed)
    conv, source = draw_conv(rng)
    spikes = rng.integers(-3, 20, (3, *source)) * (rng.random((3, *source)) < 0.3)
    unrolled = Sparse.unrolled(conv, source, delay=4)
    ((delay, part),) = unrolled.parts()
    assert delay == 4
    assert (part.deliver(spikes) == conv.deliver(spikes).reshape(3, -1)).all()


def test_an_identity_passes_messages_on():
    spikes = np.array([[3, 0, -2]])
    assert Sparse.identity(3, weight=2).deliver(spikes).tolist() == [[6, 0, -4]]


@pytest.mark.parametrize(
    ("synapse", "problem"),
    [
        (Dense(np.zeros((2, 3, 4), int)), "weight has shape (2, 3, 4), not (outputs, inputs)"),
        (Dense(np.eye(2, dtype=int), delay=np.array([[0, 63], [-1, 0]])), "delay = 63 does not"),
        (
            Dense(np.eye(2, dtype=int), delay=np.zeros(2, int)),
            "delay has shape (2,), not (outputs, inputs)",
        ),
        (Dense(np.eye(2, dtype=int), delay=np.zeros((2, 2))), "delays are float64, not integers"),
        (Dense(np.eye(2, dtype=int), exponent=32), "weight exponent = 32 does not fit -31..31"),
        (
            Sparse((2, 3), np.array([2]), np.array([0]), np.array([1])),
            "target = 2 does not fit 0..1 (1 of 1",
        ),
        (
            Sparse((2, 3), np.array([0]), np.array([-1]), np.array([1])),
            "source = -1 does not fit 0..2",
        ),
        (
            Sparse((2, 3), np.array([0, 0]), np.array([1, 1]), np.array([1, 2])),
            "1 synapses join the same two neurons as another",
        ),
        (Sparse((2, 3), np.array([0]), np.array([1, 1]), np.array([1, 2])), "not all (n,)"),
        (Conv2d(np.ones((3, 1, 2, 2), int), groups=2), "3 output channels do not divide into 2"),
        (Conv2d(np.ones((2, 1, 2, 2), int), stride=(0, 1)), "stride[0] = 0 does not fit 1.."),
        (Conv2d(np.ones((2, 1, 2, 2), int), padding=(0, -1)), "padding[1] = -1 does not fit 0.."),
        (SumPool2d((0, 2), (1, 1)), "kernel[0] = 0 does not fit 1.."),
        (Dense([[1, 2]]), "weight is a list, not an array"),
        (Dense(3), "weight is a int, not an array"),
        (Dense(ONE, delay=2), "delay is a int, not an array"),
        (Dense(ONE, delay=np.ones((1, 2), int)), "delay has shape (1, 2), the weights have (1, 1)"),
        (Dense(ONE * 2.0), "weights are float64, not integers"),
        (Dense(np.array([[2**70]])), "weights are object, not integers of 32 bits"),
        (Dense(ONE * (-(2**31) - 1)), "weight = -2147483649 does not fit 32 bits (1 of 1"),
        (Dense(ONE, 1.0), "weight exponent = 1.0 is not a whole number"),
        (Dense(ONE, True), "weight exponent = True is not a whole number"),
        (Sparse((1, 1), [0], np.array([0]), np.array([1])), "target is a list, not an array"),
        (Sparse(3, *(np.array([0]),) * 3), "shape = 3 is not a tuple of 2 whole numbers"),
        (Sparse((-3, 2), *(np.array([0]),) * 3), "shape[0] = -3 does not fit 1.."),
        (Conv2d(np.ones((1, 1, 1, 1), int), stride=1), "stride = 1 is not a tuple of 2 whole"),
        (Conv2d(np.ones((1, 1, 1, 1), int), padding=(0.5, 0)), "padding[0] = 0.5 is not a whole"),
        (Conv2d(np.ones((1, 1, 1, 1), int), groups=True), "groups = True is not a whole number"),
        (Conv2d(np.ones((0, 1, 1, 1), int)), "weight has shape (0, 1, 1, 1), not"),
        (SumPool2d((1, 1, 1), (1, 1)), "kernel = (1, 1, 1) is not a tuple of 2 whole numbers"),
        (SumPool2d((1, 1), (1, 1), weight=np.array([1, 5])), "weight = array([1, 5]) is not a wh"),
        (
            SumPool2d((1, 1), (1, 1), weight=2**70),
            "weight = 1180591620717411303424 does not fit 32",
        ),
    ],
)
def test_an_impossible_synapse_names_its_problem(synapse, problem):
    assert any(problem in found for found in synapse.problems()), synapse.problems()


def test_wrong_weights_do_not_hide_wrong_exponents_delays_and_indices():
    late, far = np.array([77]), np.array([9])
    found = " ".join(Sparse((2, 2), far, far, far * 1.0, 99, late).problems())
    for name in ("weights are float64", "exponent = 99", "delay = 77", "target = 9", "source = 9"):
        assert name in found


@pytest.mark.parametrize("kind", [np.uint8, np.uint32, np.uint64])
@pytest.mark.parametrize("make", [Dense, Sparse.of])
def test_unsigned_weights_compute_exactly_the_same(make, kind):
    high = int(np.iinfo(kind).max) & (2**31 - 1)  # products beyond what a float64 holds
    payload, weight = np.array([[2**31 - 1, -5]]), np.array([[high, 3]])
    expected = make(weight).deliver(payload)
    assert (make(weight.astype(kind)).deliver(payload) == expected).all()
    assert make(weight.astype(kind)).deliver(payload).dtype == np.int64


@pytest.mark.parametrize(
    ("weight", "delay", "problem"),
    [
        ([[1, 2]], None, "weight is a list, not an array"),
        (np.array([1, 2]), None, "weight has shape (2,), not (outputs, inputs)"),
        (ONE, 2, "delay is a int, not an array"),
    ],
)
def test_sparse_of_refuses_what_a_dense_cannot_hold(weight, delay, problem):
    with pytest.raises(CheckError, match=re.escape(problem)):
        Sparse.of(weight, delay=delay)


def test_a_synapse_with_delays_is_not_unrolled_and_an_identity_needs_a_size():
    with pytest.raises(RangeError, match="of a Dense that has delays itself") as caught:
        Sparse.unrolled(Dense(ONE, delay=ONE), (1,))
    assert "parts()" in caught.value.hint
    with pytest.raises(CheckError, match=r"neurons = 2.0 is not a whole number"):
        Sparse.identity(2.0)


def test_a_sum_pool_on_a_flat_layer_says_sum_pool():
    with pytest.raises(RangeError, match=r"a SumPool2d cannot follow a layer of shape \(4,\)"):
        SumPool2d((1, 1), (1, 1)).output_shape((4,))


def test_numpy_integers_in_a_synapse_do_not_overflow():
    small = np.uint8(200)
    conv = Conv2d(np.ones((1, 1, 1, 1), int), padding=(small, small))
    assert conv.output_shape((1, 1, 1)) == (1, 401, 401)
