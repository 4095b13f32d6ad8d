"""Route: between which cores the messages of a connection go, worked out once a mapping."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hwsim._mapping.pairs import Counting


@dataclass(frozen=True, eq=False)
class Columns:
    """Adds columns of values up by the core that each belongs to."""

    order: np.ndarray
    cores: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, core: np.ndarray) -> Columns:
        """Group columns by ``core`` (columns,)."""
        order = np.argsort(core, kind="stable")
        return cls(order, *np.unique(core[order], return_index=True))

    def add(self, values: np.ndarray, total: np.ndarray, at: np.ndarray) -> None:
        """Add ``values`` (n, columns) to the rows ``at`` (n,) of ``total`` (rows, cores)."""
        sums = np.add.reduceat(values[:, self.order], self.starts, axis=1)
        total[at[:, None], self.cores] += sums


@dataclass(frozen=True, eq=False)
class Route:
    """Pairs of cores, and what counts the messages between them.

    source, target: indices of cores, (pairs,); ways: (3, pairs) hops east-west and
    north-south, and borders between chips crossed; inside: whether the source has cores.
    """

    source: np.ndarray
    target: np.ndarray
    ways: np.ndarray
    messages: Counting
    inside: bool

    @cached_property
    def leaving(self) -> Columns:
        """Pairs by the core that they leave."""
        return Columns.of(self.source)

    @cached_property
    def arriving(self) -> Columns:
        """Pairs by the core that they reach."""
        return Columns.of(self.target)
