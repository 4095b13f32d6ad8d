"""lower(): integers with a timing; each population answers as its layer does, only later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hand_graphs import cuba, single
from networks import Residual, trained
from streams import differences
from torch import nn

from hwsim import load_chip
from hwsim.arith import STATE_LIMIT
from hwsim.chip import check
from hwsim.errors import CheckError, SpikeportError, UnsupportedError
from hwsim.neurons import Cuba, GradedRelay
from hwsim.synapses import Conv2d, Dense, Sparse, SumPool2d
from snnexport import Calibration, capture, fold, lower, quantize
from snnexport.graph import Convolution, Diagonal, Edge, Flatten, Graph, Late, Layer, Linear
from snntrain.layers import Spiking

LOIHI1, LOIHI2 = load_chip("loihi1"), load_chip("loihi2")
ENGINES = ["reference", "native"]


def integer(rng, name, *edges, n=4, **registers):
    """A layer of n neurons that fire now and then, with edges (source, width, late, *stages)."""
    values = {"decay_u": 3000, "decay_v": 500, "threshold": 64 * 120, "bias": 640, **registers}
    paths = tuple(
        Edge(
            source,
            f"{source} to {name}",
            (*stages, Linear(2 * rng.integers(-60, 90, (n, width)))),
            late,
        )
        for source, width, late, *stages in edges
    )
    return Layer(name, (n,), Cuba(**values), paths, scale=np.ones(n))


def graph_of(*layers, high=1, steps=6):
    return Graph("hand", "input", (5,), layers, layers[-1].name, steps, high=high)


def input_for(rng, graph, samples=4):
    return rng.integers(0, graph.high + 1, (graph.steps, samples, *graph.input_shape))


def loop(rng, late, *stages):
    """input -> a -> b -> a: the feedback comes ``late`` frames after what b sends."""
    a = integer(rng, "a", ("input", 5, 0), ("b", 3, late, *stages))
    return graph_of(a, integer(rng, "b", ("a", 4, 0), n=3))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("late", [2, 3, 5])
def test_feedback_over_two_populations_answers_like_its_layers(rng, late, engine):
    graph = loop(rng, late)
    program = lower(graph, LOIHI2)
    assert program.gap == late
    assert differences(graph, program, input_for(rng, graph), engine) == {}


@pytest.mark.parametrize("engine", ENGINES)
def test_delays_inside_a_cycle_answer_like_their_layers(rng, engine):
    graph = loop(rng, 2, Late(np.array([0, 3, 1])))
    program = lower(graph, LOIHI2)
    assert program.gap == 5
    assert differences(graph, program, input_for(rng, graph), engine) == {}


def test_feedback_faster_than_its_cycle_is_refused_by_name(rng):
    with pytest.raises(UnsupportedError, match="hand: messages need 2 steps around the cycle"):
        lower(loop(rng, 1), LOIHI2)


@pytest.mark.parametrize("chip", [LOIHI1, LOIHI2])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_short_path_of_graded_input_comes_in_time_on_either_chip(rng, chip, engine):
    a = integer(rng, "a", ("input", 5, 0))
    b = integer(rng, "b", ("a", 4, 0), n=3)
    c = integer(rng, "c", ("b", 3, 0), ("input", 5, 0), ("input", 5, 0, Late(np.arange(5))))
    graph = graph_of(a, b, c, high=3)
    program = lower(graph, chip)
    assert differences(graph, program, input_for(rng, graph), engine) == {}
    relays = [p.name for p in program.populations if isinstance(p.neuron, GradedRelay)]
    assert relays == ([] if chip is LOIHI1 else ["input.relay1", "input.relay2"])


@pytest.mark.parametrize(
    "stage",
    [Convolution(2 * np.ones((2, 2, 3, 3), int), (2, 1), (1, 1)), Diagonal(np.array([4, -6]))],
)
def test_any_weights_can_wait(rng, stage):
    shape = (2, 5, 5)
    after = stage.output_shape(shape)
    neuron = Cuba(4096, 0, 640)
    a = Layer("a", after, neuron, (Edge("input", "first", (stage,)),), scale=np.ones(2))
    ends = (Edge("a", "second", (Diagonal(np.array([20, 8])),)), Edge("input", "short", (stage,)))
    b = Layer("b", after, neuron, ends, scale=np.ones(2))
    graph = Graph("hand", "input", shape, (a, b), "b", 5, high=7)
    program = lower(graph, LOIHI1)
    assert differences(graph, program, input_for(rng, graph), "reference") == {}
    kinds = {c.source: type(c.synapse) for c in program.into("b")}
    assert kinds == {"a": Conv2d, "input": Sparse}


def test_delays_of_senders_receivers_and_flattened_neurons_add_up(rng):
    shape = (2, 3, 2)
    stages = [Flatten(), Late(np.arange(12)), Linear(2 * rng.integers(1, 90, (4, 12)))]
    edge = Edge("input", "w", (*stages, Late(np.array([0, 5, 1, 2]))))
    layer = Layer("a", (4,), Cuba(4096, 300, 64 * 90), (edge,), scale=np.ones(4))
    graph = Graph("hand", "input", shape, (layer,), "a", 20)
    (connection,) = lower(graph, LOIHI2).connections
    assert isinstance(connection.synapse, Dense)
    assert (connection.synapse.delay == np.arange(12) + np.array([[0], [5], [1], [2]])).all()
    assert differences(graph, lower(graph, LOIHI2), input_for(rng, graph), "reference") == {}


def test_delays_of_sending_and_receiving_planes_add_up_to_those_of_single_synapses(rng):
    mixing = Convolution(2 * rng.integers(1, 90, (3, 2, 3, 3)))
    stages = (Late(np.array([0, 4])), mixing, Late(np.array([2, 0, 1])))
    neuron = Cuba(4096, 300, 64 * 400)
    layer = Layer("a", (3, 3, 3), neuron, (Edge("input", "w", stages),), scale=np.ones(3))
    graph = Graph("hand", "input", (2, 5, 5), (layer,), "a", 12)
    program = lower(graph, LOIHI2)
    (connection,) = program.connections
    assert set(connection.synapse.delay) == {0, 1, 2, 4, 5, 6}
    assert differences(graph, program, input_for(rng, graph), "reference") == {}


def test_delays_longer_than_a_synapse_holds_are_refused_by_name(rng):
    a = integer(rng, "a", ("input", 5, 0, Late(np.array([40, 0, 0, 0, 0])), Late(np.full(5, 30))))
    with pytest.raises(SpikeportError, match="70"):
        lower(graph_of(a), LOIHI2)


def test_a_population_that_always_fires_brings_its_constant_in_every_frame(rng):
    line = Layer("a.bias", (1,), Cuba(4096, 4095, 0, 64), (), scale=np.ones(1))
    a = integer(rng, "a", ("input", 5, 0), ("a.bias", 1, 0))
    graph = graph_of(line, a, integer(rng, "b", ("a", 4, 0), ("a.bias", 1, 0)))
    program = lower(graph, LOIHI2)
    assert program.population("a.bias").latency == 0
    assert differences(graph, program, input_for(rng, graph), "reference") == {}


def test_parallel_connections_are_told_apart_by_module_and_number(rng):
    a = integer(rng, "a", *[("input", 5, 0)] * 3)
    edges = [replace(e, module=m) for e, m in zip(a.edges, ["w", "w", "skip"], strict=True)]
    program = lower(graph_of(replace(a, edges=tuple(edges))), LOIHI2)
    names = {c.name for c in program.connections}
    assert {"input->a#w", "input->a#w.2"} <= names
    assert len(names) == len(program.connections)


def test_a_module_named_like_a_numbered_copy_keeps_its_connection(rng):
    a = integer(rng, "a", *[("input", 5, 0)] * 3)
    edges = [replace(e, module=m) for e, m in zip(a.edges, ["w", "w", "w.2"], strict=True)]
    program = lower(graph_of(replace(a, edges=tuple(edges))), LOIHI2)
    assert len({c.name for c in program.connections}) == 3


def test_every_population_is_set_to_rest_one_step_after_its_latency(rng):
    program = lower(loop(rng, 3), LOIHI2)
    assert program.period == 6 + program.gap
    for p in program.populations:
        assert program.phase(p) == (1 + p.latency) % program.period


def test_reset_phases_of_a_residual_network_follow_its_latencies():
    torch.manual_seed(0)
    frames = torch.randint(0, 17, (5, 6, 1, 8, 8)).double()
    graph = quantize(fold(capture(trained(Residual(), frames), frames)), LOIHI1, Calibration(0, 16))
    program = lower(graph, LOIHI1)
    phases = {p.name: program.phase(p) for p in program.populations}
    assert phases == {"spike1": 2, "body.1": 3, "spike1.relay1": 3, "spike2": 4, "out": 0}
    x = frames.numpy().astype(int)
    assert differences(graph, program, x, "reference") == {}


def test_a_pool_that_feeds_neurons_becomes_a_sum_pool():
    torch.manual_seed(0)
    frames = torch.randint(0, 17, (5, 6, 1, 8, 8)).double()
    conv = [nn.Conv2d(1, 3, 3, bias=False), Spiking(3)]
    module = trained(nn.Sequential(*conv, nn.AvgPool2d(2), Spiking(3, norm=False)), frames)
    graph = quantize(fold(capture(module, frames)), LOIHI2, Calibration(0, 16))
    program = lower(graph, LOIHI2)
    assert [type(c.synapse) for c in program.connections] == [Conv2d, SumPool2d]
    assert differences(graph, program, frames.numpy().astype(int), "reference") == {}


def test_how_the_input_was_coded_is_kept_with_the_program(rng):
    graph = replace(loop(rng, 2), step=0.25)
    assert lower(graph, LOIHI2, {"seed": "3"}).metadata == {"seed": "3", "input.step": "0.25"}
    assert lower(replace(graph, step=1.0), LOIHI2).metadata == {}


def test_everything_the_chip_cannot_hold_is_listed_at_once(rng):
    a = integer(rng, "a", ("input", 5, 0), bias=4097)
    wide = a.edges[0].with_weights(Linear(np.full((4, 5), 601)))
    with pytest.raises(CheckError) as caught:
        lower(graph_of(replace(a, edges=(wide,))), LOIHI1)
    found = "\n".join(caught.value.problems)
    assert "a: bias = 4097" in found
    assert "input->a: weight = 601" in found


def test_a_high_input_forces_a_coarser_scale_instead_of_a_wrap():
    graph = single(np.ones((1, 50)), cuba(decay_u=0.05, threshold=90.0), steps=4)
    fine, coarse = (quantize(graph, LOIHI1, Calibration(0, high)) for high in (1, 255))
    assert coarse.step * coarse.layer("x").scale[0] >= fine.layer("x").scale[0]
    note = coarse.notes["x"]["quantized"]
    assert note["largest_current"] < STATE_LIMIT
    assert check(lower(coarse, LOIHI1), LOIHI1) == []
