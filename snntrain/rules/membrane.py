"""Membrane potentials as differentiable signals: one error a presentation, none per step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from hwsim.neurons import CubaSubtract
from snntrain.dynamics import over_time, using
from snntrain.layers import Population, Readout, Spiking, spiking_layers, unroll
from snntrain.rules.base import Batch, Objective, Rule, Step, backpropagate
from snntrain.rules.chain import ending


@dataclass(frozen=True)
class MembranePotential(Rule):
    """Differentiate what spikes leave in membranes at the end of a sequence.

    With reset by subtraction, the voltage in which a sequence ends is exactly

        V_i = sum_k w_ik x_k - threshold_i a_i

    where ``x_k`` are the messages of input ``k`` and ``a_i`` the spikes of neuron ``i``, as the
    membrane has leaked them. V is taken for noise, so ``a_i = sum_k w_ik x_k / threshold_i`` has
    derivatives where spikes have none. An error in single spikes becomes one in ``a_i``: more of
    ``a_i`` means more of each spike that was there, and of a silent output a spike in any step.
    An ``a_i`` below what a spike leaves in the mean over steps counts as that much: a fast leak
    would make next to nothing of early spikes, and gradients without bound.

    Two kinds of hidden neurons pass nothing on: the silent ones, and those that end above their
    threshold, for which V is no noise: they could not spike as often as they were driven to.

    A threshold of 1 stands for the paper's learned ones: it is the scale of a neuron's weights,
    and a chip has one threshold for many neurons. Learned thresholds get their derivative too.
    The loss is the recipe's, instead of squared errors in counts over the largest count. Without
    the paper's scaling of gradients, which Adam makes up for, regularisers and lateral inhibition.

    Source: Lee, Delbruck and Pfeiffer 2016, Front. Neurosci. 10:508; the second kind is ours.
    """

    def refusals(self, module: nn.Module) -> list[str]:
        """List populations whose voltage is no such sum, and answers of no population."""
        found = [p for name, layer in spiking_layers(module).items() for p in _unlike(name, layer)]
        if [ending(module)] != _last(module):
            found.append("output: is not that of the population that is defined last")
        return found

    def backward(self, module: nn.Module, batch: Batch, objective: Objective) -> Step:
        """Add the gradients of the objective."""
        answer = nn.ModuleList(_last(module))
        with using(module, partial(signals, answer=False)), using(answer, signals):
            return backpropagate(module, batch, objective)


def signals(layer: Population, x: Tensor, *, answer: bool = True) -> Tensor:
    """Return the spikes (T * B, C, ...) of ``layer``, differentiable through its last voltage.

    All neurons of an ``answer`` pass gradients on, of others those whose spikes a current moves.
    """
    threshold = layer.registers(x.dim())["threshold"]
    with torch.no_grad():
        spikes = layer.sequence(over_time(layer, x))
        spike_kept, current_kept = _kept(layer, spikes)
        fired, left = spikes.any(dim=0), _summed(spike_kept, spikes)
    voltage = _summed(current_kept, layer.sequence(x)) - threshold * left
    with torch.no_grad():
        shown = torch.where(fired, spikes, 1 / len(spikes))
        share = shown / (left.clamp(min=spike_kept.mean()) * threshold)
        passes = fired & (voltage <= threshold) | answer
    return (spikes + share * passes * (voltage - voltage.detach())).flatten(0, 1)


def _summed(kept: Tensor, sequence: Tensor) -> Tensor:
    """Return what is left (B, C, ...) of a ``sequence`` (T, B, C, ...), ``kept`` (T,) of steps.

    Not as a product of matrices, which autocast would round.
    """
    return (kept.view(-1, *[1] * (sequence.dim() - 1)) * sequence).sum(dim=0)


def _kept(layer: Population, sequence: Tensor) -> Tensor:
    """Return what is left of a spike, and of a current, of each step (2, T) in the last one."""
    impulse = torch.zeros(len(sequence), 1, 2, dtype=sequence.dtype)
    impulse[0] = 1
    decay_u = torch.tensor([1.0, layer.decay_u])
    silent = Readout(2, decay_u=decay_u, decay_v=layer.decay_v)
    return unroll(silent, impulse)[:, 0].T.flip(1).to(sequence.device)


def _last(module: nn.Module) -> list[Population]:
    """Return the population that is defined last, if there is one."""
    return [m for m in module.modules() if isinstance(m, Population)][-1:]


def _unlike(name: str, layer: Spiking) -> list[str]:
    """List why the voltage of ``layer`` is no weighted sum of its inputs and its own spikes."""
    found = []
    if layer.kind is not CubaSubtract:
        found.append('its voltage forgets at a spike; use reset = "subtract", no refractory')
    if layer.norm is not None:
        found.append("normalises its current; use norm = false")
    if layer.recurrent is not None:
        found.append("hears its own spikes")
    found += [
        f"{decay} is a tensor; use a number"
        for decay in ("decay_u", "decay_v")
        if isinstance(getattr(layer, decay), Tensor)
    ]
    if not isinstance(layer.decay_v, Tensor) and layer.decay_v == 1:
        found.append("decay_v = 1 leaves nothing of spikes before the last step")
    return [f"{name}: {problem}" for problem in found]
