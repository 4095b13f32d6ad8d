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
    from snntrain.population import Population

SUBTRACTS = {Cuba: False, CubaSubtract: True}
"""The neurons that run here: whether a spike takes the threshold, or all, from the voltage."""
BLOCK = 2**17
"""Values of a time step that are worked on at once on a CPU, so that what is computed from them is
still in a cache when it is read; of 2**14 to 2**18 this one was fastest, by a little."""


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
        blocks = zip(_blocks(current, neuron), _blocks(spikes, neuron), strict=True)
        voltages = [_fire(x, s, keep, threshold, neuron) for x, s in blocks]
        like = {"dtype": current.dtype, "device": current.device}
        registers = [torch.as_tensor(register, **like) for register in (keep, threshold)]
        ctx.save_for_backward(*registers, *voltages)
        ctx.neuron, ctx.layout = neuron, _layout(current)
        return spikes

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] -- the decorator's signature
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor | None, ...]:
        keep, threshold, *voltages = ctx.saved_tensors
        neuron, (_, learns_keep, learns_threshold, *_) = ctx.neuron, ctx.needs_input_grad
        grad_spikes = grad_outputs[0].contiguous(memory_format=ctx.layout)
        grad_current = torch.empty_like(grad_spikes)
        grad_keep = torch.zeros_like(keep) if learns_keep else None
        grad_threshold = torch.zeros_like(threshold) if learns_threshold else None
        grads = (_blocks(x, neuron) for x in (grad_spikes, grad_current))
        for h, grad_s, grad_h in zip(voltages, *grads, strict=True):
            _differentiate(h, grad_s, grad_h, (keep, threshold), neuron)
            if grad_keep is not None:
                v = _reset(h, (h > threshold).to(h.dtype), threshold, neuron)
                grad_keep += (grad_h[1:] * v[:-1]).sum_to_size(keep.shape)
            if grad_threshold is not None:  # for either reset
                silent = keep * grad_h[1:] * (h[:-1] <= threshold)
                grad_threshold += silent.sum_to_size(threshold.shape)
                grad_threshold -= grad_h.sum_to_size(threshold.shape)
        return grad_current, grad_keep, grad_threshold, None, None


def _layout(x: Tensor) -> torch.memory_format:
    """Return how ``x`` lies in memory.

    The gradient of a normalisation takes three times as long when its input lies in another way.
    """
    wide = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if wide else torch.contiguous_format


def _blocks(x: Tensor, neuron: _Neuron) -> tuple[Tensor, ...]:
    """Return views (T, b, C, ...) of x (T * B, C, ...): all steps of a few samples each."""
    sequence = x.unflatten(0, (neuron.steps, -1))
    samples = max(1, BLOCK // sequence[0, 0].numel()) if x.device.type == "cpu" else len(x)
    return sequence.split(samples, dim=1)


def _fire(x: Tensor, spikes: Tensor, keep: Any, threshold: Any, neuron: _Neuron) -> Tensor:
    """Fill ``spikes`` from a current x, both (T, b, C, ...); return the voltages h.

    The two may share their memory.
    """
    v, voltages = torch.zeros_like(x[0]), torch.empty_like(x)
    for current, h, s in zip(x, voltages, spikes, strict=True):
        torch.add(v.mul_(keep), current, out=h)
        torch.gt(h, threshold, out=s)
        _reset(h, s, threshold, neuron, out=v)
    return voltages


def _differentiate(
    voltages: Tensor,
    grad_spikes: Tensor,
    grad_h: Tensor,
    registers: tuple[Tensor, Tensor],
    neuron: _Neuron,
) -> None:
    """Fill ``grad_h`` from the voltages and what comes back for their spikes, (T, b, C, ...)."""
    keep, threshold = registers
    grad_v, fired = torch.zeros_like(voltages[0]), torch.empty_like(voltages[0])
    for t in reversed(range(neuron.steps)):
        h, grad = voltages[t], grad_h[t]
        if not neuron.subtract:
            torch.gt(h, threshold, out=fired)
            grad_v.addcmul_(grad_v, fired, value=-1)
        derivative = neuron.surrogate.derivative(h - threshold)
        torch.addcmul(grad_v, derivative, grad_spikes[t], out=grad)
        torch.mul(grad, keep, out=grad_v)


def _reset(
    h: Tensor, s: Tensor, threshold: Any, neuron: _Neuron, out: Tensor | None = None
) -> Tensor:
    """Return ``h``, less the threshold or all of itself where ``s`` is 1; exact for both."""
    if neuron.subtract:
        return torch.sub(h, s * threshold, out=out)
    return torch.addcmul(h, h, s, value=-1, out=out)
