"""Current-based leaky integrate-and-fire that keeps what exceeds its threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hwsim.arith import ACTIVATION_SHIFT, CURRENT, VOLTAGE, Arithmetic, Range
from hwsim.neurons.base import param
from hwsim.neurons.cuba import integrate


@dataclass(frozen=True)
class CubaSubtract:
    """:class:`hwsim.Cuba` with reset by subtraction, also called soft reset.

    u = decay(u) + x;  v = decay(v) + u + bias;  s = v > threshold;  v = v - threshold where s

    At most one spike leaves per step, whatever remains above the threshold.

    Source: Rueckauer et al. 2017, Front. Neurosci. 11:682, equation 5 (reset by subtraction).
    lava-nc 0.10.0 has no such model; widths and rounding are those of ``Cuba``.
    """

    decay_u: Any = param("1/4096 per step", 0, 4096)
    decay_v: Any = param("1/4096 per step", 0, 4096)
    threshold: Any = param("voltage", 0, 131072 * 64, step=64)
    bias: Any = param("voltage per step", -(2**31), 2**31 - 1, default=0)

    STATE: ClassVar[dict[str, Range]] = {"u": CURRENT, "v": VOLTAGE}
    INPUT_SHIFT: ClassVar[int] = ACTIVATION_SHIFT
    MESSAGES: ClassVar[Range] = (0, 1)
    LAVA: ClassVar[str] = ""

    def step(self, a: Arithmetic, state: tuple[Any, ...], x: Any) -> tuple[Any, tuple[Any, ...]]:
        """Advance one time step: current ``x`` -> spikes, new state ``(u, v)``."""
        u, v = integrate(a, self, state, x)
        s = a.fire(v, self.threshold)
        return s, (u, a.pick(s, v - self.threshold, v))
