"""Cut: a population divided into boxes of channels, rows and columns, one box a core."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, product
from math import prod

import numpy as np

from hwsim.synapses import Shape

Grid = tuple[int, int, int]
"""Channels, rows and columns."""


def grid_of(shape: Shape) -> Grid:
    """Return ``shape`` if it is (C, H, W); neurons of any other shape are a row of channels."""
    return shape if len(shape) == 3 else (prod(shape), 1, 1)


@dataclass(frozen=True)
class Cut:
    """Boxes of ``size`` that cover ``grid``; the last along an axis may be smaller.

    Boxes are numbered in C order. A neuron's place on its core is that in (row, column,
    channel) order, the layout of nengo-loihi 1.1.0 ``conv2d_loihi_weights``.
    """

    grid: Grid
    size: Grid

    @property
    def chunks(self) -> Grid:
        """Number of boxes along each axis."""
        c, h, w = (-(-n // s) for n, s in zip(self.grid, self.size, strict=True))
        return c, h, w

    @property
    def boxes(self) -> int:
        """Number of boxes."""
        return prod(self.chunks)

    def starts(self, axis: int) -> np.ndarray:
        """Return the first index of each chunk along ``axis``, (chunks,)."""
        return np.arange(0, self.grid[axis], self.size[axis])

    def lengths(self, axis: int) -> np.ndarray:
        """Return the length of each chunk along ``axis``, (chunks,)."""
        return np.diff(self.starts(axis), append=self.grid[axis])

    def chunk(self, axis: int) -> np.ndarray:
        """Return the chunk that each index along ``axis`` lies in."""
        return np.arange(self.grid[axis]) // self.size[axis]

    def neurons(self) -> np.ndarray:
        """Return the number of neurons of each box, (boxes,)."""
        return outer(*map(self.lengths, range(3)))

    def box(self) -> np.ndarray:
        """Return the box of each neuron, (neurons,) in C order."""
        return self.numbers(*map(self.chunk, range(3)))

    def numbers(self, c: np.ndarray, h: np.ndarray, w: np.ndarray) -> np.ndarray:
        """Number the boxes of all combinations of chunks, which are given axis by axis."""
        _, rows, columns = self.chunks
        return ((c[:, None, None] * rows + h[:, None]) * columns + w).ravel()

    def slices(self) -> Iterator[tuple[slice, slice, slice]]:
        """Yield the part of the grid that each box is."""
        ends = [
            zip(self.starts(a), self.starts(a) + self.lengths(a), strict=True) for a in range(3)
        ]
        for c, h, w in product(*ends):
            yield slice(*map(int, c)), slice(*map(int, h)), slice(*map(int, w))


def outer(c: np.ndarray, h: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return the products of what holds along each axis, one a box in C order."""
    return (c[:, None, None] * h[:, None] * w).ravel()


def even_cuts(grid: Grid, most: int) -> Iterator[list[Cut]]:
    """Yield cuts into even boxes of at most ``most`` neurons, those of as many boxes together."""
    axes = [sorted({-(-n // k) for k in range(1, n + 1)}) for n in grid]
    return _by_boxes(grid, axes, most)


def full_cuts(grid: Grid, most: int) -> list[Cut]:
    """Return the cuts into the fewest boxes of at most ``most`` neurons, full ones first."""
    axes = [list(range(1, n + 1)) for n in grid]
    fewest = next(_by_boxes(grid, axes, most))
    return sorted(fewest, key=lambda cut: (-prod(cut.size), cut.size))


def _by_boxes(grid: Grid, axes: list[list[int]], most: int) -> Iterator[list[Cut]]:
    sizes = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    sizes = sizes[sizes.prod(axis=1) <= most]
    boxes = (-(-np.array(grid) // sizes)).prod(axis=1)
    order = np.argsort(boxes, kind="stable")
    for _, group in groupby(order.tolist(), key=lambda i: boxes[i]):
        yield [Cut(grid, tuple(sizes[i].tolist())) for i in group]
