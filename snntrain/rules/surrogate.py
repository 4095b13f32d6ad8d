"""Backpropagation through time with a surrogate for the derivative of a spike."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from torch import nn

from snntrain.layers import recorded, spiking_layers, unroll
from snntrain.neurons import Real
from snntrain.rules.base import Batch, Objective, Rule, Step
from snntrain.settings import setting
from snntrain.surrogates import SURROGATES

Shape = Enum("Shape", {name: name for name in ("own", *SURROGATES)})
"""``own`` is what the network was built with."""


@dataclass(frozen=True)
class SurrogateGradient(Rule):
    """Differentiate the network over all steps, spikes by their surrogate.

    ``surrogate`` and ``slope`` replace those of every layer.

    Source: Neftci et al. 2019, arXiv 1901.09948.
    """

    surrogate: Shape = Shape["own"]
    slope: float = setting(0.0, 1000.0, default=2.0)

    def prepare(self, module: nn.Module, batch: Batch, objective: Objective) -> None:  # noqa: ARG002
        """Give every layer the surrogate of this rule."""
        if self.surrogate is Shape["own"]:
            return
        for layer in spiking_layers(module).values():
            layer.arithmetic = Real(SURROGATES[self.surrogate.value](self.slope))

    def backward(self, module: nn.Module, batch: Batch, objective: Objective) -> Step:
        """Add the gradients of the objective."""
        sequence, labels = batch
        with recorded(module) as spikes:
            outputs = unroll(module, sequence)
        loss = objective(outputs, labels, spikes)
        loss.backward()
        return Step(loss.detach(), outputs.detach())
