"""Turns nested graphs of NIR into one, with every problem of their edges found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import networkx as nx

from snnexport.formats.nir.nodes import Node, Subgraph

PORTS = ("Input", "Output")


@dataclass
class Inlined:
    """One graph without subgraphs; their Input and Output nodes are still in it.

    ``ports``: the first Input and Output of each graph by its name, "" for the whole.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    ports: dict[str, tuple[str, str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)


def inlined(graph: Subgraph, *, repair: bool) -> Inlined:
    """Return ``graph`` with every subgraph's nodes in it, as ``subgraph.node``.

    ``repair``: take an edge that is there twice as one.
    """
    flat = Inlined()
    _inline(graph, "", flat)
    for (source, reader), times in Counter(flat.edges).items():
        if times > 1:
            said = f"{source} -> {reader}: the edge is there {times} times"
            (flat.repaired if repair else flat.problems).append(
                f"{said}: taken once" if repair else f"{said}, once is meant (--repair)"
            )
    flat.edges = sorted(set(flat.edges))
    return flat


def _inline(graph: Subgraph, name: str, flat: Inlined) -> None:
    """Add the nodes and edges of ``graph``, called ``name``, and of the graphs in it."""
    inside = f"{name}." if name else ""
    flat.ports[name] = (_port(graph, name, "Input", flat), _port(graph, name, "Output", flat))
    for key, node in graph.nodes.items():
        full = f"{inside}{key}"
        if full in flat.nodes or full in flat.ports:
            flat.problems.append(f"{full}: two nodes have this name, dots of subgraphs included")
        elif isinstance(node, Subgraph):
            _inline(node, full, flat)
        else:
            flat.nodes[full] = node
    for source, reader in graph.edges:
        unknown = [end for end in (source, reader) if end not in graph.nodes]
        for end in unknown:
            known = f"{name or 'the graph'} has {', '.join(sorted(graph.nodes))}"
            flat.problems.append(
                f"{inside}{source} -> {inside}{reader}: dangling edge, no node {end!r}; {known}"
            )
        if not unknown:
            whole = f"{inside}{source}", f"{inside}{reader}"
            into, out = (flat.ports.get(end, (end, end)) for end in whole[::-1])
            flat.edges.append((out[1], into[0]))


def _port(graph: Subgraph, name: str, kind: str, flat: Inlined) -> str:
    """Return the full name of the one node of ``kind`` in ``graph``; "" if there is none."""
    names = sorted(
        key for key, node in graph.nodes.items() if isinstance(node, Node) and node.kind == kind
    )
    where, inside = name or "the graph", f"{name}." if name else ""
    if not names:
        flat.problems.append(f"{where}: has no {kind} node; add one with its shape")
        return ""
    if len(names) > 1:
        flat.problems.append(
            f"{where}: has {len(names)} {kind} nodes ({', '.join(names)}); one is supported, "
            "as an edge cannot say which is meant"
        )
    return f"{inside}{names[0]}"


def network(flat: Inlined) -> nx.DiGraph:
    """Return the nodes and edges of ``flat``; add nodes that nothing uses to its problems."""
    graph = nx.DiGraph()
    graph.add_nodes_from(sorted(flat.nodes))
    graph.add_edges_from(flat.edges)
    source, sink = flat.ports[""]
    reached = {source} | nx.descendants(graph, source)
    used = {sink} | nx.ancestors(graph, sink)
    for name in graph:
        if name not in reached:
            flat.problems.append(f"{name}: nothing leads to it from the input; remove it")
        if name not in used:
            flat.problems.append(f"{name}: nothing leads from it to the output; remove it")
    flat.problems += [f"{source}: an edge leads into the input" for _ in graph.pred[source]]
    flat.problems += [f"{sink}: an edge leaves the output" for _ in graph.succ[sink]]
    return graph


def without_inner_ports(
    graph: nx.DiGraph, flat: Inlined
) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the edges without the subgraphs' ends, and a line for each that is there twice."""
    edges = nx.MultiDiGraph(graph)
    for name, node in flat.nodes.items():
        if node.kind in PORTS and name not in flat.ports[""]:
            ends = [(s, r) for s, _ in edges.in_edges(name) for _, r in edges.out_edges(name)]
            edges.remove_node(name)
            edges.add_edges_from(ends)
    times = Counter((source, reader) for source, reader in edges.edges())
    twice = [f"{s} -> {r}: {n} ways lead there" for (s, r), n in times.items() if n > 1]
    return sorted(times), twice
