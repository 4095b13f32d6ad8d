"""The chip's integer arithmetic: the only home of shifts, wraps, rounding of decays, and clips.

Everything here reproduces what the fixed-point models of lava-nc 0.10.0 compute, including
the corners (``lava/proc/lif/models.py`` ``AbstractPyLifModelFixed.subthr_dynamics``,
``lava/utils/weightutils.py`` ``truncate_weights``, ``lava/proc/conv/utils.py``).
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Protocol

import numpy as np

DECAY_BITS = 12
DECAY_UNITY = 1 << DECAY_BITS
STATE_LIMIT = 1 << 23
"""u and v are 24-bit registers: |v| < STATE_LIMIT; u is kept in (-STATE_LIMIT, STATE_LIMIT]."""
ACTIVATION_SHIFT = 6
STATE_UNIT = 1 << ACTIVATION_SHIFT
"""One unit of integer weight is this many units of u, v and threshold."""
WEIGHT_MIN, WEIGHT_MAX = -256, 255
"""Range of an effective 8-bit Loihi weight; with mixed signs only even values survive."""

Range = tuple[int, int]
CURRENT: Range = (-STATE_LIMIT + 1, STATE_LIMIT)
VOLTAGE: Range = (-STATE_LIMIT + 1, STATE_LIMIT - 1)
WORD: Range = (-(1 << 31), (1 << 31) - 1)
"""Ranges of u (unless one fold was not enough), of v, and of a 32-bit register or message."""


class Arithmetic(Protocol):
    """What a neuron's equation may do; each rendering of the equation implements this.

    Besides these an equation may add, subtract and negate values; plain integers may stand
    for values. Conditions are values 0 and 1.
    """

    def decay(self, x: Any, d: Any) -> Any:
        """Lose the fraction ``d`` of ``x``."""
        ...

    def wrap(self, x: Any) -> Any:
        """Fold a current into its register."""
        ...

    def clip(self, x: Any) -> Any:
        """Saturate a voltage to its register."""
        ...

    def fire(self, v: Any, threshold: Any) -> Any:
        """Spike (1) where ``v`` is strictly above ``threshold``, else 0."""
        ...

    def reset(self, v: Any, s: Any) -> Any:
        """Set ``v`` to zero where ``s`` is 1."""
        ...

    def wrap32(self, x: Any) -> Any:
        """Keep the low 32 bits of a sum, the register of sigma-delta and graded neurons."""
        ...

    def magnitude(self, x: Any) -> Any:
        """Return ``|x|``."""
        ...

    def above(self, x: Any, y: Any) -> Any:
        """Return 1 where ``x > y``, else 0; unlike ``fire`` without a gradient."""
        ...

    def pick(self, condition: Any, x: Any, y: Any) -> Any:
        """Return ``x`` where ``condition`` is 1, ``y`` where it is 0."""
        ...

    def shift_left(self, x: Any, bits: Any) -> Any:
        """Multiply ``x`` by ``2**bits``."""
        ...

    def shift_right(self, x: Any, bits: Any) -> Any:
        """Divide ``x`` by ``2**bits``; integers round down."""
        ...


def wrap32(x: Any) -> Any:
    """Keep the low 32 bits in two's complement, the width of all that Lava's Processes send."""
    return ((x + (1 << 31)) & ((1 << 32) - 1)) - (1 << 31)


class Integer:
    """Exact 64-bit integer arithmetic of the chip over NumPy or any module with its names.

    Parameters
    ----------
    xp
        The array module: ``numpy`` (the machine) or ``torch`` (hardware-aware training).
        Arrays handed to the methods must be of 64-bit integers: products reach 2**43.
    """

    def __init__(self, xp: Any = np) -> None:
        self.xp = xp

    def decay(self, x: Any, d: Any) -> Any:
        """Lose ``d``/4096 of ``x`` (``d`` 0..4096), rounding toward zero for both signs."""
        xp = self.xp
        return xp.sign(x) * ((xp.abs(x) * (DECAY_UNITY - d)) >> DECAY_BITS)

    def wrap(self, x: Any) -> Any:
        """Fold once into (-2**23, 2**23], after wrapping to int32, as Lava does.

        Lava folds a single time: what lies beyond 3 * 2**23 stays outside 24 bits. The
        interval is Lava's; nengo-loihi folds to [-2**23, 2**23).
        """
        x = wrap32(x)
        x = self.xp.where(x > STATE_LIMIT, x - 2 * STATE_LIMIT, x)
        return self.xp.where(x <= -STATE_LIMIT, x + 2 * STATE_LIMIT, x)

    def clip(self, x: Any) -> Any:
        """Saturate to (-2**23, 2**23), symmetric, after wrapping to int32 as Lava does."""
        return self.xp.clip(wrap32(x), -STATE_LIMIT + 1, STATE_LIMIT - 1)

    def fire(self, v: Any, threshold: Any) -> Any:
        """Return 1 where ``v`` is strictly above ``threshold``, as 64-bit integers."""
        return (v > threshold) * self.xp.ones_like(v)

    def reset(self, v: Any, s: Any) -> Any:
        """Return ``v``, zero where ``s`` is 1."""
        return v * (1 - s)

    def wrap32(self, x: Any) -> Any:
        """Keep the low 32 bits in two's complement."""
        return wrap32(x)

    def magnitude(self, x: Any) -> Any:
        """Return ``|x|`` in 32 bits: that of -2**31 is -2**31, as in NumPy and Lava."""
        return wrap32(self.xp.abs(x))

    def above(self, x: Any, y: Any) -> Any:
        """Return 1 where ``x > y``, as 64-bit integers."""
        return (x > y) * self.xp.ones_like(x - y)

    def pick(self, condition: Any, x: Any, y: Any) -> Any:
        """Return ``x`` where ``condition`` is 1, ``y`` where it is 0."""
        return condition * x + (1 - condition) * y

    def shift_left(self, x: Any, bits: Any) -> Any:
        """Shift left and keep the low 32 bits."""
        return wrap32(x << bits)

    def shift_right(self, x: Any, bits: Any) -> Any:
        """Shift right, rounding down."""
        return x >> bits


