"""A graded relay: it sends on what it receives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hwsim.arith import WORD, Arithmetic, Range
from hwsim.neurons.base import param


@dataclass(frozen=True)
class GradedRelay:
    """Send the sum of this step's input as one message, if its magnitude exceeds a threshold.

    s = x where |x| > threshold, else nothing

    Source: lava-nc 0.10.0 ``PyGradedVecModelFixed``, equal bit for bit.
    """

    threshold: Any = param("message", 0, 2**24 - 1, default=0)

    STATE: ClassVar[dict[str, Range]] = {}
    INPUT_SHIFT: ClassVar[int] = 0
    MESSAGES: ClassVar[Range] = WORD
    LAVA: ClassVar[str] = "GradedVec"

    def step(self, a: Arithmetic, state: tuple[Any, ...], x: Any) -> tuple[Any, tuple[Any, ...]]:
        """Advance one time step: activation ``x`` -> messages, no state."""
        x = a.wrap32(x)
        return a.pick(a.above(a.magnitude(x), self.threshold), x, 0), state
