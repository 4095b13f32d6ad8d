"""Synapse memory: the bits that a core needs for its part of a connection, by format.

Three formats, all with the entries of nengo-loihi 1.1.0 ``SynapseConfig.bits_per_axon``:

* all to all: each axon has its own synapses, without index (``set_weights``, compression 3);
* single: each axon has its own synapses, with index (compression 0). nengo-loihi itself stores
  sparse matrices without index; a synapse that does not say where it leads cannot be skipped;
* convolution: axons share synapses (``conv2d_loihi_weights``). Two positions have the same if
  the same kernel taps lead into the box, and if their first neurons lie in the same block of
  ``base_reach`` neurons. Without a ``base_reach`` each weight is stored once, without index.
  All input channels of the box's groups are kept, zero weights included.

An index has enough bits for every neuron on the core.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from hwsim._chip_values import SynapseMemory
from hwsim._mapping.along import Along
from hwsim._mapping.cut import Cut, outer
from hwsim._mapping.links import Links
from hwsim._mapping.single import Single

_Shares = tuple[tuple[int, int, int], ...]
"""Along one axis, for each input that reaches a chunk: the first tap that leads into it, the
number of taps that do, and the first output, counted from the chunk's start."""


def synapse_bits(
    links: Links, cut: Cut, weight_bits: int, delayed: bool, memory: SynapseMemory
) -> np.ndarray:
    """Return the bits that each box of the target needs, (boxes,)."""
    neurons = cut.neurons()
    plain = weight_bits + memory.delay_bits * delayed
    indexed = plain + np.maximum(memory.least_index_bits, np.frexp(neurons - 1)[1])
    if isinstance(links, Single):
        box, _, synapses = links.pairs(cut)
        bits = _entries(synapses, indexed[box], memory)
        return np.bincount(box, bits, cut.boxes).astype(np.int64)  # exact below 2^53
    assert isinstance(links, Along)
    if not links.shared:
        return links.axons_in(cut) * _entries(neurons, plain, memory)
    if memory.base_reach is None:
        return _entries(_kernel(links, cut), plain, memory)
    return _shared_bits(links, cut, indexed, memory)


def least_bits(links: Along, bits: int) -> Callable[[Cut], int]:
    """Return a lower bound of what the largest box of a cut needs: ``bits`` for each synapse.

    It is quick because cuts have few sizes along each axis.
    """
    most: dict[tuple[int, int], int] = {}

    def along(cut: Cut, axis: int) -> int:
        key = (axis, cut.size[axis])
        if key not in most:
            shares = _shares(links, cut, axis)
            most[key] = max(sum(taps for _, taps in {s[:2] for s in one}) for one in shares)
        return most[key]

    return lambda cut: max(_channel_links(links, cut)) * along(cut, 1) * along(cut, 2) * bits


def _kernel(links: Along, cut: Cut) -> np.ndarray:
    """Count the weights of the kernel that lead into each box, (boxes,)."""
    taps = (
        [len({tap for tap in links.taps[axis][s : s + n].flat if tap >= 0}) for s, n in chunks]
        for axis in (1, 2)
        for chunks in [zip(cut.starts(axis), cut.lengths(axis), strict=True)]
    )
    return outer(np.array(_channel_links(links, cut)), *map(np.array, taps))


def _shared_bits(links: Along, cut: Cut, indexed: np.ndarray, memory: SynapseMemory) -> np.ndarray:
    channels = list(zip(cut.lengths(0).tolist(), _channel_links(links, cut), strict=True))
    rows, columns = _shares(links, cut, 1), _shares(links, cut, 2)
    width = cut.lengths(2).tolist()

    @cache
    def synapses(n: int, linked: int, down: _Shares, across: _Shares, wide: int) -> np.ndarray:
        """Return the synapses of each set that is shared."""
        if not (down and across and linked):
            return np.zeros(0, np.int64)
        (k, tall, y), (j, broad, x) = np.array(down).T[..., None], np.array(across).T
        block = (y * wide + x) * n // memory.base_reach
        keys = np.stack(np.broadcast_arrays(k, tall, j, broad, block), axis=-1).reshape(-1, 5)
        sets = np.unique(keys, axis=0)
        return linked * sets[:, 1] * sets[:, 3]

    @cache
    def bits(per_synapse: int, *box: Any) -> int:
        return int(_entries(synapses(*box), per_synapse, memory).sum())

    boxes = [
        (n, linked, down, across, wide)
        for n, linked in channels
        for down in rows
        for across, wide in zip(columns, width, strict=True)
    ]
    return np.array([bits(i, *box) for i, box in zip(indexed.tolist(), boxes, strict=True)])


def _entries(synapses: np.ndarray, bits: np.ndarray | int, memory: SynapseMemory) -> np.ndarray:
    """Return the bits of axons with so many ``synapses`` of so many ``bits`` each."""
    full, rest = np.divmod(synapses, memory.entry_synapses)

    def entry(count: np.ndarray | int) -> np.ndarray:
        words = -(-(count * np.asarray(bits) + memory.head_bits) // memory.word_bits)
        return words * memory.word_bits

    return full * entry(memory.entry_synapses) + np.where(rest > 0, entry(rest), 0)


def _channel_links(links: Along, cut: Cut) -> list[int]:
    """Return how many (output, input) channels of each chunk are linked."""
    linked = (links.taps[0] >= 0).sum(axis=1)
    if len(linked) == 1:
        return (linked * cut.lengths(0)).tolist()
    return np.add.reduceat(linked, cut.starts(0)).tolist()


def _shares(links: Along, cut: Cut, axis: int) -> list[_Shares]:
    found = []
    for start, length in zip(cut.starts(axis), cut.lengths(axis), strict=True):
        taps = links.taps[axis][start : start + length]
        linked = taps >= 0
        inputs = np.flatnonzero(linked.any(axis=0))
        first = linked.argmax(axis=0)[inputs]
        rows = np.stack((taps[first, inputs], linked.sum(axis=0)[inputs], first), axis=1)
        found.append(tuple(map(tuple, rows.tolist())))
    return found
