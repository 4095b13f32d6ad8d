"""What a learning rule is: it fills gradients; the training loop does the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

Objective = Callable[[Tensor, Tensor, Mapping[str, Tensor]], Tensor]
"""``(outputs (T, B, classes), labels (B,), spikes by layer (T * B, ...)) -> scalar``: the loss of
the recipe and its penalties."""
Batch = tuple[Tensor, Tensor]
"""A sequence (T, B, *shape) and labels (B,)."""


class Step(NamedTuple):
    """What a rule says of a batch: the loss, and the network's outputs (T, B, classes)."""

    loss: Tensor
    outputs: Tensor


@dataclass(frozen=True)
class Rule:
    """A learning rule; its fields are its settings, read from the ``[rule]`` table of a recipe.

    ``LOSS`` says that the recipe's loss and penalties are what it lowers; a rule that has an
    error of its own refuses them.
    """

    LOSS = True

    def refusals(self, module: nn.Module) -> list[str]:  # noqa: ARG002
        """List what keeps ``module`` from being trained by this rule."""
        return []

    def prepare(self, module: nn.Module, batch: Batch, objective: Objective) -> None:
        """Set up ``module`` before the first update."""

    def backward(self, module: nn.Module, batch: Batch, objective: Objective) -> Step:
        """Add the gradients of a batch to ``.grad`` of the parameters of ``module``."""
        raise NotImplementedError

    def after_step(self, module: nn.Module) -> None:
        """Put weights back where the rule allows them, after an update."""
