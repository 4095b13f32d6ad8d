"""Links that hold axis by axis: all to all, and convolutions, without unrolling a synapse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hwsim._mapping.cut import Cut, Grid, outer
from hwsim._mapping.pairs import Counting, Pairs
from hwsim._mapping.sent import Sent, contract, whole


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

        return Pairs(source.numbers(*sources), target.numbers(*targets), messages)

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
        return lambda sent: whole(_contracted(sent, summed, into).astype(np.float64) * lengths)

    def _from_rows(self, target: Cut) -> Counting:
        """Count with the nonzero weights from each input into each box, (boxes, inputs)."""
        box = target.box()
        order = np.argsort(box, kind="stable")
        starts = np.searchsorted(box[order], np.arange(target.boxes))
        into = np.add.reduceat((self.weight != 0)[order].astype(np.float64), starts, axis=0)
        return lambda sent: whole(sent.flat.astype(np.float64) @ into.T)

    def _tap_by_tap(self, target: Cut) -> Counting:
        rows, columns = (self._by_tap(target, axis) for axis in (1, 2))
        present = self._present(target)

        def count(sent: Sent) -> np.ndarray:
            total = np.tensordot(
                sent.counts.astype(np.float64), columns, (3, 2)
            )  # n, c, h, x, across
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
        starts, nonzero = target.starts(0), self.weight != 0
        if self._all_channels:
            return np.add.reduceat(nonzero, starts, axis=0, dtype=np.float64)
        outputs, inputs = nonzero.shape[:2]
        groups = self._source[0] // inputs
        first = np.arange(outputs) * groups // outputs * inputs
        found = np.zeros((len(starts), self._source[0], *nonzero.shape[2:]))
        place = (target.chunk(0)[:, None], first[:, None] + np.arange(inputs))
        np.add.at(found, place, nonzero)
        return found


def _contracted(sent: Sent, summed: Cut | None, into: Sequence[np.ndarray]) -> np.ndarray:
    """Multiply each axis by its matrix; that of channels is a sum in each chunk of ``summed``."""
    real = sent.real(float(np.prod([rows.max(initial=0) for rows in into])))
    if summed is None:
        total = contract(sent.counts.astype(real), 0, into[0])
    else:
        total = sent.by_channels(summed, real)
    return contract(contract(total, 1, into[1]), 2, into[2])
