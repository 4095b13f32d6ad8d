from dataclasses import replace

import numpy as np
import pytest
from hand_graphs import CHIP, added, cuba, problems_of, with_layer

from hwsim.neurons import Gate, GradedRelay
from snnexport.graph import Convolution, Diagonal, Edge, Graph, Layer, Linear, SumPool
from snnexport.interpret import interpret
from snnexport.passes.calibration import Calibration
from snnexport.passes.choices import Choices, LayerChoice
from snnexport.passes.quantize import quantize

SPIKES = Calibration(0, 1)
RELAY = Choices(sums={"sum": "relay"})


@pytest.mark.parametrize("threshold", [1.0, 1.5])
def test_a_gate_keeps_its_weights_and_fires_for_the_same_inputs(threshold):
    edges = tuple(Edge("input", m, (Diagonal(w * np.ones(3)),)) for m, w in (("a", 1), ("b", 1)))
    gate = Layer("x", (3,), Gate(threshold), edges)
    graph = quantize(Graph("gate", "input", (3,), (gate,), "x", 1), CHIP, SPIKES)
    assert [e.weights.weight.tolist() for e in graph.layer("x").edges] == [[1, 1, 1]] * 2
    assert graph.layer("x").neuron == Gate(64)
    spikes = interpret(graph, np.array([[[0, 1, 1]]])).spikes["x"]
    assert spikes.tolist() == [[[0, 1, 1]]]


def test_a_gate_with_weights_that_are_not_whole_is_refused_by_name():
    edge = Edge("input", "half", (Diagonal(np.full(3, 0.5)),))
    graph = Graph("gate", "input", (3,), (Layer("x", (3,), Gate(0.0), (edge,)),), "x", 1)
    assert "x: the weights of a gate must be whole numbers" in problems_of(graph, CHIP, SPIKES)[0]


def test_a_sum_of_spikes_is_kept_and_hands_on_its_unit(rng):
    graph = quantize(added(rng), CHIP, SPIKES, RELAY)
    total = graph.layer("sum")
    assert total.unit == 1.0
    assert all((e.weights.weight == 1).all() for e in total.edges)
    doubled = with_layer(with_layer(added(rng), "a", unit=2.0), "b", unit=2.0)
    doubled = quantize(doubled, CHIP, SPIKES, RELAY)
    assert doubled.layer("sum").unit == 2.0


def test_messages_of_a_weighted_sum_fit_eight_bits_and_its_readers_know_their_unit(rng):
    real = added(rng, weight=rng.normal(size=(6, 6)))
    graph = quantize(real, CHIP, SPIKES, RELAY)
    total = graph.layer("sum")
    frames = rng.integers(0, 2, (6, 20, 5))
    before = interpret(real, frames)
    after = interpret(graph, frames, {n: before.spikes[n] for n in "ab"})
    assert np.abs(after.spikes["sum"]).max() <= 127
    # each of 12 weights is off by at most half its step of 2 units
    assert (
        np.abs(after.spikes["sum"] * total.unit[0] - before.spikes["sum"]).max()
        <= 12 * total.unit[0]
    )
    reader = graph.layer("out")
    effective = reader.edges[0].weights.weight * reader.scale[:, None] / total.unit[0]
    assert np.allclose(effective, real.layer("out").edges[0].weights.weight, atol=0.02)


def test_more_message_bits_make_a_sum_more_exact(rng):
    real = added(rng, weight=rng.normal(size=(6, 6)))
    scales = [
        quantize(real, CHIP, SPIKES, replace(RELAY, layers={"sum": LayerChoice(message_bits=b)}))
        .layer("sum")
        .scale[0]
        for b in (8, 10)
    ]
    assert 3.8 < scales[0] / scales[1] < 4.4  # 511 / 127, and what rounding pushed over


def test_units_by_channel_reach_the_weights_that_read_them(rng):
    unit = np.array([1.0, 2.0, 0.5, 4.0])
    for stage, factor in [
        (
            Convolution(rng.normal(size=(4, 2, 1, 1)), groups=2),
            unit.reshape(2, 2)[[0, 0, 1, 1]][..., None, None],
        ),
        (Linear(rng.normal(size=(4, 16))), unit.repeat(4)),
        (Diagonal(rng.normal(size=4)), unit),
    ]:
        shape = (4,) if isinstance(stage, Linear) else (4, 2, 2)
        source = Layer(
            "a", (4, 2, 2), cuba(), (Edge("input", "i", (Diagonal(np.ones(4)),)),), unit=unit
        )
        reader = Layer("x", shape, cuba(), (Edge("a", "w", (stage,)),))
        graph = quantize(Graph("g", "input", (4, 2, 2), (source, reader), "x", 2), CHIP, SPIKES)
        x = graph.layer("x")
        wanted = stage.weight * factor
        column = x.scale.reshape(-1, *(1,) * (wanted.ndim - 1))
        assert np.abs(x.edges[0].weights.weight * column - wanted).max() <= x.scale.max()


def test_a_pool_of_sources_with_several_units_becomes_a_convolution():
    unit = np.array([1.0, 2.0])
    source = Layer(
        "a", (2, 2, 2), cuba(), (Edge("input", "i", (Diagonal(np.ones(2)),)),), unit=unit
    )
    pool = SumPool((2, 2), (2, 2), (0, 0), np.array([0.25]))
    reader = Layer("x", (2, 1, 1), cuba(), (Edge("a", "pool", (pool,)),))
    graph = quantize(Graph("g", "input", (2, 2, 2), (source, reader), "x", 2), CHIP, SPIKES)
    x = graph.layer("x")
    assert isinstance(x.edges[0].weights, Convolution)
    assert np.allclose(x.edges[0].weights.weight[:, 0, 0, 0] * x.scale, [0.25, 0.5], rtol=1e-2)


def test_sums_that_add_up_what_they_sent_are_refused_by_name():
    edges = (
        Edge("input", "w", (Diagonal(np.full(2, 0.7)),)),
        Edge("x", "x", (Diagonal(np.ones(2)),), 1),
    )
    layer = Layer("x", (2,), GradedRelay(0.0), edges)
    graph = Graph("loop", "input", (2,), (layer,), "x", 3)
    assert "x -> x: these sums add up" in problems_of(graph, CHIP, SPIKES)[0]
