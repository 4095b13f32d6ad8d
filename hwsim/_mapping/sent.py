"""Sent: what the neurons of a source send, many times over, and its sums along the axes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import pairwise

import numpy as np

from hwsim._mapping.cut import Cut, Grid


class Sent:
    """Counts (n, *shape) of a source's neurons, as a grid of channels, rows and columns.

    Sums over channels, which most questions begin with, are kept.
    """

    def __init__(self, counts: np.ndarray, grid: Grid) -> None:
        self.counts = counts.reshape(-1, *grid)
        self._sums: dict[tuple[type, tuple[int, ...]], np.ndarray] = {}

    def real(self, most: float = 1.0) -> type:
        """Return reals that hold the sum of all counts, each up to ``most`` times, exactly."""
        small = self.counts.dtype == bool and self.counts[0].size * most < 1 << 24
        return np.float32 if small else np.float64

    @cached_property
    def flat(self) -> np.ndarray:
        """All counts, (n, neurons) integers."""
        narrow = self.counts.dtype == bool
        flat = self.counts.reshape(len(self.counts), -1)
        return flat.view(np.uint8) if narrow else flat

    def by_channels(self, cut: Cut, real: type) -> np.ndarray:
        """Add up the channels of each chunk, (n, chunks, h, w) as ``real``."""
        ends = (*cut.starts(0).tolist(), cut.grid[0])
        if (real, ends) not in self._sums:
            parts = [self._sum(start, stop) for start, stop in pairwise(ends)]
            self._sums[real, ends] = np.stack(parts, axis=1).astype(real)
        return self._sums[real, ends]

    def _sum(self, start: int, stop: int) -> np.ndarray:
        part = self.counts[:, start:stop]
        if part.dtype != bool:
            return part.sum(axis=1, dtype=np.int64)
        # the narrowest type that holds the sum: sixteen times as fast as the widest
        return part.view(np.uint8).sum(axis=1, dtype=np.min_scalar_type(stop - start))


def in_boxes(cut: Cut) -> Callable[[Sent], np.ndarray]:
    """Return what adds up each box of a cut of the source, (n, boxes) integers."""
    rows, columns = (cut.chunk(a) == np.arange(cut.chunks[a])[:, None] for a in (1, 2))

    def sums(sent: Sent) -> np.ndarray:
        total = sent.by_channels(cut, sent.real())
        return whole(contract(contract(total, 1, rows), 2, columns))

    return sums


def contract(total: np.ndarray, axis: int, into: np.ndarray) -> np.ndarray:
    """Replace ``axis`` of reals (n, c, h, w) by the rows of ``into`` (rows, inputs)."""
    into = into.astype(total.dtype)
    if axis == 2:
        return total @ into.T
    if axis == 1:
        return into @ total
    n, c, h, w = total.shape
    return (into @ total.reshape(n, c, h * w)).reshape(n, -1, h, w)


def whole(total: np.ndarray) -> np.ndarray:
    """Return (n, boxes) integers."""
    return np.rint(total).astype(np.int64).reshape(len(total), -1)
