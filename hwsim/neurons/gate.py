"""Memoryless logic on spikes: AND, OR, IAND, and max-pooling of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hwsim.arith import ACTIVATION_SHIFT, STATE_UNIT, Arithmetic, Range
from hwsim.neurons.base import param


@dataclass(frozen=True)
class Gate:
    """A strict threshold on the input of this one step.

    s = x > threshold

    What the gate computes follows from the weights of its connections, 1 or -1 here: see
    :meth:`all_of`, :meth:`any_of` and :meth:`unless`.

    Source: Fang et al. 2021, arXiv 2102.04159 (AND, IAND); on lava-nc 0.10.0 a ``LIF`` with
    ``du = 4095, dv = 4096``, overflow of its registers included.
    """

    threshold: Any = param("voltage", 0, 131072 * 64, step=64, default=0)

    STATE: ClassVar[dict[str, Range]] = {}
    INPUT_SHIFT: ClassVar[int] = ACTIVATION_SHIFT
    MESSAGES: ClassVar[Range] = (0, 1)
    LAVA: ClassVar[str] = "LIF"

    def step(self, a: Arithmetic, state: tuple[Any, ...], x: Any) -> tuple[Any, tuple[Any, ...]]:
        """Advance one time step: input ``x`` -> spikes, no state."""
        return a.fire(a.clip(a.wrap(x)), self.threshold), state

    @classmethod
    def all_of(cls, inputs: int) -> Gate:
        """Return AND: it fires if all ``inputs`` do, each connected with weight 1."""
        return cls(STATE_UNIT * (inputs - 1))

    @classmethod
    def any_of(cls) -> Gate:
        """Return OR: it fires if any input does, each connected with weight 1."""
        return cls(0)

    @classmethod
    def unless(cls) -> Gate:
        """Return IAND, ``(not a) and b``: ``a`` connected with weight -1, ``b`` with weight 1."""
        return cls(0)
