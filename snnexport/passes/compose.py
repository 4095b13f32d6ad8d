"""A path of several linear stages as one: what convolutions, pools and matrices make together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from hwsim.synapses import Shape
from snnexport.graph import (
    Convolution,
    Diagonal,
    Flatten,
    Late,
    Linear,
    Place,
    Stage,
    SumPool,
    as_convolution,
    shapes_along,
)

LARGEST_MATRIX = 2**24
"""Weights that a matrix may grow to: the synaptic memory of a whole Loihi chip holds as many bytes.

Source: IEEE Circuits and Systems Magazine 2022 Q2, p. 21.
"""


def compose(stages: Sequence[Stage], source: Shape) -> list[Stage]:
    """Return the same map of messages of shape ``source`` in as few stages as possible.

    Weights that can be one are one, exactly in real arithmetic; delays stand at the ends where
    they can. What is left, if it is more than one Weights, has no exact form as one.
    """
    done = list(stages)
    while True:
        shapes = shapes_along(done, source)
        for i in range(len(done) - 1):
            merged = _merge(done[i], done[i + 1], shapes[i])
            if merged is not None:
                done[i : i + 2] = merged
                break
        else:
            return _closed(done, source)


def _closed(stages: list[Stage], source: Shape) -> list[Stage]:
    """Return ``stages`` without a trailing reshape or place, and with weights in any case."""
    shapes = shapes_along(stages, source)
    if stages and isinstance(stages[-1], Flatten):
        if shapes[-1][0] == shapes[-2][0]:  # a channel is one neuron
            return _closed(stages[:-1], source)
        matrix = _matrix(np.ones(shapes[-1][0]))
        return stages if matrix is None else compose([*stages, matrix], source)
    if stages and isinstance(stages[-1], Place):
        spread = _spread(stages[-1], shapes[-2])
        return compose([*stages[:-1], spread], source)
    if not any(isinstance(s, (Convolution, Linear, Diagonal, SumPool)) for s in stages):
        ones = np.ones(shapes[-1][0])
        flat = any(isinstance(s, Flatten) for s in stages)
        return [*stages, (_matrix(ones) if flat else None) or Diagonal(ones)]
    return [_as_pool(s) if isinstance(s, Convolution) else s for s in stages]


def _merge(first: Stage, second: Stage, source: Shape) -> list[Stage] | None:
    """Return ``first`` and then ``second`` in fewer stages, or in a better order; None if not."""
    if isinstance(first, SumPool):
        first = as_convolution(first, source[0])
    between = first.output_shape(source)
    if isinstance(second, SumPool):
        second = as_convolution(second, between[0])
    rule = _RULES.get((type(first), type(second)))
    return None if rule is None else rule(first, second, source, between)


def _two_convolutions(
    first: Convolution, second: Convolution, source: Shape, between: Shape
) -> list[Stage] | None:
    """Return one convolution that does both, if no padding between them tells them apart."""
    reach = [d * (k - 1) for d, k in zip(first.dilation, first.weight.shape[2:], strict=True)]
    sides = zip(source[1:], between[1:], reach, first.stride, first.padding, strict=True)
    # where the second reads its padding, the first would have to see nothing but padding
    unseen = all(r < s + p and n * s - p >= size for size, n, r, s, p in sides)
    if any(second.padding) and not unseen:
        return None
    depthwise = first.groups == len(first.weight) and first.weight.shape[1] == 1
    groups = second.groups if depthwise else 1
    inner, outer = first.weight, second.weight if depthwise else _one_group(second)
    if not depthwise:
        inner = _one_group(first)
    dilation: tuple[int, int] = first.dilation
    if first.weight.shape[2:] == (1, 1):  # then the taps of the second stay apart
        dilation = _times(second.dilation, first.stride)
        weight = _mixed(outer, inner, groups, depthwise)
    else:
        weight = _correlated(outer, inner, _times(second.dilation, first.stride), first, groups)
        dilation = (1, 1)
    padding = [
        p + q * s for p, q, s in zip(first.padding, second.padding, first.stride, strict=True)
    ]
    stride = _times(first.stride, second.stride)
    result = Convolution(weight, stride, (padding[0], padding[1]), dilation, groups)
    if result.output_shape(source) != second.output_shape(between):
        return None
    return [result]


def _mixed(outer: np.ndarray, inner: np.ndarray, groups: int, depthwise: bool) -> np.ndarray:
    """Return the kernel of ``outer`` behind ``inner`` of 1x1."""
    if not depthwise:
        return np.einsum("omyx,mi->oiyx", outer, inner[:, :, 0, 0])
    gain = inner[:, 0, 0, 0].reshape(groups, 1, -1, 1, 1)
    return (outer.reshape(groups, -1, *outer.shape[1:]) * gain).reshape(outer.shape)


def _correlated(
    outer: np.ndarray, inner: np.ndarray, spacing: tuple[int, int], first: Convolution, groups: int
) -> np.ndarray:
    """Return the kernel of ``outer``, its taps ``spacing`` apart, behind that of ``inner``."""
    depthwise = inner.shape[1] == 1 and first.groups == len(first.weight)
    span = [d * (k - 1) + 1 for d, k in zip(first.dilation, inner.shape[2:], strict=True)]
    size = [s * (k - 1) + n for s, k, n in zip(spacing, outer.shape[2:], span, strict=True)]
    inputs = outer.shape[1] if depthwise else inner.shape[1]
    weight = np.zeros((len(outer), inputs, *size))
    dy, dx = first.dilation
    for (ky, kx), (y, x) in (
        (tap, (tap[0] * spacing[0], tap[1] * spacing[1])) for tap in np.ndindex(*outer.shape[2:])
    ):
        tap = outer[:, :, ky, kx]
        if depthwise:
            kernels = inner[:, 0].reshape(groups, -1, *inner.shape[2:])
            rows = tap.reshape(groups, -1, tap.shape[1])
            added = np.einsum("goc,gcyx->gocyx", rows, kernels).reshape(
                *tap.shape, *inner.shape[2:]
            )
        else:
            added = np.einsum("om,miyx->oiyx", tap, inner)
        weight[:, :, y : y + span[0] : dy, x : x + span[1] : dx] += added
    return weight


def _one_group(w: Convolution) -> np.ndarray:
    """Return the kernel with zeros between groups, (C_out, C_in, kH, kW)."""
    if w.groups == 1:
        return w.weight
    outputs, inner, *kernel = w.weight.shape
    full = np.zeros((outputs, inner * w.groups, *kernel))
    per_group = outputs // w.groups
    for g in range(w.groups):
        rows = slice(g * per_group, (g + 1) * per_group)
        full[rows, g * inner : (g + 1) * inner] = w.weight[rows]
    return full


def _convolution_linear(
    first: Convolution, second: Linear, source: Shape, between: Shape
) -> list[Stage] | None:
    """Return the matrix of both, each row taken back through the convolution; None if too large."""
    if len(second.weight) * prod(source) > LARGEST_MATRIX:
        return None
    rows = torch.as_tensor(second.weight).double().reshape(-1, *between)
    sizes = (first.stride, first.padding)
    kernel = torch.as_tensor(first.weight).double()
    short = [
        n - ((m - 1) * s - 2 * p + d * (k - 1) + 1)
        for n, m, s, p, d, k in zip(
            source[1:], between[1:], *sizes, first.dilation, first.weight.shape[2:], strict=True
        )
    ]
    back: Any = functional.conv_transpose2d
    full = back(rows, kernel, None, *sizes, short, first.groups, first.dilation)
    return [Linear(full.numpy().reshape(len(rows), -1))]


def _place_convolution(first: Place, second: Convolution, source: Shape, _: Shape) -> list[Stage]:
    last = first.first + source[0]
    if second.groups == len(second.weight) and second.weight.shape[1] == 1:  # stays channel-wise
        kept = replace(second, weight=second.weight[first.first : last], groups=source[0])
        return [kept, first]
    return [replace(second, weight=_one_group(second)[:, first.first : last], groups=1)]


def _place_linear(first: Place, second: Linear, source: Shape, between: Shape) -> list[Stage]:
    columns = second.weight.reshape(len(second.weight), *between)
    kept = columns[:, first.first : first.first + source[0]]
    return [Linear(kept.reshape(len(second.weight), -1))]


def _place_late(first: Place, second: Late, source: Shape, _: Shape) -> list[Stage]:
    return [Late(second.frames[first.first : first.first + source[0]]), first]


def _place_place(first: Place, second: Place, *_: Shape) -> list[Stage]:
    return [Place(first.first + second.first, second.channels)]


def _place_flatten(first: Place, second: Flatten, source: Shape, _: Shape) -> list[Stage]:
    positions = int(np.prod(source[1:]))
    return [second, Place(first.first * positions, first.channels * positions)]


def _channels_late(first: Stage, second: Late, source: Shape, _: Shape) -> list[Stage] | None:
    """Take a delay in front of what does not mix channels, or of anything if it is one for all."""
    channelwise = isinstance(first, Diagonal) or (
        isinstance(first, Convolution) and first.groups == len(first.weight) == source[0]
    )
    if channelwise:
        return [second, first]
    if len(np.unique(second.frames)) == 1:
        return [Late(np.full(source[0], second.frames[0])), first]
    return None


def _flatten_late(first: Flatten, second: Late, source: Shape, _: Shape) -> list[Stage] | None:
    frames = second.frames.reshape(source[0], -1)
    if (frames == frames[:, :1]).all():
        return [Late(frames[:, 0].copy()), first]
    return None


def _flatten_diagonal(
    first: Flatten, second: Diagonal, source: Shape, _: Shape
) -> list[Stage] | None:
    gain = second.weight.reshape(source[0], -1)
    if (gain == gain[:, :1]).all():
        return [Diagonal(gain[:, 0].copy()), first]
    matrix = _matrix(second.weight)
    return None if matrix is None else [matrix]


def _diagonal_convolution(
    first: Diagonal, second: Convolution, source: Shape, between: Shape
) -> list[Stage] | None:
    return _two_convolutions(as_convolution(first, source[0]), second, source, between)


def _convolution_diagonal(first: Convolution, second: Diagonal, *_: Shape) -> list[Stage]:
    return [replace(first, weight=first.weight * second.weight.reshape(-1, 1, 1, 1))]


def _diagonal_linear(first: Diagonal, second: Linear, source: Shape, _: Shape) -> list[Stage]:
    return [Linear(second.weight * first.weight.repeat(int(np.prod(source[1:]))))]


def _place_diagonal(first: Place, second: Diagonal, source: Shape, _: Shape) -> list[Stage]:
    return [Diagonal(second.weight[first.first : first.first + source[0]]), first]


def _matrix(diagonal: np.ndarray) -> Linear | None:
    """Return the matrix with ``diagonal``; None if it is too large."""
    return Linear(np.diag(diagonal)) if len(diagonal) ** 2 <= LARGEST_MATRIX else None


def _spread(place: Place, source: Shape) -> Convolution | Linear:
    """Return the weights that a place at the end of a path is."""
    identity = np.zeros((place.channels, source[0]))
    identity[place.first : place.first + source[0]] = np.eye(source[0])
    return Linear(identity) if len(source) == 1 else Convolution(identity[:, :, None, None])


def _as_pool(w: Convolution) -> Convolution | SumPool:
    """Return a depthwise convolution with one weight everywhere as the SumPool it is."""
    if w.groups != len(w.weight) or w.weight.shape[1] != 1 or w.dilation != (1, 1):
        return w
    first = w.weight.flat[0]
    if w.weight.shape[2:] == (1, 1) or not np.all(w.weight == first):
        return w
    height, width = w.weight.shape[2:]
    if 2 * w.padding[0] > height or 2 * w.padding[1] > width:  # more than a pooling may have
        return w
    return SumPool((height, width), w.stride, w.padding, np.array([first]))


def _times(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    return (a[0] * b[0], a[1] * b[1])


_RULES: dict[tuple[type, type], Callable[..., list[Stage] | None]] = {
    (Convolution, Convolution): _two_convolutions,
    (Convolution, Diagonal): _convolution_diagonal,
    (Convolution, Late): _channels_late,
    (Convolution, Linear): _convolution_linear,
    (Diagonal, Convolution): _diagonal_convolution,
    (Diagonal, Diagonal): lambda a, b, *_: [Diagonal(a.weight * b.weight)],
    (Diagonal, Late): _channels_late,
    (Diagonal, Linear): _diagonal_linear,
    (Flatten, Diagonal): _flatten_diagonal,
    (Flatten, Late): _flatten_late,
    (Flatten, Linear): lambda _, b, *__: [b],
    (Late, Late): lambda a, b, *_: [Late(a.frames + b.frames)],
    (Linear, Diagonal): lambda a, b, *_: [Linear(a.weight * b.weight[:, None])],
    (Linear, Late): _channels_late,
    (Linear, Linear): lambda a, b, *_: [Linear(b.weight @ a.weight)],
    (Place, Convolution): _place_convolution,
    (Place, Diagonal): _place_diagonal,
    (Place, Flatten): _place_flatten,
    (Place, Late): _place_late,
    (Place, Linear): _place_linear,
    (Place, Place): _place_place,
}
"""How two stages that follow each other become fewer, or swap so that later ones can."""
