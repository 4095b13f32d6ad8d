"""Calibration: what a network has seen, its input and the magnitudes inside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from hwsim.errors import RangeError
from snnexport.graph import Graph

BINS = 512
INPUT_STEP = "input.step"
"""Where a program's metadata keep what one unit of input message stands for, if not 1."""
ENCODER = "input.encoder"
"""Where they keep how data is made into sequences, if not by the default of the data."""
_INPUT_VALUES = 4096
_CLIPS = np.linspace(0.2, 1.0, 81)
"""Fractions of the largest weight that the mean squared error is looked for at."""


class Method(Enum):
    """How far a range reaches: to its largest value, a percentile, or the least squared error."""

    MINMAX = "minmax"
    PERCENTILE = "percentile"
    MSE = "mse"


@dataclass(frozen=True, eq=False)
class Histogram:
    """How often magnitudes occurred, per channel.

    counts: (C, BINS), of equal bins from 0 to ``reach`` (C,); largest: (C,), exact.
    """

    counts: np.ndarray
    reach: np.ndarray
    largest: np.ndarray

    @classmethod
    def empty(cls, channels: int) -> Histogram:
        """Return the histogram of nothing."""
        nothing = np.zeros(channels)
        return cls(np.zeros((channels, BINS), np.int64), nothing, nothing)

    def add(self, values: np.ndarray) -> Histogram:
        """Return it with ``values`` (C, n); where they exceed ``reach``, that doubles."""
        channels, magnitudes = len(values), np.abs(values)
        largest = np.maximum(self.largest, magnitudes.max(axis=1, initial=0))
        fresh = self.reach == 0
        reach = np.where(fresh, largest, self.reach)
        ratio = np.divide(largest, reach, out=np.ones(channels), where=reach > 0)
        doublings = np.ceil(np.log2(np.maximum(ratio, 1))).astype(np.int64)
        counts = np.zeros_like(self.counts)
        channel = np.arange(channels)[:, None]
        np.add.at(counts, (channel, np.arange(BINS) >> doublings[:, None]), self.counts)
        reach = reach * 2.0**doublings
        share = np.divide(
            magnitudes,
            reach[:, None],
            out=np.zeros_like(magnitudes, float),
            where=reach[:, None] > 0,
        )
        bins = channel * BINS + np.minimum((share * BINS).astype(np.int64), BINS - 1)
        counts += np.bincount(bins.ravel(), minlength=counts.size).reshape(counts.shape)
        return Histogram(counts, reach, largest)

    def limit(self, method: Method, percentile: float, levels: float, *, wraps: bool) -> np.ndarray:
        """Return how far a register of ``levels`` magnitudes should reach, per channel (C,).

        Beyond its end a register that ``wraps`` is wrong by whole turns, another by what exceeds
        it; the mean squared error adds this to the rounding ``(reach / levels)**2 / 12``.
        """
        if method is Method.MINMAX:
            return self.largest
        edges = np.arange(1, BINS + 1) / BINS
        if method is Method.PERCENTILE:
            total = self.counts.sum(axis=1, keepdims=True)
            enough = np.cumsum(self.counts, axis=1) >= percentile / 100 * total
            chosen = edges[np.argmax(enough, axis=1)]
        else:
            ends = edges[:, None]
            excess = np.maximum(edges - 0.5 / BINS - ends, 0)
            beyond = (2 * ends * np.ceil(excess / (2 * ends)) if wraps else excess) ** 2
            rounding = (edges / levels) ** 2 / 12 * self.counts.sum(axis=1, keepdims=True)
            chosen = edges[np.argmin(self.counts @ beyond.T + rounding, axis=1)]
        return np.minimum(chosen * self.reach, self.largest)


