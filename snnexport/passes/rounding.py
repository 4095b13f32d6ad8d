"""Real weights -> the integers that synapses hold, in one or several parallel connections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from hwsim.arith import WEIGHT_MIN, SignMode
from snnexport.graph import Diagonal, SumPool, Weights


def grid(weight: np.ndarray, bits: int) -> tuple[int, int]:
    """Return step and largest magnitude of the integers that hold ``weight`` in ``bits`` bits.

    Weights of one sign use a bit more than mixed ones: 8 bits hold 0..255, or even values of
    -254..254. Source: lava-nc 0.10.0 ``truncate_weights``.
    """
    step = 1 << (8 - bits + (SignMode.of(weight) is SignMode.MIXED))
    return step, -WEIGHT_MIN - step


def rows(weights: Weights, channels: int) -> np.ndarray:
    """Return the weights (channels, n) that one neuron of each target channel receives."""
    if isinstance(weights, SumPool):
        return np.full((channels, weights.kernel[0] * weights.kernel[1]), weights.weight[0])
    return weights.weight.reshape(channels, -1)


def column(values: np.ndarray, weights: Weights) -> np.ndarray:
    """Shape ``values`` (channels,) to act on the target channels of ``weights``.

    A pool has one weight for all channels, and takes the first value.
    """
    if isinstance(weights, SumPool):
        return values[:1]
    per_row = values.repeat(len(weights.weight) // len(values))  # a matrix has rows for neurons
    return per_row.reshape(-1, *(1,) * (weights.weight.ndim - 1))


def integer_weights(
    weights: Weights, scale: np.ndarray, bits: int, clip: np.ndarray
) -> tuple[Weights, ...]:
    """Return parallel integer weights whose sum times ``scale`` is nearest to ``weights``.

    What exceeds the range of one synapse is split: a ``Diagonal`` into ``mantissa << exponent``
    (see :func:`mantissa_exponent`) and what remains of it, others into copies.

    Parameters
    ----------
    weights
        Real weights.
    scale, clip
        Per target channel, (C,): what an integer of 1 is worth, and the largest magnitude.
    bits
        Of a synapse.
    """
    step, top = grid(weights.weight, bits)
    limit = column(clip, weights)
    kept = np.clip(weights.weight, -limit, limit)
    whole = step * np.rint(kept / column(scale, weights) / step).astype(np.int64)
    if isinstance(weights, Diagonal):
        # a rest that is as small as the rounding of mixed-sign weights beside it is not kept
        parts = _shifted(whole, step, top, tolerance=1 << (9 - bits))
    else:
        parts = _copies(whole, top)
    return tuple(replace(weights, weight=part) for part in parts)


def copies_needed(
    weights: Weights, scale: np.ndarray, bits: int, clip: np.ndarray, exponent: int
) -> int:
    """Return how many parallel edges hold ``weights``; a ``Diagonal`` may be shifted first."""
    step, top = grid(weights.weight, bits)
    channels = len(scale)
    largest = np.minimum(np.abs(rows(weights, channels)).max(axis=1, initial=0), clip)
    whole = step * int(np.rint(largest / scale / step).max(initial=0))
    held = top << exponent if isinstance(weights, Diagonal) else top
    return max(-(-whole // held), 1)


def _copies(whole: np.ndarray, top: int) -> Iterator[np.ndarray]:
    """Yield integers of magnitude ``top`` at most that add up to ``whole``."""
    rest = whole
    while np.abs(rest).max(initial=0) > top:
        part = np.clip(rest, -top, top)
        yield part
        rest = rest - part
    yield rest


def _shifted(whole: np.ndarray, step: int, top: int, tolerance: int) -> Iterator[np.ndarray]:
    """Yield ``mantissa << exponent``, that add up to ``whole`` within ``tolerance``."""
    exponent = _exponent(whole, top)
    unit, most = step << exponent, top << exponent
    nearest = np.clip(unit * np.rint(whole / unit).astype(np.int64), -most, most)
    if exponent == 0 or np.abs(whole - nearest).max(initial=0) <= tolerance:
        yield nearest
        return
    unit >>= top == step  # 2 bits of mixed signs hold one magnitude, which must not exceed all
    part = np.sign(whole) * np.minimum(np.abs(whole) // unit, top // step) * unit
    yield part
    yield from _shifted(whole - part, step, top, tolerance)


def _exponent(whole: np.ndarray, top: int) -> int:
    return max(int(np.abs(whole).max(initial=0) - 1) // top, 0).bit_length()


def mantissa_exponent(weight: np.ndarray, bits: int = 8) -> tuple[np.ndarray, int]:
    """Return ``weight`` (integers from :func:`integer_weights`) as ``mantissa << exponent``.

    The exponent is the smallest whose mantissas fit ``bits`` bits, 0 for most weights.
    """
    exponent = _exponent(weight, grid(weight, bits)[1])
    return weight >> exponent, exponent


def squared_error(weights: Weights, parts: Sequence[Weights], scale: np.ndarray) -> float:
    """Return the sum over target channels and synapses of the squared error of ``parts``."""
    channels = len(scale)
    error = rows(weights, channels) - scale[:, None] * sum(rows(p, channels) for p in parts)
    return float((error**2).sum())
