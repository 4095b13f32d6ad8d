"""The encoder of sigma-delta messages: changes that are large enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hwsim.arith import WORD, Arithmetic, Range
from hwsim.neurons.base import param


@dataclass(frozen=True)
class Delta:
    """Send the change of the input since the last step, with what was not sent before.

    act' = x << (spike_exp + state_exp);  delta = act' - act + residue;  act = act'
    s = delta where |delta| >= threshold, else 0;  residue = delta - s;  message = s >> state_exp

    Source: lava-nc 0.10.0 ``PyDeltaModelFixed`` without ``cum_error``, equal bit for bit.
    """

    threshold: Any = param("state", 0, 2**24 - 1)
    spike_exp: Any = param("bits", 0, 7, default=0)
    state_exp: Any = param("bits", 0, 7, default=0)

    STATE: ClassVar[dict[str, Range]] = {"act": WORD, "residue": WORD}
    INPUT_SHIFT: ClassVar[int] = 0
    MESSAGES: ClassVar[Range] = WORD
    LAVA: ClassVar[str] = "Delta"

    def step(self, a: Arithmetic, state: tuple[Any, ...], x: Any) -> tuple[Any, tuple[Any, ...]]:
        """Advance one time step: activation ``x`` -> messages, new state ``(act, residue)``."""
        act, residue = state
        new = a.shift_left(a.wrap32(x), self.spike_exp + self.state_exp)
        delta = a.wrap32(new - act + residue)
        small = a.above(self.threshold, a.magnitude(delta))
        return a.shift_right(a.reset(delta, small), self.state_exp), (
            new,
            a.pick(small, delta, 0),
        )
