"""How large the sums that arrive at a neuron can become: bounds over all messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hwsim.arith import STATE_LIMIT, WORD, Range
from hwsim.neurons import GradedRelay
from hwsim.program import Connection, Population, Program
from hwsim.synapses import Conv2d, Dense, Shape, Sparse, SumPool2d, Synapse

_WRAPPED_24: Range = (-STATE_LIMIT, STATE_LIMIT - 1)


def inside(inner: Range, outer: Range) -> bool:
    """Say whether ``inner`` lies in ``outer``."""
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def arriving(
    program: Program, population: Population, connections: Sequence[Connection] | None = None
) -> Range:
    """Return bounds of the activation of a neuron in one step, in units of weight.

    ``connections``: what to count, by default all that lead into ``population``.
    """
    counted = program.into(population.name) if connections is None else connections
    return _arriving(program, counted, _relayed(program, {c.source for c in counted}))


def _arriving(
    program: Program, connections: Sequence[Connection], relayed: Mapping[str, Range]
) -> Range:
    """Return bounds of what ``connections`` bring; ``relayed``: what the relays among them send."""
    low = high = 0
    for c in connections:
        heard = relayed.get(c.source, program.messages_of(c.source)) if c.graded else (0, 1)
        for _, part in undelayed(program, c):
            (least, most), _ = delivered(part, heard)
            low, high = low + least, high + most
    return (low, high) if inside((low, high), WORD) else WORD


def _relayed(program: Program, names: set[str]) -> dict[str, Range]:
    """Return the range of what relays among ``names`` send: what those before them let arrive.

    A relay that hears itself, also through others, may send anything.
    """
    relays = {p.name for p in program.populations if type(p.neuron) is GradedRelay}
    if not relays & names:
        return {}
    import networkx as nx  # here, for it takes as long to load as a short run

    graph = nx.DiGraph()
    graph.add_nodes_from(relays)
    ends = ((c.source, c.target) for c in program.connections if c.graded)
    graph.add_edges_from(end for end in ends if relays.issuperset(end))
    before = set().union(*(nx.ancestors(graph, name) | {name} for name in relays & names))
    known: dict[str, Range] = {}
    groups = nx.condensation(graph.subgraph(before))
    for group in nx.topological_sort(groups):
        for name in groups.nodes[group]["members"]:
            loops = len(groups.nodes[group]["members"]) > 1 or graph.has_edge(name, name)
            into = program.into(name)
            known[name] = program.messages_of(name) if loops else _arriving(program, into, known)
    return known


def wrapping(program: Program) -> list[str]:
    """Name the connections whose sums could leave their register, were all the worst to arrive.

    A convolution's sums wrap to 24 bits, others to 32, before they reach a neuron; the engines
    do not count that.
    """
    return [
        c.name
        for c in program.connections
        if any(_overflows(part, messages(program, c)) for _, part in undelayed(program, c))
    ]


def _overflows(synapse: Synapse, sent: Range) -> bool:
    total, wraps = delivered(synapse, sent)
    return wraps or (not isinstance(synapse, Conv2d) and total == WORD)


def undelayed(program: Program, c: Connection) -> list[tuple[int, Synapse]]:
    """Return (delay, synapse without delays) of ``c``, poolings as convolutions."""
    source = program.shape_of(c.source)
    return [(delay, as_conv(part, source)) for delay, part in c.synapse.parts()]


def messages(program: Program, c: Connection) -> Range:
    """Return the range of what ``c`` multiplies its weights with."""
    if not c.graded:
        return 0, 1
    return _relayed(program, {c.source}).get(c.source, program.messages_of(c.source))


def as_conv(synapse: Synapse, source: Shape) -> Synapse:
    """Return the convolution that a pooling is, anything else as it is."""
    return synapse.as_conv(source[0]) if isinstance(synapse, SumPool2d) else synapse


def delivered(synapse: Synapse, sent: Range) -> tuple[Range, bool]:
    """Return the least and largest sum of ``synapse``, and whether a convolution's can wrap."""
    total = sums(synapse, sent)
    if isinstance(synapse, Conv2d):
        wraps = not inside(total, _WRAPPED_24)
        return (_WRAPPED_24 if wraps else total), wraps
    assert isinstance(synapse, Dense | Sparse)
    e = synapse.exponent
    total = total if inside(total, WORD) else WORD
    total = (total[0] << e, total[1] << e) if e >= 0 else (total[0] >> -e, total[1] >> -e)
    return (total if inside(total, WORD) else WORD), False


def sums(synapse: Synapse, sent: Range) -> Range:
    """Return the least and largest sum that weights and messages make, before any register."""
    low, high = min(sent[0], 0), max(sent[1], 0)
    up, down = _largest_sums(synapse)
    return up * low - down * high, up * high - down * low


def _largest_sums(synapse: Synapse) -> tuple[int, int]:
    """Return the largest sum of positive weights into one neuron, and of negated negative ones."""
    weight = synapse.weights
    if not weight.size:
        return 0, 0
    if isinstance(synapse, Sparse):
        sums = [
            np.bincount(synapse.target[kept], np.abs(weight[kept].astype(np.float64)))
            for kept in (weight > 0, weight < 0)
        ]
    else:
        axes = tuple(range(1, weight.ndim))
        sums = [np.abs(weight.sum(axes, np.int64, where=kept)) for kept in (weight > 0, weight < 0)]
    up, down = (int(s.max(initial=0)) for s in sums)
    return up, down
