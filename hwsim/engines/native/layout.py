"""How the compiled engine keeps neurons and weights: channels last, input-major, narrow."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from hwsim.synapses import Conv2d, Dense, Shape, Sparse


def c_order(shape: Shape) -> np.ndarray:
    """Return the C-order index of each kept position: (C, H, W) is kept as (H, W, C)."""
    index = np.arange(prod(shape), dtype=np.int32).reshape(shape)
    return (index.transpose(1, 2, 0) if len(shape) == 3 else index).ravel()


def kept_position(shape: Shape) -> np.ndarray:
    """Return the kept position of each C-order index: the inverse of :func:`c_order`."""
    order = c_order(shape)
    kept = np.empty_like(order)
    kept[order] = np.arange(len(order))
    return kept


def from_kept(values: np.ndarray, shape: Shape) -> np.ndarray:
    """Return kept ``values`` as an array of ``shape``."""
    return values[kept_position(shape)].reshape(shape)


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


def dense_rows(synapse: Dense, source: Shape, target: Shape) -> np.ndarray:
    """Return the weights (inputs, outputs), both as kept."""
    return narrow(synapse.weight.T)[c_order(source)][:, c_order(target)]


def sparse_rows(
    synapse: Sparse, source: Shape, target: Shape
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weights, first synapse of each source (n + 1), and targets, sorted by source."""
    sources = kept_position(source)[synapse.source]
    targets = kept_position(target)[synapse.target]
    order = np.lexsort((targets, sources))
    start = np.zeros(prod(source) + 1, np.int64)
    np.cumsum(np.bincount(sources, minlength=prod(source)), out=start[1:])
    return narrow(synapse.weight[order]), start, targets[order]


@dataclass(frozen=True)
class ConvRows:
    """A convolution for the kernel, see ``Conv`` in src/kernels.h for each part."""

    weight: np.ndarray
    sizes: list[int]
    y: list[np.ndarray]
    x: list[np.ndarray]


def conv_rows(synapse: Conv2d, source: Shape) -> ConvRows:
    """Return ``synapse`` with weights (C_in, kH, kW, C_out / groups), kW sorted for long runs."""
    groups, (outputs, inputs, height, width) = synapse.groups, synapse.weight.shape
    _, out_height, out_width = synapse.output_shape(source)
    stride, dilation = synapse.stride[1], synapse.dilation[1]
    taps = sorted(range(width), key=lambda k: (k * dilation % stride, -k))
    weight = synapse.weight.reshape(groups, outputs // groups, inputs, height, width)
    weight = weight.transpose(0, 2, 3, 4, 1).reshape(groups * inputs, height, width, -1)[:, :, taps]
    sizes = [groups * inputs, source[2], outputs, out_width]
    sizes += [inputs, outputs // groups, height, width]
    return ConvRows(
        narrow(weight),
        sizes,
        _landings(synapse, 0, source[1], out_height, list(range(height)), merge=False),
        _landings(synapse, 1, source[2], out_width, taps, merge=groups == 1),
    )


def _landings(
    synapse: Conv2d, axis: int, size: int, out_size: int, taps: list[int], *, merge: bool
) -> list[np.ndarray]:
    """Return the first landing of each position (size + 1), and landings (n, 3).

    A landing is (place of the tap in ``taps``, output index, number of taps): with ``merge``
    one landing stands for neighbouring taps that reach neighbouring outputs.
    """
    stride, padding = synapse.stride[axis], synapse.padding[axis]
    start, found = [0], []
    for position in range(size):
        for place, tap in enumerate(taps):
            out, rest = divmod(position + padding - tap * synapse.dilation[axis], stride)
            if rest or not 0 <= out < out_size:
                continue
            last = found[-1] if merge and len(found) > start[-1] else None
            if last and (last[0] + last[2], last[1] + last[2]) == (place, out):
                last[2] += 1
            else:
                found.append([place, out, 1])
        start.append(len(found))
    return [np.array(start, np.int32), np.array(found, np.int32).reshape(-1, 3)]
