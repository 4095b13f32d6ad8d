"""The decoder of sigma-delta messages: a running sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hwsim.arith import WORD, Arithmetic, Range


@dataclass(frozen=True)
class Sigma:
    """Add up the input and send the sum in every step.

    sigma = sigma + x;  s = sigma

    Source: lava-nc 0.10.0 ``PySigmaModelFixed``, equal bit for bit.
    """

    STATE: ClassVar[dict[str, Range]] = {"sigma": WORD}
    INPUT_SHIFT: ClassVar[int] = 0
    MESSAGES: ClassVar[Range] = WORD
    LAVA: ClassVar[str] = "Sigma"

    def step(self, a: Arithmetic, state: tuple[Any, ...], x: Any) -> tuple[Any, tuple[Any, ...]]:
        """Advance one time step: activation ``x`` -> messages, new state ``(sigma,)``."""
        sigma = a.wrap32(state[0] + x)
        return sigma, (sigma,)
