"""Current-based leaky integrate-and-fire whose reset by subtraction comes with the next step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hwsim.arith import ACTIVATION_SHIFT, CURRENT, VOLTAGE, Arithmetic, Range
from hwsim.neurons.base import param


@dataclass(frozen=True)
class CubaLateReset:
    """:class:`hwsim.Cuba` that subtracts for a spike in the step after it.

    u = decay(u) + x;  v = decay(v) + u + bias, less decrement where the old v > threshold;
    s = v > threshold

    In the step of a spike, ``v`` is what it was before the reset. With a ``decrement`` of 0
    nothing is ever reset.

    Source: snnTorch 1.0.0 ``Leaky._base_sub`` and ``Synaptic`` with their default
    ``reset_delay=True``, which call v ``mem``; ``decrement`` is their threshold, or 0 for
    ``reset_mechanism="none"``. Widths and rounding are those of ``Cuba``.
    """

    decay_u: Any = param("1/4096 per step", 0, 4096)
    decay_v: Any = param("1/4096 per step", 0, 4096)
    threshold: Any = param("voltage", 0, 131072 * 64, step=64)
    decrement: Any = param("voltage", 0, 131072 * 64)
    bias: Any = param("voltage per step", -(2**31), 2**31 - 1, default=0)

    STATE: ClassVar[dict[str, Range]] = {"u": CURRENT, "v": VOLTAGE}
    INPUT_SHIFT: ClassVar[int] = ACTIVATION_SHIFT
    MESSAGES: ClassVar[Range] = (0, 1)
    LAVA: ClassVar[str] = ""

    def step(self, a: Arithmetic, state: tuple[Any, ...], x: Any) -> tuple[Any, tuple[Any, ...]]:
        """Advance one time step: current ``x`` -> spikes, new state ``(u, v)``."""
        u, v = state
        taken = a.pick(a.fire(v, self.threshold), self.decrement, 0)
        u = a.wrap(a.decay(u, self.decay_u) + x)
        v = a.clip(a.decay(v, self.decay_v) + u + self.bias - taken)
        return a.fire(v, self.threshold), (u, v)
