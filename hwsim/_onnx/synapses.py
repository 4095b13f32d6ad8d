"""Synapses and what stands for them in a file: an operator, its tensors, its attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from hwsim.errors import UnsupportedError
from hwsim.synapses import Conv2d, Dense, Shape, Sparse, SumPool2d, Synapse

FLOAT_EXACT = 1 << 24
"""float32 holds every integer up to here, so a convolution bounded by it is exact."""


@dataclass(frozen=True)
class Packed:
    """A synapse as an operator; the tensors are its inputs between messages and fan-out."""

    op: str
    tensors: Mapping[str, np.ndarray]
    attributes: Mapping[str, Any]

    @property
    def delayed(self) -> bool:
        """Say whether the operator reads a history of messages, not those of one step."""
        return self.op.startswith("Delay")


def pack(synapse: Synapse, source: Shape, payload: int) -> Packed:
    """Return ``synapse`` as an operator, for messages of magnitude up to ``payload``."""
    op = operator(synapse, payload)
    if isinstance(synapse, Dense | Sparse):
        return _pack_flat(op, synapse)
    if isinstance(synapse, Conv2d):
        dilations = {"dilations": synapse.dilation}
        return _pack_shared(op, synapse, *_mantissa(synapse.weight), dilations, source)
    assert isinstance(synapse, SumPool2d)
    ones = np.ones((source[0], 1, *synapse.kernel), np.int8)
    return _pack_shared(op, synapse.as_conv(source[0]), ones, synapse.weight, {}, source)


def operator(synapse: Synapse, payload: int) -> str:
    """Return the name of the operator that :func:`pack` gives: "Wide" where sums might be."""
    name = type(synapse).__name__
    if isinstance(synapse, Dense | Sparse):
        return name if synapse.delay is None else f"Delay{name}"
    if isinstance(synapse, Conv2d):
        mantissa, _ = _mantissa(synapse.weight)
        most = int(np.abs(mantissa.astype(np.int64)).sum(axis=(1, 2, 3)).max())
        return name if payload * most < FLOAT_EXACT else f"Wide{name}"
    if isinstance(synapse, SumPool2d):
        return name if payload * prod(synapse.kernel) < FLOAT_EXACT else f"Wide{name}"
    raise UnsupportedError(
        f"{type(synapse).__name__} has no operator in a program file",
        hint="use Dense, Sparse, Conv2d or SumPool2d",
    )


def made_anew(op: str, synapse: Synapse, source: Shape) -> dict[str, Shape]:
    """Return the shapes of the tensors that packing ``synapse`` makes, which it does not hold."""
    shapes: dict[str, Shape] = {"fan_out": (1, prod(source))}
    if isinstance(synapse, SumPool2d):
        shapes["weight"] = (source[0], 1, *synapse.kernel)
    if op.startswith("Wide"):
        kernel = synapse.kernel if isinstance(synapse, SumPool2d) else synapse.weights.shape[2:]
        shapes["taps"] = (prod(kernel), prod(synapse.output_shape(source)[1:]))
    return shapes


def unpack(packed: Packed, source: Shape) -> Synapse:
    """Return the synapse that :func:`pack` was given."""
    tensors, attributes, gain = packed.tensors, packed.attributes, packed.attributes["gain"]
    weight = tensors["weight"].astype(np.int32) * gain
    kind = packed.op.removeprefix("Delay").removeprefix("Wide")
    if kind in ("Dense", "Sparse"):
        exponent = attributes["multiplier"].bit_length() - attributes["divisor"].bit_length()
        delay = tensors["delay"].astype(np.int32) if packed.delayed else None
        if kind == "Dense":
            return Dense(weight, exponent, delay)
        shape = (attributes["n_out"], int(np.prod(source)))
        return Sparse(shape, tensors["target"], tensors["source"], weight, exponent, delay)
    stride, padding = tuple(attributes["strides"]), tuple(attributes["pads"][:2])
    if kind == "SumPool2d":
        return SumPool2d(weight.shape[2:], stride, padding, gain)
    return Conv2d(weight, stride, padding, tuple(attributes["dilations"]), attributes["group"])


def _pack_flat(op: str, synapse: Dense | Sparse) -> Packed:
    mantissa, gain = _mantissa(synapse.weight)
    exponent = synapse.exponent
    scale = {"multiplier": 2 ** max(exponent, 0), "divisor": 2 ** max(-exponent, 0)}
    attributes = {"gain": gain, **scale}
    late = {} if synapse.delay is None else {"delay": synapse.delay.astype(np.int8)}
    if isinstance(synapse, Dense):
        return Packed(op, {"weight": mantissa, **late}, attributes)
    ends = {"target": synapse.target.astype(np.int32), "source": synapse.source.astype(np.int32)}
    return Packed(
        op, {**ends, "weight": mantissa, **late}, {**attributes, "n_out": synapse.shape[0]}
    )


def _pack_shared(
    op: str,
    conv: Conv2d,
    mantissa: np.ndarray,
    gain: int,
    dilations: dict[str, Any],
    source: Shape,
) -> Packed:
    """Return a convolution: in float32, or in int64 with its taps written out."""
    sizes = {"strides": conv.stride, "pads": (*conv.padding, *conv.padding), "group": conv.groups}
    attributes = {"gain": gain, **sizes, **dilations}
    if not op.startswith("Wide"):
        return Packed(op, {"weight": mantissa}, attributes)
    tensors = {"weight": mantissa, "taps": _taps(conv, source)}
    return Packed(op, tensors, {**attributes, "shape": conv.output_shape(source)})


def _taps(conv: Conv2d, source: Shape) -> np.ndarray:
    """Return (kH * kW, outputs of a channel): the source position under each tap.

    Positions in the padding are the number of source positions.
    """
    _, height, width = source
    reach = zip(
        conv.output_shape(source)[1:], conv.weight.shape[2:],
        conv.stride, conv.padding, conv.dilation, strict=True,
    )  # fmt: skip
    y, x = (
        np.arange(out) * stride - padding + np.arange(size)[:, None] * dilation
        for out, size, stride, padding, dilation in reach
    )
    y, x = y[:, None, :, None], x[None, :, None, :]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    taps = np.where(inside, y * width + x, height * width)
    return taps.reshape(taps.shape[0] * taps.shape[1], -1).astype(np.int32)


def _mantissa(weight: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the narrowest storage of ``weight`` and the gain that restores it."""
    low, high = int(weight.min(initial=0)), int(weight.max(initial=0))
    for kind, gain in ((np.int8, 1), (np.uint8, 1), (np.int8, 2), (np.uint8, 2), (np.int16, 1)):
        limits = np.iinfo(kind)
        fits = limits.min * gain <= low and high <= limits.max * gain
        if fits and not (weight % gain).any():
            return (weight // gain).astype(kind), gain
    return weight.astype(np.int32), 1
