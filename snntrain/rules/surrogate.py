"""Backpropagation through time with a surrogate for the derivative of a spike."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from torch import nn

from snntrain.layers import spiking_layers
from snntrain.rules.base import Batch, Objective, Rule, Step, backpropagate
from snntrain.rules.calibrate import calibrate_surrogate, change_surrogates
from snntrain.settings import setting
from snntrain.surrogates import SURROGATES

Shape = Enum("Shape", {name: name for name in ("own", *SURROGATES)})
"""``own`` is what the network was built with."""


@dataclass(frozen=True)
class SurrogateGradient(Rule):
    """Differentiate the network over all steps, spikes by their surrogate.

    ``surrogate`` and ``slope`` replace those of every layer; ``calibrate`` replaces the slope
    by the one that :func:`snntrain.calibrate_surrogate` finds on the first batch.

    Source: Neftci et al. 2019, arXiv 1901.09948.
    """

    INTEGERS = True
    surrogate: Shape = Shape["own"]
    slope: float = setting(0.0, 1000.0, default=2.0)
    calibrate: bool = False

    def refusals(self, module: nn.Module) -> list[str]:
        """List what keeps ``module`` from being calibrated."""
        few = self.calibrate and len(spiking_layers(module)) < 2
        return ["rule.calibrate = true needs two spiking layers or more"] if few else []

    def prepare(self, module: nn.Module, batch: Batch, objective: Objective) -> None:
        """Give every layer the surrogate of this rule."""
        if self.surrogate is not Shape["own"]:
            chosen = SURROGATES[self.surrogate.value](self.slope)
            change_surrogates(module, lambda _: chosen)
        if self.calibrate:
            calibrate_surrogate(module, batch, objective)

    def backward(self, module: nn.Module, batch: Batch, objective: Objective) -> Step:
        """Add the gradients of the objective."""
        return backpropagate(module, batch, objective)
