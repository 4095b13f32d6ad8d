"""What activity costs, as a number to lower: spikes, and the synaptic operations they cause."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

Spikes = Mapping[str, Tensor]
"""By layer, (T * B, *shape), 0.0 or 1.0 with a gradient."""


def rate(spikes: Spikes) -> Tensor:
    """Return the spikes per neuron and step, 0..1, averaged over layers."""
    return torch.stack([s.mean() for s in spikes.values()]).mean()


def synaptic_operations(spikes: Spikes, fan_outs: Mapping[str, Tensor]) -> Tensor:
    """Return the synaptic operations that ``spikes`` cause: the sum of spikes times fan-out.

    fan_outs: synapses that each neuron drives, of a layer's shape, as the machine counts them
    (``snnexport.harden.fan_outs``). Layers without are left out: they drive none.
    """
    driving = [(s, fan_outs[name]) for name, s in spikes.items() if name in fan_outs]
    charges = [(s.sum(dim=0) * fan_out.to(s.device)).sum() for s, fan_out in driving]
    return torch.stack(charges).sum()


def excess_operations(
    spikes: Spikes, fan_outs: Mapping[str, Tensor], inferences: int, budget: float
) -> Tensor:
    """Return by how much the synaptic operations of an inference exceed ``budget``, 0..1.

    1 is what there would be if every neuron fired in every step. ``inferences``: samples B of
    the spikes. Source of the cost: Sorbaro et al. 2020, Front. Neurosci. 14:662, equation 3.
    """
    steps = next(iter(spikes.values())).shape[0] // inferences
    most = steps * sum(int(fan_out.sum()) for fan_out in fan_outs.values())
    return (synaptic_operations(spikes, fan_outs) / inferences - budget).clamp(min=0) / most
