"""The machine's neurons on torch: reals with a surrogate gradient, and exact integers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hwsim.arith import Integer
from snntrain.surrogates import Surrogate

INTEGER = Integer(torch)
"""The chip's arithmetic on int64 tensors, equal to the NumPy machine bit for bit."""


class Real:
    """The arithmetic of :mod:`hwsim.arith` on real tensors: decays are fractions 0..1.

    Registers are unbounded, so ``wrap``, ``clip`` and ``wrap32`` change nothing, and shifts do
    not round. Gradients pass through the values of ``reset`` and ``pick``.

    Parameters
    ----------
    surrogate
        The spike and its gradient.
    detach_reset
        Keep the conditions of ``reset`` and ``pick`` out of the gradient, so that a spike is
        credited once.
    """

    def __init__(self, surrogate: Surrogate, detach_reset: bool = True) -> None:
        self.surrogate = surrogate
        self.detach_reset = detach_reset

    def decay(self, x: Any, d: Any) -> Any:
        """Lose the fraction ``d`` of ``x``."""
        return x * (1 - d)

    def wrap(self, x: Any) -> Any:
        """Return ``x``."""
        return x

    def clip(self, x: Any) -> Any:
        """Return ``x``."""
        return x

    def fire(self, v: Any, threshold: Any) -> Any:
        """Spike where ``v`` is strictly above ``threshold``."""
        return self.surrogate(v - threshold)

    def reset(self, v: Any, s: Any) -> Any:
        """Return ``v``, zero where ``s`` is 1."""
        return v * (1 - self._condition(s))

    def wrap32(self, x: Any) -> Any:
        """Return ``x``."""
        return x

    def magnitude(self, x: Any) -> Any:
        """Return ``|x|``."""
        return abs(x)

    def above(self, x: Any, y: Any) -> Any:
        """Return 1 where ``x > y``, else 0, without a gradient."""
        difference = x - y
        return (difference > 0).to(difference.dtype)

    def pick(self, condition: Any, x: Any, y: Any) -> Any:
        """Return ``x`` where ``condition`` is 1, ``y`` where it is 0."""
        condition = self._condition(condition)
        return condition * x + (1 - condition) * y

    def shift_left(self, x: Any, bits: Any) -> Any:
        """Multiply by ``2**bits``."""
        return x * 2.0**bits

    def shift_right(self, x: Any, bits: Any) -> Any:
        """Divide by ``2**bits``."""
        return x / 2.0**bits

    def _condition(self, s: Any) -> Any:
        """Return a condition, a register or a spike, as reset and pick use it."""
        return s.detach() if self.detach_reset and isinstance(s, Tensor) else s
