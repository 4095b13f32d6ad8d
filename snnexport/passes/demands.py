"""What each register demands of a layer's scale: proven worst cases of all that may arrive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.arith import DECAY_UNITY, STATE_LIMIT, STATE_UNIT, Range
from hwsim.blanking import BLANK_WEIGHT, EXPONENT_MAX
from hwsim.chip import Chip
from hwsim.neurons import LeakyIntegrator
from hwsim.program import expand
from snnexport.graph import Edge, Graph, Layer
from snnexport.passes.rounding import rows

LARGEST_STATE = STATE_LIMIT - 1
UNBROKEN = 4096
"""Steps over which sums are bounded in a network that is never set to rest."""
_LEAST_CHARGE = STATE_UNIT * BLANK_WEIGHT
_LARGEST_CHARGE = _LEAST_CHARGE << EXPONENT_MAX
"""What a blank line can take from u in a step, by its weight exponent."""


@dataclass(frozen=True)
class Drive:
    """What may happen to a layer in one sample.

    messages: the range of what each source sends; steps: T. gap: silent frames in which a blank
    line must keep it from firing, 0 if nothing it sends outlives a sample; wait: its latency.
    """

    messages: Mapping[str, Range]
    steps: int
    gap: int = 0
    wait: int = 0

    @classmethod
    def of(cls, graph: Graph, layer: Layer, messages: Mapping[str, Range]) -> Drive:
        """Return the drive of ``layer`` in ``graph`` (folded)."""
        late = {e.source for e, _ in graph.edges() if e.late + e.delays[1] > 0}
        gap = max((e.late + e.delays[1] for e, _ in graph.edges()), default=0)
        gap *= graph.streamed and graph.steps > 0  # nothing follows that would have to be silenced
        heard = {e.source: messages[e.source] for e in layer.edges}
        steps = graph.steps or UNBROKEN
        return cls(heard, steps, gap if layer.name in late else 0, len(graph.layers))

    def sums(self, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        """Return how far below and above 0 the input of one step can get, per channel (C,)."""
        down, up = np.zeros((2, layer.shape[0]))
        for edge in layer.edges:
            below, above = self._reach(edge, *_excitation(edge, layer))
            down, up = down + below, up + above
        return down, up

    def worst_sums(self, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        """Return :meth:`sums` as if one neuron had the largest sums of every edge, (C,).

        This is how :mod:`hwsim.activations` looks at a population, connection by connection.
        """
        down, up = np.zeros((2, layer.shape[0]))
        for edge in layer.edges:
            excite, inhibit = _excitation(edge, layer)
            below, above = self._reach(edge, excite.max(), inhibit.max())
            down, up = down + below, up + above
        return down, up

    def _reach(self, edge: Edge, excite: Any, inhibit: Any) -> tuple[Any, Any]:
        """Return how far below and above 0 sums of weights bring a target, whatever is sent."""
        low, high = self.messages[edge.source]
        above, below = max(high, 0), max(-low, 0)
        return above * inhibit + below * excite, above * excite + below * inhibit


def _excitation(edge: Edge, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums of the positive and of the negated negative weights, per channel (C,)."""
    weight = rows(edge.weights, layer.shape[0])
    return weight.sum(axis=1, where=weight > 0), -weight.sum(axis=1, where=weight < 0)


