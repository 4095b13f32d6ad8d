import numpy as np
import pytest
import torch
from torch.nn import functional

from hwsim import Conv2d, Dense, SumPool2d
from hwsim.errors import RangeError


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
