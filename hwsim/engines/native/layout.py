"""How the compiled engine keeps neurons and weights: channels last, input-major, narrow."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from hwsim.synapses import Conv2d, Dense, Shape, Sparse

WORD_NEURONS = 64
"""Neurons that the kernels step at once: a bit each of a word."""
_RUNS = (16, 32, 64)
_LINE = 64
_AT_ONCE = 4
"""Rows that the kernels add at once."""
_BYTE, _SHORT = 255, 65535
_ALIKE = 0.8


def c_order(shape: Shape, places: np.ndarray | None = None) -> np.ndarray:
    """Return the C-order index of each kept position: (C, H, W) is kept as (H, W, C).

    places: the order of the positions y * W + x, if it is another.
    """
    index = np.arange(prod(shape), dtype=np.int32).reshape(shape)
    if len(shape) != 3:
        return index.ravel()
    positions = index.reshape(shape[0], -1).T
    return (positions if places is None else positions[places]).ravel()


def kept_position(order: np.ndarray) -> np.ndarray:
    """Return the kept position of each C-order index: the inverse of :func:`c_order`."""
    kept = np.empty_like(order)
    kept[order] = np.arange(len(order), dtype=order.dtype)
    return kept


def places(order: np.ndarray) -> np.ndarray:
    """Return ``order``, empty if it is the identity."""
    identical = bool((order == np.arange(len(order))).all())
    return order[:0] if identical else order


def narrow(values: np.ndarray) -> np.ndarray:
    """Return ``values`` contiguous, in the narrowest of int8, int16 and int32 that holds them."""
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    for kind in (np.int8, np.int16, np.int32):
        limits = np.iinfo(kind)
        if limits.min <= low and high <= limits.max:
            return np.ascontiguousarray(values, kind)
    raise AssertionError("Program admits 32-bit weights only")


def whole_words(values: np.ndarray, fill: int = 0) -> np.ndarray:
    """Return ``values`` (..., n) with ``fill`` up to a whole number of words of neurons."""
    missing = -values.shape[-1] % WORD_NEURONS
    widths = [(0, 0)] * (values.ndim - 1) + [(0, missing)]
    return aligned(np.pad(values, widths, constant_values=fill))


def aligned(values: np.ndarray) -> np.ndarray:
    """Return ``values`` contiguous, beginning where a cache line does."""
    room = np.empty(values.nbytes + _LINE, np.uint8)
    start = -room.ctypes.data % _LINE
    found = room[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
    found[...] = values
    return found


def dense_rows(synapse: Dense | Sparse, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the weights (inputs, outputs), both as kept; ``source``, ``target``: their orders."""
    if isinstance(synapse, Dense):
        return narrow(synapse.weight.T)[source][:, target]
    weight = np.zeros((len(source), len(target)), narrow(synapse.weight).dtype)
    inputs, outputs = kept_position(source)[synapse.source], kept_position(target)[synapse.target]
    weight[inputs, outputs] = synapse.weight
    return weight


@dataclass(frozen=True)
class PackedRows:
    """Rows of bytes for the kernel, see ``Rows`` in src/kernels.h."""

    packed: np.ndarray
    numbers: list[int]


def packed_rows(weight: np.ndarray, lanes: int) -> PackedRows | None:
    """Return ``weight`` (inputs, outputs) as bytes, None if they span more than those hold.

    After the last input comes a row of weights 0.

    A byte is (weight - lowest) >> scale; the zero bits at the end of all weights are the scale.
    Bytes stand in the order in which src/rows.h takes sums of ``lanes`` apart.
    """
    lowest, highest = min(int(weight.min()), 0), max(int(weight.max()), 0)
    bits = int(np.bitwise_or.reduce(weight, axis=None))
    scale = (bits & -bits).bit_length() - 1 if bits else 0
    span = (highest - lowest) >> scale
    if span > _BYTE:
        return None
    group = next(g for g in (4, 2, 1) if g * span <= _BYTE)
    most = _SHORT // max(span, 1) // _AT_ONCE * _AT_ONCE
    stored = ((weight.astype(np.int32) - lowest) >> scale).astype(np.uint8)
    zero = -lowest >> scale
    stored = whole_words(np.pad(stored, ((0, 1), (0, 0)), constant_values=zero), zero)
    inputs, words = len(stored), stored.shape[1] // WORD_NEURONS
    quarters = stored.reshape(inputs, words, -1, 4, lanes)[:, :, :, [0, 2, 1, 3]]
    packed = quarters.swapaxes(3, 4).reshape(inputs, words, WORD_NEURONS).swapaxes(0, 1)
    return PackedRows(aligned(packed), [group, scale, lowest, most])


