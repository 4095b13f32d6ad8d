"""Latency: when each layer answers, and what makes all paths into it equally long."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import networkx as nx
import numpy as np

from hwsim.arith import DECAY_UNITY, STATE_UNIT
from hwsim.chip import Chip
from hwsim.errors import UnsupportedError
from hwsim.neurons import Cuba, GradedRelay, messages
from snnexport.graph import Diagonal, Edge, Graph, Layer

RELAY = ".relay"
"""Joins the name of a population and the number of a relay of its messages."""
_START = "\0start"
"""A node in front of every layer, as answers cannot come before frames."""


def latencies(graph: Graph) -> dict[str, int]:
    """Return the smallest ``lat`` with ``lat(b) >= lat(a) + 1 - late`` on each edge a -> b.

    The input is at 0; a layer without a source answers as late as its readers allow.

    Raises
    ------
    UnsupportedError
        If messages take more steps around a cycle than they may come late, naming it.
    """
    times = nx.DiGraph()
    names = [graph.input, *(layer.name for layer in graph.layers)]
    times.add_edges_from(((_START, name) for name in names), weight=0)
    for edge, layer in graph.edges():
        known = times.get_edge_data(edge.source, layer.name, {"weight": edge.late})
        times.add_edge(edge.source, layer.name, weight=min(edge.late - 1, known["weight"]))
    try:
        shortest = nx.single_source_bellman_ford_path_length(times, _START)
    except nx.NetworkXUnbounded:
        raise _too_fast(graph, nx.find_negative_cycle(times, _START)) from None
    latency = {name: -int(shortest[name]) for name in names}
    for layer in graph.layers:
        readers = [latency[p.name] + e.late - 1 for e, p in graph.edges() if e.source == layer.name]
        if not layer.edges and readers:
            latency[layer.name] = min(readers)
    return latency


def _too_fast(graph: Graph, cycle: list[str]) -> UnsupportedError:
    steps = list(pairwise(cycle))
    late = sum(
        min(e.late for e, p in graph.edges() if (e.source, p.name) == ends) for ends in steps
    )
    return UnsupportedError(
        f"{graph.name}: messages need {len(steps)} steps around the cycle {' -> '.join(cycle)} "
        f"and may come {late} frames late",
        hint="every connection takes a step: let the feedback come later by as many frames",
    )


def align(graph: Graph, chip: Chip) -> Graph:
    """Return ``graph`` with relays on short paths, so that all into a layer are equally long.

    A relay sends on, one step later, what its source sends; the paths from one source share a
    chain. Messages with a payload need relays that carry it; on a chip without these the
    synapses wait (``Edge.wait``), as they do where a delay would outlive the sample in a relay,
    which no inhibition could silence.
    """
    latency = latencies(graph)
    carried = GradedRelay.__name__ in chip.registers
    chains: dict[str, list[Layer]] = {}
    layers = []
    for layer in graph.layers:
        edges = []
        for edge in layer.edges:
            missing = latency[layer.name] - latency[edge.source] - 1 + edge.late
            relayed = carried and not edge.delays[1]
            if missing and sends_payload(graph, edge.source) and not relayed:
                edges.append(replace(edge, wait=missing))
            else:
                edges.append(_rewired(graph, edge, missing, chains))
        layers.append(replace(layer, edges=tuple(edges)))
    relays = [relay for chain in chains.values() for relay in chain]
    return replace(graph, layers=(*layers, *relays))


def sends_payload(graph: Graph, name: str) -> bool:
    """Say whether a message of the input or layer called ``name`` may be other than 0 and 1."""
    if name == graph.input:
        return graph.low < 0 or graph.high > 1
    low, high = messages(graph.layer(name).neuron)
    return low < 0 or high > 1


def _rewired(graph: Graph, edge: Edge, missing: int, chains: dict[str, list[Layer]]) -> Edge:
    """Return ``edge`` starting ``missing`` relays later, growing its source's chain."""
    chain = chains.setdefault(edge.source, [])
    while len(chain) < missing:
        before = chain[-1].name if chain else edge.source
        chain.append(_relay(graph, edge.source, before, f"{edge.source}{RELAY}{len(chain) + 1}"))
    return replace(edge, source=chain[missing - 1].name) if missing else edge


def _relay(graph: Graph, origin: str, before: str, name: str) -> Layer:
    """Return a layer that sends what ``before`` sends, which is what ``origin`` sent."""
    shape = graph.shape_of(origin)
    ones = np.ones(shape[0], np.int64)
    if sends_payload(graph, origin):
        neuron, weight = GradedRelay(), ones
    else:  # 2 units clear a threshold of 1
        neuron, weight = Cuba.leaky(DECAY_UNITY - 1, threshold=STATE_UNIT), 2 * ones
    edge = Edge(before, name, (Diagonal(weight),))
    return Layer(name, shape, neuron, (edge,), scale=np.ones(shape[0]))
