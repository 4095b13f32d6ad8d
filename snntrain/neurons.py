"""The machine's neurons on torch: reals with a surrogate gradient, and exact integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hwsim.arith import Integer

INTEGER = Integer(torch)
"""The chip's arithmetic on int64 tensors, equal to the NumPy machine bit for bit."""


@dataclass(frozen=True)
class Surrogate:
    """A step function whose derivative is taken to be ``1 / (1 + slope * |x|)**2``.

    The height stays 1; ``slope`` (1 per voltage, >= 0) alone sets the width, and with it how
    gradients grow or shrink from layer to layer.

    Source: Ledinauskas et al. 2020, arXiv 2006.04436.
    """

    slope: float = 2.0

    def __call__(self, x: Tensor) -> Tensor:
        """Return 1 where ``x`` is strictly positive, else 0, in the type of ``x``."""
        return _Step.apply(x, self.slope)  # pyright: ignore[reportReturnType]


class _Step(torch.autograd.Function):
    """Heaviside step forward, the derivative of :class:`Surrogate` backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.slope = slope
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return grad_outputs[0] / (1 + ctx.slope * x.abs()).square(), None


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
