"""Graph -> Graph without normalisation, constants, or more than one stage of weights in a path."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from math import prod
from typing import Any

import numpy as np

from hwsim.arith import STATE_LIMIT, STATE_UNIT, WEIGHT_MAX
from hwsim.errors import raise_all
from hwsim.neurons import Cuba, GradedRelay, LeakyIntegrator
from hwsim.program import expand
from hwsim.synapses import Shape
from snnexport.graph import (
    Edge,
    Flatten,
    Graph,
    Layer,
    Linear,
    Norm,
    Stage,
    SumPool,
    Weights,
    as_convolution,
    shapes_along,
)
from snnexport.passes.compose import LARGEST_MATRIX, compose
from snnexport.passes.rounding import rows

LARGEST_THRESHOLD = STATE_LIMIT // STATE_UNIT
"""In units of weight, above which a neuron cannot fire."""


class Into(Enum):
    """Where the gain of a normalisation goes; CHOSEN decides channel by channel."""

    CHOSEN = "chosen"
    THRESHOLDS = "thresholds"
    WEIGHTS = "weights"


def fold(graph: Graph, into: Into = Into.CHOSEN) -> Graph:
    """Fold every normalisation, constant and path of several stages; exact in real arithmetic.

    With ``v <- decay(v) + g * u + c`` per channel, either the weights take ``g`` and the bias
    ``c``; or the weights take ``sign(g)``, the threshold ``theta / |g|`` and the bias
    ``c / |g|``: v is then measured in units of |g|. Both fire the same spikes. Which of them
    rounds better to 8 bits, all channels at one scale, is chosen for each channel. A constant
    that enters a current without memory becomes a bias; else a population ``<layer>.bias`` of
    one neuron that fires in every step brings it. Stages of weights that make no single one
    (overlapping pools in front of weights) meet in a population that adds up.

    Raises
    ------
    CheckError
        Listing every path and every constant that has no exact form.
    """
    folded, problems = folded_with_problems(graph, into)
    raise_all(f"{graph.name} cannot be folded", problems, hint="change these layers and retrain")
    return folded


def folded_with_problems(graph: Graph, into: Into = Into.CHOSEN) -> tuple[Graph, list[str]]:
    """Return what of ``graph`` can be folded, and the list of what cannot."""
    problems: list[str] = []
    layers: dict[str, Layer] = {}
    notes = {}
    for layer in graph.layers:
        before = len(problems)
        split = _joined(graph, layer, layers, problems)
        if len(problems) > before:
            layers[layer.name] = layer
            continue
        plain, line = _without_constant(split)
        if line is not None:
            layers[line.name] = line
        layers[layer.name], divisor = _without_norm(plain, into)
        if layer.norm is not None:
            moved = int((divisor != 1.0).sum())
            notes[layer.name] = {
                "channels_into_thresholds": moved,
                "channels_into_weights": len(divisor) - moved,
            }
    return replace(graph, layers=tuple(layers.values())).noted("folded", notes), problems


def _joined(graph: Graph, layer: Layer, layers: dict[str, Layer], problems: list[str]) -> Layer:
    """Return ``layer`` with one Weights in each path; what else it takes goes to ``layers``."""
    edges: list[Edge] = []
    for edge in layer.edges:
        source = graph.shape_of(edge.source)
        stages = compose(edge.stages, source)
        while len([s for s in stages if isinstance(s, Weights)]) > 1:
            edge, stages, between = _split(edge, stages, source, layers)
            source = between.shape
            layers[between.name] = between
        kinds = [type(s) for s in stages]
        if Flatten in kinds and Linear not in kinds:
            problems.append(
                f"{edge.module}: as a matrix behind its flattening it would have more than "
                f"{LARGEST_MATRIX} weights; put a Linear there, or neurons in front of flattening"
            )
        edges.append(replace(edge, stages=tuple(stages)))
    return replace(layer, edges=tuple(edges))


def _split(
    edge: Edge, stages: list[Stage], source: Shape, layers: dict[str, Layer]
) -> tuple[Edge, list[Stage], Layer]:
    """Return the rest of a path behind a new population that adds up what its start sends."""
    end = 1 + next(i for i, s in enumerate(stages) if isinstance(s, Weights))
    start, rest = stages[:end], stages[end:]
    shape = shapes_along(start, source)[-1]
    name, pool = f"{edge.module}.input", start[-1]
    if isinstance(pool, SumPool):  # messages that are counts of spikes are exact
        start = [*start[:-1], replace(pool, weight=np.ones(1))]
        rest = _with_first(rest, lambda weight: weight * pool.weight[0])
        name = f"{edge.source}.pool" + "x".join(map(str, (*pool.kernel, *pool.stride)))
    first = Edge(edge.source, edge.module, tuple(start))
    between = Layer(_free(name, first, layers), shape, GradedRelay(), (first,))
    return replace(edge, source=between.name), rest, between


def _with_first(stages: list[Stage], change: Callable[[np.ndarray], np.ndarray]) -> list[Stage]:
    """Return ``stages`` with the values of the first Weights changed."""
    at, weights = next((i, s) for i, s in enumerate(stages) if isinstance(s, Weights))
    return [*stages[:at], replace(weights, weight=change(weights.weight)), *stages[at + 1 :]]


def _free(name: str, first: Edge, layers: dict[str, Layer]) -> str:
    """Return ``name``, or one like it if another path has taken it."""
    number, choice = 2, name
    while choice in layers and not _equal(layers[choice].edges[0], first):
        number, choice = number + 1, f"{name}_{number}"
    return choice


def _equal(a: Edge, b: Edge) -> bool:
    """Say whether two edges bring the same."""
    kinds = [type(s) for s in a.stages] == [type(s) for s in b.stages]
    return (
        a.source == b.source
        and kinds
        and all(
            np.array_equal(x, y)
            for s, t in zip(a.stages, b.stages, strict=True)
            for x, y in zip(vars(s).values(), vars(t).values(), strict=True)
        )
    )


def _without_constant(layer: Layer) -> tuple[Layer, Layer | None]:
    """Return ``layer`` with its constant as a bias of v, or with a population that brings it."""
    if not np.any(layer.constant):
        return layer, None
    if np.all(np.asarray(layer.neuron.decay_u) == 1.0):
        gain = 1.0 if layer.norm is None else layer.norm.gain
        entering = _each(operator.mul, layer.constant, gain, layer.shape)
        bias = _each(operator.add, entering, layer.neuron.bias, layer.shape)
        return replace(layer, neuron=replace(layer.neuron, bias=bias), constant=0.0), None
    name = f"{layer.name}.bias"
    always = Cuba(decay_u=1.0, decay_v=0.0, threshold=0.5, bias=1.0)
    weight = np.broadcast_to(expand(layer.constant, layer.shape), layer.shape).reshape(-1, 1)
    edge = Edge(name, name, (Linear(weight.copy()),))
    return replace(layer, edges=(*layer.edges, edge), constant=0.0), Layer(name, (1,), always, ())


def _without_norm(layer: Layer, into: Into) -> tuple[Layer, np.ndarray]:
    """Return ``layer`` with its norm in weights, thresholds and biases, and what divided v."""
    channels = layer.shape[0]
    ones = np.ones(channels)
    if layer.norm is None:
        return layer, ones
    norm: Norm = layer.norm
    divisor = _divisor(layer, norm, into)
    neuron: Any = layer.neuron
    bias = _each(operator.add, neuron.bias, norm.offset, layer.shape)
    registers = {"bias": _each(operator.truediv, bias, divisor, layer.shape)}
    for name in ("threshold", "threshold_low", "decrement", "lowest"):
        if hasattr(neuron, name):
            limit = getattr(neuron, name)
            registers[name] = _each(operator.truediv, limit, divisor, layer.shape)
    edges = tuple(
        replace(e, stages=_scaled(e, (1.0 if e.late else norm.gain) / divisor, layer.shape))
        for e in layer.edges
    )
    return replace(layer, norm=None, neuron=replace(neuron, **registers), edges=edges), divisor


def _scaled(edge: Edge, factor: np.ndarray, shape: Shape) -> tuple[Stage, ...]:
    """Multiply each channel that ``edge`` brings to a population of ``shape``."""
    weights = edge.weights
    if isinstance(weights, SumPool):
        weights = as_convolution(weights, shape[0])
    per_output = factor
    if isinstance(weights, Linear):
        per_output = factor.repeat(prod(shape[1:]))
    column = per_output.reshape(-1, *(1,) * (weights.weight.ndim - 1))
    scaled = replace(weights, weight=weights.weight * column)
    return edge.with_weights(_as_pool(scaled, edge.weights)).stages


def _as_pool(scaled: Any, before: Weights) -> Weights:
    """Return the pool that ``before`` still is if all channels have one weight."""
    first = scaled.weight.flat[0]
    if isinstance(before, SumPool) and np.all(scaled.weight == first):
        return replace(before, weight=np.array([first]))
    return scaled


def _divisor(layer: Layer, norm: Norm, into: Into) -> np.ndarray:
    """Return what each channel's voltage is divided by: |gain|, or 1 to keep it in weights.

    A voltage that is read out stays in its unit, as classes are compared by it.
    """
    size = np.abs(norm.gain)
    ones = np.ones_like(size)
    if into is Into.WEIGHTS or isinstance(layer.neuron, LeakyIntegrator):
        return ones
    divided = np.where(size > 0, size, 1.0)
    if into is Into.THRESHOLDS:
        return divided
    fed, back = (_largest(layer, late) for late in (False, True))  # the norm is not on feedback
    threshold = np.abs(np.broadcast_to(expand(layer.neuron.threshold, layer.shape), layer.shape))
    theta = threshold.reshape(len(size), -1).min(axis=1)
    # two ways a channel: (largest weight, threshold), its gain in the threshold or in the weights
    weight = np.stack([np.maximum(fed, back / divided), np.maximum(fed * size, back)])
    limit = np.stack([theta / divided, theta])
    return np.where(_first_is_better(weight, limit), divided, ones)


def _first_is_better(weight: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """Say for which channels the first of two ways (2, C) rounds better at one common scale.

    For each scale that some way would set, every channel takes the way with the smaller sum of
    relative squared rounding errors among those that fit; the scale with the smallest total
    decides.
    """
    best, chosen = np.inf, np.ones(weight.shape[1], bool)
    for largest in np.unique(weight[weight > 0]):
        fits = (weight <= largest) & (threshold <= largest / WEIGHT_MAX * LARGEST_THRESHOLD)
        with np.errstate(divide="ignore"):
            error = np.where(weight > 0, (largest / weight) ** 2, 0.0) + (largest / threshold) ** 2
        error = np.where(fits, error, np.inf)
        total = error.min(axis=0).sum()
        if total < best:
            best, chosen = total, error[0] <= error[1]
    return chosen


def _largest(layer: Layer, late: bool) -> np.ndarray:
    """Return the largest magnitude of the weights of all edges that are ``late`` or not, (C,)."""
    channels = layer.shape[0]
    found = [np.zeros((channels, 1))]
    found += [rows(e.weights, channels) for e in layer.edges if bool(e.late) == late]
    return np.max([np.abs(w).max(axis=1) for w in found], axis=0)


def _each(operation: Callable[..., Any], one: Any, other: Any, shape: Shape) -> Any:
    """Combine two registers neuron by neuron; per channel as long as both are."""
    values = [np.asarray(value, np.float64) for value in (one, other)]
    if max(value.ndim for value in values) > 1:
        values = [expand(value, shape) for value in values]
    return operation(*values)
