"""Graph of reals -> the same Graph in the chip's integers, one scale per channel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hwsim.arith import (
    DECAY_UNITY,
    STATE_LIMIT,
    STATE_UNIT,
    WEIGHT_MAX,
    even_weights,
    round_bias,
)
from hwsim.chip import Chip
from hwsim.errors import CheckError, RangeError, UnsupportedError
from hwsim.neurons import Cuba
from snnexport.graph import Graph, Layer, SumPool, Weights

LARGEST_WEIGHT = WEIGHT_MAX - 1
"""Largest even weight: with mixed signs the chip keeps even weights only."""
_ATTEMPTS = 20


@dataclass(frozen=True)
class Calibration:
    """What the network has seen: the lowest and the highest integer of its input."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if not (isinstance(self.low, int) and isinstance(self.high, int)):
            raise RangeError(
                f"calibration {self.low}..{self.high} is not of integers",
                hint="the machine takes integers; give the range of what it is sent",
            )
        if not self.low <= 0 <= self.high:
            raise RangeError(
                f"calibration {self.low}..{self.high} does not hold 0, which is silence",
                hint="give low <= 0 <= high",
            )

    @classmethod
    def of(cls, values: np.ndarray) -> Calibration:
        """Return the range of integer ``values`` and silence."""
        return cls(min(int(values.min()), 0), max(int(values.max()), 0))


SPIKES = Calibration(0, 1)
"""What every population sends."""


@dataclass(frozen=True, eq=False)
class _Limits:
    """The smallest scale of each channel that every register allows, by the register."""

    weights: np.ndarray
    threshold: np.ndarray
    bias: np.ndarray
    current: np.ndarray

    @property
    def scale(self) -> np.ndarray:
        return np.max(list(vars(self).values()), axis=0)

    @property
    def binding(self) -> dict[str, int]:
        """Return how many channels each register decides."""
        first = np.argmax(list(vars(self).values()), axis=0)
        return {name: int((first == i).sum()) for i, name in enumerate(vars(self))}


@dataclass(frozen=True)
class _Drive:
    """What can arrive at a layer: the range of each edge's messages, for ``steps`` steps."""

    messages: list[Calibration]
    steps: int

    def largest_input(self, layer: Layer) -> np.ndarray:
        """Return the largest magnitude of a step's summed input, per channel."""
        channels = layer.shape[0]
        up, down = np.zeros((2, channels))
        for edge, seen in zip(layer.edges, self.messages, strict=True):
            rows = _rows(edge.weights, channels)
            excite = np.maximum(rows, 0).sum(axis=1)
            inhibit = np.maximum(-rows, 0).sum(axis=1)
            high, low = max(seen.high, 0), max(-seen.low, 0)
            up = up + high * excite + low * inhibit
            down = down + high * inhibit + low * excite
        return np.maximum(up, down)

    def memory(self, decay: Any) -> Any:
        """Return how far a leaky sum exceeds its input: 1 + (1-d) + ... over all steps.

        Populations are at rest before the first step, so ``steps`` terms are all there are.
        """
        kept = 1.0 - np.asarray(decay, np.float64)[..., None]
        return (kept ** np.arange(self.steps)).sum(axis=-1)


def quantize(graph: Graph, chip: Chip, calibration: Calibration) -> Graph:
    """Return ``graph`` (folded) with integer weights, thresholds, biases and decays.

    All connections into a neuron share one scale per channel: the smallest that keeps the
    weights within 8 bits, the threshold and the bias within their registers, and a proven
    bound on the current ``|u|`` below 2**23. The four limits are those of
    ``docs/formats.md``; which one decides is kept in ``Graph.notes``.

    Raises
    ------
    CheckError
        If the graph still holds a normalisation or a pool.
    RangeError
        If a layer has no scale that fits, or a threshold that rounds to nothing.
    """
    if any(layer.norm for layer in graph.layers) or any(e.pool for e, _ in graph.edges()):
        raise CheckError(f"{graph.name}: is not folded", hint="call fold before quantize")
    layers, notes = [], {}
    for layer in graph.layers:
        seen = [calibration if e.source == graph.input else SPIKES for e in layer.edges]
        integers, note = _quantize_layer(layer, chip, _Drive(seen, graph.steps))
        layers.append(integers)
        notes[layer.name] = {**graph.notes.get(layer.name, {}), "quantized": note}
    return replace(
        graph, layers=tuple(layers), low=calibration.low, high=calibration.high, notes=notes
    )


def _quantize_layer(layer: Layer, chip: Chip, drive: _Drive) -> tuple[Layer, dict[str, Any]]:
    limits = _limits(layer, chip, drive)
    scale = limits.scale
    if any(isinstance(e.weights, SumPool) for e in layer.edges):
        scale = np.full_like(scale, scale.max())
    if not np.all(np.isfinite(scale) & (scale > 0)):
        raise RangeError(
            f"{layer.name}: {int((~(scale > 0)).sum())} channels have no weights and no threshold",
            hint="remove them from the network",
        )
    for _ in range(_ATTEMPTS):
        integers = _at_scale(layer, chip, scale)
        excess = _current_bound(integers, drive) / (STATE_LIMIT - 1)
        if np.all(excess <= 1.0):
            break
        scale = scale * np.maximum(excess, 1.0) * 1.0001
    else:
        raise RangeError(
            f"{layer.name}: no scale keeps the current below {STATE_LIMIT}",
            hint="use fewer inputs, fewer input bits, or a faster current decay",
        )
    if not np.all(np.asarray(integers.neuron.threshold) > 0):
        raise RangeError(
            f"{layer.name}: a threshold of {np.min(integers.neuron.threshold)} rounds to 0 units",
            hint="its weights dwarf its threshold; train with weight decay or a higher threshold",
        )
    return integers, _note(layer, integers, limits, drive)


