"""Graph: a captured network as populations and the linear paths between them, in reals.

Passes turn one Graph into the next; after ``quantize`` the same tensors hold integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hwsim.neurons import GradedRelay
from hwsim.program import Readout
from hwsim.synapses import Conv2d, Pair, Shape


@dataclass(frozen=True, eq=False)
class Convolution:
    """weight (C_out, C_in / groups, kH, kW), cross-correlation."""

    weight: np.ndarray
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    def output_shape(self, source: Shape) -> Shape:
        """Return (C_out, H_out, W_out); RangeError if ``source`` does not fit."""
        sizes = (self.stride, self.padding, self.dilation, self.groups)
        return Conv2d(self.weight, *sizes).output_shape(source)


@dataclass(frozen=True, eq=False)
class Linear:
    """weight (n_out, n_in), inputs flattened in C order.

    sparse: synapses of weight 0 may be left out, where the others take less memory then.
    """

    weight: np.ndarray
    sparse: bool = False

    def output_shape(self, source: Shape) -> Shape:  # noqa: ARG002
        """Return (n_out,)."""
        return (len(self.weight),)


@dataclass(frozen=True, eq=False)
class Diagonal:
    """One synapse from each neuron to its namesake; weight (C,), one value per channel."""

    weight: np.ndarray

    def output_shape(self, source: Shape) -> Shape:
        """Return ``source``."""
        return source


@dataclass(frozen=True, eq=False)
class SumPool:
    """``weight``, one value of shape (1,), times the sum over windows; padding adds zeros."""

    kernel: Pair
    stride: Pair
    padding: Pair
    weight: np.ndarray

    def output_shape(self, source: Shape) -> Shape:
        """Return (C, H_out, W_out); RangeError if ``source`` does not fit."""
        return as_convolution(self, source[0]).output_shape(source)


@dataclass(frozen=True, eq=False)
class Flatten:
    """(C, H, W) -> (C * H * W,), in C order."""

    def output_shape(self, source: Shape) -> Shape:
        """Return (n,)."""
        return (int(np.prod(source)),)


@dataclass(frozen=True, eq=False)
class Place:
    """The source's channels become ``first``, ``first + 1``, ... of ``channels``, others stay 0."""

    first: int
    channels: int

    def output_shape(self, source: Shape) -> Shape:
        """Return (channels, ...)."""
        return (self.channels, *source[1:])


@dataclass(frozen=True, eq=False)
class Late:
    """Each channel comes ``frames`` (C,) frames later: an axonal or dendritic delay."""

    frames: np.ndarray

    def output_shape(self, source: Shape) -> Shape:
        """Return ``source``."""
        return source


Weights = Convolution | Linear | Diagonal | SumPool
Stage = Weights | Flatten | Place | Late


def as_convolution(weights: Diagonal | SumPool, channels: int) -> Convolution:
    """Return the depthwise convolution that computes the same on (C, H, W)."""
    if isinstance(weights, Diagonal):
        return Convolution(weights.weight.reshape(-1, 1, 1, 1), groups=channels)
    kernel = np.full((channels, 1, *weights.kernel), weights.weight[0])
    return Convolution(kernel, weights.stride, weights.padding, groups=channels)


@dataclass(frozen=True, eq=False)
class Edge:
    """A linear path from ``source`` into a population; ``fold`` leaves one Weights in it.

    module: the path of the torch module that holds the weights, for messages.
    stages: what happens to the messages, in order; () hands them on as they are.
    late: frames by which all of it comes later, 1 or more on feedback.
    wait: steps that its synapses wait so that all paths into the population take equally long;
    set by ``align``, without a meaning for frames.
    """

    source: str
    module: str
    stages: tuple[Stage, ...]
    late: int = 0
    wait: int = 0

    @property
    def is_folded(self) -> bool:
        """Say whether it is one Weights, with delays, and a Flatten if that is a Linear."""
        kinds = [type(s) for s in self.stages if not isinstance(s, Late)]
        return kinds == [Flatten, Linear] or (len(kinds) == 1 and issubclass(kinds[0], Weights))

    @property
    def weights(self) -> Weights:
        """Return the weights of a folded edge."""
        (weights,) = (s for s in self.stages if isinstance(s, Weights))
        return weights

    def with_weights(self, weights: Weights) -> Edge:
        """Return the folded edge with other weights in the place of its own."""
        stages = tuple(weights if isinstance(s, Weights) else s for s in self.stages)
        return replace(self, stages=stages)

    @property
    def delays(self) -> tuple[int, int]:
        """Return the shortest and the longest delay of its ``Late`` stages together, in frames."""
        late = [s.frames for s in self.stages if isinstance(s, Late)]
        return sum(int(f.min()) for f in late), sum(int(f.max()) for f in late)


