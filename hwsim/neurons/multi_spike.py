"""Current-based leaky integrate-and-fire that sends several spikes of a step as one message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hwsim.arith import ACTIVATION_SHIFT, CURRENT, VOLTAGE, Arithmetic, Range
from hwsim.neurons.base import param
from hwsim.neurons.cuba import integrate

_BITS = 8
"""Of the largest message."""


@dataclass(frozen=True)
class MultiSpike:
    """As many spikes as the voltage holds thresholds, up to ``most``, each resets by subtraction.

    u = decay(u) + x;  v = decay(v) + u + bias;  n = min(floor(v / threshold), most), at least 0;
    v = max(v - n * decrement, lowest);  message = n

    The threshold is reached, not exceeded. Its connections must be graded, or n counts as 1.
    Gradients see the first of the n spikes.

    Source: sinabs 3.1.3 ``lif_forward_single`` with ``MultiSpike`` or ``MaxSpike``,
    ``MembraneSubtract`` and ``min_v_mem``. Widths and rounding are those of ``Cuba``.
    """

    decay_u: Any = param("1/4096 per step", 0, 4096)
    decay_v: Any = param("1/4096 per step", 0, 4096)
    threshold: Any = param("voltage", 64, 131072 * 64, step=64)
    decrement: Any = param("voltage", 0, 131072 * 64)
    lowest: Any = param("voltage", VOLTAGE[0], 0, default=VOLTAGE[0])
    most: Any = param("spikes per step", 1, 2**_BITS - 1, default=1)
    bias: Any = param("voltage per step", -(2**31), 2**31 - 1, default=0)

    STATE: ClassVar[dict[str, Range]] = {"u": CURRENT, "v": VOLTAGE}
    INPUT_SHIFT: ClassVar[int] = ACTIVATION_SHIFT
    MESSAGES: ClassVar[Range] = (0, 2**_BITS - 1)
    LAVA: ClassVar[str] = ""

    def step(self, a: Arithmetic, state: tuple[Any, ...], x: Any) -> tuple[Any, tuple[Any, ...]]:
        """Advance one time step: current ``x`` -> messages 0..most, new state ``(u, v)``."""
        u, v = integrate(a, self, state, x)
        first = 1 - a.fire(-v, -self.threshold)
        n, taken = self._divide(a, v)
        v = v - taken
        return first + (n - a.above(n, 0)), (u, a.pick(a.above(v, self.lowest), v, self.lowest))

    def messages(self) -> Range:
        """Return the lowest and highest message of all these neurons."""
        return 0, int(np.max(self.most))

    def _divide(self, a: Arithmetic, v: Any) -> tuple[Any, Any]:
        """Return n and ``n * decrement``: long division in binary, the highest bit first."""
        rest, n, taken = v, v - v, v - v
        bits = [(1, self.threshold, self.decrement)]
        for _ in range(_BITS - 1):  # at most 2**30, which 32 bits hold
            one, size, cost = bits[-1]
            bits.append((one + one, size + size, cost + cost))
        for one, size, cost in reversed(bits):
            fits = a.pick(a.above(size, rest), 0, 1 - a.above(n + one, self.most))
            n = n + a.pick(fits, one, 0)
            taken = taken + a.pick(fits, cost, 0)
            if one > 1:
                rest = rest - a.pick(fits, size, 0)
        return n, taken
