"""Current-based leaky integrate-and-fire with a refractory period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hwsim.arith import ACTIVATION_SHIFT, CURRENT, VOLTAGE, Arithmetic, Range
from hwsim.neurons.base import param


@dataclass(frozen=True)
class CubaRefractory:
    """:class:`hwsim.Cuba` whose voltage rests for ``period`` steps after a spike.

    u = decay(u) + x in every step;  v = decay(v) + u + bias unless it is resting, then v stays;
    s = v > threshold;  v = 0 and wait = period where s, else wait counts down to 0.

    Source: lava-nc 0.10.0 ``PyLifRefractoryModelFloat`` (which has no fixed-point model), with
    the widths and rounding of ``Cuba``; nengo-loihi 1.1.0 allows a refractory delay of at most 63.
    """

    decay_u: Any = param("1/4096 per step", 0, 4096)
    decay_v: Any = param("1/4096 per step", 0, 4096)
    threshold: Any = param("voltage", 0, 131072 * 64, step=64)
    bias: Any = param("voltage per step", -(2**31), 2**31 - 1, default=0)
    period: Any = param("steps", 0, 63, default=1)

    STATE: ClassVar[dict[str, Range]] = {"u": CURRENT, "v": VOLTAGE, "wait": (0, 63)}
    INPUT_SHIFT: ClassVar[int] = ACTIVATION_SHIFT
    MESSAGES: ClassVar[Range] = (0, 1)
    LAVA: ClassVar[str] = ""

    def step(self, a: Arithmetic, state: tuple[Any, ...], x: Any) -> tuple[Any, tuple[Any, ...]]:
        """Advance one time step: current ``x`` -> spikes, new state ``(u, v, wait)``."""
        u, v, wait = state
        resting = a.above(wait, 0)
        u = a.wrap(a.decay(u, self.decay_u) + x)
        v = a.clip(a.pick(resting, v, a.decay(v, self.decay_v) + u + self.bias))
        s = a.fire(v, self.threshold)
        return s, (u, a.reset(v, s), a.pick(s, self.period, wait - resting))
