"""A Program made ready for the compiled engine: what flows where, in what order and lanes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np

from hwsim.activations import arriving, as_conv, delivered, inside, messages, undelayed
from hwsim.arith import DECAY_UNITY, STATE_LIMIT, Range
from hwsim.engines.base import reads_voltage
from hwsim.engines.native import layout, products
from hwsim.engines.native.bounds import fits_32_bits
from hwsim.neurons import messages as neuron_messages
from hwsim.program import Connection, Population, Program, expand
from hwsim.synapses import Conv2d, Dense, Sparse, Synapse

_WORD_16: Range = (-(1 << 15), (1 << 15) - 1)
_SPIKE: Range = (0, 1)
_DENSE_FROM = 32
"""A Sparse with at least one synapse of so many possible ones is added in whole rows ..."""
_DENSE_ROOM = 1 << 24
"""... unless those have more bytes than this."""
_RUN_CHANNELS = (32, 1 << 12)
"""Channels of a source with so many spikes at a position that a convolution takes them together."""


def lay_out(native: Any, program: Program, variant: str) -> Any:
    """Return the ``Layout`` of the extension module ``native`` that runs ``program``.

    Its sources are the input, the blank line if there is one, and the populations in order.
    """
    found = native.Layout(variant)
    plan = Plan(program, native)
    for name in plan.sources:
        order = plan.orders[name]
        place = layout.kept_position(order) if name in plan.lines else order
        payload = not inside(program.messages_of(name), _SPIKE)
        number = found.source(len(order), payload, layout.places(place))
        kinds = plan.kinds(name) if name in plan.lines else None
        if kinds is not None:
            found.kinds(number, *kinds)
    for p in program.populations:
        plan.add_population(found, p)
    for members, cyclic in plan.components():
        found.component(members, cyclic)
    output = program.population(program.output)
    voltage = list(output.neuron.STATE).index("v") if reads_voltage(program) else -1
    found.output(plan.index[output.name], voltage)
    return found


@dataclass(frozen=True)
class _Piece:
    """A part of a connection, without delays, on its way into the layout."""

    connection: Connection
    delay: int
    synapse: Synapse
    sent: Range

    @property
    def graded(self) -> bool:
        """Say whether messages count by their payload."""
        return self.connection.graded and not inside(self.sent, _SPIKE)

    @property
    def wraps(self) -> bool:
        """Say whether its sum may leave 24 bits, which a convolution's wraps to."""
        return isinstance(self.synapse, Conv2d) and delivered(self.synapse, self.sent)[1]


