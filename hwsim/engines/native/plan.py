"""A Program made ready for the compiled engine: what flows where, in what order and lanes."""

from __future__ import annotations

from dataclasses import fields
from math import prod
from typing import Any

import networkx as nx
import numpy as np

from hwsim.activations import arriving, delivered, inside, messages, undelayed
from hwsim.arith import Range
from hwsim.engines.base import reads_voltage
from hwsim.engines.native import layout
from hwsim.engines.native.bounds import fits_32_bits
from hwsim.program import Connection, Population, Program, expand
from hwsim.synapses import Conv2d, Dense, Shape, Sparse, Synapse


def lay_out(native: Any, program: Program, variant: str) -> Any:
    """Return the ``Layout`` of the extension module ``native`` that runs ``program``.

    Its sources are the input, the blank line if there is one, and the populations in order.
    """
    found = native.Layout(variant)
    ids = {}
    for name in sources(program):
        place = layout.kept_position if name in lines(program) else layout.c_order
        shape = program.shape_of(name)
        payload = not inside(program.messages_of(name), (0, 1))
        ids[name] = found.source(prod(shape), payload, layout.places(place(shape)))
    index = {}
    for p in program.populations:
        wide = not fits_32_bits(p.neuron, arriving(program, p))
        kind = type(p.neuron).__name__
        index[p.name] = found.population(
            ids[p.name], kind, wide, len(p.neuron.STATE), _registers(p)
        )
        if program.period is not None:
            found.timing(index[p.name], p.latency, program.period, program.phase(p))
        else:
            found.timing(index[p.name], p.latency, 0, 0)
    for c in program.connections:
        for delay, part in undelayed(program, c):
            route = {"graded": c.graded, "delay": delay}
            _add(native, found, (index[c.target], ids[c.source]), route, part, _ends(program, c))
    output = program.population(program.output)
    voltage = list(output.neuron.STATE).index("v") if reads_voltage(program) else -1
    found.schedule(_components(program, index), index[program.output], voltage)
    return found


def lines(program: Program) -> list[str]:
    """Return the names of the input and of the blank line, if there is one."""
    return [program.input.name] + ([program.blank.name] if program.blank else [])


def sources(program: Program) -> list[str]:
    """Return the names of all that send messages."""
    return [*lines(program), *(p.name for p in program.populations)]


def _ends(program: Program, c: Connection) -> tuple[Shape, Shape, Range]:
    return program.shape_of(c.source), program.shape_of(c.target), messages(program, c)


def _add(
    native: Any,
    found: Any,
    ends: tuple[int, int],
    route: dict[str, Any],
    part: Synapse,
    shapes: tuple[Shape, Shape, Range],
) -> None:
    """Add one part of a connection; ``ends``: indices of target and source."""
    source, target, sent = shapes
    if isinstance(part, Conv2d):
        wraps = delivered(part, sent)[1]
        rows = layout.conv_rows(part, source)
        shape = part.output_shape(source)
        places = layout.places(layout.c_order(shape) if shape != target else np.arange(0))
        where = native.Route(*ends, **route, wraps=wraps or len(places) > 0)
        found.conv(where, rows.weight, rows.sizes, rows.y, rows.x, places)
    elif isinstance(part, Sparse):
        where = native.Route(*ends, **route, shift=part.exponent)
        found.sparse(where, *layout.sparse_rows(part, source, target))
    else:
        assert isinstance(part, Dense)
        where = native.Route(*ends, **route, shift=part.exponent)
        found.dense(where, layout.dense_rows(part, source, target))


def _registers(p: Population) -> list[np.ndarray]:
    """Return each register, int32: one value each if all are the same everywhere, else (n,)."""
    values = [expand(getattr(p.neuron, f.name), p.shape).astype(np.int32) for f in fields(p.neuron)]
    if all(v.min() == v.max() for v in values):
        return [v.ravel()[:1] for v in values]
    order = layout.c_order(p.shape)
    return [np.broadcast_to(v, p.shape).ravel()[order] for v in values]


def _components(program: Program, index: dict[str, int]) -> list[list[int]]:
    """Return the populations in the order of flow, those of a cycle together."""
    graph = nx.DiGraph()
    graph.add_nodes_from(index.values())
    graph.add_edges_from(
        (index[c.source], index[c.target]) for c in program.connections if c.source in index
    )
    flow = nx.condensation(graph)
    return [sorted(flow.nodes[n]["members"]) for n in nx.topological_sort(flow)]
