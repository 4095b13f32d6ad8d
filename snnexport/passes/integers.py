"""One layer of reals -> integers at a given scale: its weights and its registers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from hwsim.arith import DECAY_UNITY, STATE_UNIT, VOLTAGE, round_bias, truncate_weights
from hwsim.chip import Chip
from hwsim.neurons import Gate, GradedRelay, problems
from hwsim.program import expand
from snnexport.graph import Diagonal, Layer, Linear, SumPool, Weights
from snnexport.passes.calibration import Histogram, weight_limit
from snnexport.passes.choices import Decays, Granularity, LayerChoice
from snnexport.passes.demands import Drive
from snnexport.passes.rounding import grid, integer_weights, rows, squared_error

_HEADROOM = 1 + 2**-4
"""Beyond what the real network was observed to do: rounded weights move its integers."""


@dataclass(frozen=True, eq=False)
class Task:
    """What quantizing one layer starts from; its weights are in units of its sources' messages.

    one_scale: its channels are compared with each other, so they must share a scale.
    observed: its magnitudes on calibration data, by ``current``, ``voltage``, ``message``.
    """

    layer: Layer
    chip: Chip
    choice: LayerChoice
    drive: Drive
    observed: Mapping[str, Histogram]
    one_scale: bool = False

    @property
    def channels(self) -> int:
        """Return the number of channels of the layer."""
        return self.layer.shape[0]

    @property
    def shared(self) -> bool:
        """Say whether all channels take the largest scale of any."""
        pooled = any(isinstance(e.weights, SumPool) for e in self.layer.edges)
        relay = isinstance(self.layer.neuron, GradedRelay)
        return self.one_scale or pooled or relay or self.choice.granularity is Granularity.LAYER

    def spread(self, scale: np.ndarray) -> np.ndarray:
        """Return ``scale`` (C,), the same for all channels if they share one."""
        return np.full_like(scale, scale.max()) if self.shared else scale

    @cached_property
    def clips(self) -> list[np.ndarray]:
        """Return, by edge, the magnitude (C,) up to which weights are kept.

        A diagonal and a pool have no outliers: one weight a channel.
        """
        found = []
        for edge in self.layer.edges:
            weight = rows(edge.weights, self.channels)
            whole = self.choice.granularity is Granularity.LAYER
            if whole and not isinstance(edge.weights, Diagonal):
                weight = weight.reshape(1, -1)
            step, top = grid(edge.weights.weight, self.choice.weight_bits)
            how = (self.choice.method, self.choice.percentile, top / step)
            found.append(weight_limit(weight, *how) * np.ones(self.channels))
        return found

    def limit(self, kind: str, levels: float) -> np.ndarray:
        """Return how far observed magnitudes of ``kind`` reach in ``levels`` units, (C,)."""
        how = (self.choice.method, self.choice.percentile, levels)
        return _HEADROOM * self.observed[kind].limit(*how, wraps=kind == "current")


def at_scale(task: Task, scale: np.ndarray) -> Layer:
    """Round every number of the layer to integers in units of ``scale`` (C,)."""
    split = zip(task.layer.edges, _split(task, scale), strict=True)
    edges = tuple(edge.with_weights(part) for edge, parts in split for part in parts)
    neuron = _registers(task, scale)
    unit = scale if isinstance(neuron, GradedRelay) else task.layer.unit
    return replace(task.layer, neuron=neuron, edges=edges, scale=scale, unit=unit)


def _split(task: Task, scale: np.ndarray) -> list[tuple[Weights, ...]]:
    """Return the integer weights that each edge becomes."""
    edges, bits = zip(task.layer.edges, task.clips, strict=True), task.choice.weight_bits
    whole = [integer_weights(edge.weights, scale, bits, clip) for edge, clip in edges]
    return [tuple(_thinned(part, task.choice.sparse) for part in parts) for parts in whole]


def _thinned(weights: Weights, sparse: bool) -> Weights:
    return replace(weights, sparse=sparse) if isinstance(weights, Linear) else weights


def edge_errors(task: Task, scale: np.ndarray) -> list[float]:
    """Return, by edge, the sum over channels and synapses of the squared error at ``scale``."""
    split = zip(task.layer.edges, _split(task, scale), strict=True)
    return [squared_error(edge.weights, parts, scale) for edge, parts in split]


def _registers(task: Task, scale: np.ndarray) -> Any:
    neuron: Any = task.layer.neuron
    bias = task.chip.bias
    narrower = task.chip.registers[type(neuron).__name__]
    values: dict[str, Any] = {}
    for name in (f.name for f in fields(neuron)):
        real = np.asarray(getattr(neuron, name))
        units = real / (expand(scale, task.layer.shape) if real.ndim > 1 else scale)
        if name.startswith("decay"):
            low, high = narrower[name]["low"], narrower[name]["high"]
            rounded = np.floor if task.choice.decays is Decays.DOWN else np.rint
            whole = np.clip(rounded(DECAY_UNITY * real), low, high).astype(np.int64)
            values[name] = whole if whole.ndim else int(whole)
        elif name.startswith("threshold"):
            values[name] = np.rint(units).astype(np.int64) << neuron.INPUT_SHIFT
        elif name == "decrement":  # only whole weights keep an inclusive threshold exact
            grain = STATE_UNIT if task.layer.inclusive else 1
            values[name] = grain * np.rint(STATE_UNIT * units / grain).astype(np.int64)
        elif name == "lowest":  # below what v can be it is no bound, nor is one there
            values[name] = np.maximum(np.floor(STATE_UNIT * units), VOLTAGE[0]).astype(np.int64)
        elif name == "bias":
            limits = (bias.mantissa_limit, bias.exponent_limit)
            step = task.choice.bias_step
            values[name] = round_bias(step * np.rint(STATE_UNIT * units / step), *limits)
    return replace(neuron, **values)


def decay_problems(layer: Layer, chip: Chip) -> list[str]:
    """List the decays that lie further than one step beyond the chip's registers.

    A step is what rounding may cost; what is moved by one is set to the register's end and named.
    """
    found, narrower = [], chip.registers[type(layer.neuron).__name__]
    for name in (f.name for f in fields(layer.neuron) if f.name.startswith("decay")):
        low, high = narrower[name]["low"], narrower[name]["high"]
        whole = np.rint(DECAY_UNITY * np.asarray(getattr(layer.neuron, name)))
        beyond = whole[(whole < low - 1) | (whole > high + 1)]
        if beyond.size:
            first = f"{beyond[0] / DECAY_UNITY:g} is {beyond[0]:.0f}/4096 a step"
            found.append(
                f"{layer.name}: {name} = {first}, which does not fit {low}..{high} of chip "
                f"{chip.name} ({beyond.size} of {whole.size} values); train with one that does"
            )
    return found


def kept_layer(layer: Layer, unit: float | None) -> Layer | None:
    """Return a gate or a sum whose weights are integers already, with these as they are.

    unit: what a message of 1 is worth for all its sources, None if it differs. A sum hands it
    on. None is returned where rounding would change anything.
    """
    neuron: Any = layer.neuron
    if unit is None or not isinstance(neuron, Gate | GradedRelay):
        return None
    sums = isinstance(neuron, GradedRelay)
    edges = []
    for edge in layer.edges:
        weight = edge.weights.weight * (1 if sums else unit)
        whole = np.rint(weight).astype(np.int64)
        if not np.array_equal(whole, weight) or not np.array_equal(truncate_weights(whole), whole):
            return None
        edges.append(edge.with_weights(replace(edge.weights, weight=whole)))
    worth = unit if sums else 1.0
    # integers exceed a real threshold exactly where they exceed the integer below it
    threshold = np.floor(np.asarray(neuron.threshold) / worth).astype(np.int64)
    neuron = replace(neuron, threshold=threshold << neuron.INPUT_SHIFT)
    scale = np.full(layer.shape[0], worth)
    return replace(layer, neuron=neuron, edges=tuple(edges), scale=scale, unit=worth)


def register_problems(layer: Layer, chip: Chip) -> list[str]:
    """List the registers of integer ``layer`` that its values do not fit."""
    narrower = {n: dict(spec) for n, spec in chip.registers[type(layer.neuron).__name__].items()}
    return problems(layer.neuron, layer.name, narrower)
