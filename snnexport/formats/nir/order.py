"""The order in which nodes are computed, the same however a file orders them."""

from __future__ import annotations

import networkx as nx


def ordered(graph: nx.DiGraph, source: str, neurons: set[str]) -> tuple[list[str], list[list[str]]]:
    """Return the nodes, sources before readers, and every cycle that has no neuron.

    A cycle is cut at its neuron nearest to ``source``, by edges: that neuron comes first, and
    what feeds back into it after. Ties go by name.
    """
    distance = nx.single_source_shortest_path_length(graph, source)
    order: list[str] = []
    cycles: list[list[str]] = []
    pending = [graph]
    while pending:
        part = pending.pop()
        (first, *others) = sorted(part)
        if not others and (first in neurons or not part.has_edge(first, first)):
            order.append(first)
            continue
        whole = nx.condensation(part)
        members = whole.nodes(data="members")
        blocks = list(nx.lexicographical_topological_sort(whole, key=lambda n: min(members[n])))
        if len(blocks) > 1:
            pending += [graph.subgraph(members[block]) for block in reversed(blocks)]
            continue
        cuts = sorted(neurons.intersection(part))
        if not cuts:
            cycles.append(_cycle(part))
            continue
        first = min(cuts, key=lambda name: distance.get(name, len(graph)))
        order.append(first)
        pending.append(graph.subgraph(set(part) - {first}))
    return order, cycles


def _cycle(part: nx.DiGraph) -> list[str]:
    """Return the names along one cycle of ``part``, from its first by name."""
    return [source for source, _ in nx.find_cycle(part, min(part))]
