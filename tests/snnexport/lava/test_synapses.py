"""Processes of Lava, computed here from their arguments, against the connections they stand for."""

import ast
from dataclasses import replace
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program, Sparse, SumPool2d
from snnexport.formats.lava.blocks import Store
from snnexport.formats.lava.synapses import (
    connection_link,
    conv_problems,
    fewer_groups,
    message_bits,
)

IDS = {"in": "p_in", "x": "p_x", "in->x": "c"}


def link_of(synapse, source, *, shape=None, high=1):
    """Return the Process of ``synapse`` from an input of shape ``source``, and its arrays."""
    target = shape or synapse.output_shape(source)
    program = Program(
        "net", "loihi2", Input("in", source, 0, high),
        (Population("x", target, Cuba.integrator(640), 1),),
        (Connection("in", "x", synapse, graded=high > 1),), "x",
    )  # fmt: skip
    store = Store()
    return connection_link(program, program.connections[0], IDS, store), store.arrays


def sums(conv, image):
    """Return the sums of a convolution, one product after the other."""
    outputs, inner = conv.weight.shape[:2]
    found = np.zeros(conv.output_shape(image.shape), int)
    for o, i, ky, kx in np.argwhere(conv.weight):
        channel = o // (outputs // conv.groups) * inner + i
        for y, x in np.ndindex(found.shape[1:]):
            row = y * conv.stride[0] + ky * conv.dilation[0] - conv.padding[0]
            column = x * conv.stride[1] + kx * conv.dilation[1] - conv.padding[1]
            if 0 <= row < image.shape[1] and 0 <= column < image.shape[2]:
                found[o, y, x] += conv.weight[o, i, ky, kx] * image[channel, row, column]
    return found


def laid_out(link, array, side):
    """Return ``array`` behind one of the port expressions of ``link``."""
    return eval(f"array{getattr(link, side)}", {"array": array})


CONVOLUTIONS = st.tuples(
    st.sampled_from([1, 2]),
    st.tuples(*[st.integers(1, 3)] * 2),
    st.tuples(*[st.integers(1, 3)] * 2),
    st.tuples(*[st.integers(0, 2)] * 2),
    st.tuples(*[st.integers(1, 2)] * 2),
    st.integers(0, 2**32 - 1),
)