@dataclass(frozen=True, eq=False)
class Calibration:
    """What the network has seen: the lowest and the highest integer of its input.

    inputs: the integers that were sent, and how often; by default every one equally.
    observed: by layer the magnitudes of its ``current`` u, its ``voltage`` v and its
    ``message``, in the units of the graph that was measured.
    """

    low: int
    high: int
    inputs: tuple[np.ndarray, np.ndarray] | None = None
    observed: Mapping[str, Mapping[str, Histogram]] = field(default_factory=dict)

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

    @classmethod
    def measure(cls, graph: Graph, batches: Iterable[np.ndarray]) -> Calibration:
        """Run ``graph`` (folded) on ``batches`` of integers (T, B, *shape); keep what occurs.

        Raises RangeError if there is no batch.
        """
        seen = cls(0, 0, (np.zeros(0, np.int64), np.zeros(0, np.int64)))
        for frames in batches:
            seen = seen._with(graph, np.asarray(frames))
        if not seen.observed:
            raise RangeError("calibration: there is no batch", hint="give at least one batch")
        return seen

    def _with(self, graph: Graph, frames: np.ndarray) -> Calibration:
        from snnexport.interpret import interpret  # torch: only measuring needs it

        activity = interpret(graph, frames)
        kinds = {
            "current": activity.currents,
            "voltage": activity.voltages,
            "message": {p.name: activity.spikes[p.name] for p in graph.layers if p.is_sum},
        }
        observed = {
            layer.name: {
                kind: self._histogram(layer.name, kind, layer.shape[0]).add(
                    _by_channel(arrays[layer.name])
                )
                for kind, arrays in kinds.items()
                if layer.name in arrays
            }
            for layer in graph.layers
        }
        assert self.inputs is not None
        values, counts = np.unique(frames.astype(np.int64), return_counts=True)
        values = np.concatenate([self.inputs[0], values])
        counts = np.concatenate([self.inputs[1], counts])
        merged, index = np.unique(values, return_inverse=True)
        inputs = (merged, np.bincount(index, counts).astype(np.int64))
        return replace(self.of(merged), inputs=inputs, observed=observed)

    def _histogram(self, layer: str, kind: str, channels: int) -> Histogram:
        return self.observed.get(layer, {}).get(kind) or Histogram.empty(channels)

    def input_power(self, step: float) -> tuple[float, float]:
        """Return the mean square of the input, and of what rounding it to ``step`` changes."""
        values, counts = self.inputs or (
            np.linspace(self.low, self.high, _INPUT_VALUES).round(),
            None,
        )
        lost = values - step * code_input(values, step)
        power, noise = (float(np.average(x**2.0, weights=counts)) for x in (values, lost))
        return power, noise

    def messages(self, step: float) -> tuple[int, int]:
        """Return the lowest and the highest message of the coded input."""
        low, high = code_input(np.array([self.low, self.high]), step)
        return int(low), int(high)


def code_input(frames: np.ndarray, step: float) -> np.ndarray:
    """Return the messages that stand for ``frames``: ``frames / step``, half to even, integers."""
    return np.rint(np.asarray(frames) / step).astype(np.int64)


def weight_limit(
    weight: np.ndarray, method: Method, percentile: float, levels: float
) -> np.ndarray:
    """Return to which magnitude the weights (C, n) of each channel are kept, (C,).

    ``levels``: how many magnitudes above 0 a synapse tells apart.
    """
    magnitudes = np.abs(weight)
    largest = magnitudes.max(axis=1, initial=0)
    if method is Method.MINMAX or not magnitudes.size:
        return largest
    if method is Method.PERCENTILE:
        return np.percentile(magnitudes, percentile, axis=1)
    errors = [_clip_error(magnitudes, share * largest, levels) for share in _CLIPS]
    return largest * _CLIPS[np.argmin(errors, axis=0)]


def _clip_error(magnitudes: np.ndarray, limit: np.ndarray, levels: float) -> np.ndarray:
    """Return the squared error per channel of rounding to ``levels`` up to ``limit`` (C,)."""
    step = np.where(limit > 0, limit, 1.0)[:, None] / levels
    back = np.minimum(np.rint(magnitudes / step), levels) * step
    return ((magnitudes - back) ** 2).sum(axis=1)


def _by_channel(frames: np.ndarray) -> np.ndarray:
    """Return (T, B, C, ...) as (C, n)."""
    return np.moveaxis(frames, 2, 0).reshape(frames.shape[2], -1)
