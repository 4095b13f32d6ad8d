"""Step functions whose derivative is replaced by that of a smooth curve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Surrogate:
    """1 above zero, else 0, with :meth:`derivative` in the place of the derivative.

    ``slope`` (1 per voltage, >= 0) sets the width, and with it how gradients grow or shrink from
    layer to layer; at 0 the curve is flat, and zero where its area is 1.
    """

    slope: float = 2.0

    def __call__(self, x: Tensor) -> Tensor:
        """Return 1 where ``x`` is strictly positive, else 0, in the type of ``x``."""
        return _Step.apply(x, self)  # pyright: ignore[reportReturnType]

    def derivative(self, x: Tensor) -> Tensor:
        """Return what stands for the derivative at ``x``, of the same shape.

        It is a tensor of its own, made in place: half of the time of a neuron's backward pass
        would else go into its intermediate results.
        """
        raise NotImplementedError


class FastSigmoid(Surrogate):
    """``1 / (1 + slope * |x|)**2``: the height is 1 whatever the slope.

    Source: SuperSpike, Zenke and Ganguli 2018, arXiv 1705.11146; as a function of depth tuned
    by Ledinauskas et al. 2020, arXiv 2006.04436.
    """

    def derivative(self, x: Tensor) -> Tensor:
        """Return the derivative."""
        return x.abs().mul_(self.slope).add_(1).square_().reciprocal_()


class ATan(Surrogate):
    """``slope / 2 / (1 + (pi / 2 * slope * x)**2)``, of area 1.

    Source: Fang et al. 2021, arXiv 2007.05785, equation 9; SpikingJelly's default, slope 2.
    """

    def derivative(self, x: Tensor) -> Tensor:
        """Return the derivative."""
        return (math.pi / 2 * self.slope * x).square_().add_(1).reciprocal_().mul_(self.slope / 2)


class Sigmoid(Surrogate):
    """``slope * y * (1 - y)`` with ``y = sigmoid(slope * x)``, of area 1.

    Source: Neftci et al. 2019, arXiv 1901.09948, figure 3; SpikingJelly ``surrogate.Sigmoid``.
    """

    def derivative(self, x: Tensor) -> Tensor:
        """Return the derivative."""
        y = (self.slope * x).sigmoid()
        return self.slope * y * (1 - y)


class Triangle(Surrogate):
    """``max(0, 1 - slope * |x|)``: the height is 1, beyond ``1 / slope`` it is zero.

    Source: Esser et al. 2016, PNAS 113:11441; Bellec et al. 2018, arXiv 1803.09574.
    """

    def derivative(self, x: Tensor) -> Tensor:
        """Return the derivative."""
        return x.abs().mul_(-self.slope).add_(1).clamp_(min=0)


class Rectangle(Surrogate):
    """``slope`` where ``|x| < 1 / (2 * slope)``, else 0, of area 1.

    Source: STBP, Wu et al. 2018, Front. Neurosci. 12:331, equation 24 with ``a = 1 / slope``.
    """

    def derivative(self, x: Tensor) -> Tensor:
        """Return the derivative."""
        return self.slope * (self.slope * x.abs() < 0.5).to(x.dtype)


class Gaussian(Surrogate):
    """The normal density of standard deviation ``1 / slope``, of area 1.

    Source: STBP, Wu et al. 2018, Front. Neurosci. 12:331, equation 27.
    """

    def derivative(self, x: Tensor) -> Tensor:
        """Return the derivative."""
        return self.slope / math.sqrt(2 * math.pi) * torch.exp(-(self.slope * x).square() / 2)


SURROGATES: dict[str, type[Surrogate]] = {
    "fast-sigmoid": FastSigmoid,
    "atan": ATan,
    "sigmoid": Sigmoid,
    "triangle": Triangle,
    "rectangle": Rectangle,
    "gaussian": Gaussian,
}
"""The surrogates a recipe may name."""


class _Step(torch.autograd.Function):
    """Heaviside step forward, the derivative of a :class:`Surrogate` backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, surrogate: Surrogate) -> Tensor:
        ctx.save_for_backward(x)
        ctx.surrogate = surrogate
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return grad_outputs[0] * ctx.surrogate.derivative(x), None
