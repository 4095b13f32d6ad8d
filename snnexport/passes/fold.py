"""Graph -> Graph without normalisation and without pools in front of weights."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import Any

import numpy as np

from hwsim.errors import raise_all
from hwsim.synapses import Shape
from snnexport.graph import Convolution, Edge, Graph, Layer, Linear, Norm, Pool, SumPool, Weights

SMALLEST_GAIN = 2.0**-10
"""Channels whose gain is below this share of the layer's largest keep it in their weights."""


class Into(Enum):
    """Where the gain of a normalisation goes."""

    THRESHOLDS = "thresholds"
    WEIGHTS = "weights"


def fold(graph: Graph, into: Into = Into.THRESHOLDS) -> Graph:
    """Fold every normalisation and every average pool; exact in real arithmetic.

    With ``v <- decay(v) + g * u + c`` per channel, either the weights take ``g`` and the bias
    ``c``; or the weights take ``sign(g)``, the threshold ``theta / |g|`` and the bias
    ``c / |g|``: v is then measured in units of |g|. Both fire the same spikes. Thresholds are
    chosen channel by channel where ``|g|`` is large enough (``SMALLEST_GAIN``).

    Raises
    ------
    CheckError
        Listing every pool that has no exact form here, and every constant that would enter a
        current with memory.
    """
    problems: list[str] = []
    layers = tuple(_fold_layer(graph, layer, into, problems) for layer in graph.layers)
    raise_all(f"{graph.name} cannot be folded", problems, hint="change these layers and retrain")
    notes = {
        layer.name: {**graph.notes.get(layer.name, {}), "folded": _note(before, layer)}
        for before, layer in zip(graph.layers, layers, strict=True)
    }
    return replace(graph, layers=layers, notes=notes)


def _fold_layer(graph: Graph, layer: Layer, into: Into, problems: list[str]) -> Layer:
    ones = np.ones(layer.shape[0])
    norm = layer.norm or Norm(ones, 0 * ones)
    divisor = _divisor(norm.gain, into) if layer.norm else ones
    factor = norm.gain / divisor
    offset = norm.offset + norm.gain * _current_bias(layer, problems)
    neuron = layer.neuron
    if layer.norm or offset.any():
        threshold, bias = (np.asarray(x) * ones for x in (neuron.threshold, neuron.bias))
        neuron = replace(neuron, threshold=threshold / divisor, bias=(bias + offset) / divisor)
    edges = []
    for edge in layer.edges:
        try:
            weights = _fuse(edge, graph.shape_of(edge.source), layer.shape)
        except ValueError as error:
            problems.append(f"{edge.module}: {error}")
            continue
        edges.append(replace(edge, pool=None, weights=_scaled(weights, factor)))
    return replace(layer, norm=None, neuron=neuron, edges=tuple(edges))


def _divisor(gain: np.ndarray, into: Into) -> np.ndarray:
    """Return what each channel's voltage is divided by: |gain|, or 1 to keep it in weights."""
    size = np.abs(gain)
    to_threshold = size >= SMALLEST_GAIN * size.max() if into is Into.THRESHOLDS else size < 0
    return np.where(to_threshold & (size > 0), size, 1.0)


def _current_bias(layer: Layer, problems: list[str]) -> np.ndarray:
    """Return the constants that enter the current, where they equal a bias of the voltage."""
    total = np.zeros(layer.shape[0])
    for edge in layer.edges:
        bias = getattr(edge.weights, "bias", None)
        if bias is None or not bias.any():
            continue
        if np.any(np.asarray(layer.neuron.decay_u) != 1.0):
            problems.append(
                f"{edge.module}: its bias enters the current of {layer.name}, which has memory "
                f"(decay_u = {layer.neuron.decay_u}); use bias=False in front of a norm"
            )
        total = total + bias
    return total


def _fuse(edge: Edge, source: Shape, target: Shape) -> Convolution | Linear:
    """Return the weights of ``edge`` with its pool in them."""
    pool, weights = edge.pool, edge.weights
    if pool is None:
        assert isinstance(weights, Convolution | Linear)
        return weights
    if weights is None:
        per_channel = np.full((target[0], 1, *pool.kernel), 1.0 / pool.area)
        return Convolution(per_channel, None, pool.stride, pool.padding, groups=target[0])
    if pool.kernel != pool.stride or pool.padding != (0, 0):
        raise ValueError(f"{pool} overlaps or is padded; only plain pools fold into weights")
    if isinstance(weights, Linear):
        return _fuse_linear(weights, pool, source)
    assert isinstance(weights, Convolution)
    cut = [size % k for size, k in zip(source[1:], pool.kernel, strict=True)]
    if weights.dilation != (1, 1) or (any(cut) and weights.padding != (0, 0)):
        raise ValueError(f"{pool} on {source} does not fold into a dilated or padded convolution")
    kernel = weights.weight.repeat(pool.kernel[0], axis=2).repeat(pool.kernel[1], axis=3)
    stride = _times(weights.stride, pool.kernel)
    padding = _times(weights.padding, pool.kernel)
    fused = {"weight": kernel / pool.area, "stride": stride, "padding": padding, "bias": None}
    return replace(weights, **fused)


def _fuse_linear(weights: Linear, pool: Pool, source: Shape) -> Linear:
    """Give every pixel of a window the column of the window, divided by its area."""
    channels, height, width = source
    (kh, kw), outputs = pool.kernel, len(weights.weight)
    pooled = weights.weight.reshape(outputs, channels, height // kh, width // kw)
    spread = pooled.repeat(kh, axis=2).repeat(kw, axis=3) / pool.area
    full = np.zeros((outputs, channels, height, width))
    full[:, :, : spread.shape[2], : spread.shape[3]] = spread
    return Linear(full.reshape(outputs, -1))


def _scaled(weights: Convolution | Linear, factor: np.ndarray) -> Weights:
    """Multiply each output channel; a bias has gone into the neuron by now."""
    column = factor.reshape(-1, *(1,) * (weights.weight.ndim - 1))
    scaled = replace(weights, weight=weights.weight * column, bias=None)
    return _as_pool(scaled) or scaled


def _as_pool(weights: Convolution | Linear) -> SumPool | None:
    """Return a depthwise convolution with one weight everywhere as the SumPool it is."""
    if isinstance(weights, Linear) or weights.weight.shape[1] != 1 or weights.groups == 1:
        return None
    if weights.groups != len(weights.weight) or weights.dilation != (1, 1):
        return None
    first = weights.weight.flat[0]
    if first <= 0 or not np.all(weights.weight == first):
        return None
    _, _, *kernel = weights.weight.shape
    size: Any = tuple(kernel)
    return SumPool(size, weights.stride, weights.padding, np.array([first]))


def _times(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    return (a[0] * b[0], a[1] * b[1])


def _note(before: Layer, after: Layer) -> dict[str, object]:
    """Say how many channels took their gain into the threshold."""
    if before.norm is None:
        return {"channels_into_thresholds": 0, "channels_into_weights": 0}
    moved = np.asarray(after.neuron.threshold) != np.asarray(before.neuron.threshold)
    return {
        "channels_into_thresholds": int(moved.sum()),
        "channels_into_weights": int(moved.size - moved.sum()),
    }
