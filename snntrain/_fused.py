"""Whole sequences of the commonest neurons at once: a fast path, equal to stepping them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from hwsim.neurons import Cuba, CubaSubtract
from snntrain.neurons import Real
from snntrain.surrogates import Surrogate

if TYPE_CHECKING:
    from snntrain.layers import Population

SUBTRACTS = {Cuba: False, CubaSubtract: True}
"""The neurons that run here: whether a spike takes the threshold, or all, from the voltage."""


def is_fused(layer: Population) -> bool:
    """Say whether :func:`fused` runs ``layer``: its current has no memory and no feedback."""
    real = type(layer.arithmetic) is Real and layer.arithmetic.detach_reset
    return real and layer.kind in SUBTRACTS and layer.memoryless and layer.recurrent is None


def fused(layer: Population, x: Tensor) -> Tensor:
    """Return the spikes of ``layer``, bit for bit those of :func:`snntrain.dynamics.stepwise`.

    The gradient is the same but for rounding; one voltage per neuron and step is kept for it.
    """
    registers = layer.registers(x.dim())
    neuron = _Neuron(layer.steps, layer.arithmetic.surrogate, SUBTRACTS[layer.kind])
    scratch = layer.norm is not None and layer.norm.is_batch_norm
    current = layer.normalised(layer.sequence(x))
    keep, threshold = 1 - registers["decay_v"], registers["threshold"]
    return _LeakyFire.apply(current, keep, threshold, neuron, scratch)  # pyright: ignore[reportReturnType]


class _Neuron(NamedTuple):
    """What does not change in a pass: T, the surrogate, and what a spike takes."""

    steps: int
    surrogate: Surrogate
    subtract: bool


def _reset(
    h: Tensor, s: Tensor, threshold: Any, subtract: bool, out: Tensor | None = None
) -> Tensor:
    """Return ``h``, less the threshold or all of itself where ``s`` is 1; exact for both."""
    if subtract:
        return torch.sub(h, s * threshold, out=out)
    return torch.addcmul(h, h, s, value=-1, out=out)


class _LeakyFire(torch.autograd.Function):
    """``h_t = keep * v_{t-1} + x_t;  s_t = h_t > threshold;  v_t = h_t``, reset where it fired.

    ``keep`` and ``threshold`` are numbers, or tensors that broadcast to a step (B, C, ...). With
    ``d`` for a derivative of the loss and the condition of the reset left out of it,
    ``dh_t = surrogate'(h_t - threshold) * ds_t + dv_t * (dv_t / dh_t);  dv_{t-1} = keep * dh_t``.
    """

    @staticmethod
    def forward(
        ctx: Any, current: Tensor, keep: Any, threshold: Any, neuron: _Neuron, scratch: bool
    ) -> Tensor:
        spikes = current if scratch else torch.empty_like(current)
        if scratch:
            ctx.mark_dirty(current)
        inputs, outputs = (x.unflatten(0, (neuron.steps, -1)) for x in (current, spikes))
        v, voltages = torch.zeros_like(inputs[0]), []
        for x, s in zip(inputs, outputs, strict=True):
            h = v.mul_(keep) + x
            torch.gt(h, threshold, out=s)
            _reset(h, s, threshold, neuron.subtract, out=v)
            voltages.append(h)
        registers = [torch.as_tensor(r, dtype=v.dtype, device=v.device) for r in (keep, threshold)]
        ctx.save_for_backward(*registers, *voltages)
        ctx.neuron = neuron
        return spikes

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] -- the decorator's signature
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor | None, ...]:
        keep, threshold, *voltages = ctx.saved_tensors
        grad_current = torch.empty_like(grad_outputs[0])
        grad_spikes, grad_h = (
            x.unflatten(0, (ctx.neuron.steps, -1)) for x in (grad_outputs[0], grad_current)
        )
        grad_v, fired = torch.zeros_like(voltages[0]), torch.empty_like(voltages[0])
        for t in reversed(range(len(voltages))):
            h, grad = voltages[t], grad_h[t]
            torch.mul(ctx.neuron.surrogate.derivative(h - threshold), grad_spikes[t], out=grad)
            if not ctx.neuron.subtract:
                torch.gt(h, threshold, out=fired)
                grad_v.addcmul_(grad_v, fired, value=-1)
            torch.mul(grad.add_(grad_v), keep, out=grad_v)
        grad_keep = grad_threshold = None
        if ctx.needs_input_grad[1]:
            grad_keep = _grad_keep(grad_h, voltages, keep, threshold, ctx.neuron.subtract)
        if ctx.needs_input_grad[2]:
            grad_threshold = _grad_threshold(grad_h, voltages, keep, threshold)
        return grad_current, grad_keep, grad_threshold, None, None


def _grad_keep(
    grad_h: Tensor, voltages: list[Tensor], keep: Tensor, threshold: Tensor, subtract: bool
) -> Tensor:
    """Return the sum of ``dh_t * v_{t-1}``, of the shape of ``keep``."""
    result = torch.zeros_like(keep)
    for grad, h in zip(grad_h[1:], voltages[:-1], strict=True):
        v = _reset(h, (h > threshold).to(h.dtype), threshold, subtract)
        result += (grad * v).sum_to_size(keep.shape)
    return result


def _grad_threshold(
    grad_h: Tensor, voltages: list[Tensor], keep: Tensor, threshold: Tensor
) -> Tensor:
    """Return the sum of ``dv_t`` where neurons are silent, less ``dh_t``, for either reset."""
    result = -grad_h.sum(dim=0).sum_to_size(threshold.shape)
    for grad, h in zip(grad_h[1:], voltages[:-1], strict=True):
        result += (keep * grad * (h <= threshold)).sum_to_size(threshold.shape)
    return result
