"""Two leaky integrators that never fire: a readout of their voltage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hwsim.arith import ACTIVATION_SHIFT, CURRENT, VOLTAGE, Arithmetic, Range
from hwsim.neurons.base import param
from hwsim.neurons.cuba import integrate


@dataclass(frozen=True)
class LeakyIntegrator:
    """:class:`hwsim.Cuba` without a threshold: no spike ever, no reset.

    u = decay(u) + x;  v = decay(v) + u + bias

    Source: lava-nc 0.10.0 ``PyLifModelBitAcc`` with ``vth = 131072``, which ``v`` cannot exceed.
    """

    decay_u: Any = param("1/4096 per step", 0, 4096)
    decay_v: Any = param("1/4096 per step", 0, 4096)
    bias: Any = param("voltage per step", -(2**31), 2**31 - 1, default=0)

    STATE: ClassVar[dict[str, Range]] = {"u": CURRENT, "v": VOLTAGE}
    INPUT_SHIFT: ClassVar[int] = ACTIVATION_SHIFT
    MESSAGES: ClassVar[Range] = (0, 0)
    LAVA: ClassVar[str] = "LIF"

    def step(self, a: Arithmetic, state: tuple[Any, ...], x: Any) -> tuple[Any, tuple[Any, ...]]:
        """Advance one time step: current ``x`` -> zeros, new state ``(u, v)``."""
        u, v = integrate(a, self, state, x)
        return v - v, (u, v)
