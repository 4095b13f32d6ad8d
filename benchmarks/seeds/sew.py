"""Spike-element-wise residual blocks: ten of them learn where plain and spiking ones do not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seeds.common import accuracy_on_test, at_least, at_most, mean, trained

RECIPE = "sew"
NAME = "sew: ten blocks on the digits"
ADD = '"sew-add"'


def rows(root: Path | None, seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Train with each shortcut; accuracies are of the whole test split."""
    seeds = list(seeds)

    def accuracy(shortcut: str) -> float:
        return mean(
            accuracy_on_test(trained(RECIPE, seed, root, {ADD: f'"{shortcut}"'}), root)
            for seed in seeds
        )

    return [
        at_least(NAME, "accuracy, sew-add", accuracy("sew-add"), 0.8),
        at_most(NAME, "accuracy, spiking shortcut", accuracy("spiking"), 0.4),
        at_most(NAME, "accuracy, no shortcut", accuracy("none"), 0.4),
    ]
