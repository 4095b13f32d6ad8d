"""The float reference, layer by layer: what is added where, and in which frame."""

from dataclasses import replace

import numpy as np
import pytest
from hand_graphs import cuba

from hwsim.neurons import GradedRelay, LeakyIntegrator
from snnexport.graph import Diagonal, Edge, Graph, Late, Layer, Linear, Norm, Place
from snnexport.interpret import interpret

FRAMES = np.array([[3, 0], [0, 5], [1, 0], [0, 0], [2, 2]]).reshape(5, 1, 2)
ONES = Diagonal(np.ones(2))


def integrator(**registers):
    return LeakyIntegrator(**{"decay_u": 1.0, "decay_v": 1.0, "bias": 0.0, **registers})


def layer(name, *edges, neuron=None, **what):
    return Layer(name, (2,), neuron or integrator(), edges, **what)


def graph(*layers):
    return Graph("net", "input", (2,), layers, layers[-1].name, len(FRAMES))


def voltages(*layers, given=None):
    found = interpret(graph(*layers), FRAMES, given).voltages
    return {name: v[:, 0].tolist() for name, v in found.items()}


def shifted(frames, by):
    """Return (T, n) ``frames`` as they come ``by`` frames later."""
    return np.concatenate([np.zeros((by, 2)), frames])[: len(frames)]


@pytest.mark.parametrize("late", [0, 1, 3, 5, 8])
def test_a_late_edge_brings_every_message_that_many_frames_later_and_none_before(late):
    edge = Edge("input", "w", (ONES,), late)
    assert voltages(layer("x", edge))["x"] == shifted(FRAMES[:, 0], late).tolist()


def test_each_channel_has_a_delay_of_its_own_beside_the_lateness_of_the_edge():
    edge = Edge("input", "w", (ONES, Late(np.array([0, 2]))), late=1)
    expected = np.stack([shifted(FRAMES[:, 0], by)[:, c] for c, by in enumerate((1, 3))], axis=1)
    assert voltages(layer("x", edge))["x"] == expected.tolist()


@pytest.mark.parametrize("late", [1, 2])
@pytest.mark.parametrize("delay", [0, 2])
def test_feedback_is_heard_as_often_late_as_it_says_with_its_delays(late, delay):
    back = Edge("x", "back", (Diagonal(np.full(2, 2.0)), Late(np.full(2, delay))), late)
    hears = layer("x", Edge("input", "w", (ONES,)), back, neuron=GradedRelay())
    found = interpret(graph(hears), FRAMES).spikes["x"][:, 0]
    expected = np.zeros((5, 2))
    for t, frame in enumerate(FRAMES[:, 0]):
        before = t - late - delay
        expected[t] = frame + (2 * expected[before] if before >= 0 else 0)
    assert (found == expected).all()


def test_normalisation_scales_prompt_input_and_constants_and_neither_feedback_nor_offset():
    norm = Norm(np.array([10.0, 100.0]), np.array([0.5, 0.25]))
    edges = (Edge("input", "w", (ONES,)), Edge("input", "back", (ONES,), 1))
    found = voltages(layer("x", *edges, norm=norm, constant=np.array([1.0, 2.0])))["x"]
    prompt = (FRAMES[:, 0] + [1, 2]) * [10, 100]
    assert found == (prompt + shifted(FRAMES[:, 0], 1) + [0.5, 0.25]).tolist()


def test_a_norms_offset_is_added_to_the_bias_that_is_there():
    norm = Norm(np.ones(2), np.array([0.5, 0.25]))
    with_bias = layer("x", neuron=integrator(bias=np.array([1.0, 2.0])), norm=norm)
    assert voltages(with_bias)["x"] == [[1.5, 2.25]] * 5


def test_parts_of_a_concatenation_fill_the_channels_that_they_name_and_no_other():
    one = Linear(np.array([[1.0, 1.0]]))
    edges = [Edge("input", "w", (one, Place(first, 3))) for first in (2, 0)]
    net = graph(Layer("x", (3,), integrator(), tuple(edges)))
    found = interpret(net, FRAMES).voltages["x"][:, 0]
    sums = FRAMES[:, 0].sum(axis=1)
    assert (found == np.stack([sums, 0 * sums, sums], axis=1)).all()