def _limits(layer: Layer, chip: Chip, drive: _Drive) -> _Limits:
    """Return the four lower limits of the scale, each per channel (docs/formats.md)."""
    channels = layer.shape[0]
    largest = np.zeros(channels)
    for edge in layer.edges:
        largest = np.maximum(largest, np.abs(_rows(edge.weights, channels)).max(axis=1))
    neuron = layer.neuron
    reach = drive.largest_input(layer) * drive.memory(neuron.decay_u)
    mantissa, exponent = chip.bias.mantissa_limit, chip.bias.exponent_limit
    ones = np.ones(channels)
    return _Limits(
        weights=largest / LARGEST_WEIGHT,
        threshold=STATE_UNIT * np.abs(neuron.threshold) * ones / _register(chip, "threshold")[1],
        bias=STATE_UNIT * np.abs(neuron.bias) * ones / (mantissa * 2**exponent),
        current=STATE_UNIT * reach / (STATE_LIMIT - 1),
    )


def _at_scale(layer: Layer, chip: Chip, scale: np.ndarray) -> Layer:
    """Round every number of ``layer`` to integers in units of ``scale``."""
    neuron = layer.neuron
    bias = STATE_UNIT * np.asarray(neuron.bias) / scale
    integers = Cuba(
        decay_u=_decay(neuron.decay_u, chip, "decay_u"),
        decay_v=_decay(neuron.decay_v, chip, "decay_v"),
        threshold=STATE_UNIT * np.rint(np.asarray(neuron.threshold) / scale).astype(np.int64),
        bias=round_bias(bias, chip.bias.mantissa_limit, chip.bias.exponent_limit),
    )
    edges = tuple(replace(e, weights=_integers(e.weights, scale)) for e in layer.edges)
    return replace(layer, neuron=integers, edges=edges, scale=scale)


def _integers(weights: Weights | None, scale: np.ndarray) -> Weights:
    assert weights is not None
    if isinstance(weights, SumPool):
        return replace(weights, weight=np.rint(weights.weight / scale[0]).astype(np.int64))
    column = scale.reshape(-1, *(1,) * (weights.weight.ndim - 1))
    return replace(weights, weight=even_weights(weights.weight / column))


def _decay(value: Any, chip: Chip, register: str) -> Any:
    low, high = _register(chip, register)
    rounded = np.clip(np.rint(DECAY_UNITY * np.asarray(value)), low, high).astype(np.int64)
    return int(rounded) if rounded.ndim == 0 else rounded


def _register(chip: Chip, name: str) -> tuple[int, int]:
    """Return the lowest and the highest value of a register of the chip's CUBA neuron."""
    kind = Cuba.__name__
    if kind not in chip.registers:
        raise UnsupportedError(
            f"chip {chip.name} has no neuron {kind}", hint=f"add [registers.{kind}] to its file"
        )
    register = chip.registers[kind][name]
    return register["low"], register["high"]


def _moved(layer: Layer, integers: Layer) -> dict[str, int]:
    """Count the decays that lie beyond the chip's register and were set to its end."""
    found = {}
    for name in ("decay_u", "decay_v"):
        exact = np.rint(DECAY_UNITY * np.asarray(getattr(layer.neuron, name)))
        found[name] = int(np.sum(exact != getattr(integers.neuron, name)))
    return {name: n for name, n in found.items() if n}


def _rows(weights: Weights | None, channels: int) -> np.ndarray:
    """Return the weights of each output channel as one row."""
    assert weights is not None
    if isinstance(weights, SumPool):
        return np.full((channels, weights.kernel[0] * weights.kernel[1]), weights.weight[0])
    return weights.weight.reshape(channels, -1)


def _current_bound(layer: Layer, drive: _Drive) -> np.ndarray:
    """Return the largest ``|u|`` that integer ``layer`` can reach, per channel.

    Rounding decays toward zero only shrinks it.
    """
    decay = np.asarray(layer.neuron.decay_u) / DECAY_UNITY
    return STATE_UNIT * drive.largest_input(layer) * drive.memory(decay)


def _note(layer: Layer, integers: Layer, limits: _Limits, drive: _Drive) -> dict[str, object]:
    """Say what was decided, for people: scales, what decides them, and the error made."""
    assert integers.scale is not None
    channels = layer.shape[0]
    errors, powers, largest = 0.0, 0.0, 0
    wanted, kept = np.zeros((2, channels), bool)
    for before, after in zip(layer.edges, integers.edges, strict=True):
        real, integer = _rows(before.weights, channels), _rows(after.weights, channels)
        back = integer * integers.scale.reshape(-1, 1)
        errors += float(((real - back) ** 2).sum())
        powers += float((real**2).sum())
        largest = max(largest, int(np.abs(integer).max()))
        wanted, kept = wanted | real.any(axis=1), kept | integer.any(axis=1)
    return {
        "scale": [float(integers.scale.min()), float(integers.scale.max())],
        "decided_by": limits.binding,
        "largest_weight": largest,
        "weight_sqnr_db": float(10 * np.log10(powers / errors)) if errors > 0 else None,
        "largest_current": int(_current_bound(integers, drive).max()),
        "threshold": [
            int(np.min(integers.neuron.threshold)),
            int(np.max(integers.neuron.threshold)),
        ],
        "moved": _moved(layer, integers),
        "vanished_channels": int((wanted & ~kept).sum()),
        "decay_u": np.unique(integers.neuron.decay_u).tolist(),
        "decay_v": np.unique(integers.neuron.decay_v).tolist(),
    }
