"""Backpropagation through time with a surrogate for the derivative of a spike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from torch import nn

from snntrain.layers import spiking_layers
from snntrain.rules.base import Batch, Objective, Rule, Step, backpropagate
from snntrain.rules.calibrate import calibrate_surrogate, change_surrogates
from snntrain.settings import setting
from snntrain.surrogates import SURROGATES, Surrogate


class Shape(Enum):
    """A name in :data:`snntrain.surrogates.SURROGATES`; ``own`` is what a layer was built with."""

    OWN = "own"
    FAST_SIGMOID = "fast-sigmoid"
    ATAN = "atan"
    SIGMOID = "sigmoid"
    TRIANGLE = "triangle"
    RECTANGLE = "rectangle"
    GAUSSIAN = "gaussian"


@dataclass(frozen=True)
class SurrogateGradient(Rule):
    """Differentiate the network over all steps, spikes by their surrogate.

    ``surrogate`` and ``slope`` (1 per voltage) replace those of every layer, unless ``own`` and
    0; ``calibrate`` replaces the slope by the one that :func:`snntrain.calibrate_surrogate`
    finds on the first batch.

    Source: Neftci et al. 2019, arXiv 1901.09948.
    """

    INTEGERS = True
    surrogate: Shape = Shape.OWN
    slope: float = setting(0.0, 1000.0, default=0.0)
    calibrate: bool = False

    def refusals(self, module: nn.Module) -> list[str]:
        """List what keeps ``module`` from being calibrated."""
        few = self.calibrate and len(spiking_layers(module)) < 2
        return ["rule.calibrate = true needs two spiking layers or more"] if few else []

    def prepare(self, module: nn.Module, batch: Batch, objective: Objective) -> None:
        """Give every layer the surrogate of this rule."""
        change_surrogates(module, self._instead_of)
        if self.calibrate:
            calibrate_surrogate(module, batch, objective)

    def backward(self, module: nn.Module, batch: Batch, objective: Objective) -> Step:
        """Add the gradients of the objective."""
        return backpropagate(module, batch, objective)

    def _instead_of(self, own: Surrogate) -> Surrogate:
        kind = SURROGATES.get(self.surrogate.value)
        return replace(kind() if kind else own, slope=self.slope or own.slope)
