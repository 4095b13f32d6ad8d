"""A surrogate with a tuned slope: what gradients do over eight layers tells who learns."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seeds.common import accuracy_on_test, at_least, at_most, mean, noted, recipe, trained
from snntrain import load
from snntrain.rules.calibrate import calibrate_surrogate, spread

RECIPE = "tuned_surrogate"
NAME = "tuned_surrogate: eight layers, 4,000 images of MNIST"
STEEP = 100.0
SLOPES = (1.0, 2.0, 5.0, 10.0, STEEP)
FIXED = {"calibrate = true": f'surrogate = "fast-sigmoid"\nslope = {STEEP}'}


def rows(root: Path | None, seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Train with the tuned slope and with a steep one; accuracies are of the 10,000 test images."""
    seeds = list(seeds)
    found = [_gradients(root, seed) for seed in seeds]
    logarithms = [mean(ratios) for ratios in zip(*(ratios for _, ratios in found), strict=True)]
    tuned, steep = (
        mean(accuracy_on_test(trained(RECIPE, seed, root, changes), root) for seed in seeds)
        for changes in ({}, FIXED)
    )
    falls = min(before - after for _, ratios in found for before, after in pairwise(ratios))
    return [
        noted(NAME, "tuned slope", mean(slope for slope, _ in found)),
        *(
            noted(NAME, f"log10 of first over last gradient, slope {slope:g}", value)
            for slope, value in zip(SLOPES, logarithms, strict=True)
        ),
        at_least(NAME, "smallest fall of that from slope to slope, of any seed", falls, 0.0),
        at_least(NAME, "accuracy, tuned slope", tuned, 0.92),
        at_most(NAME, f"accuracy, slope {STEEP:g}", steep, 0.6),
    ]


def _gradients(root: Path | None, seed: int) -> tuple[float, list[float]]:
    """Return the tuned slope of the untrained network, and what other slopes do to gradients."""
    plan = recipe(RECIPE, seed)
    train = load(plan.data.name, "train", root)
    index = np.random.default_rng(seed).permutation(plan.data.samples)[: plan.train.batch_size]
    frames = torch.tensor(train.sequences(index, plan.train.steps), dtype=torch.float32)
    batch = frames, torch.from_numpy(train.labels[index])
    torch.manual_seed(seed)
    module = plan.build()
    ratios = [float(np.log10(spread(module, batch, slope).ratio)) for slope in SLOPES]
    return calibrate_surrogate(module, batch).slope, ratios