class Plan:
    """What is decided about ``program`` before it is laid out for the extension ``native``."""

    def __init__(self, program: Program, native: Any) -> None:
        self.program, self.native = program, native
        self.lines = [line.name for line in program.lines]
        self.sources = [*self.lines, *(p.name for p in program.populations)]
        self.index = {p.name: i for i, p in enumerate(program.populations)}

    @cached_property
    def orders(self) -> dict[str, np.ndarray]:
        """The C-order index of each kept position, by source."""
        program = self.program
        found = {name: layout.c_order(program.shape_of(name)) for name in self.sources}
        for members, _ in reversed(list(self.components())):  # a target before its sources
            for name in (program.populations[i].name for i in members):
                convs = (c for c in program.connections if c.source == name)
                heard = [(c, as_conv(c.synapse, program.shape_of(name))) for c in convs]
                for c, synapse in heard[:1]:
                    if isinstance(synapse, Conv2d):
                        landed = self.landings(found, c, synapse)
                        found[name] = layout.c_order(program.shape_of(name), layout.alike(landed))
        return found

    def kinds(self, line: str) -> tuple[np.ndarray, int] | None:
        """Return the kinds of positions of ``line``, if a convolution of unlike ones hears it."""
        shape = self.program.shape_of(line)
        for c in self.program.connections:
            synapse = as_conv(c.synapse, shape)
            if c.source == line and isinstance(synapse, Conv2d):
                return layout.kinds(self.landings(self.orders, c, synapse), shape[0])
        return None

    def landings(
        self, orders: dict[str, np.ndarray], c: Connection, synapse: Conv2d
    ) -> layout.Landings:
        """Return where ``synapse``, a part of ``c``, lands if all is kept in ``orders``."""
        source = self.program.shape_of(c.source)
        shape = synapse.output_shape(source)
        same = shape == self.program.shape_of(c.target)
        target = orders[c.target] if same else layout.c_order(shape)
        return layout.landings(synapse, source, orders[c.source], target)

    def components(self) -> Iterator[tuple[list[int], bool]]:
        """Yield the populations in the order of flow, those of a cycle together."""
        index = self.index
        before: dict[int, set[int]] = {i: set() for i in index.values()}
        for c in self.program.connections:
            if c.source in index:
                before[index[c.target]].add(index[c.source])
        loops = {i for i, sources in before.items() if i in sources}
        try:
            flow = TopologicalSorter({i: s - {i} for i, s in before.items()}).static_order()
            yield from (([i], i in loops) for i in flow)
        except CycleError:
            yield from _condensed(before, loops)

    def add_population(self, found: Any, p: Population) -> None:
        """Add ``p`` and all that leads into it to the layout ``found``."""
        program, kind, index = self.program, type(p.neuron), self.index[p.name]
        sums = arriving(program, p)
        wide = not fits_32_bits(p.neuron, sums)
        forgets = not wide and _forgets(p.neuron, sums)
        found.population(
            self.sources.index(p.name), kind.__name__, len(kind.STATE), wide, forgets,
            _registers(p, self.orders[p.name]),
        )  # fmt: skip
        phase = 0 if program.period is None else program.phase(p)
        found.timing(index, p.latency, program.period or 0, phase)
        pieces = [
            _Piece(c, delay, synapse, messages(program, c))
            for c in program.into(p.name)
            for delay, synapse in undelayed(program, c)
        ]
        spikes = kind.MESSAGES == _SPIKE and not wide
        short = spikes and inside(sums, _WORD_16) and all(map(self._spiking_conv, pieces))
        rows = self._add_rows(found, p, pieces)
        others = [piece for piece in pieces if piece not in rows]
        for piece in others:
            self._add(found, piece, short=short)
            self._add_product(found, piece)
        if forgets:
            found.bound(index, *_bound(p.neuron, sums, [rows, *([o] for o in others)]))
        read = p.name == program.output and reads_voltage(program)
        if short:
            found.path(index, self.native.Path.SHORT_SUMS)
        elif spikes and rows and not (others or read):
            found.path(index, self.native.Path.ROWS)

    def _add_rows(self, found: Any, p: Population, pieces: list[_Piece]) -> list[_Piece]:
        """Add the pieces whose rows are added in registers, all as one; return them."""
        rows, ears, weights, first = [], [], [], 0
        for piece in pieces:
            source, target = self.orders[piece.connection.source], self.orders[p.name]
            synapse = piece.synapse
            if piece.graded or not _in_rows(synapse, len(source), len(target)):
                continue
            assert isinstance(synapse, Dense | Sparse)
            rows.append(piece)
            ears.append([self.sources.index(piece.connection.source), piece.delay, first])
            weights.append(layout.dense_rows(synapse, source, target))
            first += len(source)
        packed = layout.packed_rows(np.concatenate(weights), found.lanes) if rows else None
        if packed is None:
            return []
        found.rows(self.index[p.name], packed.packed, packed.numbers, ears)
        return rows

    def _spiking_conv(self, piece: _Piece) -> bool:
        """Say whether a kernel adds ``piece`` in 16 bits, to sums kept as its target is."""
        if not isinstance(piece.synapse, Conv2d) or piece.graded or piece.wraps:
            return False
        if piece.synapse.groups > 1 or not layout.runs(piece.synapse) or self._in_runs(piece):
            return False
        return not self._moved(piece)

    def _in_runs(self, piece: _Piece) -> bool:
        """Say whether several spikes of a position, and whole words of outputs, make rows pay."""
        synapse, name = piece.synapse, piece.connection.source
        if not isinstance(synapse, Conv2d) or name in self.lines:
            return False  # the spikes of a line's position do not follow each other
        outputs, channels = synapse.weight.shape[:2]
        plain = synapse.groups == 1 and not (piece.graded or piece.wraps or self._moved(piece))
        few = not _RUN_CHANNELS[0] <= channels <= _RUN_CHANNELS[1]
        return plain and not few and outputs % layout.WORD_NEURONS == 0

    def _moved(self, piece: _Piece) -> bool:
        """Say whether a convolution leads to a population of another shape than its output."""
        c = piece.connection
        assert isinstance(piece.synapse, Conv2d)
        shape = piece.synapse.output_shape(self.program.shape_of(c.source))
        return shape != self.program.shape_of(c.target)

    def _add(self, found: Any, piece: _Piece, *, short: bool) -> None:
        """Add ``piece``; short: its sums have 16 bits."""
        c, synapse = piece.connection, piece.synapse
        source, target = self.orders[c.source], self.orders[c.target]
        ends = (self.index[c.target], self.sources.index(c.source))
        route = {"graded": piece.graded, "delay": piece.delay}
        if isinstance(synapse, Conv2d):
            self._add_conv(found, piece, (ends, route), short=short)
            return
        assert isinstance(synapse, Dense | Sparse)
        where = self.native.Route(*ends, **route, shift=synapse.exponent)
        if isinstance(synapse, Sparse):
            found.sparse(where, *layout.sparse_rows(synapse, source, target))
        else:
            found.dense(where, layout.dense_rows(synapse, source, target))

    def _add_conv(
        self, found: Any, piece: _Piece, ends: tuple[tuple[int, int], dict], *, short: bool
    ) -> None:
        c, synapse = piece.connection, piece.synapse
        assert isinstance(synapse, Conv2d)
        rows = layout.conv_rows(synapse, self.landings(self.orders, c, synapse))
        weight = layout.aligned(rows.weight.astype(np.int16) if short else rows.weight)
        shape = synapse.output_shape(self.program.shape_of(c.source))
        moved = self._moved(piece)
        places = layout.places(layout.c_order(shape) if moved else np.arange(0, dtype=np.int32))
        where = self.native.Route(*ends[0], **ends[1], wraps=piece.wraps or moved)
        found.conv(where, weight, rows.start, rows.landings, rows.numbers, places)
        if self._in_runs(piece):
            packed = layout.packed_rows(rows.weight.reshape(len(rows.weight), -1), found.lanes)
            if packed is not None:
                found.conv_rows(ends[0][0], packed.packed, packed.numbers)

    def _add_product(self, found: Any, piece: _Piece) -> None:
        """Add ``piece``, the last part, as a product too, if that is faster for some messages."""
        c, synapse, product = piece.connection, piece.synapse, None
        sent = piece.sent if piece.graded else _SPIKE
        if isinstance(synapse, Dense) and piece.graded and not synapse.exponent:
            ends = self.orders[c.source], self.orders[c.target]
            product = products.dense(synapse, ends, sent, found.lanes)
        elif isinstance(synapse, Conv2d) and not (
            synapse.groups > 1 or piece.wraps or self._moved(piece)
        ):
            landed = self.landings(self.orders, c, synapse)
            shape = self.program.shape_of(c.source)
            product = products.conv(synapse, shape, landed, sent, found.lanes)
        if product is None:
            return
        least = found.crossover(piece.graded) * product.work / product.fan_out
        if least < len(self.orders[c.source]):
            arrays = (product.weight, product.start, product.byte, product.taken)
            found.product(self.index[c.target], least, *arrays, product.numbers)


