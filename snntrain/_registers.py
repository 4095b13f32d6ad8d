"""A neuron's registers as reals: plain numbers, stored tensors, or trained values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from hwsim.errors import RangeError
from hwsim.neurons import CubaRefractory, registers

if TYPE_CHECKING:
    from snntrain.layers import Population, Spiking


class _Fraction(nn.Module):
    """A trained decay, kept inside 0..1 by a sigmoid.

    Source: the parametric LIF, Fang et al. 2021, arXiv 2007.05785, with
    ``1 / tau = sigmoid(a)``.
    """

    def forward(self, raw: Tensor) -> Tensor:
        return raw.sigmoid()

    def right_inverse(self, value: Tensor) -> Tensor:
        return value.logit()


class _Positive(nn.Module):
    """A trained threshold, kept above 0 by an exponential."""

    def forward(self, raw: Tensor) -> Tensor:
        return raw.exp()

    def right_inverse(self, value: Tensor) -> Tensor:
        return value.log()


def set_decay(module: Population, name: str, value: float | Tensor, learned: bool) -> None:
    """Make ``module.<name>`` a decay, 0..1 per step; see :func:`_set`."""
    values = torch.as_tensor(value, dtype=torch.float64)
    fits = (values > 0) & (values < 1) if learned else (values >= 0) & (values <= 1)
    ends = ", both ends excluded for one that is learned" if learned else ""
    hint = "a decay is the fraction lost per step, not the fraction kept"
    _require(module, name, values[~fits], f"does not fit 0..1{ends}", hint)
    _set(module, name, value, _Fraction() if learned else None)


def set_threshold(module: Population, value: float | Tensor, learned: bool) -> None:
    """Make ``module.threshold`` a threshold above 0; see :func:`_set`."""
    values = torch.as_tensor(value, dtype=torch.float64)
    _require(module, "threshold", values[~(values > 0)], "is not above 0", "the usual one is 1")
    _set(module, "threshold", value, _Positive() if learned else None)


def set_period(module: Spiking, steps: int) -> None:
    """Make ``module.period`` a refractory period in steps, as the machine's register holds it."""
    limits = registers(CubaRefractory)["period"]
    low, high = limits["low"], limits["high"]
    values = torch.as_tensor(steps)
    hint = "a period is a whole number of steps"
    whole = (values >= low) & (values <= high) & (values == values.floor())
    _require(module, "refractory", values[~whole], f"does not fit {low}..{high}", hint)
    module.period = steps


def _set(module: Population, name: str, value: float | Tensor, inside: nn.Module | None) -> None:
    """Make ``module.<name>`` a float, a buffer, or a parameter that ``inside`` keeps in range.

    A trained value has the shape of the one it starts from: a number is shared by the layer.
    """
    if inside is None and not isinstance(value, Tensor):
        setattr(module, name, value)
        return
    start = torch.as_tensor(value).detach().to(torch.get_default_dtype(), copy=True)
    if start.dim() and len(start) != module.channels:
        raise RangeError(
            f"{type(module).__name__}: {name} has {len(start)} values along axis 0, "
            f"not one for each of {module.channels} channels",
            hint="give a number, a tensor (C,), or a tensor of the shape of the population",
        )
    if inside is None:
        module.register_buffer(name, start)
        return
    module.register_parameter(name, nn.Parameter(start))
    register_parametrization(module, name, inside)


def per_neuron(value: float | Tensor, dims: int) -> float | Tensor:
    """Return a register so that it broadcasts to ``(B, C, ...)`` of ``dims`` axes."""
    if isinstance(value, Tensor) and value.dim() == 1:
        return value.view(-1, *[1] * (dims - 2))
    return value


def shown(value: float | Tensor) -> str:
    """Return a register for ``print(module)``: the number, or the shape of many."""
    if isinstance(value, Tensor):
        return f"{value.item():.4g}" if value.dim() == 0 else f"<{'x'.join(map(str, value.shape))}>"
    return str(value)


def _require(module: Population, name: str, bad: Tensor, limit: str, hint: str) -> None:
    """Raise RangeError if there are ``bad`` values."""
    if bad.numel():
        where = f"{type(module).__name__}: {name}"
        raise RangeError(f"{where} = {bad[0].item()} {limit}", hint=hint)
