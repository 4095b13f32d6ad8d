"""Sent: what the neurons of a source send, many times over, and its sums along the axes."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise

import numpy as np

from hwsim._mapping.cut import Cut, Grid


class Sent:
    """Counts (n, *shape) of a source's neurons, as a grid of channels, rows and columns.

    Sums over channels, which most questions begin with, are kept. Reals hold every sum exactly,
    below 2^53.
    """

    def __init__(self, counts: np.ndarray, grid: Grid) -> None:
        self.counts = counts.reshape(-1, *grid)
        self._sums: dict[tuple[int, ...], np.ndarray] = {}

    @cached_property
    def flat(self) -> np.ndarray:
        """All counts, (n, neurons) integers."""
        narrow = self.counts.dtype == bool
        flat = self.counts.reshape(len(self.counts), -1)
        return flat.view(np.uint8) if narrow else flat

    @cached_property
    def reals(self) -> np.ndarray:
        """All counts, (n, *grid) reals."""
        return self.counts.astype(np.float64)

    def by_channels(self, cut: Cut) -> np.ndarray:
        """Add up the channels of each chunk, (n, chunks, h, w) reals."""
        ends = (*cut.starts(0).tolist(), cut.grid[0])
        if ends not in self._sums:
            n, _, h, w = self.counts.shape
            sums = np.empty((n, cut.chunks[0], h, w))
            for chunk, (start, stop) in enumerate(pairwise(ends)):
                sums[:, chunk] = self._sum(start, stop)
            self._sums[ends] = sums
        return self._sums[ends]

    def _sum(self, start: int, stop: int) -> np.ndarray:
        part = self.counts[:, start:stop]
        if part.dtype != bool:
            return part.sum(axis=1, dtype=np.int64)
        # the narrowest type that holds the sum: sixteen times as fast as the widest
        return part.view(np.uint8).sum(axis=1, dtype=np.min_scalar_type(stop - start))

    def in_boxes(self, cut: Cut) -> np.ndarray:
        """Add up each box of a cut of the source, (n, boxes) integers."""
        total = self.by_channels(cut)
        for axis in (1, 2):
            inside = cut.chunk(axis) == np.arange(cut.chunks[axis])[:, None]
            total = contract(total, axis, inside.astype(np.float64))
        return whole(total)


def contract(total: np.ndarray, axis: int, into: np.ndarray) -> np.ndarray:
    """Replace ``axis`` of (n, c, h, w) by the rows of ``into`` (rows, inputs)."""
    if axis == 2:
        return total @ into.T
    if axis == 1:
        return into @ total
    n, c, h, w = total.shape
    return (into @ total.reshape(n, c, h * w)).reshape(n, -1, h, w)


def whole(total: np.ndarray) -> np.ndarray:
    """Return (n, boxes) integers."""
    return np.rint(total).astype(np.int64).reshape(len(total), -1)
