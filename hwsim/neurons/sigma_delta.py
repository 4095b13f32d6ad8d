"""A sigma-delta neuron: it decodes, activates and encodes again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hwsim.arith import WORD, Arithmetic, Range
from hwsim.neurons.base import param


@dataclass(frozen=True)
class SigmaDelta:
    """Add up the input, rectify, and send the change of the result.

    sigma = sigma + x;  act' = max(sigma + bias, 0), or without ``rectify`` sigma + bias;
    delta = act' - act + residue;  act = act'
    s = delta where |delta| >= threshold, else 0;  residue = delta - s;  message = s >> state_exp

    Source: lava-nc 0.10.0 ``PySigmaDeltaModelFixed`` without ``cum_error``, equal bit for bit.
    """

    threshold: Any = param("state", 0, 2**24 - 1)
    bias: Any = param("state", -(2**31), 2**31 - 1, default=0)
    state_exp: Any = param("bits", 0, 7, default=0)
    rectify: Any = param("0 or 1", 0, 1, default=1)

    STATE: ClassVar[dict[str, Range]] = {"sigma": WORD, "act": WORD, "residue": WORD}
    INPUT_SHIFT: ClassVar[int] = 0
    MESSAGES: ClassVar[Range] = WORD
    LAVA: ClassVar[str] = "SigmaDelta"

    def step(self, a: Arithmetic, state: tuple[Any, ...], x: Any) -> tuple[Any, tuple[Any, ...]]:
        """Advance one step: activation ``x`` -> messages, new ``(sigma, act, residue)``."""
        sigma, act, residue = state
        sigma = a.wrap32(sigma + x)
        new = a.wrap32(sigma + self.bias)
        new = a.pick(a.above(new, 0), new, a.pick(self.rectify, 0, new))
        delta = a.wrap32(new - act + residue)
        small = a.above(self.threshold, a.magnitude(delta))
        return a.shift_right(a.reset(delta, small), self.state_exp), (
            sigma,
            new,
            a.pick(small, delta, 0),
        )
