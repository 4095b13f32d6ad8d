"""Current-based leaky integrate-and-fire with spikes of both signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hwsim.arith import ACTIVATION_SHIFT, CURRENT, VOLTAGE, Arithmetic, Range
from hwsim.neurons.base import param
from hwsim.neurons.cuba import integrate


@dataclass(frozen=True)
class Ternary:
    """:class:`hwsim.Cuba` that sends +1 above one threshold and -1 below another.

    u = decay(u) + x;  v = decay(v) + u + bias;  s = (v > threshold) - (v < threshold_low);
    v = 0 where s is not 0

    Its connections must be graded, or -1 counts as 1.

    Source: lava-nc 0.10.0 ``PyTernLifModelFixed``, equal bit for bit (tests/golden).
    """

    decay_u: Any = param("1/4096 per step", 0, 4096)
    decay_v: Any = param("1/4096 per step", 0, 4096)
    threshold: Any = param("voltage", 0, 131072 * 64, step=64)
    threshold_low: Any = param("voltage", -131072 * 64, 0, step=64)
    bias: Any = param("voltage per step", -(2**31), 2**31 - 1, default=0)

    STATE: ClassVar[dict[str, Range]] = {"u": CURRENT, "v": VOLTAGE}
    INPUT_SHIFT: ClassVar[int] = ACTIVATION_SHIFT
    MESSAGES: ClassVar[Range] = (-1, 1)
    LAVA: ClassVar[str] = "TernaryLIF"

    def step(self, a: Arithmetic, state: tuple[Any, ...], x: Any) -> tuple[Any, tuple[Any, ...]]:
        """Advance one time step: current ``x`` -> messages -1, 0, 1, new state ``(u, v)``."""
        u, v = integrate(a, self, state, x)
        up = a.fire(v, self.threshold)
        down = a.fire(-v, -self.threshold_low)
        return up - down, (u, a.reset(v, up + down))
