"""resolve_sums(): a sum of spikes as a graded relay, or added by what reads it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hand_graphs import added, cuba, with_layer
from networks import network_of

from hwsim import load_chip
from hwsim.errors import CheckError
from hwsim.neurons import GradedRelay
from snnexport import Calibration, capture, fold, lower, quantize
from snnexport.graph import Convolution, Diagonal, Edge, Graph, Late, Layer, Linear
from snnexport.interpret import interpret
from snnexport.passes.sums import COPIES, RELAY, resolve_sums

LOIHI1, LOIHI2 = load_chip("loihi1"), load_chip("loihi2")


def same_spikes(graph, resolved, x):
    """Both graphs answer alike in every layer that both have."""
    before, after = interpret(graph, x).spikes, interpret(resolved, x).spikes
    return all((before[p.name] == after[p.name]).all() for p in resolved.layers)


@pytest.mark.parametrize("way", [RELAY, COPIES])
def test_a_sum_computes_the_same_either_way(rng, way):
    graph = added(rng)
    resolved = resolve_sums(graph, LOIHI2, {"sum": way})
    assert ("sum" in [p.name for p in resolved.layers]) == (way == RELAY)
    assert same_spikes(graph, resolved, rng.integers(0, 5, (6, 7, 5)))
    assert resolved.notes["sum"]["sum"]["as"] == way


@pytest.mark.parametrize("way", [RELAY, COPIES])
def test_an_addend_that_comes_late_comes_late_either_way(rng, way):
    graph = added(rng)
    first, second = graph.layer("sum").edges
    graph = with_layer(graph, "sum", edges=(first, replace(second, late=2)))
    resolved = resolve_sums(graph, LOIHI2, {"sum": way})
    assert same_spikes(graph, resolved, rng.integers(0, 5, (6, 7, 5)))


def test_the_way_with_fewer_synapses_is_taken_and_both_counts_are_noted(rng):
    graph = added(rng)
    note = resolve_sums(graph, LOIHI2).notes["sum"]["sum"]
    assert note == {"as": RELAY, "synapses": {RELAY: 6 + 6 + 24, COPIES: 24 + 24}}
    narrow = Edge("sum", "fc", (Linear(rng.normal(size=(1, 6))),))
    out = replace(graph.layer("out"), shape=(1,), edges=(narrow,))
    graph = replace(graph, layers=(*graph.layers[:-1], out))
    note = resolve_sums(graph, LOIHI2).notes["sum"]["sum"]
    assert note == {"as": COPIES, "synapses": {RELAY: 6 + 6 + 6, COPIES: 6 + 6}}


def test_synapses_of_convolutions_are_counted_exactly_at_borders(rng):
    kernel = Convolution(rng.normal(size=(2, 1, 3, 3)), padding=(1, 1))
    ones = (Diagonal(np.ones(1)),)
    layers = (
        Layer("a", (1, 4, 4), cuba(), (Edge("input", "a", ones),)),
        Layer("sum", (1, 4, 4), GradedRelay(0.0), (Edge("a", "s", ones), Edge("input", "s", ones))),
        Layer("out", (2, 4, 4), cuba(), (Edge("sum", "conv", (kernel,)),)),
    )
    graph = Graph("planes", "input", (1, 4, 4), layers, "out", 3)
    synapses = 2 * (4 * 4 + 8 * 6 + 4 * 9)
    note = resolve_sums(graph, LOIHI2).notes["sum"]["sum"]
    assert note["synapses"] == {RELAY: 16 + 16 + synapses, COPIES: 2 * synapses}


def test_a_chip_without_relays_has_copies_only(rng):
    resolved = resolve_sums(added(rng), LOIHI1)
    assert [p.name for p in resolved.layers] == ["a", "b", "out"]


def test_delays_and_signs_of_addends_and_readers_survive_copies(rng):
    graph = added(rng)
    late = Late(rng.integers(0, 3, 6))
    into = (Edge("a", "a", (late, Diagonal(-np.ones(6)))), Edge("b", "b", (Diagonal(np.ones(6)),)))
    reader = Edge("sum", "fc", (Linear(rng.normal(size=(4, 6))), Late(np.array([0, 2, 0, 1]))))
    layers = (
        *graph.layers[:2],
        replace(graph.layer("sum"), edges=into),
        replace(graph.layer("out"), edges=(reader,)),
    )
    graph = replace(graph, layers=layers)
    resolved = resolve_sums(graph, LOIHI1)
    assert [p.name for p in resolved.layers] == ["a", "b", "out"]
    assert same_spikes(graph, resolved, rng.integers(0, 5, (6, 7, 5)))


def test_a_sum_of_sums_becomes_a_copy_for_every_addend():
    module, frames = network_of("sew-add")
    graph = fold(capture(module, frames))
    resolved = resolve_sums(graph, LOIHI1)
    assert {e.source for e in resolved.layer("out").edges} == {"stem.2", "block1.1", "block2.1"}
    assert same_spikes(graph, resolved, frames.numpy())


def test_every_sum_that_its_readers_cannot_add_up_is_named(rng):
    graph = added(rng)
    mixed = (Linear(rng.normal(size=(6, 6))), Late(np.arange(6)))
    edges = tuple(Edge(n, f"add.{n}", mixed) for n in "ab")
    graph = replace(
        graph, layers=tuple(replace(p, edges=edges) if p.is_sum else p for p in graph.layers)
    )
    with pytest.raises(
        CheckError, match="sum: what reads it cannot add up itself, and chip loihi1"
    ):
        resolve_sums(graph, LOIHI1)
    with pytest.raises(CheckError, match="sum: what") as caught:
        resolve_sums(graph, LOIHI2, {"sum": COPIES})
    assert caught.value.problems == ("sum: what reads it cannot add up itself",)
    assert resolve_sums(graph, LOIHI2).notes["sum"]["sum"]["as"] == RELAY


def test_a_sum_that_is_the_output_stays(rng):
    graph = replace(added(rng), output="sum")
    assert "sum" in [p.name for p in resolve_sums(graph, LOIHI2).layers]


@pytest.mark.parametrize("chip", [LOIHI1, LOIHI2])
def test_stacked_sums_give_programs_for_either_chip(chip):
    module, frames = network_of("sew-add")
    program = lower(quantize(fold(capture(module, frames)), chip, Calibration(0, 16)), chip)
    relays = [p for p in program.populations if isinstance(p.neuron, GradedRelay)]
    assert bool(relays) == (chip is LOIHI2)