@settings(max_examples=25, deadline=None)
@given(CONVOLUTIONS)
def test_a_conv_with_reversed_axes_and_a_flipped_kernel_has_the_same_sums(drawn):
    groups, kernel, stride, padding, dilation, seed = drawn
    rng = np.random.default_rng(seed)
    source = (2, 7, 6)
    weight = 2 * rng.integers(-99, 99, (4, 2 // groups, *kernel))
    conv = Conv2d(weight, stride, padding, dilation, groups)
    link, arrays = link_of(conv, source)
    assert link.kind == "Conv"
    assert (link.reshape_in, link.reshape_out) == ("", "")
    sizes = {
        name: ast.literal_eval(link.arguments[name])
        for name in ("input_shape", "stride", "padding", "dilation", "groups")
    }
    assert sizes.pop("input_shape") == (6, 7, 2)
    lava = arrays["c.weight"]  # (outputs, width, height, inputs), true convolution
    swapped = Conv2d(
        lava.transpose(0, 3, 1, 2)[:, :, ::-1, ::-1],
        **{name: value for name, value in sizes.items() if name != "groups"},
        groups=sizes["groups"],
    )
    image = rng.integers(0, 9, source)
    theirs = sums(swapped, image.transpose(0, 2, 1)).transpose(0, 2, 1)
    np.testing.assert_array_equal(theirs, sums(conv, image))


@pytest.mark.parametrize(("groups", "kept"), [(1, 1), (127, 127), (128, 64), (131, 1), (254, 127)])
def test_groups_that_8_bits_do_not_hold_are_joined_with_the_same_sums(rng, groups, kept):
    conv = Conv2d(2 * rng.integers(-9, 9, (2 * groups, 1, 1, 2)), groups=groups)
    joined, image = fewer_groups(conv), rng.integers(0, 3, (groups, 1, 2))
    assert joined.groups == kept
    assert joined.weight.shape == (2 * groups, groups // kept, 1, 2)
    np.testing.assert_array_equal(sums(joined, image), sums(conv, image))


@pytest.mark.parametrize("source", [(6,), (2, 3), (3, 1, 2)])
@pytest.mark.parametrize("target", [(4,), (2, 2), (1, 2, 2)])
def test_ports_that_hold_shapes_reversed_are_joined_in_the_order_of_neurons(source, target):
    link, _ = link_of(Dense(np.full((4, 6), 2)), source, shape=target)
    neurons = np.arange(6).reshape(source)
    assert laid_out(link, neurons.T, "reshape_in").tolist() == list(range(6))
    outputs = np.arange(4)
    np.testing.assert_array_equal(laid_out(link, outputs, "reshape_out"), outputs.reshape(target).T)


def test_a_pool_of_sums_is_a_convolution_that_keeps_channels_apart():
    link, arrays = link_of(SumPool2d((2, 1), (2, 1), weight=6), (3, 4, 2))
    assert link.arguments["groups"] == "3"
    assert link.arguments["stride"] == "(1, 2)"
    assert arrays["c.weight"].shape == (3, 1, 2, 1)
    assert (arrays["c.weight"] == 6).all()


@given(low=st.integers(-70000, 0), high=st.integers(0, 70000))
def test_messages_have_the_fewest_bits_that_hold_them(low, high):
    bits = message_bits((low, high))
    signed = low < 0

    def holds(width):
        ends = (-(1 << width - 1), (1 << width - 1) - 1) if signed else (0, (1 << width) - 1)
        return ends[0] <= low and high <= ends[1]

    assert holds(bits)
    assert bits == 1 or not holds(bits - 1)


def test_only_graded_messages_are_told_to_have_bits():
    assert link_of(Dense(np.full((1, 2), 2)), (2,))[0].arguments["num_message_bits"] == "0"
    graded, _ = link_of(Dense(np.full((1, 2), 2)), (2,), high=9)
    assert graded.arguments["num_message_bits"] == "4"


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
def test_weights_and_delays_of_single_synapses_come_back_from_what_is_stored(rng, sparse, late):
    weight = 2 * rng.integers(1, 9, (3, 4))
    delay = rng.integers(0, 5, (3, 4)) if late else None
    if late:
        delay[0, 0] = 4
    synapse = Sparse.of(weight, 1, delay) if sparse else Dense(weight, 1, delay)
    link, arrays = link_of(synapse, (4,))
    assert link.kind == "Delay" * late + ("Sparse" if sparse else "Dense")
    assert link.home.endswith(("dense.process", "sparse.process")[sparse])
    assert link.arguments["weight_exp"] == "1"
    assert ("delays" in link.arguments) == late

    def matrix(name):
        if not sparse:
            return arrays[f"c.{name}"]
        found = np.zeros((3, 4), int)
        found[arrays["c.target"], arrays["c.source"]] = arrays[f"c.{name}"]
        assert "shape=(3, 4)" in link.arguments["weights"]
        return found

    np.testing.assert_array_equal(matrix("weight"), weight)
    if late:
        np.testing.assert_array_equal(matrix("delay"), delay)
        assert arrays["c.delay"].dtype == int, "as Lava asks"


@pytest.mark.parametrize(
    ("exponent", "delay", "weight", "kind"),
    [
        (-1, 1, 254, "DelaySparse"),  # 254 * 40,000 * 300 leaves 32 bits
        (0, 1, 254, "DelayDense"),  # its high bits are not shifted down
        (-1, 0, 254, "Dense"),
        (-1, 1, 2, "DelayDense"),
    ],
)
def test_a_late_sum_of_more_than_32_bits_is_computed_one_by_one(exponent, delay, weight, kind):
    matrix = np.full((1, 300), weight)
    link, _ = link_of(Dense(matrix, exponent, np.full((1, 300), delay)), (300,), high=40_000)
    assert link.kind == kind


@pytest.mark.parametrize(
    ("size", "value", "found"),
    [
        ("stride", (1, 127), []),
        ("stride", (128, 1), ["128 does not fit Lava's 8 bits"]),
        ("padding", (0, 130), ["130 does not fit Lava's 8 bits"]),
        ("dilation", (1, 129), ["129 does not fit Lava's 8 bits"]),
    ],
)
def test_sizes_beyond_8_bits_are_named(size, value, found):
    conv = replace(Conv2d(np.full((1, 1, 1, 1), 2)), **{size: value})
    assert conv_problems(conv, (0, 1)) == found


@pytest.mark.parametrize(
    ("sent", "weight", "said"),
    [
        ((0, 2**30 - 1), 2, None),
        ((0, 2**30), 2, 2**31),
        ((-(2**30), 0), 2, None),
        ((-(2**30) - 1, 5), 2, -(2**31) - 2),
        ((-(2**30) - 1, 2**30 + 7), 2, 2**31 + 14),
    ],
)
def test_the_sum_that_is_further_out_of_32_bits_is_named(sent, weight, said):
    conv = Conv2d(np.full((1, 1, 1, 1), weight))
    wanted = [] if said is None else [f"a sum of {said} does not fit 32 bits"]
    assert conv_problems(conv, sent) == wanted


def test_a_register_is_one_number_a_value_a_channel_or_an_array_with_reversed_axes():
    store, shape = Store(), (2, 1, 3)
    assert store.register("p", "vth", np.full((1,), 7), shape) == "7"
    assert store.register("p", "vth", np.full(shape, -2), shape) == "-2"
    assert store.arrays == {}
    assert store.register("p", "bias", np.array([1, 2]).reshape(2, 1, 1), shape) == 'w["p.bias"]'
    assert store.arrays["p.bias"].tolist() == [1, 2]
    whole = np.arange(prod(shape)).reshape(shape)
    store.register("p", "bias", whole, shape)
    assert store.arrays["p.bias"].shape == (3, 1, 2)
    assert store.arrays["p.bias"][2, 0, 1] == whole[1, 0, 2]
