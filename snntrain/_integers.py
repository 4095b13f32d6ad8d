"""The chip's numbers inside a network that trains: reals in memory, integers in every pass.

Gradients pass roundings straight through (Bengio et al. 2013, arXiv 1308.3432; Jacob et al. 2018,
arXiv 1712.05877), and at the ends of a register those that lead back into it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from hwsim.arith import CURRENT, DECAY_UNITY, STATE_UNIT, VOLTAGE, WEIGHT_MIN, Range
from hwsim.chip import Bias
from snntrain._registers import per_neuron
from snntrain.dynamics import stepwise
from snntrain.layers import Population, Readout
from snntrain.neurons import INTEGER, Real


class Exact(Real):
    """The chip's arithmetic on float64 tensors that hold integers, with the gradients of reals.

    Products of decays reach 2**35, which float64 holds. The surrogate sees the distance to the
    threshold in thresholds, as in a network of reals whose threshold is 1.
    """

    def decay(self, x: Any, d: Any) -> Any:
        """Lose ``d``/4096 of ``x``, rounding toward zero."""
        return _straight_through(torch.trunc, x * ((DECAY_UNITY - d) / DECAY_UNITY))

    def wrap(self, x: Any) -> Any:
        """Fold a current into its register."""
        return _kept_in(CURRENT, INTEGER.wrap, x)

    def clip(self, x: Any) -> Any:
        """Saturate a voltage to its register."""
        return _kept_in(VOLTAGE, INTEGER.clip, x)

    def fire(self, v: Any, threshold: Any) -> Any:
        """Spike where ``v`` is strictly above ``threshold``."""
        return self.surrogate((v - threshold) / threshold.detach())


def over_integers(layer: Population, x: Tensor) -> Tensor:
    """Run the machine's own neuron on currents (T * B, C, ...): the dynamics of a chip's layer.

    Spikes have the type of ``x``; the voltage of a readout is float64, in the unit in which the
    network of reals has it.
    """
    norm: Any = layer.norm
    integers = _straight_through(torch.round, x.double() * per_neuron(norm.gain, x.dim()))
    answers = stepwise(layer, integers)
    if isinstance(layer, Readout):
        return answers * per_neuron(norm.unit.double(), x.dim())
    return answers.to(x.dtype)


class OnGrid(nn.Module):
    """Weights (rows, ...) as ``value * m``: whole numbers m that a synapse of mixed signs holds.

    ``m`` is ``weight * factor`` rounded to a multiple of ``step``, up to ``top``; factor, value:
    (rows,). What a recurrent connection brings joins currents in float64 that are shifted to the
    unit of voltages: it is so too, ``unit * m``.
    Source of the grid: lava-nc 0.10.0 ``truncate_weights``.
    """

    factor: Tensor
    value: Tensor

    def __init__(self, rows: int, bits: int, recurrent: bool) -> None:
        super().__init__()
        self.step = 1 << (9 - bits)
        self.top = -WEIGHT_MIN - self.step
        self.unit = STATE_UNIT if recurrent else 1
        self.kind = torch.float64 if recurrent else torch.float32
        self.register_buffer("factor", torch.ones(rows))
        self.register_buffer("value", torch.ones(rows))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weights in use."""
        column = (-1, *[1] * (weight.dim() - 1))
        limit = self.top // self.step
        units = weight * (self.factor.view(column) / self.step)
        integers = self.step * _rounded(units, -limit, limit)
        return (integers * (self.unit * self.value.view(column))).to(self.kind)


class Register(nn.Module):
    """A value as an integer within ``limits``, in units of ``unit``: a number, or (C, 1, ...)."""

    unit: Tensor

    def __init__(self, limits: Range, step: int, unit: Tensor) -> None:
        super().__init__()
        self.limits, self.step = limits, step
        self.register_buffer("unit", unit)

    def forward(self, value: Tensor) -> Tensor:
        """Return the nearest multiple of ``step``."""
        low, high = (end / self.step for end in self.limits)
        return self.step * _rounded(value / (self.unit * self.step), low, high)


class BiasRegister(nn.Module):
    """Biases (C,) as ``mantissa << exponent`` in units of ``unit`` (C,)."""

    unit: Tensor

    def __init__(self, channels: int, holds: Bias) -> None:
        super().__init__()
        self.holds = holds
        self.register_buffer("unit", torch.ones(channels))

    def forward(self, value: Tensor) -> Tensor:
        """Return the nearest with the smallest exponent whose mantissa fits."""
        units, largest = value / self.unit, self.holds.mantissa_limit
        step = torch.ones_like(units)
        for _ in range(self.holds.exponent_limit):
            step = torch.where((units.detach() / step).round().abs() > largest, 2 * step, step)
        return step * _rounded(units / step, -largest, largest)


class ChipBias(nn.Module):
    """What a chip has in the place of a norm: a bias (C,) for each channel, and nothing to scale.

    gain: (C,), how many units of integer weight a current of 1 is, a power of two that keeps sums
    exact. unit: (C,), what an integer voltage of 1 is worth in the network of reals.
    """

    TRACKS = is_batch_norm = False
    bias: Tensor
    gain: Tensor
    unit: Tensor

    def __init__(self, channels: int, holds: Bias) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))
        register_parametrization(self, "bias", BiasRegister(channels, holds), unsafe=True)
        self.register_buffer("gain", torch.ones(channels))
        self.register_buffer("unit", torch.ones(channels))

    def affine(self, filtered: Tensor | None = None) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Return the shift from weights to voltages, and the bias register, both (C,)."""
        return torch.full_like(self.gain, STATE_UNIT), self.bias


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:  # noqa: ARG004
        return function(x)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:  # noqa: ARG004
        return grad_outputs[0], None


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.ends = low, high
        return x.clamp(low, high).round()

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None]:
        (x,), (low, high), (gradient,) = ctx.saved_tensors, ctx.ends, grad_outputs
        away = ((x < low) & (gradient > 0)) | ((x > high) & (gradient < 0))
        return gradient.masked_fill(away, 0), None, None


def _rounded(x: Tensor, low: float, high: float) -> Tensor:
    """Return the nearest whole number in ``low..high``; what left that range can come back."""
    return _Rounded.apply(x, low, high)  # pyright: ignore[reportReturnType]


def _straight_through(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return ``function(x)`` with the gradient of ``x``."""
    return _StraightThrough.apply(x, function)  # pyright: ignore[reportReturnType]


def _kept_in(limits: Range, function: Callable[[Any], Any], x: Tensor) -> Tensor:
    """Return ``function`` of ``x``, which changes nothing within ``limits``: the usual case."""
    low, high = x.detach().aminmax()
    if low >= limits[0] and high <= limits[1]:
        return x
    return _straight_through(lambda real: function(real.long()).to(real.dtype), x)
