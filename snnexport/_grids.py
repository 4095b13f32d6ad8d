"""The scales at which a network can train in integers: of each population, and each module."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.arith import WEIGHT_MIN
from hwsim.program import Readout
from snnexport.graph import (
    Convolution,
    Diagonal,
    Edge,
    Flatten,
    Graph,
    Layer,
    Linear,
    Place,
    SumPool,
)
from snnexport.passes.rounding import rows


@dataclass(frozen=True, eq=False)
class Scales:
    """Of one population, per channel (C,).

    gain: units of integer weight in a current of 1, a power of two. scale: what a unit of weight
    is worth in the network of reals, behind its normalisation. bias: in reals.
    """

    gain: np.ndarray
    scale: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True, eq=False)
class Grid:
    """Of one module, per row: its integers are ``weight * factor``, and bring ``value`` each."""

    factor: np.ndarray
    value: np.ndarray

    def equals(self, other: Grid) -> bool:
        """Say whether both round the same."""
        pairs = ((self.factor, other.factor), (self.value, other.value))
        return all(np.array_equal(a, b) for a, b in pairs)


@dataclass(frozen=True, eq=False)
class _Path:
    """An edge before folding: its weights, if a module holds them, and what is around them.

    share: what the pools in front make of one message. channels: which of the target it reaches.
    gain: of the target's normalisation, behind which feedback comes in.
    """

    edge: Edge
    weights: Convolution | Linear | None
    share: float
    channels: slice
    gain: np.ndarray
    unit: float

    @property
    def largest(self) -> np.ndarray:
        """Return the largest weight (channels,) that a synapse stands for, behind the norm."""
        if self.weights is None:
            return np.abs(self.gain) * self.share * self.unit
        largest = np.abs(rows(self.weights, len(self.gain))).max(axis=1)
        return largest * np.abs(self.gain) * self.share * self.unit

    def grid(self, scales: Scales) -> Grid:
        """Return how the module's weights are rounded for a target of ``scales``."""
        assert self.weights is not None
        scale, gain = scales.scale[self.channels], scales.gain[self.channels]
        factor = self.gain * self.share * self.unit / scale
        value = 1 / (self.share * self.unit * (np.ones_like(gain) if self.edge.late else gain))
        times = len(self.weights.weight) // len(scale)
        return Grid(factor.repeat(times), value.repeat(times))


class Network:
    """One network after capture, fold (gains into weights) and quantize, and what it lacks."""

    def __init__(self, captured: Graph, folded: Graph, quantized: Graph, bits: int) -> None:
        self.captured, self.folded, self.quantized = captured, folded, quantized
        self.top = -WEIGHT_MIN - (1 << (9 - bits))
        self.problems: list[str] = []

    def grids(self) -> tuple[dict[str, Scales], dict[str, Grid]]:
        """Return the scales of each population that has some, and the grid of each module."""
        scales, grids = {}, {}
        for layer in self.captured.layers:
            if not hasattr(layer.neuron, "decay_u"):  # gates and sums are integers already
                continue
            paths = list(self._paths(layer))
            scales[layer.name] = self._scales(layer, paths)
            for path in (p for p in paths if p.weights is not None):
                module, grid = path.edge.module, path.grid(scales[layer.name])
                if not grids.setdefault(module, grid).equals(grid):
                    self.problems.append(
                        f"{module}: has several targets or sources, which need different scales; "
                        "give each its own weights"
                    )
        return scales, grids

    def _paths(self, layer: Layer) -> Iterator[_Path]:
        """Yield what leads to ``layer``, noting what no module could hold the integers of."""
        for edge in layer.edges:
            weights = [s for s in edge.stages if isinstance(s, Convolution | Linear)]
            behind = edge.stages[edge.stages.index(weights[0]) + 1 :] if weights else ()
            norms = [s for s in behind if isinstance(s, Diagonal)]
            others = any(isinstance(s, Flatten | SumPool) for s in behind)
            scaled = [s for s in edge.stages if isinstance(s, Diagonal)]
            if len(weights) > 1 or others or len(scaled) > len(norms) or _negated(norms):
                self.problems.append(
                    f"{edge.module}: no module holds what leads to {layer.name}; put neurons "
                    "between layers of weights, and nothing but a normalisation behind them"
                )
                continue
            first, count = 0, layer.shape[0]
            for place in (s for s in edge.stages if isinstance(s, Place)):
                if not weights or place in behind:
                    first, count = place.first, len(weights[0].weight) if weights else 0
            channels = slice(first, first + count)
            gain = np.ones(layer.shape[0]) if layer.norm is None or edge.late else layer.norm.gain
            gain = gain[channels] * np.prod([s.weight for s in norms], axis=0)
            share = np.prod([s.weight[0] for s in edge.stages if isinstance(s, SumPool)])
            unit = self._unit(edge.source)
            held = weights[0] if weights else None
            yield _Path(edge, held, float(share), channels, gain, unit)

    def _unit(self, source: str) -> float:
        if source == self.quantized.input:
            return self.quantized.step
        units = np.unique([p.unit for p in self.quantized.layers if p.name == source] or [1.0])
        if len(units) > 1 or units[0] != 1.0:
            self.problems.append(f"{source}: sends sums of reals; put neurons there")
        return 1.0

    def _scales(self, layer: Layer, paths: list[_Path]) -> Scales:
        """Return scales no finer than quantize found, at which every path has integers."""
        found = self.quantized.layer(layer.name).scale
        assert found is not None
        scale = found.copy()
        for path in paths:
            scale[path.channels] = np.maximum(scale[path.channels], path.largest / self.top)
        bare = [p for p in paths if p.weights is None]
        shared = layer.name == self.quantized.output and self.quantized.readout is Readout.VOLTAGE
        if shared or any(p.share != 1.0 for p in bare):
            scale = np.full_like(scale, scale.max())
        gain = np.ones_like(scale)
        if bare:
            norm = layer.norm.gain if layer.norm is not None else gain
            exponent = np.frexp(np.abs(norm) / scale)[1] - 1.0
            gain = np.where(norm < 0, -1.0, 1.0) * 2.0**exponent
            if np.any(norm == 0) or np.any(2.0**exponent * min(p.share * p.unit for p in bare) < 1):
                self.problems.append(
                    f"{layer.name}: what it hears without weights is below the step of its "
                    "synapses; train with weight decay"
                )
            else:
                scale = norm / gain
        bias = np.asarray(self.folded.layer(layer.name).neuron.bias + self._settled(layer))
        if bias.ndim > 1:
            self.problems.append(f"{layer.name}: has a bias for each neuron; use one a channel")
            bias = np.zeros(1)
        return Scales(gain, scale, np.broadcast_to(bias, scale.shape).copy())

    def _settled(self, layer: Layer) -> Any:
        """Return the bias at which a constant in a current with memory settles.

        The chip has no such constant in a register: training starts from what it becomes.
        """
        decay = np.asarray(layer.neuron.decay_u)
        if not np.any(layer.constant) or np.all(decay == 1.0):
            return 0.0  # folded already
        if np.any(decay == 0.0):
            self.problems.append(
                f"{layer.name}: a constant enters a current without decay; use bias=False before it"
            )
            return 0.0
        gain = 1.0 if layer.norm is None else layer.norm.gain
        return layer.constant * gain / decay


def _negated(norms: list[Diagonal]) -> bool:
    """Say whether one is the sign of a difference, which forward gives by itself."""
    return any(np.all(s.weight == -1.0) for s in norms)