def _forgets(neuron: Any, sums: Range) -> bool:
    """Say whether the current of ``neuron`` has no memory and stays in its register."""
    limit = STATE_LIMIT >> type(neuron).INPUT_SHIFT
    memoryless = np.all(np.equal(getattr(neuron, "decay_u", 0), DECAY_UNITY))
    return bool(memoryless) and inside(sums, (-limit + 1, limit - 1))


def _bound(neuron: Any, sums: Range, parts: list[list[_Piece]]) -> tuple[Any, ...]:
    """Return keep, bias, taken, sum and what a message of each part brings; see src/network.h."""
    shift = type(neuron).INPUT_SHIFT
    keep = DECAY_UNITY - int(np.min(neuron.decay_v))
    largest = max(-sums[0], sums[1]) << shift
    brought = [min(largest, max(map(_message, part)) << shift) for part in parts if part]
    bias = int(np.max(np.abs(np.asarray(neuron.bias, np.int64))))
    taken = int(np.max(getattr(neuron, "decrement", 0))) * neuron_messages(neuron)[1]
    return keep, bias, taken, largest, brought


def _message(piece: _Piece) -> int:
    """Return the largest sum that one message of ``piece`` brings to a neuron, or more."""
    synapse = piece.synapse
    assert isinstance(synapse, Conv2d | Dense | Sparse)
    if piece.graded or (not isinstance(synapse, Conv2d) and synapse.exponent):
        return STATE_LIMIT
    return int(np.abs(synapse.weights).max(initial=0))


def _in_rows(synapse: Synapse, sources: int, targets: int) -> bool:
    """Say whether whole rows are the faster way to add what ``synapse`` brings."""
    room = sources * targets
    if isinstance(synapse, Dense):
        return room > 0 and synapse.exponent == 0
    if not isinstance(synapse, Sparse) or synapse.exponent:
        return False
    return 0 < room <= _DENSE_ROOM and len(synapse.weight) * _DENSE_FROM >= room


def _registers(p: Population, order: np.ndarray) -> list[np.ndarray]:
    """Return each register, int32: one value each if all are the same everywhere, else (n,)."""
    values = [expand(getattr(p.neuron, f.name), p.shape).astype(np.int32) for f in fields(p.neuron)]
    if all(v.min() == v.max() for v in values):
        return [v.ravel()[:1] for v in values]
    return [layout.whole_words(np.broadcast_to(v, p.shape).ravel()[order]) for v in values]


def _condensed(before: dict[int, set[int]], loops: set[int]) -> Iterator[tuple[list[int], bool]]:
    """Yield the populations in the order of flow where some wait for each other."""
    import networkx as nx  # here, for it takes as long to load as a short run

    graph = nx.DiGraph()
    graph.add_nodes_from(before)
    graph.add_edges_from((i, j) for j, sources in before.items() for i in sources)
    flow = nx.condensation(graph)
    for n in nx.topological_sort(flow):
        members = sorted(flow.nodes[n]["members"])
        yield members, len(members) > 1 or members[0] in loops
