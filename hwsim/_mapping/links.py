"""Links: which source neurons reach which boxes of a population, exact at borders."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from hwsim._mapping.along import Along
from hwsim._mapping.cut import Cut, Grid, grid_of
from hwsim._mapping.pairs import Counting, Pairs
from hwsim._mapping.single import Single
from hwsim.errors import UnsupportedError
from hwsim.program import Connection, Program
from hwsim.synapses import Conv2d, Dense, Sparse, SumPool2d


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
        source, target = synapse.source.astype(np.int64), synapse.target.astype(np.int64)
        return Single(source, target, synapse.weight, synapse.shape[1])
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
