"""Populations that only add messages up: kept as graded relays, or added by their readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod

from hwsim.chip import Chip
from hwsim.errors import raise_all
from hwsim.neurons import GradedRelay
from snnexport.graph import Diagonal, Edge, Graph, Layer, Weights
from snnexport.passes.compose import compose
from snnexport.passes.lower import synapse_of

RELAY, COPIES = "relay", "copies"


def resolve_sums(graph: Graph, chip: Chip, wanted: Mapping[str, str] | None = None) -> Graph:
    """Return folded ``graph`` with each sum as a graded relay, or as copies of the weights.

    ``conv(a + b)`` is one relay that sends ``a + b`` and one connection, or, as ``conv(a) +
    conv(b)``, the same weights twice. The way with fewer synapses is taken, and noted; a chip
    without graded relays has copies only.

    Parameters
    ----------
    wanted
        ``"relay"`` or ``"copies"`` for sums, by layer name, instead of the smaller.

    Raises
    ------
    CheckError
        Listing every sum whose readers cannot add up themselves, on a chip without relays or
        where copies are wanted.
    """
    notes, problems = {}, []
    relays = GradedRelay.__name__ in chip.registers
    for name in [p.name for p in graph.layers if p.is_sum and p.name != graph.output]:
        layer = graph.layer(name)  # as the sums before it left it
        copies = _copies(graph, layer)
        asked = (wanted or {}).get(layer.name)
        if copies is None and (asked == COPIES or not relays):
            why = "" if relays else f", and chip {chip.name} has no graded relay"
            problems.append(f"{layer.name}: what reads it cannot add up itself{why}")
            continue
        counts = {RELAY: _synapses(graph, [*layer.edges, *_readers(graph, layer.name)])}
        if copies is not None:
            counts[COPIES] = _synapses(graph, [c for copied in copies.values() for c in copied])
        possible = [way for way in counts if way == COPIES or relays]
        way = asked or min(possible, key=lambda way: counts[way])
        if way == COPIES and copies is not None:
            graph = _without(graph, layer, copies)
        notes[layer.name] = {"as": way, "synapses": counts}
    raise_all(
        f"{graph.name}: sums that cannot be lowered",
        problems,
        hint="use a chip with graded messages, or put a neuron where the sum is",
    )
    return graph.noted("sum", notes)


def _readers(graph: Graph, name: str) -> list[Edge]:
    return [edge for edge, _ in graph.edges() if edge.source == name]


def _copies(graph: Graph, layer: Layer) -> dict[Edge, list[Edge]] | None:
    """Return, for each edge that reads ``layer``, one from each of the sources it adds up.

    None if one of them would need more than one stage of weights.
    """
    found = {}
    for edge in _readers(graph, layer.name):
        found[edge] = []
        for first in layer.edges:
            stages = compose((*first.stages, *edge.stages), graph.shape_of(first.source))
            if sum(isinstance(s, Weights) for s in stages) > 1:
                return None
            whole = replace(edge, source=first.source, late=first.late + edge.late)
            found[edge].append(replace(whole, stages=tuple(stages)))
    return found


def _without(graph: Graph, gone: Layer, copies: Mapping[Edge, list[Edge]]) -> Graph:
    """Return ``graph`` without the layer ``gone``, its readers reading what it adds up."""
    layers = (
        replace(p, edges=tuple(c for e in p.edges for c in copies.get(e, [e])))
        for p in graph.layers
        if p is not gone
    )
    return replace(graph, layers=tuple(layers))


def _synapses(graph: Graph, edges: list[Edge]) -> int:
    """Return the number of synapses of ``edges``."""
    shapes = {graph.input: graph.input_shape} | {p.name: p.shape for p in graph.layers}
    total = 0
    for edge in edges:
        source, weights = shapes[edge.source], edge.weights
        one_to_one = isinstance(weights, Diagonal)
        total += (
            prod(source) if one_to_one else int(synapse_of(weights, source).fan_out(source).sum())
        )
    return total
