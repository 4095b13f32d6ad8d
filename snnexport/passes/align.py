"""Latency: when each layer answers, and the relays that make all paths into it equally long."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np

from hwsim.arith import DECAY_UNITY, STATE_UNIT
from hwsim.errors import UnsupportedError
from hwsim.neurons import Cuba
from snnexport.graph import Convolution, Edge, Graph, Layer, Linear, Weights


def latencies(graph: Graph) -> dict[str, int]:
    """Return ``lat(b) = max(lat(a) + 1)`` over the edges a -> b, the input at 0.

    Raises
    ------
    UnsupportedError
        If the graph has a cycle, naming it.
    """
    order = nx.DiGraph((edge.source, layer.name) for edge, layer in graph.edges())
    if not nx.is_directed_acyclic_graph(order):
        cycle = " -> ".join(a for a, _ in nx.find_cycle(order))
        raise UnsupportedError(
            f"{graph.name}: recurrent connections are not supported: {cycle}",
            hint="remove the feedback",
        )
    latency = {graph.input: 0}
    for name in nx.topological_sort(order):
        before = [latency[n] for n in order.predecessors(name)]
        latency[name] = 1 + max(before) if before else 0
    return latency


def align(graph: Graph) -> Graph:
    """Return ``graph`` with relay layers on short paths, so that every edge spans one step.

    A relay fires one step after its source fires. The paths from one source share a chain.

    Raises
    ------
    UnsupportedError
        If a short path starts at a graded input, which a relay of spikes cannot carry.
    """
    latency = latencies(graph)
    chains: dict[str, list[Layer]] = {}
    layers = []
    for layer in graph.layers:
        edges = []
        for edge in layer.edges:
            missing = latency[layer.name] - latency[edge.source] - 1
            edges.append(_rewire(graph, edge, missing, chains))
        layers.append(replace(layer, edges=tuple(edges)))
    relays = [relay for chain in chains.values() for relay in chain]
    if not relays:
        return graph
    aligned = replace(graph, layers=(*layers, *relays))
    order = latencies(aligned)
    return replace(aligned, layers=tuple(sorted(aligned.layers, key=lambda p: order[p.name])))


def _rewire(graph: Graph, edge: Edge, missing: int, chains: dict[str, list[Layer]]) -> Edge:
    """Return ``edge`` starting ``missing`` relays later, growing its source's chain."""
    if missing == 0:
        return edge
    if edge.source == graph.input and (graph.low < 0 or graph.high > 1):
        raise UnsupportedError(
            f"{edge.module}: a short path from the graded input {edge.source} cannot be delayed",
            hint="start skip connections at a layer of neurons",
        )
    chain = chains.setdefault(edge.source, [])
    shape = graph.shape_of(edge.source)
    while len(chain) < missing:
        before = chain[-1].name if chain else edge.source
        name = f"{edge.source}.relay{len(chain) + 1}"
        identity = Edge(before, name, _identity(shape))
        neuron = Cuba.leaky(DECAY_UNITY - 1, threshold=STATE_UNIT)
        chain.append(Layer(name, shape, neuron, (identity,), scale=np.ones(shape[0])))
    return replace(edge, source=chain[missing - 1].name)


def _identity(shape: tuple[int, ...]) -> Weights:
    """Return weights of 2 that pass every spike on (2 units clear a threshold of 1)."""
    if len(shape) == 3:
        return Convolution(np.full((shape[0], 1, 1, 1), 2, np.int64), groups=shape[0])
    return Linear(2 * np.eye(shape[0], dtype=np.int64))
