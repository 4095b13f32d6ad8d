"""Turns a graph of NIR into a flat one, in order, with the shape of everything that flows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import networkx as nx

from hwsim.errors import raise_all
from snnexport.formats.nir.inline import Inlined, inlined, network, without_inner_ports
from snnexport.formats.nir.nodes import KINDS, Node, Subgraph
from snnexport.formats.nir.order import ordered
from snnexport.formats.nir.repair import repair_of
from snnexport.formats.nir.shapes import Shape, given, misfit, taken

_EDGES_HINT = "correct the nodes and edges in the network that was exported"
_SHAPES_HINT = "correct the shapes where the network was exported"
_REPAIR_HINT = (
    f"{_SHAPES_HINT}; --repair (repair=True) fills in what has "
    "only one reading: scalars, input_shape, a leading axis of 1, Flatten from 1, double edges"
)


@dataclass(frozen=True, eq=False)
class Flat:
    """A graph without subgraphs: one Input, one Output, and nothing that leads nowhere.

    ``shapes``: what leaves each node, without batch and time. ``order``: sources before
    readers, each cycle cut at a neuron. ``repaired``: what was filled in, a line each.
    """

    nodes: Mapping[str, Node]
    edges: tuple[tuple[str, str], ...]
    input: str
    output: str
    shapes: Mapping[str, Shape]
    order: tuple[str, ...]
    repaired: tuple[str, ...]


def flattened(graph: Subgraph, where: str, *, repair: bool = False) -> Flat:
    """Return ``graph`` with its subgraphs inlined and its shapes inferred; ``where``: its file.

    A node of a subgraph is called ``subgraph.node``. ``repair`` fills in what exporters leave
    out, where there is only one reading.

    Raises
    ------
    CheckError
        Listing every problem of the edges, or else every problem of the shapes.
    """
    flat = inlined(graph, repair=repair)
    raise_all(where, flat.problems, hint=_EDGES_HINT)
    joined = network(flat)
    neurons = {name for name, node in flat.nodes.items() if KINDS[node.kind].is_neuron}
    order, cycles = ordered(joined, flat.ports[""][0], neurons)
    flat.problems += [
        f"{' -> '.join([*cycle, cycle[0]])}: a cycle without a neuron" for cycle in cycles
    ]
    edges, twice = without_inner_ports(joined, flat)
    raise_all(where, flat.problems + twice, hint=_EDGES_HINT)
    sized = _sized(flat, joined, repair=repair)
    raise_all(where, sized.problems, hint=_SHAPES_HINT if repair else _REPAIR_HINT)
    kept = set().union(*edges)
    return Flat(
        {name: sized.nodes[name] for name in order if name in kept},
        tuple(edges),
        *flat.ports[""],
        {name: sized.shapes[name] for name in order if name in kept},
        tuple(name for name in order if name in kept),
        tuple(flat.repaired + sized.repaired),
    )


@dataclass(frozen=True, eq=False)
class _Sized:
    """Nodes made whole, what leaves and what enters each, and what was found on the way."""

    nodes: dict[str, Node]
    shapes: dict[str, Shape]
    entering: dict[str, Shape]
    problems: list[str]
    repaired: list[str]


def _sized(flat: Inlined, joined: nx.DiGraph, *, repair: bool) -> _Sized:
    """Return the graph with shapes; ``repair`` also tries an Input without its leading 1."""
    source = flat.ports[""][0]
    sized = _walked(flat.nodes, joined, source, repair=repair)
    node, shape = flat.nodes[source], flat.nodes[source].fields["shape"]
    if not (repair and sized.problems and shape[:1] == (1,)):
        return sized
    nodes = {**flat.nodes, source: replace(node, fields={**node.fields, "shape": shape[1:]})}
    again = _walked(nodes, joined, source, repair=repair)
    if again.problems:
        return sized
    done = f"{source}: shape {shape} taken as {shape[1:]}, without its first axis"
    return replace(again, repaired=[done, *again.repaired])


def _walked(nodes: Mapping[str, Node], joined: nx.DiGraph, source: str, *, repair: bool) -> _Sized:
    """Infer shapes outward from ``source``; an edge that does not fit is a problem, and goes on.

    In this order something has arrived at every node, even where a cycle is entered.
    """
    sized = _Sized(dict(nodes), {}, {}, [], [])
    for name in [source, *(reader for _, reader in nx.bfs_edges(joined, source))]:
        arriving = [sized.shapes[s] for s in sorted(joined.pred[name]) if s in sized.shapes]
        entering = arriving[0] if arriving else taken(nodes[name])
        if entering is not None:
            _enter(sized, name, entering, [nodes[reader] for reader in joined.succ[name]], repair)
    for sender, reader in sorted(joined.edges):
        arrives, wanted = sized.shapes.get(sender), sized.entering.get(reader)
        if arrives is not None and wanted is not None and arrives != wanted:
            said = misfit(sized.nodes[reader], wanted, arrives)
            sized.problems.append(f"{sender} -> {reader}: {said}")
    return sized


def _enter(sized: _Sized, name: str, arriving: Shape, readers: list[Node], repair: bool) -> None:
    """Make the node ``name`` whole where ``arriving`` comes, and note what leaves it."""
    made = repair_of(sized.nodes[name], arriving, readers)
    if made:
        sized.nodes[name] = made.node
        if repair:
            sized.repaired.append(f"{name}: {made.done}")
        else:
            sized.problems.append(f"{name}: {made.problem} (--repair)")
    node = sized.nodes[name]
    own = taken(node)
    sized.entering[name] = arriving if own is None else own
    try:
        sized.shapes[name] = given(node, sized.entering[name])
    except ValueError as error:
        sized.problems.append(f"{name}: {node.kind} {error}")
