"""The optimizers and learning-rate schedules a recipe may name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import nn

from snntrain.recipe import Optimizer, Schedule, TrainSettings

RISE, FIRST, LAST = 0.3, 1 / 25, 4e-6
"""One-cycle: fraction of the updates that rise; first and last rate over the peak.

Source: Smith and Topin 2017, arXiv 1708.07120; values of torch 2.13 ``OneCycleLR``
(``pct_start``, ``1 / div_factor``, ``1 / (div_factor * final_div_factor)``).
"""
MOMENTUM = 0.9


def optimizer_of(
    parameters: Iterable[nn.Parameter], settings: TrainSettings
) -> torch.optim.Optimizer:
    """Return the optimizer of a recipe; the rate is set before every update."""
    decay = settings.weight_decay
    if settings.optimizer is Optimizer.SGD:
        return torch.optim.SGD(parameters, momentum=MOMENTUM, weight_decay=decay)
    kind = torch.optim.AdamW if settings.optimizer is Optimizer.ADAMW else torch.optim.Adam
    return kind(parameters, weight_decay=decay)


def one_cycle(fraction: float) -> float:
    """Return the learning rate over its peak after ``fraction`` (0..1) of all updates.

    A function and not torch's scheduler, so that a resumed run has no state to restore.
    """
    if fraction < RISE:
        return _cosine(FIRST, 1.0, fraction / RISE)
    return _cosine(1.0, LAST, (fraction - RISE) / (1 - RISE))


def cosine(fraction: float) -> float:
    """Return the rate over its peak after ``fraction`` (0..1) of all updates: from 1 to 0."""
    return _cosine(1.0, 0.0, fraction)


SCHEDULES: dict[Schedule, Callable[[float], float]] = {
    Schedule.ONE_CYCLE: one_cycle,
    Schedule.COSINE: cosine,
    Schedule.CONSTANT: lambda _: 1.0,
}


def _cosine(start: float, end: float, fraction: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * fraction)) / 2
