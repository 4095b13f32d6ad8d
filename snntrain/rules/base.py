"""What a learning rule is: it fills gradients; the training loop does the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from snntrain.layers import recorded, unroll

Objective = Callable[[Tensor, Tensor, Mapping[str, Tensor]], Tensor]
"""``(outputs (T, B, classes), labels (B,), spikes by layer (T * B, ...)) -> scalar``: the loss of
the recipe and its penalties."""
Batch = tuple[Tensor, Tensor]
"""A sequence (T, B, *shape) and labels (B,)."""


class Step(NamedTuple):
    """What a rule says of a batch: the loss, and the network's outputs (T, B, classes)."""

    loss: Tensor
    outputs: Tensor


def backpropagate(module: nn.Module, batch: Batch, objective: Objective) -> Step:
    """Add the gradients of the objective as the dynamics of the populations define them."""
    sequence, labels = batch
    with recorded(module) as spikes:
        outputs = unroll(module, sequence)
    loss = objective(outputs, labels, spikes)
    loss.backward()
    return Step(loss.detach(), outputs.detach())


@dataclass(frozen=True)
class Rule:
    """A learning rule; its fields are its settings, read from the ``[rule]`` table of a recipe.

    ``LOSS`` says that the recipe's loss and penalties are what it lowers; a rule that has an
    error of its own refuses them. ``INTEGERS`` says that it learns through whatever dynamics a
    population has, the integers of a chip included. ``ENCODERS`` names those of the sequences
    that it learns from; without names, it learns from all.
    """

    LOSS = True
    INTEGERS = False
    ENCODERS: ClassVar[tuple[str, ...]] = ()

    def refusals(self, module: nn.Module) -> list[str]:  # noqa: ARG002
        """List what keeps ``module`` from being trained by this rule."""
        return []

    def prepare(self, module: nn.Module, batch: Batch, objective: Objective) -> None:
        """Set up ``module`` before the first update."""

    def steps(self, steps: int) -> int:
        """Return how many of the recipe's ``steps`` a pass needs while it learns and selects."""
        return steps

    def learning(self, module: nn.Module) -> AbstractContextManager[None]:  # noqa: ARG002
        """Return a context in which ``module`` computes what is learned, and selected by.

        The trained network is measured outside of it, over the recipe's steps, as deployed.
        """
        return nullcontext()

    def backward(self, module: nn.Module, batch: Batch, objective: Objective) -> Step:
        """Add the gradients of a batch to ``.grad`` of the parameters of ``module``."""
        raise NotImplementedError

    def after_step(self, module: nn.Module) -> None:
        """Put weights back where the rule allows them, after an update."""