def test_channels_that_fill_others_at_once_lie_side_by_side_in_every_sample(rng):
    frames = rng.integers(0, 9, (5, 3, 2))
    net = graph(Layer("x", (4,), integrator(), (Edge("input", "w", (Place(1, 4),)),)))
    found = interpret(net, frames).voltages["x"]
    assert (found == np.pad(frames, ((0, 0), (0, 0), (1, 1)))).all()


def test_a_threshold_is_exceeded_unless_the_layer_is_inclusive():
    strict = layer("x", Edge("input", "w", (ONES,)), neuron=cuba(threshold=2.0, decay_v=1.0))
    fires = {
        inclusive: interpret(graph(replace(strict, inclusive=inclusive)), FRAMES).spikes["x"]
        for inclusive in (False, True)
    }
    assert (fires[False] == (FRAMES > 2)).all()
    assert (fires[True] == (FRAMES >= 2)).all()


def test_the_voltage_of_a_step_is_what_the_threshold_saw_and_not_what_the_reset_left():
    spiking = layer("x", Edge("input", "w", (ONES,)), neuron=cuba(threshold=2.5))
    assert voltages(spiking)["x"] == [[3, 0], [0, 5], [1, 0], [1, 0], [3, 2]]
    currents = interpret(graph(spiking), FRAMES).currents["x"]
    assert (currents == FRAMES).all()


def test_given_messages_are_what_readers_hear_instead_of_what_a_layer_answers():
    first = layer("a", Edge("input", "w", (ONES,)), neuron=cuba(threshold=0.5))
    second = layer("b", Edge("a", "w", (ONES,)))
    silent = {"a": np.zeros((5, 1, 2))}
    found = interpret(graph(first, second), FRAMES, silent)
    assert not found.voltages["b"].any()
    assert (found.spikes["a"] == (FRAMES > 0)).all()
    assert interpret(graph(first, second), FRAMES).voltages["b"].any()


def test_given_messages_are_also_what_a_layer_hears_of_itself():
    back = layer("x", Edge("x", "back", (ONES,), late=1))
    assert voltages(back, given={"x": FRAMES})["x"] == shifted(FRAMES[:, 0], 1).tolist()


def test_layers_may_stand_in_any_order_where_feedback_leads_back():
    reader = layer("b", Edge("a", "w", (ONES,)))
    writer = layer(
        "a", Edge("input", "w", (ONES,)), Edge("b", "back", (ONES,), 1), neuron=GradedRelay()
    )
    nets = (graph(reader, writer), graph(writer, reader))
    assert [interpret(net, FRAMES).voltages["b"].tolist() for net in nets] == [
        FRAMES.tolist(), FRAMES.tolist(),
    ]  # fmt: skip


def test_integers_are_shifted_into_the_register_and_wrap_where_the_chip_does():
    edge = Edge("input", "w", (Diagonal(np.array([255, 1], np.int64)),))
    neuron = cuba(decay_u=0, decay_v=4096, threshold=131071 * 64, bias=0)
    net = graph(Layer("x", (2,), neuron, (edge,), scale=np.ones(2)))
    found = interpret(net, np.ones((600, 1, 2), np.int64)).currents["x"][:, 0]
    sums = 64 * np.arange(1, 601)[:, None] * np.array([255, 1])
    assert found.dtype == np.int64
    assert (found == 2**23 - (2**23 - sums) % 2**24).all()  # within -2**23 + 1 .. 2**23
    assert found[:, 0].min() < 0


@pytest.mark.parametrize(
    ("neuron", "scale", "kind"),
    [
        (cuba(), None, np.int8),
        (GradedRelay(), None, np.float64),
        (GradedRelay(0), np.ones(2), np.int32),
        (cuba(decay_u=4096, decay_v=0, threshold=64, bias=0), np.ones(2), np.int8),
    ],
)
def test_messages_are_integers_but_the_wide_ones_of_a_network_of_reals(neuron, scale, kind):
    weight = ONES if scale is None else Diagonal(np.ones(2, np.int64))
    net = graph(layer("x", Edge("input", "w", (weight,)), neuron=neuron, scale=scale))
    assert interpret(net, FRAMES).spikes["x"].dtype == kind
