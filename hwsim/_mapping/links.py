"""Links: which source neurons reach which boxes of a population, exact at borders."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from hwsim._mapping.cut import Cut, Grid, grid_of, outer
from hwsim.errors import UnsupportedError
from hwsim.program import Connection, Program
from hwsim.synapses import Conv2d, Dense, Sparse, SumPool2d


class Pairs(NamedTuple):
    """Messages from box ``source[i]`` to box ``target[i]``, all (pairs,)."""

    source: np.ndarray
    target: np.ndarray
    messages: np.ndarray


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

    def between(self, source: Cut, target: Cut, fired: np.ndarray) -> Pairs:
        """Count messages, one a box reached, if neuron i sends ``fired[i]``; shape of source."""
        ...


@dataclass(frozen=True, eq=False)
class Along:
    """Links that hold where they hold along each axis: all to all, and convolutions.

    taps: for each axis (outputs, inputs), the kernel tap from an input to an output, -1 if
    there is none; one row if it is that of all outputs. shared: the channels of a position
    share one axon (nengo-loihi 1.1.0 ``build_conv2d_connection``: population axons).
    """

    taps: tuple[np.ndarray, np.ndarray, np.ndarray]
    shared: bool

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

    def between(self, source: Cut, target: Cut, fired: np.ndarray) -> Pairs:
        """Sum over one axis after the other; each leaves its pairs of chunks."""
        total, sources, targets = fired.reshape(source.grid).astype(np.int64), [], []
        for axis in (2, 1, 0):
            reach, chunk = self.reach(target, axis), source.chunk(axis)
            t, s = np.nonzero(np.add.reduceat(reach.astype(np.int64), source.starts(axis), axis=1))
            inside = reach[t] & (chunk == s[:, None])
            total = np.tensordot(total, inside.astype(np.int64), (axis, 1))
            repeats = target.chunks[axis] // len(reach)  # one row stands for all chunks
            total = np.concatenate([total] * repeats, axis=-1)
            sources.append(np.tile(s, repeats))
            targets.append(t if repeats == 1 else np.repeat(np.arange(repeats), len(t)))
        messages = total.transpose(2, 1, 0).ravel()
        return Pairs(_boxes(source, sources), _boxes(target, targets), messages)


def _boxes(cut: Cut, chunks: list[np.ndarray]) -> np.ndarray:
    """Number the boxes of all combinations of ``chunks``, which are given last axis first."""
    w, h, c = chunks
    _, rows, columns = cut.chunks
    return ((c[:, None, None] * rows + h[:, None]) * columns + w).ravel()


@dataclass(frozen=True, eq=False)
class Single:
    """Links one by one: synapse i leads from neuron ``source[i]`` to ``target[i]``, C order."""

    source: np.ndarray
    target: np.ndarray

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

    def between(self, source: Cut, target: Cut, fired: np.ndarray) -> Pairs:
        """Add up what the source neurons of each pair of boxes send."""
        box, neuron, _ = self.pairs(target)
        code, group = np.unique(source.box()[neuron] * target.boxes + box, return_inverse=True)
        messages = np.zeros(len(code), np.int64)
        np.add.at(messages, group, fired.ravel()[neuron])
        return Pairs(code // target.boxes, code % target.boxes, messages)


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
        return Along(_taps(synapse, source, target), shared=True)
    if isinstance(synapse, Dense):
        c, h, w = (np.zeros((1, n), np.int64) for n in source)
        return Along((c, h, w), shared=False)
    if isinstance(synapse, Sparse):
        return Single(synapse.source.astype(np.int64), synapse.target.astype(np.int64))
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
