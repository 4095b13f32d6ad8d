"""Neighborhood aggregation against the surrogate gradient: same network, data and schedule."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seeds.common import accuracy_on_test, at_least, mean, noted, trained

NAME = "neighborhood: 784-200-200-10 on 5,000 images of MNIST"
MARGIN = 0.005
RULE = 'name = "neighborhood"'
SURROGATE = 'name = "surrogate"'


def rows(root: Path | None, seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Train with both rules; accuracies are of the 10,000 test images."""
    seeds = list(seeds)
    neighbors, surrogate = (
        mean(
            accuracy_on_test(trained("neighborhood", seed, root, {RULE: rule}), root)
            for seed in seeds
        )
        for rule in (RULE, SURROGATE)
    )
    return [
        noted(NAME, "accuracy of the surrogate gradient", surrogate),
        at_least(NAME, "accuracy", neighbors, surrogate - MARGIN),
    ]
