"""Soft LIF with noise, then LIF: what spikes lose against the rates that were trained."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seeds.common import accuracy_on_test, at_least, at_most, mean, noted, trained
from snntrain import Checkpoint, load
from snntrain._evaluate import accuracy, measure

NAME = "soft_lif: 784-256-128-10 on 5,000 images of MNIST"


def rows(root: Path | None, seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Train rates, deploy spikes; accuracies are of the 10,000 test images."""
    checkpoints = [trained("soft_lif", seed, root) for seed in seeds]
    rates = [accuracy_of_rates(checkpoint, root) for checkpoint in checkpoints]
    spikes = [accuracy_on_test(checkpoint, root) for checkpoint in checkpoints]
    firing = [r for checkpoint in checkpoints for r in checkpoint.calibration["rates"].values()]
    return [
        noted(NAME, "accuracy of the rate network", mean(rates)),
        at_least(NAME, "accuracy of the LIF network", mean(spikes), 0.94),
        at_most(
            NAME,
            "accuracy between the two, mean of absolute differences",
            mean(abs(rate - spiking) for rate, spiking in zip(rates, spikes, strict=True)),
            0.01,
        ),
        noted(NAME, "spikes per neuron and step", mean(firing)),
    ]


def accuracy_of_rates(checkpoint: Checkpoint, root: Path | None) -> float:
    """Return the accuracy on the test split of the network as it was trained, on rates."""
    recipe, module = checkpoint.recipe, checkpoint.build()
    test = load(recipe.data.name, "test", root)
    with recipe.rule.learning(module):
        return accuracy(measure(module, test, recipe.rule.steps(recipe.train.steps)).outputs, test)
