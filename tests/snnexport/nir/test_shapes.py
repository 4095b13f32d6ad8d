"""The shapes that NIR's nodes take and give, against PyTorch's where it has the same layer."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from snnexport.formats.nir import shapes
from snnexport.formats.nir.nodes import Node

size = st.integers(1, 9)
small = st.integers(1, 3)


def pair(values):
    return st.tuples(values, values)


def convolution(weight, **fields):
    whole = {"input_shape": None, "stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    return Node(
        "Conv2d" if weight.ndim == 4 else "Conv1d",
        {**whole, "weight": weight, "bias": np.zeros(len(weight)), **fields},
    )


@settings(max_examples=60, deadline=None)
@given(pair(size), pair(small), pair(small), pair(st.integers(0, 2)), pair(small), small)
def test_a_convolution_gives_the_shape_that_pytorch_gives(
    image, kernel, stride, padding, dilation, groups
):
    spread = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    assume(all(n + 2 * p >= s for n, p, s in zip(image, padding, spread, strict=True)))
    weight = torch.zeros(2 * groups, 2, *kernel)
    shape = (2 * groups, *image)
    expected = torch.nn.functional.conv2d(
        torch.zeros(1, *shape), weight, None, stride, padding, dilation, groups
    )
    sizes = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    node = convolution(weight.numpy(), **sizes, input_shape=image)
    assert shapes.taken(node) == shape
    assert shapes.given(node, shape) == tuple(expected.shape[1:])


@settings(max_examples=40, deadline=None)
@given(pair(size), pair(small), pair(small), pair(st.integers(0, 1)))
def test_pools_give_the_shape_that_pytorch_gives(image, kernel, stride, padding):
    assume(all(2 * p <= k <= n + 2 * p for n, k, p in zip(image, kernel, padding, strict=True)))
    expected = torch.nn.functional.avg_pool2d(torch.zeros(3, *image), kernel, stride, padding)
    for kind in ("SumPool2d", "AvgPool2d"):
        fields = {"kernel_size": kernel, "stride": stride, "padding": padding}
        node = Node(kind, fields)
        assert shapes.taken(node) is None
        assert shapes.given(node, (3, *image)) == tuple(expected.shape)


@given(st.lists(size, min_size=1, max_size=4), st.integers(-4, 3), st.integers(-4, 3))
def test_flatten_gives_the_shape_that_pytorch_gives_without_a_batch(shape, start, end):
    node = Node("Flatten", {"input_type": None, "start_dim": start, "end_dim": end})
    try:
        expected = tuple(torch.zeros(shape).flatten(start, end).shape)
    except (IndexError, RuntimeError):
        with pytest.raises(ValueError, match=r"start_dim -?\d and end_dim -?\d are no range"):
            shapes.given(node, tuple(shape))
        return
    assert shapes.given(node, tuple(shape)) == expected


def test_one_axis_convolutions_take_plain_numbers():
    node = convolution(np.zeros((4, 3, 5)), stride=2, padding=1, dilation=2, input_shape=20)
    assert shapes.taken(node) == (3, 20)
    assert shapes.given(node, (3, 20)) == (4, 7)  # (20 + 2 - 8 - 1) // 2 + 1


@pytest.mark.parametrize(("padding", "size"), [("same", (6, 7)), ("valid", (4, 6))])
def test_padding_by_name_gives_its_size(padding, size):
    node = convolution(np.zeros((4, 3, 3, 2)), padding=padding)
    assert shapes.given(node, (3, 6, 7)) == (4, *size)


def test_linear_maps_the_last_axis_and_leading_axes_are_the_weights():
    node = Node("Linear", {"weight": np.zeros((5, 2, 3))})
    assert (shapes.taken(node), shapes.given(node, (5, 3))) == ((5, 3), (5, 2))


@pytest.mark.parametrize(
    ("arriving", "problem"),
    [
        ((1, 3, 6, 6), r"takes shape \(channels, height, width\).*NIR has no batch or time axis"),
        ((6, 6), r"takes shape \(channels, height, width\), and \(6, 6\) arrives$"),
        ((3, 2, 6), r"has a window of \(3, 3\) that does not fit into \(2, 6\)"),
    ],
)
def test_what_a_convolution_cannot_take_is_named(arriving, problem):
    with pytest.raises(ValueError, match=problem):
        shapes.given(convolution(np.zeros((4, 3, 3, 3))), arriving)


LINEAR = Node("Linear", {"weight": np.zeros((2, 64))})


@pytest.mark.parametrize(
    ("wanted", "arriving", "said"),
    [
        ((64,), (1, 64), "axis 0 (the first) is one too many, a batch or time axis"),
        ((64,), (9, 2, 64), "axis 0..1 are too many, a batch or time axis"),
        ((1, 64), (64,), "Linear's own axis 0 (the first) is one too many"),
        ((36,), (4, 9), "a full Flatten has start_dim 0"),
    ],
)
def test_a_misfit_says_which_axis_looks_wrong(wanted, arriving, said):
    found = shapes.misfit(LINEAR, wanted, arriving)
    assert found.startswith(f"Linear takes shape {wanted}, and {arriving} arrives: ")
    assert said in found


def test_a_misfit_without_a_guess_is_plain():
    assert shapes.misfit(LINEAR, (64,), (63,)) == "Linear takes shape (64,), and (63,) arrives"


@pytest.mark.parametrize(
    ("wanted", "arriving"),
    [((64,), (9, 7)), ((4, 9), (9, 4)), ((1, 64), (63,)), ((2, 3), (6, 2, 4)), ((2, 3, 4), (3, 5))],
)
def test_no_axis_is_blamed_where_dropping_or_flattening_would_not_help(wanted, arriving):
    said = f"Linear takes shape {wanted}, and {arriving} arrives"
    assert shapes.misfit(LINEAR, wanted, arriving) == said