@dataclass(frozen=True, eq=False)
class Norm:
    """Normalisation of the filtered current: ``v <- decay(v) + gain * u + offset``, per channel.

    Currents of late edges (feedback) are not part of it: they are added behind it.
    """

    gain: np.ndarray
    offset: np.ndarray


@dataclass(frozen=True, eq=False)
class Layer:
    """A population of ``shape`` with its incoming edges.

    neuron: one of ``hwsim.neurons``, its registers in reals: decays 0..1 a step, thresholds and
    biases in units of the weights; integers after ``quantize``.
    constant: what enters the current in every step, a scalar, (C,) or one value per neuron.
    scale: set by ``quantize`` on every layer; per channel, what one unit of integer weight is
    worth in the captured network.
    unit: per channel, what a message of 1 is worth in the captured network.
    inclusive: it fires where v reaches the threshold, not only above it; ``quantize`` ends that.
    """

    name: str
    shape: Shape
    neuron: Any
    edges: tuple[Edge, ...]
    norm: Norm | None = None
    constant: Any = 0.0
    scale: np.ndarray | None = None
    unit: Any = 1.0
    inclusive: bool = False

    @property
    def is_sum(self) -> bool:
        """Say whether it only adds messages up, so that its readers could do so themselves."""
        return isinstance(self.neuron, GradedRelay)


@dataclass(frozen=True, eq=False)
class Graph:
    """A network: its input, its layers, how long and how it is read.

    Without late edges, every layer comes after its sources. steps: of a sample, 0 if it is never
    set to rest. low, high: range of the input's
    messages, set by ``quantize``; step: how much of the captured network's input one unit of
    message stands for. streamed: samples follow each other on the machine; else each begins on
    one at rest. notes: what the passes decided, by layer name, for people and for
    ``export.json``. metadata: where the network comes from, kept in its programs.
    """

    name: str
    input: str
    input_shape: Shape
    layers: tuple[Layer, ...]
    output: str
    steps: int
    readout: Readout = Readout.COUNT
    low: int = 0
    high: int = 1
    step: float = 1.0
    streamed: bool = True
    notes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    def layer(self, name: str) -> Layer:
        """Return the layer called ``name``."""
        return next(layer for layer in self.layers if layer.name == name)

    def shape_of(self, name: str) -> Shape:
        """Return the shape of the input or layer called ``name``."""
        return self.input_shape if name == self.input else self.layer(name).shape

    def edges(self) -> Iterator[tuple[Edge, Layer]]:
        """Yield every edge with the layer it ends in."""
        for layer in self.layers:
            for edge in layer.edges:
                yield edge, layer

    def noted(self, stage: str, notes: Mapping[str, Any]) -> Graph:
        """Return the graph with ``notes``, by layer name, kept under ``stage``."""
        merged = {
            name: {**self.notes.get(name, {}), **({stage: notes[name]} if name in notes else {})}
            for name in (*self.notes, *(n for n in notes if n not in self.notes))
        }
        return replace(self, notes=merged)


def shapes_along(stages: Iterable[Stage], source: Shape) -> list[Shape]:
    """Return the shape before each stage and, last, behind them all."""
    shapes = [source]
    for stage in stages:
        shapes.append(stage.output_shape(shapes[-1]))
    return shapes