def sparse_rows(
    synapse: Sparse, source: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weights, first synapse of each source (n + 1), and targets, sorted by source."""
    sources = kept_position(source)[synapse.source]
    targets = kept_position(target)[synapse.target]
    order = np.lexsort((targets, sources))
    start = np.zeros(len(source) + 1, np.int64)
    np.cumsum(np.bincount(sources, minlength=len(source)), out=start[1:])
    return narrow(synapse.weight[order]), start, targets[order]


@dataclass(frozen=True)
class Landings:
    """Where each position of a source lands: see ``Landing`` in src/kernels.h.

    start (positions + 1): the first of a position's; rows (n, 2): places of output and tap.
    """

    start: np.ndarray
    rows: np.ndarray


def landings(
    synapse: Conv2d, source: Shape, order: np.ndarray, target_order: np.ndarray
) -> Landings:
    """Return where the positions of ``source`` land.

    ``order``, ``target_order``: of the source, and of what has the shape of the output.
    """
    here, tap, there = _reached(synapse, source)
    here = kept_position(order)[here] // source[0]  # of the first channel: as of all
    there = kept_position(target_order)[there] // synapse.weight.shape[0]
    sort = np.lexsort((tap, here))
    start = np.searchsorted(here[sort], np.arange(source[1] * source[2] + 1))
    return Landings(start, np.stack([there[sort], tap[sort]], 1))


def alike(found: Landings) -> np.ndarray:
    """Return an order of positions in which those that land equally often are neighbours.

    The processor then foresees how long the kernel's loops are.
    """
    return np.argsort(np.diff(found.start), kind="stable")


def kinds(found: Landings, channels: int) -> tuple[np.ndarray, int] | None:
    """Return the kind of each kept position, by how often it lands, and the number of kinds.

    None if most are alike: then the processor foresees the others, too.
    """
    counts = np.diff(found.start)
    _, kind, sizes = np.unique(counts, return_inverse=True, return_counts=True)
    if sizes.max() > _ALIKE * len(counts):
        return None
    return np.repeat(kind.astype(np.int32), channels), len(sizes)


@dataclass(frozen=True)
class ConvRows:
    """A convolution for the kernel, see ``Conv`` in src/kernels.h for each part."""

    weight: np.ndarray
    start: np.ndarray
    landings: np.ndarray
    numbers: list[int]


def conv_rows(synapse: Conv2d, found: Landings) -> ConvRows:
    """Return ``synapse`` with weights (C_in, kH, kW, C_out / groups)."""
    groups, (outputs, inputs, height, width) = synapse.groups, synapse.weight.shape
    channels, group_out = groups * inputs, outputs // groups
    weight = synapse.weight.reshape(groups, group_out, inputs, height, width)
    weight = weight.transpose(0, 2, 3, 4, 1).reshape(channels, height, width, group_out)
    shift = 31 + (channels - 1).bit_length()
    return ConvRows(
        narrow(weight),
        found.start.astype(np.int32),
        found.rows * np.array([outputs, group_out], np.int32),
        [
            channels, inputs, group_out, height * width * group_out,
            (1 << shift) // channels + 1, shift,  # divides exactly what is below 2^31
        ],
    )  # fmt: skip


def runs(synapse: Conv2d) -> bool:
    """Say whether ``synapse`` has as many outputs a group as loops of known length add."""
    outputs = synapse.weight.shape[0] // synapse.groups
    return outputs in _RUNS or outputs % _RUNS[-1] == 0


def _reached(synapse: Conv2d, source: Shape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each (input position, place of the tap, output position) that belong together."""
    _, *sizes = synapse.output_shape(source)
    axes = []
    for axis, taps in enumerate(synapse.weight.shape[2:]):
        out, tap = np.indices((sizes[axis], taps)).reshape(2, -1)
        at = out * synapse.stride[axis] + tap * synapse.dilation[axis]
        at = at - synapse.padding[axis]
        kept = (at >= 0) & (at < source[1 + axis])
        axes.append([index[kept].astype(np.int32) for index in (at, tap, out)])
    widths = (source[2], synapse.weight.shape[3], sizes[1])
    # of int32, like every index here: there are as many as synapses of one channel
    found = [
        np.add.outer(y * np.int32(n), x).ravel() for y, x, n in zip(*axes, widths, strict=True)
    ]
    return found[0], found[1], found[2]
