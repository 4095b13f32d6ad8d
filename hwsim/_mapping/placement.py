"""Placement: cores onto the meshes of chips in a row, so that messages make few hops."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hwsim._chip_values import Mesh

_SWEEPS = 50
"""Passes over all cores at most; each ends earlier where no swap shortens the way any more."""


class Edges(NamedTuple):
    """Messages between cores: from ``source[i]`` to ``target[i]``, all (edges,)."""

    source: np.ndarray
    target: np.ndarray
    messages: np.ndarray


class Places(NamedTuple):
    """Where each core is: its router in the row of all chips' meshes, and its number there."""

    x: np.ndarray
    y: np.ndarray
    number: np.ndarray


def row_by_row(cores: int, mesh: Mesh) -> Places:
    """Fill router after router, row after row, chip after chip: the baseline."""
    router, number = np.divmod(np.arange(cores), mesh.cores)
    chip, router = np.divmod(router, mesh.columns * mesh.rows)
    y, x = np.divmod(router, mesh.columns)
    return Places(chip * mesh.columns + x, y, number)


def hops(edges: Edges, places: Places) -> int:
    """Return the hops of all messages, X first and then Y."""
    x, y = (abs(a[edges.source] - a[edges.target]) for a in places[:2])
    return int((edges.messages * (x + y)).sum())


def place(cores: int, edges: Edges, mesh: Mesh) -> Places:
    """Return places with few hops: the better of two orders, improved by the best swaps.

    Cores and free places are swapped one after the other while that saves hops, so the result
    is never worse than row by row. Integers and a fixed order: the same on every machine.
    """
    per_chip = mesh.columns * mesh.rows * mesh.cores
    slots = -(-cores // per_chip) * per_chip
    start = min(
        (row_by_row(slots, mesh), _column_by_column(slots, mesh)), key=lambda p: hops(edges, p)
    )
    x, y = _improved(Neighbours(slots, edges), start)
    number = np.zeros(slots, np.int64)
    order = np.lexsort((x, y))
    number[order] = np.arange(slots) % mesh.cores
    return Places(x[:cores], y[:cores], number[:cores])


def _column_by_column(slots: int, mesh: Mesh) -> Places:
    """Fill column after column through all chips, down and up in turn."""
    router, number = np.divmod(np.arange(slots), mesh.cores)
    x, y = np.divmod(router, mesh.rows)
    return Places(x, np.where(x % 2, mesh.rows - 1 - y, y), number)


class Neighbours:
    """For each core, those it exchanges messages with, and how many."""

    def __init__(self, slots: int, edges: Edges) -> None:
        apart = edges.source != edges.target
        one, other = edges.source[apart], edges.target[apart]
        code = np.concatenate((one * slots + other, other * slots + one))
        pairs, group = np.unique(code, return_inverse=True)
        weight = np.zeros(len(pairs), np.int64)
        np.add.at(weight, group, np.tile(edges.messages[apart], 2))
        self.slots, self.weight = slots, weight
        self.first = np.searchsorted(pairs // slots, np.arange(slots + 1))
        self.other = pairs % slots

    def of(self, core: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the cores that ``core`` exchanges messages with, and how many."""
        part = slice(self.first[core], self.first[core + 1])
        return self.other[part], self.weight[part]


def _improved(neighbours: Neighbours, start: Places) -> tuple[np.ndarray, np.ndarray]:
    """Swap each core with the one, or the free place, that saves most, until none does."""
    x, y = Axis(neighbours, start.x), Axis(neighbours, start.y)
    cores = np.flatnonzero(np.diff(neighbours.first))
    for _ in range(_SWEEPS):
        swapped = False
        for core in cores.tolist():
            change = x.change(core) + y.change(core)
            best = int(change.argmin())
            if change[best] < 0:
                swapped = True
                x.swap(core, best)
                y.swap(core, best)
        if not swapped:
            break
    return x.at, y.at


class Axis:
    """Positions ``at`` along one axis, and what each core's hops would be at any of them."""

    def __init__(self, neighbours: Neighbours, at: np.ndarray) -> None:
        self.neighbours, self.at = neighbours, at.copy()
        self.positions = np.arange(at.max() + 1)
        self.cost = np.zeros((len(at), len(self.positions)), np.int64)
        for core in range(len(at)):
            others, weight = neighbours.of(core)
            self.cost[core] = abs(self.positions[:, None] - at[others]) @ weight

    def change(self, core: int) -> np.ndarray:
        """Return how the hops change if ``core`` changes places with each other one."""
        here, every = self.at[core], np.arange(len(self.at))
        leaving = self.cost[core, self.at] - self.cost[core, here]
        change = leaving + self.cost[:, here] - self.cost[every, self.at]
        others, weight = self.neighbours.of(core)
        # a swap leaves the way between the two as long as it was
        change[others] += 2 * weight * abs(here - self.at[others])
        return change

    def swap(self, one: int, other: int) -> None:
        """Let two cores change places."""
        here, there = self.at[one], self.at[other]
        if here == there:
            return
        longer = abs(self.positions - there) - abs(self.positions - here)
        for core, sign in ((one, 1), (other, -1)):
            others, weight = self.neighbours.of(core)
            self.cost[others] += sign * weight[:, None] * longer
        self.at[one], self.at[other] = there, here