def scale_sum(total: np.ndarray, exponent: int) -> np.ndarray:
    """Shift an accumulated sum by a weight exponent; a right shift floors.

    Lava shifts the *sum* of a Dense, not each weight (``lava/proc/dense/models.py``).
    """
    return total << exponent if exponent >= 0 else total >> -exponent


def wrap24(total: np.ndarray) -> np.ndarray:
    """Wrap to signed 24 bits in two's complement, as Lava's Conv does with its output."""
    return ((total + STATE_LIMIT) & (2 * STATE_LIMIT - 1)) - STATE_LIMIT


class SignMode(Enum):
    """Signs that a synaptic matrix may hold; single-signed ones keep one more weight bit."""

    MIXED = 1
    EXCITATORY = 2
    INHIBITORY = 3

    @classmethod
    def of(cls, weight: np.ndarray) -> SignMode:
        """Return the mode Lava infers for ``weight``; an all-zero matrix is excitatory."""
        if weight.size == 0 or weight.min() >= 0:
            return cls.EXCITATORY
        return cls.INHIBITORY if weight.max() <= 0 else cls.MIXED


def truncate_weights(weight: np.ndarray, bits: int = 8, mode: SignMode | None = None) -> np.ndarray:
    """Return what the synaptic memory keeps of ``weight`` at ``bits`` bits (1..9).

    Floats lose their fraction, values are clipped to -256..255, and the lowest bits that
    ``bits`` cannot hold are floored; with mixed signs one bit pays for the sign, so that
    8-bit weights are even. A given ``mode`` clips the signs it does not have; by default it
    is the one of the weights. Source: lava-nc 0.10.0 ``lava/utils/weightutils.py``.
    """
    w = np.trunc(weight).astype(np.int64)
    mode = mode or SignMode.of(w)
    sign = -1 if mode is SignMode.INHIBITORY else 1
    low = WEIGHT_MIN if mode is SignMode.MIXED else 0
    magnitude = np.clip(sign * w, low, WEIGHT_MAX)
    drop = max(8 - bits + (mode is SignMode.MIXED), 0)
    return sign * ((magnitude >> drop) << drop)


def bias_registers(bias: np.ndarray, mantissa_limit: int, exponent_limit: int) -> tuple[Any, Any]:
    """Split ``bias`` into int mantissas and exponents, ``bias = mantissa << exponent``.

    Uses the smallest exponent whose mantissa fits ``-mantissa_limit-1..mantissa_limit``.
    A bias that is not representable keeps a mantissa out of range or loses low bits; compare
    ``mantissa << exponent`` with ``bias`` to see it.
    """
    bias = np.asarray(bias, np.int64)
    exponent = np.zeros_like(bias)
    for _ in range(exponent_limit):
        shifted = bias >> exponent
        too_wide = (shifted > mantissa_limit) | (shifted < -mantissa_limit - 1)
        exponent = exponent + too_wide
    return bias >> exponent, exponent


def bias_fits(bias: np.ndarray, mantissa_limit: int, exponent_limit: int) -> np.ndarray:
    """Say which ``bias`` values a mantissa and an exponent hold exactly."""
    mantissa, exponent = bias_registers(bias, mantissa_limit, exponent_limit)
    inside = (mantissa <= mantissa_limit) & (mantissa >= -mantissa_limit - 1)
    return inside & (mantissa << exponent == bias)


def threshold_mantissa(threshold: np.ndarray) -> np.ndarray:
    """Return what the threshold register holds: the threshold in units of weight."""
    return threshold >> ACTIVATION_SHIFT


def round_bias(bias: np.ndarray, mantissa_limit: int, exponent_limit: int) -> np.ndarray:
    """Round real ``bias`` values to the nearest that a mantissa and an exponent can hold."""
    bias = np.asarray(bias, np.float64)
    _, exponent = bias_registers(np.rint(bias).astype(np.int64), mantissa_limit, exponent_limit)
    step = np.left_shift(1, exponent)
    mantissa = np.clip(np.rint(bias / step), -mantissa_limit - 1, mantissa_limit)
    return mantissa.astype(np.int64) * step
