"""Current-based leaky integrate-and-fire, reset to zero; IF and LIF are settings of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hwsim.arith import ACTIVATION_SHIFT, CURRENT, VOLTAGE, Arithmetic, Range
from hwsim.neurons.base import param


def integrate(a: Arithmetic, neuron: Any, state: tuple[Any, ...], x: Any) -> tuple[Any, Any]:
    """Return u and v after a step of the two leaky integrators, before a spike."""
    u, v = state
    u = a.wrap(a.decay(u, neuron.decay_u) + x)
    return u, a.clip(a.decay(v, neuron.decay_v) + u + neuron.bias)


@dataclass(frozen=True)
class Cuba:
    """Two leaky integrators, a strict threshold, reset to zero.

    u = decay(u) + x;  v = decay(v) + u + bias;  s = v > threshold;  v = 0 where s

    Every parameter is a scalar, one value per channel (the first axis of the population's
    shape), or one value per neuron. Training uses the same fields as reals: decays 0..1 per
    step, voltages in units of the weights.

    Source: lava-nc 0.10.0 ``PyLifModelBitAcc``, equal bit for bit (tests/golden/lava).
    """

    decay_u: Any = param("1/4096 per step", 0, 4096)
    decay_v: Any = param("1/4096 per step", 0, 4096)
    threshold: Any = param("voltage", 0, 131072 * 64, step=64)
    bias: Any = param("voltage per step", -(2**31), 2**31 - 1, default=0)

    STATE: ClassVar[dict[str, Range]] = {"u": CURRENT, "v": VOLTAGE}
    INPUT_SHIFT: ClassVar[int] = ACTIVATION_SHIFT
    MESSAGES: ClassVar[Range] = (0, 1)
    LAVA: ClassVar[str] = "LIF"

    def step(self, a: Arithmetic, state: tuple[Any, ...], x: Any) -> tuple[Any, tuple[Any, ...]]:
        """Advance one time step: current ``x`` -> spikes, new state ``(u, v)``."""
        u, v = integrate(a, self, state, x)
        s = a.fire(v, self.threshold)
        return s, (u, a.reset(v, s))

    @classmethod
    def leaky(cls, decay_v: Any, threshold: Any, bias: Any = 0) -> Cuba:
        """Return an LIF: the current has no memory, the voltage leaks ``decay_v``/4096 a step."""
        return cls(decay_u=4096, decay_v=decay_v, threshold=threshold, bias=bias)

    @classmethod
    def integrator(cls, threshold: Any, bias: Any = 0) -> Cuba:
        """Return an IF: the current has no memory, the voltage does not leak."""
        return cls(decay_u=4096, decay_v=0, threshold=threshold, bias=bias)
