"""Links: which source neurons reach which boxes of a population, exact at borders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from hwsim._mapping.cut import Cut, Grid, grid_of, outer
from hwsim._mapping.sent import Sent, contract, whole
from hwsim.errors import UnsupportedError
from hwsim.program import Connection, Program
from hwsim.synapses import Conv2d, Dense, Sparse, SumPool2d

Counting = Callable[[Sent], np.ndarray]
"""Takes what a source sends, n times over, and returns (n, pairs or boxes) integers."""


class Pairs(NamedTuple):
    """Boxes ``source[i]`` and ``target[i]``, both (pairs,), and the messages between them."""

    source: np.ndarray
    target: np.ndarray
    messages: Counting


class Links(Protocol):
    """What cutting, memory and traffic ask of a connection."""

    def inputs(self, cut: Cut) -> np.ndarray:
        """Count the source neurons that reach each box of the target, (boxes,)."""
        ...

    def axons_in(self, cut: Cut) -> np.ndarray:
        """Count the input axons of each box of the target, (boxes,)."""
        ...

    def axons_out(self, source: Cut, target: Cut) -> np.ndarray:
        """Count the axons that leave each box of the source, (boxes,)."""
        ...

    def between(self, source: Cut, target: Cut) -> Pairs:
        """Return the pairs of boxes that messages go between, one a box reached."""
        ...

    def synops(self, target: Cut, *, nonzero: bool = False) -> Counting:
        """Return what counts synaptic operations in each box of the target.

        nonzero: only synapses whose weight is not 0.
        """
        ...


@dataclass(frozen=True, eq=False)
class Along:
    """Links that hold where they hold along each axis: all to all, and convolutions.

    taps: for each axis (outputs, inputs), the kernel tap from an input to an output, -1 if
    there is none; one row if it is that of all outputs. shared: the channels of a position
    share one axon (nengo-loihi 1.1.0 ``build_conv2d_connection``: population axons).
    weight: (outputs, inputs of a group, taps down, taps across) of a convolution, (outputs,
    inputs) of all to all.
    """

    taps: tuple[np.ndarray, np.ndarray, np.ndarray]
    shared: bool
    weight: np.ndarray

    def reach(self, cut: Cut, axis: int) -> np.ndarray:
        """Say which inputs reach which chunks, (chunks, inputs); one row if it is that of all."""
        linked = self.taps[axis] >= 0
        return linked if len(linked) == 1 else np.logical_or.reduceat(linked, cut.starts(axis))

    def inputs(self, cut: Cut) -> np.ndarray:
        """Multiply what reaches along each axis."""
        return outer(*(self._counts(cut, axis) for axis in range(3)))

    def axons_in(self, cut: Cut) -> np.ndarray:
        """Count neurons, or positions if channels share an axon."""
        c, h, w = (self._counts(cut, axis) for axis in range(3))
        return outer(np.minimum(c, 1) if self.shared else c, h, w)

    def _counts(self, cut: Cut, axis: int) -> np.ndarray:
        return np.broadcast_to(self.reach(cut, axis).sum(axis=1), cut.chunks[axis])

    def axons_out(self, source: Cut, target: Cut) -> np.ndarray:
        """Count the (axon, target box) pairs."""
        sums = []
        for axis in range(3):
            reached = np.add.reduceat(
                self.reach(target, axis).astype(np.int64), source.starts(axis), axis=1
            )
            if self.shared and axis == 0:
                reached = np.minimum(reached, 1)
            sums.append(reached.sum(axis=0) * (target.chunks[axis] // len(reached)))
        return outer(*sums)

    def between(self, source: Cut, target: Cut) -> Pairs:
        """Pair the chunks of one axis after the other."""
        sources, targets, into, repeats = [], [], [], []
        for axis in range(3):
            reach, chunk = self.reach(target, axis), source.chunk(axis)
            t, s = np.nonzero(np.add.reduceat(reach.astype(np.int64), source.starts(axis), axis=1))
            into.append((reach[t] & (chunk == s[:, None])).astype(np.float64))
            repeats.append(target.chunks[axis] // len(reach))  # one row stands for all chunks
            sources.append(np.tile(s, repeats[axis]))
            targets.append(t if repeats[axis] == 1 else np.repeat(np.arange(repeats[axis]), len(t)))
        summed = source if self._all_channels else None

        def messages(sent: Sent) -> np.ndarray:
            return whole(np.tile(_contracted(sent, summed, into), (1, *repeats)))

        return Pairs(_boxes(source, sources), _boxes(target, targets), messages)

    def synops(self, target: Cut, *, nonzero: bool = False) -> Counting:
        """Multiply the synapses along each axis; those that are not 0 are counted tap by tap."""
        if nonzero and not self._full:
            return (self._from_rows if self.weight.ndim == 2 else self._tap_by_tap)(target)
        into, lengths = [], np.ones(())
        for axis in range(3):
            linked = (self.taps[axis] >= 0).astype(np.float64)
            if len(linked) == 1:  # the inputs of all outputs
                lengths = lengths * target.lengths(axis).reshape(-1, *(1,) * (2 - axis))
            else:
                linked = np.add.reduceat(linked, target.starts(axis), axis=0)
            into.append(linked)
        summed = Cut(self._source, self._source) if self._all_channels else None
        return lambda sent: whole(_contracted(sent, summed, into) * lengths)

    def _from_rows(self, target: Cut) -> Counting:
        """Count with the nonzero weights from each input into each box, (boxes, inputs)."""
        box = target.box()
        order = np.argsort(box, kind="stable")
        starts = np.searchsorted(box[order], np.arange(target.boxes))
        into = np.add.reduceat((self.weight != 0)[order].astype(np.float64), starts, axis=0)
        return lambda sent: whole(sent.reals.reshape(len(sent.reals), -1) @ into.T)

    def _tap_by_tap(self, target: Cut) -> Counting:
        rows, columns = (self._by_tap(target, axis) for axis in (1, 2))
        present = self._present(target)

        def count(sent: Sent) -> np.ndarray:
            total = np.tensordot(sent.reals, columns, (3, 2))  # n, c, h, x, across
            total = np.tensordot(total, rows, (2, 2))  # n, c, x, across, y, down
            total = np.tensordot(total, present, ((1, 5, 3), (1, 2, 3)))  # n, x, y, o
            return whole(total.transpose(0, 3, 2, 1))

        return count

    @property
    def _all_channels(self) -> bool:
        """Say whether every output channel has every input channel."""
        return len(self.taps[0]) == 1

    @cached_property
    def _full(self) -> bool:
        return bool(self.weight.all())

    @property
    def _source(self) -> Grid:
        c, h, w = (taps.shape[1] for taps in self.taps)
        return c, h, w

    def _by_tap(self, target: Cut, axis: int) -> np.ndarray:
        """Count the outputs of each chunk that each tap leads to, (chunks, taps, inputs)."""
        every = np.arange(self.weight.shape[axis + 1])[:, None]
        linked = self.taps[axis][:, None, :] == every
        return np.add.reduceat(linked.astype(np.float64), target.starts(axis), axis=0)

    def _present(self, target: Cut) -> np.ndarray:
        """Count the weights that are not 0 by chunk of outputs, input, and tap."""
        outputs, inputs = self.weight.shape[:2]
        groups = self._source[0] // inputs
        first = np.arange(outputs) * groups // outputs * inputs
        found = np.zeros((target.chunks[0], self._source[0], *self.weight.shape[2:]))
        place = (target.chunk(0)[:, None], first[:, None] + np.arange(inputs))
        np.add.at(found, place, self.weight != 0)
        return found


def _contracted(sent: Sent, summed: Cut | None, into: Sequence[np.ndarray]) -> np.ndarray:
    """Multiply each axis by its matrix; that of channels is a sum in each chunk of ``summed``."""
    total = contract(sent.reals, 0, into[0]) if summed is None else sent.by_channels(summed)
    return contract(contract(total, 1, into[1]), 2, into[2])


def _boxes(cut: Cut, chunks: list[np.ndarray]) -> np.ndarray:
    """Number the boxes of all combinations of ``chunks``, one array an axis."""
    c, h, w = chunks
    _, rows, columns = cut.chunks
    return ((c[:, None, None] * rows + h[:, None]) * columns + w).ravel()


@dataclass(frozen=True, eq=False)
class Single:
    """Links one by one: synapse i leads from neuron ``source[i]`` to ``target[i]``, C order."""

    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray

    def pairs(self, cut: Cut) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return each (box, source neuron) once, and how many synapses they have."""
        if self._one_each:
            return cut.box()[self.target], self.source, np.ones_like(self.source)
        size = int(self.source.max(initial=0)) + 1
        code, synapses = np.unique(cut.box()[self.target] * size + self.source, return_counts=True)
        return code // size, code % size, synapses

    def inputs(self, cut: Cut) -> np.ndarray:
        """Count the pairs of each box."""
        return np.bincount(self.pairs(cut)[0], minlength=cut.boxes)

    axons_in = inputs

    @cached_property
    def _one_each(self) -> bool:
        """Say whether no two synapses have the same source, so that each is a pair."""
        return len(np.unique(self.source)) == len(self.source)

    def axons_out(self, source: Cut, target: Cut) -> np.ndarray:
        """Count the pairs by the box their source neuron lies in."""
        return np.bincount(source.box()[self.pairs(target)[1]], minlength=source.boxes)

    def between(self, source: Cut, target: Cut) -> Pairs:
        """Group the pairs of box and source neuron by the box of the neuron."""
        box, neuron, _ = self.pairs(target)
        code, messages = _grouped(source.box()[neuron] * target.boxes + box, neuron)
        return Pairs(code // target.boxes, code % target.boxes, messages)

    def synops(self, target: Cut, *, nonzero: bool = False) -> Counting:
        """Add up what the sources of each box's synapses send."""
        kept = self.weight != 0 if nonzero else np.ones(len(self.weight), bool)
        box, sums = _grouped(target.box()[self.target[kept]], self.source[kept])

        def count(sent: Sent) -> np.ndarray:
            found = np.zeros((len(sent.counts), target.boxes), np.int64)
            found[:, box] = sums(sent)
            return found

        return count


def _grouped(group: np.ndarray, neuron: np.ndarray) -> tuple[np.ndarray, Counting]:
    """Return each group once, and what adds up what the neurons in it send."""
    order = np.argsort(group, kind="stable")
    code, starts = np.unique(group[order], return_index=True)
    order = neuron[order]

    def sums(sent: Sent) -> np.ndarray:
        counts = sent.flat[:, order].astype(np.int64)
        return np.add.reduceat(counts, starts, axis=1) if len(code) else counts

    return code, sums


def links_of(program: Program, connection: Connection) -> Links:
    """Return the links of ``connection``.

    Raises UnsupportedError for a convolution into neurons that have other axes, and for a
    synapse of unknown kind.
    """
    synapse, shape = connection.synapse, program.shape_of(connection.source)
    source, target = grid_of(shape), grid_of(program.shape_of(connection.target))
    if isinstance(synapse, SumPool2d):
        synapse = synapse.as_conv(source[0])
    if isinstance(synapse, Conv2d):
        if synapse.output_shape(shape) != target:
            raise UnsupportedError(
                f"{connection.name}: a convolution of {synapse.output_shape(shape)} into neurons "
                f"of shape {program.shape_of(connection.target)} cannot be mapped",
                hint="give the population the convolution's shape",
            )
        return Along(_taps(synapse, source, target), shared=True, weight=synapse.weight)
    if isinstance(synapse, Dense):
        c, h, w = (np.zeros((1, n), np.int64) for n in source)
        return Along((c, h, w), shared=False, weight=synapse.weight)
    if isinstance(synapse, Sparse):
        return Single(
            synapse.source.astype(np.int64), synapse.target.astype(np.int64), synapse.weight
        )
    raise UnsupportedError(
        f"{connection.name}: no mapping is known for {type(synapse).__name__}",
        hint="name its links in hwsim/_mapping/links.py",
    )


def _taps(conv: Conv2d, source: Grid, target: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = []
    for axis, size in enumerate(conv.weight.shape[2:]):
        out, into = np.ogrid[: target[axis + 1], : source[axis + 1]]
        tap, rest = np.divmod(
            into + conv.padding[axis] - out * conv.stride[axis], conv.dilation[axis]
        )
        found.append(np.where((rest == 0) & (tap >= 0) & (tap < size), tap, -1))
    if conv.groups == 1:
        return np.zeros((1, source[0]), np.int64), found[0], found[1]
    out, into = np.ogrid[: target[0], : source[0]]
    same = out * conv.groups // target[0] == into * conv.groups // source[0]
    return np.where(same, 0, -1), found[0], found[1]
