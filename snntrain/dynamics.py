"""What a population does with the currents of a sequence: the one loop over time, replaceable.

A *dynamics* is a function ``(layer, x) -> y`` of a :class:`snntrain.population.Population` and its
input (T * B, C, ...), time slowest; ``y`` has the same shape. A rule that trains on something
else than spikes, or differentiates them otherwise, brings its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from snntrain._fused import fused, is_fused

if TYPE_CHECKING:
    from snntrain.population import Population

Dynamics = Callable[["Population", Tensor], Tensor]


def over_time(layer: Population, x: Tensor) -> Tensor:
    """Run the neuron of ``layer`` through the sequence from rest: by the fastest way there is."""
    return fused(layer, x) if is_fused(layer) else stepwise(layer, x)


def stepwise(layer: Population, x: Tensor) -> Tensor:
    """Execute the ``step`` of the neuron of ``layer`` once a time step, on its own arithmetic.

    It runs every neuron, and says what the faster ways have to give.
    """
    sequence = layer.sequence(x)
    registers = layer.registers(x.dim())
    rest = torch.zeros_like(sequence[0])
    state: tuple[Any, ...] = tuple(rest for _ in layer.kind.STATE)
    spikes, sent = rest, []
    for current, bias in layer.currents(sequence):
        neuron = layer.kind(**registers, bias=bias)
        spikes, state = neuron.step(layer.arithmetic, state, layer.entering(current, spikes))
        sent.append(layer.read(spikes, state))
    return torch.cat(sent)


@contextmanager
def using(module: nn.Module, dynamics: Dynamics) -> Iterator[None]:
    """Give all spiking layers inside ``module`` other dynamics, while active."""
    from snntrain.layers import spiking_layers

    before = [(layer, layer.dynamics) for layer in spiking_layers(module).values()]
    try:
        for layer, _ in before:
            layer.dynamics = dynamics
        yield
    finally:
        for layer, own in before:
            layer.dynamics = own