def demands(layer: Layer, chip: Chip, drive: Drive) -> dict[str, np.ndarray]:
    """Return, by register, the smallest scale of each channel (C,) that keeps it in range.

    ``layer``: a neuron with a voltage. In reals; or in integers, where all that is at most 1 fits.
    """
    neuron: Any = layer.neuron
    registers = chip.registers[type(neuron).__name__]
    integer = layer.scale is not None
    unit = 1 if integer else STATE_UNIT
    down, up = drive.sums(layer)
    reach = np.maximum(down, up)
    found = {
        "bias": unit * per_channel(neuron.bias, layer)
        / (chip.bias.mantissa_limit << chip.bias.exponent_limit),
        "current": STATE_UNIT * reach * _memory(neuron.decay_u, layer, drive.steps) / LARGEST_STATE,
    }  # fmt: skip
    thresholds = [per_channel(getattr(neuron, name), layer) for name in _thresholds(neuron)]
    if thresholds:
        found["threshold"] = unit * np.max(thresholds, axis=0) / registers["threshold"]["high"]
    if hasattr(neuron, "decrement"):
        largest = registers["decrement"]["high"]
        found["decrement"] = unit * per_channel(neuron.decrement, layer) / largest
    if drive.gap:
        sums = drive.worst_sums(layer) if integer else (down, up)
        found["silence"] = _silence(layer, drive, unit, *sums)
    return found


def largest_current(layer: Layer, drive: Drive) -> np.ndarray:
    """Return the largest ``|u|`` of each channel of integer ``layer``: rounding only shrinks it."""
    neuron: Any = layer.neuron
    reach = np.maximum(*drive.sums(layer))
    return STATE_UNIT * reach * _memory(neuron.decay_u, layer, drive.steps)


def largest_voltage(layer: Layer, drive: Drive) -> np.ndarray:
    """Return the largest ``|v|`` of each channel of an integer ``LeakyIntegrator``."""
    neuron = layer.neuron
    assert isinstance(neuron, LeakyIntegrator)
    keep_u, keep_v = (1 - _fraction(d, layer) for d in (neuron.decay_u, neuron.decay_v))
    x = STATE_UNIT * np.maximum(*drive.sums(layer))
    u = v = np.zeros_like(x)
    for _ in range(drive.steps):
        u = keep_u * u + x
        v = keep_v * v + u + per_channel(neuron.bias, layer)
    return v


def per_channel(value: Any, layer: Layer) -> np.ndarray:
    """Return the largest magnitude of a register in each channel, (C,)."""
    magnitude = np.abs(expand(value, layer.shape))
    largest = magnitude.max(axis=tuple(range(1, magnitude.ndim)))
    return largest * np.ones(layer.shape[0])


def _thresholds(neuron: Any) -> list[str]:
    return [n for n in ("threshold", "threshold_low") if hasattr(neuron, n)]


def _fraction(decay: Any, layer: Layer) -> np.ndarray:
    """Return the smallest decay of each channel, 0..1: the one that keeps most."""
    kept = per_channel(1 - np.asarray(decay) / (1 if layer.scale is None else DECAY_UNITY), layer)
    return 1 - kept


def _memory(decay: Any, layer: Layer, steps: int) -> np.ndarray:
    """Return how far a leaky sum exceeds its input: 1 + (1-d) + ... over ``steps`` from rest."""
    kept = 1 - _fraction(decay, layer)
    return (kept[:, None] ** np.arange(steps)).sum(axis=1)


def _silence(layer: Layer, drive: Drive, unit: int, down: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Return the scale at which ``hwsim.blanked`` can keep the layer from firing.

    It takes a charge, a power of two times the least, that exceeds all that can arrive, so at
    most twice that; and ``gap`` of these must leave room for the inhibition that can arrive.
    The register is shared out between the two in proportion to what they need.
    """
    neuron: Any = layer.neuron
    kept = 1 - float(_fraction(neuron.decay_u, layer).min())
    longest = drive.steps + drive.gap + drive.wait
    held, reach = (sum(kept**n for n in range(terms)) for terms in (drive.gap, longest))
    high = STATE_UNIT * up * reach + unit * max(np.max(neuron.bias), 0)
    low = STATE_UNIT * down * reach
    charge = 2 * held * high
    share = charge.max() / max(charge.max() + low.max(), 1e-300)
    room = LARGEST_STATE - _LEAST_CHARGE * held
    parts = [high / _LARGEST_CHARGE, low / room]
    if share > 0:
        parts.append(charge / (share * LARGEST_STATE))
    if share < 1:
        parts.append(low / ((1 - share) * LARGEST_STATE))
    return np.max(parts, axis=0)
