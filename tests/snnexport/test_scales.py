"""The scale of one layer and what is noted of it, against sums and searches done by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim import load_chip
from hwsim.errors import CheckError
from hwsim.neurons import Cuba, GradedRelay, LeakyIntegrator
from snnexport.graph import Diagonal, Edge, Layer, Linear
from snnexport.passes.choices import LayerChoice
from snnexport.passes.demands import Drive
from snnexport.passes.integers import Task
from snnexport.passes.scales import quantized_layer

CHIP = load_chip("loihi2")


def task(*weights, neuron=None, high=1, **choice):
    """Return what quantizing a layer x of as many channels as ``weights`` have rows starts from."""
    edges = tuple(Edge("in", f"w{n}", (w,)) for n, w in enumerate(weights))
    layer = Layer("x", (len(weights[0].weight),), neuron or Cuba(1.0, 0.0, 1.0), edges)
    return Task(layer, CHIP, LayerChoice(**choice), Drive({"in": (0, high)}, 4), {})


def refused(made):
    with pytest.raises(CheckError) as caught:
        quantized_layer(made)
    assert caught.value.hint == "change the network, or the choices for this layer"
    return list(caught.value.problems)


WEIGHTS = st.lists(st.floats(0.1, 2), min_size=6, max_size=6).map(lambda v: np.reshape(v, (2, 3)))


@settings(max_examples=40, deadline=None)
@given(weight=WEIGHTS, signs=st.lists(st.sampled_from([-1, 1]), min_size=6, max_size=6))
def test_without_a_greater_need_the_largest_weight_of_a_channel_is_the_largest_integer(
    weight, signs
):
    weight = weight * np.reshape(signs, (2, 3))
    layer, note = quantized_layer(task(Linear(weight)))
    mixed = len(set(signs)) > 1
    top, step = (254, 2) if mixed else (255, 1)
    scale = np.abs(weight).max(axis=1) / top
    np.testing.assert_allclose(layer.scale, scale)
    (edge,) = layer.edges
    np.testing.assert_array_equal(
        edge.weights.weight, step * np.rint(weight / layer.scale[:, None] / step)
    )
    errors = (weight - scale[:, None] * edge.weights.weight) ** 2
    if errors.sum() > 0:
        wanted = 10 * np.log10((weight**2).sum() / errors.sum())
        assert note["weight_sqnr_db"] == pytest.approx(wanted, rel=1e-6)
    assert note["scale"] == pytest.approx([scale.min(), scale.max()])
    assert note["decided_by"] == {"weights": 2, "bias": 0, "current": 0, "threshold": 0}
    assert note["largest_weight"] == top
    reach = np.maximum(edge.weights.weight, 0).sum(1), np.maximum(-edge.weights.weight, 0).sum(1)
    assert note["largest_current"] == 64 * max(map(max, reach))
    assert (note["vanished_channels"], note["split"], note["moved"]) == (0, {}, {})
    assert note["threshold"] == [int(layer.neuron.threshold.min()), layer.neuron.threshold.max()]


def test_each_channel_names_the_register_that_decides_its_scale():
    neuron = Cuba(1.0, 0.0, np.array([1.0, 1e6, 1e4]), np.array([0.0, 0.0, -1e6]))
    layer, note = quantized_layer(task(Linear(np.eye(3)), neuron=neuron))
    assert note["decided_by"] == {"weights": 1, "bias": 1, "current": 0, "threshold": 1}
    high = CHIP.registers["Cuba"]["threshold"]["high"]
    assert layer.neuron.threshold[1] == pytest.approx(high, rel=1e-4)
    assert layer.neuron.threshold[1] <= high
    assert note["vanished_channels"] == 2, "their weights are as nothing beside these"


def test_many_large_messages_make_the_scale_coarser_until_no_current_can_wrap():
    weight = np.ones((1, 4))
    layer, note = quantized_layer(task(Linear(weight), high=4_000))
    assert note["decided_by"]["current"] == 1
    held = int(layer.edges[0].weights.weight.sum()) * 4_000
    assert note["largest_current"] == 64 * held < 2**23
    one_more = 64 * 4_000 * 4
    assert note["largest_current"] + one_more >= 2**23, "no finer scale would fit"


@pytest.mark.parametrize(("bits", "levels"), [(8, 127), (4, 7)])
def test_the_largest_message_of_a_sum_is_the_largest_that_its_bits_hold(bits, levels):
    weight = Linear(np.array([[3.0, 1.0], [0.5, 0.0]]))
    layer, note = quantized_layer(task(weight, neuron=GradedRelay(0.0), message_bits=bits))
    assert layer.edges[0].weights.weight.sum(axis=1).max() == levels
    assert note["decided_by"]["message"] >= 1
    assert layer.scale == pytest.approx([4.0 / levels] * 2)
    assert (layer.unit == layer.scale).all()


def test_a_scale_that_was_chosen_is_taken_or_refused_with_the_least_that_would_do():
    weight = Linear(np.array([[1.0], [2.0]]))
    neuron = Cuba(1.0, 0.0, np.array([5.0, 900.0]))
    layer, _ = quantized_layer(task(weight, neuron=neuron, scale=(0.25, 0.5)))
    assert layer.scale.tolist() == [0.25, 0.5]
    assert layer.edges[0].weights.weight.tolist() == [[4], [4]]
    (said,) = refused(task(weight, neuron=neuron, scale=(0.25, 0.005)))
    high = CHIP.registers["Cuba"]["threshold"]["high"]
    share = 64 * 180_000 / high
    assert said == (
        f"x: scale = 0.005 of channel 1 does not fit: the threshold is {share:.4g} times its "
        f"limit; use at least {0.005 * share:.6g}, or leave scale out"
    )


def test_a_scale_that_would_take_too_many_copies_names_the_edge_and_the_limit():
    weight = Linear(np.array([[255.0 * 8]]))
    layer, _ = quantized_layer(task(weight, scale=(1.0,)))
    assert len(layer.edges) == 8
    assert refused(task(weight, scale=(0.99,))) == [
        "x: scale = 0.99 does not fit the weights of w0: they need 9 parallel connections, "
        "the limit is 8"
    ]
    diagonal = Diagonal(np.array([255.0 * 128]))
    assert len(quantized_layer(task(diagonal, scale=(1.0,)))[0].edges) == 1
    (said,) = refused(task(diagonal, scale=(0.99,)))
    assert said.endswith("the weights of w0: they need 2 parallel connections, the limit is 1")


def test_one_scale_for_channels_that_share_one_cannot_differ():
    made = replace(task(Linear(np.ones((2, 1))), scale=(0.5, 0.25)), one_scale=True)
    assert refused(made) == ["x: scale differs by channel, but its channels share one"]
    same = replace(made, choice=LayerChoice(scale=(0.5, 0.5)))
    assert quantized_layer(same)[0].scale.tolist() == [0.5, 0.5]


def test_a_threshold_that_rounds_to_nothing_is_counted_and_one_of_nothing_is_not():
    neuron = Cuba(1.0, 0.0, np.array([0.001, 1.0, 0.0]))
    (said,) = refused(task(Linear(np.ones((3, 1))), neuron=neuron))
    assert said.startswith("x: threshold rounds to 0 in 1 of 3 values: its weights dwarf it")


def test_a_decay_that_its_register_moved_by_a_step_is_counted():
    decays = np.array([0.0, 1.0, 0.5])
    registers = CHIP.registers["Cuba"]["decay_v"]
    moved = sum(not registers["low"] <= 4096 * d <= registers["high"] for d in decays)
    neuron = Cuba(1.0, decays, 1.0)
    _, note = quantized_layer(task(Linear(np.ones((3, 1))), neuron=neuron))
    assert note["moved"] == ({"decay_v": moved} if moved else {})
    assert note["decay_v"] == [max(0, registers["low"]), min(4096, registers["high"])]


def test_a_readout_notes_how_far_its_voltage_gets():
    made = task(Linear(np.array([[1.0, -0.5]])), neuron=LeakyIntegrator(1.0, 0.5, 0.0))
    layer, note = quantized_layer(made)
    u = 64 * int(layer.edges[0].weights.weight.max())
    assert note["largest_voltage"] == u * (1 + 1 / 2 + 1 / 4 + 1 / 8) // 1


def test_what_no_scale_can_mend_is_said_first():
    made = replace(task(Linear(np.ones((1, 1)))), choice=LayerChoice(weight_bits=9))
    assert refused(made) == ["x: weight_bits = 9 does not fit the 8 bits of chip loihi2"]


@pytest.mark.parametrize(("beside", "shifted"), [(0.05, True), (2.0, False)])
def test_a_large_diagonal_is_shifted_only_where_the_weights_beside_it_gain_a_bit(beside, shifted):
    rng = np.random.default_rng(0)
    matrix = Linear(beside * rng.uniform(-1, 1, (4, 4)))
    layer, note = quantized_layer(task(matrix, Diagonal(np.full(4, 2.0))))
    fine = np.abs(matrix.weight).max(axis=1) / 254
    np.testing.assert_allclose(layer.scale, fine if shifted else np.maximum(fine, 2.0 / 255))
    assert (note["largest_weight"] > 255) == shifted
