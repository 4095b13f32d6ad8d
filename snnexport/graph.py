"""Graph: a captured network as populations and the weighted paths between them, in reals.

Passes turn one Graph into the next; after ``quantize`` the same tensors hold integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hwsim.neurons import Cuba
from hwsim.program import Readout
from hwsim.synapses import Pair, Shape


@dataclass(frozen=True, eq=False)
class Convolution:
    """weight (C_out, C_in / groups, kH, kW), cross-correlation; bias (C_out,) or None."""

    weight: np.ndarray
    bias: np.ndarray | None = None
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1


@dataclass(frozen=True, eq=False)
class Linear:
    """weight (n_out, n_in), inputs flattened in C order; bias (n_out,) or None."""

    weight: np.ndarray
    bias: np.ndarray | None = None


@dataclass(frozen=True)
class Pool:
    """Average over windows, ``1 / (kH * kW)`` of their sum, padding counted as zeros."""

    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)

    @property
    def area(self) -> int:
        """Return the number of values in a window."""
        return self.kernel[0] * self.kernel[1]


@dataclass(frozen=True, eq=False)
class SumPool:
    """What ``fold`` makes of a Pool that feeds neurons directly: ``weight`` times the sum."""

    kernel: Pair
    stride: Pair
    padding: Pair
    weight: np.ndarray
    """One value, shape (1,)."""


Weights = Convolution | Linear | SumPool


@dataclass(frozen=True, eq=False)
class Edge:
    """A path from ``source`` into a population: a pool, then weights; either may be None.

    ``module`` is the path of the torch module that holds the weights, for messages.
    """

    source: str
    module: str
    weights: Weights | None
    pool: Pool | None = None


@dataclass(frozen=True, eq=False)
class Norm:
    """BatchNorm on the filtered current: ``v <- decay(v) + gain * u + offset``, per channel."""

    gain: np.ndarray
    offset: np.ndarray


@dataclass(frozen=True, eq=False)
class Layer:
    """A population of ``shape`` with its incoming edges; ``scale`` is set by ``quantize``.

    scale: per channel, what one unit of integer weight is worth in the captured network.
    """

    name: str
    shape: Shape
    neuron: Cuba
    edges: tuple[Edge, ...]
    norm: Norm | None = None
    scale: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Graph:
    """A network: its input, its layers in topological order, how long and how it is read.

    low, high: range of the input's integers, set by ``quantize``. notes: what the passes
    decided, by layer name, for people and for ``export.json``.
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
    notes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

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
