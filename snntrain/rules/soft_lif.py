"""The soft LIF: train firing rates under constant input, deploy spikes."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from hwsim.neurons import Cuba, CubaRefractory
from snntrain.delays import Temporal
from snntrain.dynamics import using
from snntrain.layers import Population, Readout, Spiking
from snntrain.nets.blocks import SewBlock
from snntrain.norms import TimeScaledNorm
from snntrain.rules.base import Batch, Objective, Rule, Step, backpropagate
from snntrain.settings import setting

UNDERFLOW = -20.0
"""Argument below which ``softplus(y)`` is ``exp(y)`` in float32, and its inverse nears the end of
the range. Source: nengo-dl ``SoftLIFRateBuilder``, ``nengo_dl/neuron_builders.py``."""


@dataclass(frozen=True)
class SoftLif(Rule):
    """Replace every population by its firing rate under constant input, in one step.

    Gradients see neither the noise nor the bounds 0 and 1 / (period + 1) of a rate. The input
    must be the same in every step. What a spike is worth, the paper's amplitude, is in the
    weights it meets.

    Source: Hunsberger and Eliasmith 2016, arXiv 1611.05141; gamma and noise of the authors'
    ``softlif[.063, .002, .022, 1, .02, 10]`` for MNIST, nengo/cuda-convnet2.

    Parameters
    ----------
    gamma
        How softly firing sets in, in thresholds, see :func:`firing_rate`.
    noise
        Standard deviation of the noise on the rates of firing neurons while training, in
        spikes per step; the paper's 10 Hz is 0.01 at steps of 1 ms.
    """

    ENCODERS = ("direct",)
    gamma: float = setting(1e-4, 10.0, default=0.02)
    noise: float = setting(0.0, 1.0, default=0.01)

    def refusals(self, module: nn.Module) -> list[str]:
        """List what has no firing rate of this form, or looks at more than one step."""
        layers = ((name, m) for name, m in module.named_modules())
        return [f"{name}: {problem}" for name, m in layers for problem in _problems(m)]

    def steps(self, steps: int) -> int:  # noqa: ARG002
        """Return 1: rates need no time."""
        return 1

    def learning(self, module: nn.Module) -> AbstractContextManager[None]:
        """Return a context in which populations answer with their rates."""
        return using(module, self._dynamics)

    def backward(self, module: nn.Module, batch: Batch, objective: Objective) -> Step:
        """Add the gradients of the objective, of rates."""
        with self.learning(module):
            return backpropagate(module, batch, objective)

    def _dynamics(self, layer: Population, x: Tensor) -> Tensor:
        """Return spikes per step (B, C, ...) of ``layer`` under the constant input ``x``."""
        registers = layer.registers(x.dim())
        # what the filtered current settles at
        settled = layer.sequence(x) / registers["decay_u"]
        current, decay_v = layer.normalised(settled), registers["decay_v"]
        excess = current / (decay_v * registers["threshold"]) - 1
        period = getattr(layer, "period", 0)
        rate = firing_rate(excess, decay_v, period, self.gamma)
        noise = self.noise * torch.randn_like(rate) * (excess > 0) if layer.training else 0
        # no neuron fires below 0, or more often than once between rests
        sent = (rate + noise).clamp(0, 1 / (period + 1))
        return rate + (sent - rate).detach()


def firing_rate(
    excess: Tensor, decay_v: float | Tensor, period: float | Tensor, gamma: float
) -> Tensor:
    """Return the spikes per step of an LIF under a constant current.

    After n steps the voltage has come ``1 - (1 - decay_v)**n`` of its way, so it passes the
    threshold after ``tau * log1p(1 / j)`` with ``tau = -1 / log(1 - decay_v)``. Steps are whole,
    which adds half of one in the mean, as in nengo-loihi's ``LoihiLIF``; where the wait is less
    than half a step, the rate is above the ``1 / (period + 1)`` that a neuron can give.

    Parameters
    ----------
    excess
        The voltage it would settle at without a threshold, in thresholds, less 1: above 0 it
        fires.
    decay_v
        Fraction of the voltage lost per step, between 0 and 1.
    period
        Steps the voltage rests after a spike.
    gamma
        How soft firing sets in: ``j = gamma * softplus(excess / gamma)`` stands for ``excess``.
    """
    decay_v = torch.as_tensor(decay_v, dtype=excess.dtype, device=excess.device)
    y = excess / gamma
    j = gamma * softplus(y.clamp(min=UNDERFLOW))
    # log1p(1 / j) where j = gamma * exp(y) is too small to be divided by
    far = -(y + math.log(gamma))
    wait = torch.where(y < UNDERFLOW, far, torch.log1p(1 / j)) / -torch.log1p(-decay_v)
    return 1 / (period + 0.5 + wait)


def _problems(module: nn.Module) -> list[str]:
    """List why a module inside a network cannot be trained on rates."""
    if isinstance(module, Spiking):
        return _of_neuron(module)
    if isinstance(module, Readout):
        fits = bool((torch.as_tensor(module.decay_u) == 1).all())
        return [] if fits else ["decay_u of a readout is not 1"]
    if isinstance(module, Temporal):
        return [f"{type(module).__name__} looks at more than one step; rates have one"]
    if isinstance(module, nn.MaxPool2d):
        return ["the largest spike of a pool is not its largest rate; use AvgPool2d"]
    if isinstance(module, SewBlock) and module.join is not torch.add:
        return ["joins spikes by AND or IAND, which rates do not tell; join by ADD"]
    return []


def _of_neuron(layer: Spiking) -> list[str]:
    """List why a population has no firing rate of this form."""
    decay_u, decay_v = torch.as_tensor(layer.decay_u), torch.as_tensor(layer.decay_v)
    reasons = {
        f"its neuron is {layer.kind.__name__}, not Cuba or CubaRefractory": (
            layer.kind not in (Cuba, CubaRefractory)
        ),
        "decay_v = 0 or 1 has no time constant; use a decay in between": bool(
            ((decay_v <= 0) | (decay_v >= 1)).any()
        ),
        "decay_u = 0 never settles": bool((decay_u <= 0).any()),
        "hears its own spikes, so its current is not constant": layer.recurrent is not None,
        "its norm scales every step; use CurrentNorm": isinstance(layer.norm, TimeScaledNorm),
    }
    return [reason for reason, holds in reasons.items() if holds]
