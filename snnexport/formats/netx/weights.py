"""Whether Lava computes with the weights of a dense netx layer as they are in the file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwsim.arith import WEIGHT_MAX, WEIGHT_MIN, SignMode, truncate_weights


def changed_weights(parts: Sequence[np.ndarray]) -> list[str]:
    """List what lava-dl and Lava would change in the weights of one layer.

    lava-dl scales all of a layer's weights by a power of two to fill 8 bits, and lets Lava
    shift the sums back (``netx/utils.py`` ``optimize_weight_bits``); Lava clips and truncates
    each matrix by its own signs. Mostly nothing is lost, odd weights of mixed signs included.

    Parameters
    ----------
    parts
        The matrices of the layer: of its input, and of its recurrent synapses.
    """
    low, high = min(int(p.min()) for p in parts), max(int(p.max()) for p in parts)
    if low == high == 0:
        return ["weight is all 0, on which lava-dl raises OverflowError; leave the layer out"]
    limits = (WEIGHT_MIN, WEIGHT_MAX - 1) if low < 0 else (0, WEIGHT_MAX)
    if low < limits[0] or high > limits[1]:
        value, (least, most) = low if low < limits[0] else high, limits
        return [f"weight = {value} does not fit {least}..{most}; use a smaller weight scale"]
    signed = low < 0 <= high
    shift = _shift(low, high, signed)
    bits = 8 - shift - (_even_bits(parts) - signed)
    return [problem for part in parts for problem in _truncated(part << shift, shift, bits)]


def _shift(low: int, high: int, signed: bool) -> int:
    """Return by how many bits lava-dl scales weights ``low..high``."""
    if not signed:
        scale = 255 / high if high > 0 else -256 / low
    else:
        scale = min(127 / high if high else np.inf, -128 / low)
    return int(np.floor(np.log2(scale))) + signed


def _even_bits(parts: Sequence[np.ndarray]) -> int:
    """Return how many low bits are 0 in all weights, at most 8."""
    used = int(np.bitwise_or.reduce([np.bitwise_or.reduce(p, axis=None) for p in parts]))
    return next(n for n in range(8, -1, -1) if used % (1 << n) == 0)


def _truncated(scaled: np.ndarray, shift: int, bits: int) -> list[str]:
    mode = SignMode.of(scaled)
    if 8 - bits + (mode is SignMode.MIXED) < 0 and scaled.any():
        return ["Lava would shift all weights by a negative number of bits: make them even"]
    kept = truncate_weights(scaled, bits, mode)
    bad = kept != scaled
    if not bad.any():
        return []
    was, becomes = scaled[bad][0] / (1 << shift), kept[bad][0] / (1 << shift)
    count = f"({np.count_nonzero(bad)} of {bad.size} values)"
    return [f"Lava would compute with weight = {becomes:g} for {was:g} {count}; avoid that value"]
