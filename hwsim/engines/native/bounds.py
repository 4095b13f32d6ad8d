"""Proof that a population may compute in 32-bit lanes: its ``step``, run over intervals.

The intervals hold what :class:`hwsim.arith.Integer` computes in 64 bits. If every one of them
fits 32 bits, 32-bit lanes compute the same, and no sum there wraps unnoticed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from hwsim.activations import inside
from hwsim.arith import CURRENT, DECAY_UNITY, STATE_LIMIT, VOLTAGE, WORD, Range
from hwsim.neurons import Neuron

_BIT: Range = (0, 1)
_EXACT_FLOAT: Range = (-(1 << 24), 1 << 24)
"""What 32-bit lanes can decay: they multiply in float32, see src/lanes.h."""


class _TooWideError(Exception):
    """An intermediate does not fit 32 bits."""


def _join(*ranges: Range) -> Range:
    return min(r[0] for r in ranges), max(r[1] for r in ranges)


@dataclass(frozen=True, eq=False)
class _Interval:
    """Values low..high.

    exceeds: (x, y) if this is the condition ``x > y``; difference: (x, y) if it is ``x - y``.
    They show that counters, soft resets and lower bounds stay inside their registers.
    """

    low: int
    high: int
    exceeds: tuple[Any, Any] | None = None
    difference: tuple[Any, Any] | None = None

    def __post_init__(self) -> None:
        if not inside(self.range, WORD):
            raise _TooWideError

    @property
    def range(self) -> Range:
        return self.low, self.high

    def __add__(self, other: Any) -> _Interval:
        y = _of(other)
        return _Interval(self.low + y.low, self.high + y.high)

    __radd__ = __add__

    def __neg__(self) -> _Interval:
        return _Interval(-self.high, -self.low)

    def __sub__(self, other: Any) -> _Interval:
        if other is self:  # zeros in the shape of x
            return _Interval(0, 0)
        y = _of(other)
        if y.exceeds == (self, 0):  # a counter: it loses 1 only where it is above 0
            return _Interval(min(self.low, 0), max(self.high - 1, 0))
        return _Interval(self.low - y.high, self.high - y.low, difference=(self, other))

    def __rsub__(self, other: Any) -> _Interval:
        return _of(other) - self


def _of(value: Any) -> _Interval:
    return value if isinstance(value, _Interval) else _Interval(int(value), int(value))


class _Intervals:
    """The :class:`hwsim.arith.Arithmetic` of intervals; raises _TooWideError beyond 32 bits."""

    def decay(self, x: Any, d: Any) -> _Interval:
        if not inside(x.range, _EXACT_FLOAT):
            raise _TooWideError
        keep = (DECAY_UNITY - _of(d).high, DECAY_UNITY - _of(d).low)
        ends = [abs(v) * k // DECAY_UNITY * (1 if v > 0 else -1) for v in x.range for k in keep]
        return _Interval(min(0, *ends), max(0, *ends))

    def wrap(self, x: Any) -> _Interval:
        if inside(x.range, CURRENT):
            return x
        pieces = [
            (max(x.low, CURRENT[0]), min(x.high, CURRENT[1])),
            (max(x.low, CURRENT[1] + 1) - 2 * STATE_LIMIT, x.high - 2 * STATE_LIMIT),
            (x.low + 2 * STATE_LIMIT, min(x.high, CURRENT[0] - 1) + 2 * STATE_LIMIT),
        ]
        return _Interval(*_join(*(piece for piece in pieces if piece[0] <= piece[1])))

    def clip(self, x: Any) -> _Interval:
        return _Interval(*(min(max(end, VOLTAGE[0]), VOLTAGE[1]) for end in x.range))

    def fire(self, v: Any, threshold: Any) -> _Interval:
        return self.above(v, threshold)

    def reset(self, v: Any, s: Any) -> _Interval:
        del s
        return _Interval(*_join(v.range, (0, 0)))

    def wrap32(self, x: Any) -> _Interval:
        return x

    def magnitude(self, x: Any) -> _Interval:
        return _Interval(0, max(-x.low, x.high))

    def above(self, x: Any, y: Any) -> _Interval:
        return _Interval(*_BIT, exceeds=(x, y))

    def pick(self, condition: Any, x: Any, y: Any) -> _Interval:
        if condition.exceeds == (x, y):  # the larger of both
            return _Interval(max(x.low, _of(y).low), max(x.high, _of(y).high))
        x, y = _of(x), _of(y)
        low = max(x.low, 1) if x.difference and x.difference == condition.exceeds else x.low
        return _Interval(*_join((low, x.high), y.range))

    def shift_left(self, x: Any, bits: Any) -> _Interval:
        ends = [end << b for end in x.range for b in _of(bits).range]
        return _Interval(min(ends), max(ends))

    def shift_right(self, x: Any, bits: Any) -> _Interval:
        ends = [end >> b for end in x.range for b in _of(bits).range]
        return _Interval(min(ends), max(ends))


def fits_32_bits(neuron: Neuron, activation: Range) -> bool:
    """Say whether every intermediate of ``neuron.step`` fits 32 bits, for ever.

    activation: the lowest and highest sum that can arrive. The states start inside STATE, and
    the proof holds only if a step leaves them there.
    """
    values = {f.name: np.asarray(getattr(neuron, f.name)) for f in fields(neuron)}
    try:
        intervals = {n: _Interval(int(v.min()), int(v.max())) for n, v in values.items()}
        state = tuple(_Interval(*r) for r in neuron.STATE.values())
        x = _Intervals().shift_left(_Interval(*activation), neuron.INPUT_SHIFT)
        sent, new = replace(neuron, **intervals).step(_Intervals(), state, x)
    except _TooWideError:
        return False
    ends = zip(new, neuron.STATE.values(), strict=True)
    return inside(_of(sent).range, WORD) and all(inside(_of(v).range, r) for v, r in ends)
