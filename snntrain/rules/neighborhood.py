"""Neighborhood aggregation: finite differences to the spike trains one flipped spike away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hwsim.neurons import Cuba
from hwsim.neurons.cuba import integrate
from snntrain.dynamics import using
from snntrain.layers import Population, Spiking, spiking_layers
from snntrain.neurons import Real
from snntrain.rules.base import Batch, Objective, Rule, Step, backpropagate
from snntrain.settings import setting
from snntrain.surrogates import FastSigmoid

REAL = Real(FastSigmoid())
"""Its spikes are exact; nothing here is differentiated through them."""
POWER = 3
"""Of the distance: neighbors far away count less than the quotient says."""
Weight = Callable[[Tensor], Tensor]
"""Turns distances to the threshold, in thresholds, into what stands for one over the distance."""


@dataclass(frozen=True)
class NeighborhoodAggregation(Rule):
    """Differentiate a spike train by what changes when one of its spikes is flipped.

    The current into the voltage of a neuron gets, in step ``k``, the gradient
    ``sum_t dL/ds[t] * (s_k[t] - s[t]) * weight(threshold - v[k])``, where ``s_k`` is the train
    that follows from the least current that flips the spike of step ``k`` alone. ``weight`` is
    one over the third power of the distance in thresholds, cut off at ``limit``.

    ``dL/ds`` holds all that a spike does through the filter of the next population's current,
    so it stands for the paper's ``e`` times the filtered trains ``a_k - a``.

    Source: Yang, Zhang, Li 2021, arXiv 2107.06861, the simple neighborhood; third power and limit
    of the authors' code, ``functions/neighbors.py``, where a finite difference asks for the first.
    """

    limit: float = setting(1e-3, 1e6, default=5.0)

    def refusals(self, module: nn.Module) -> list[str]:
        """List the populations that are not plain, and trained registers it has no gradient of."""
        layers = spiking_layers(module).items()
        return [f"{name}: {problem}" for name, layer in layers for problem in _problems(layer)]

    def backward(self, module: nn.Module, batch: Batch, objective: Objective) -> Step:
        """Add the gradients of the objective."""
        with using(module, self._dynamics):
            return backpropagate(module, batch, objective)

    def _dynamics(self, layer: Population, x: Tensor) -> Tensor:
        """Return the spikes of ``layer``, as it would; differentiate them by neighbors."""
        registers = layer.registers(x.dim())
        u, driving = torch.zeros_like(layer.sequence(x)[0]), []
        for current, bias in layer.currents(layer.sequence(x)):
            u = layer.arithmetic.decay(u, registers["decay_u"]) + current
            driving.append(u + bias)
        registers["decay_u"] = 1.0
        spikes: Any = _Aggregation.apply(torch.stack(driving), Cuba(**registers), self._weight)
        return spikes.flatten(0, 1)

    def _weight(self, distance: Tensor) -> Tensor:
        return distance.pow(-POWER).clamp(-self.limit, self.limit)


class _Aggregation(torch.autograd.Function):
    """Spikes of the currents that drive a voltage; :func:`neighborhood` for a gradient."""

    @staticmethod
    def forward(ctx: Any, driving: Tensor, neuron: Cuba, weight: Weight) -> Tensor:
        ctx.save_for_backward(driving)
        ctx.neuron, ctx.weight = neuron, weight
        rest = torch.zeros_like(driving[0])
        state, spikes = (rest, rest), []
        for current in driving:
            spike, state = neuron.step(REAL, state, current)
            spikes.append(spike)
        return torch.stack(spikes)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None]:
        (driving,) = ctx.saved_tensors
        threshold = ctx.neuron.threshold
        difference, distance = neighborhood(driving, ctx.neuron, grad_outputs[0])
        return difference * ctx.weight(distance / threshold) / threshold, None, None


def neighborhood(driving: Tensor, neuron: Cuba, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Return what flipping each spike would change, and how far it is from flipping.

    Parameters
    ----------
    driving
        (T, B, ...), what is added to the voltage in each step.
    neuron
        Its decay of the voltage and threshold; the current has no memory (``decay_u`` 1).
    gradient
        (T, B, ...), dL/ds of the spikes.

    Returns
    -------
    tuple
        ``sum_t gradient[t] * (s_k[t] - s[t])``, and the least addition to ``driving[k]`` that
        flips the spike of step k, ``threshold - v[k]``; both (T, B, ...) over k. After the flip
        the voltage starts at 0 when the spike is new, at the threshold when it is taken away,
        and the neuron goes on with unchanged currents.
    """
    difference, distance = torch.zeros_like(driving), torch.zeros_like(driving)
    threshold = torch.as_tensor(neuron.threshold, dtype=driving.dtype, device=driving.device)
    after = torch.zeros_like(driving[:1])  # of the trains flipped so far, and of the neuron's own
    for t, current in enumerate(driving):
        _, v = integrate(REAL, neuron, (torch.zeros_like(after), after), current)
        spikes = REAL.fire(v, threshold)
        own = spikes[-1]
        difference[:t] += gradient[t] * (spikes[:-1] - own)
        difference[t] = gradient[t] * (1 - 2 * own)
        distance[t] = threshold - v[-1]
        flipped = own * threshold
        left = REAL.reset(v, spikes)
        after = torch.cat([left[:-1], flipped.unsqueeze(0), left[-1:]])
    return difference, distance


def _problems(layer: Spiking) -> list[str]:
    """List why a population has no such neighborhood."""
    reasons = {
        f"its neuron is {layer.kind.__name__}, not Cuba": layer.kind is not Cuba,
        "hears its own spikes, so flipping one changes its currents": layer.recurrent is not None,
        "decay_v is learned, and gets no gradient": _is_learned(layer.decay_v),
        "threshold is learned, and gets no gradient": _is_learned(layer.threshold),
    }
    return [reason for reason, holds in reasons.items() if holds]


def _is_learned(register: float | Tensor) -> bool:
    return isinstance(register, Tensor) and register.requires_grad
