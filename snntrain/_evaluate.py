"""Evaluating a network: spike counts, predictions and accuracy over a dataset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from snntrain.checkpoint import Checkpoint
from snntrain.data import Dataset
from snntrain.encode import direct
from snntrain.layers import unroll


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a network answered.

    accuracy: fraction 0..1. predictions: (N,) int64, the lowest index of the largest count.
    counts: (N, classes) int64, output spikes over all steps.
    """

    accuracy: float
    predictions: np.ndarray
    counts: np.ndarray


def evaluate(checkpoint: Checkpoint, dataset: Dataset, batch_size: int = 256) -> Evaluation:
    """Run a trained network over ``dataset`` with the recipe's number of steps."""
    module = checkpoint.build()
    steps = checkpoint.recipe.train.steps
    counts = count_spikes(module, dataset.images, steps, batch_size)
    return Evaluation(accuracy(counts, dataset), counts.argmax(axis=1), counts)


def accuracy(counts: np.ndarray, dataset: Dataset) -> float:
    """Return the fraction of samples whose label has the largest count, lowest index first."""
    return float((counts.argmax(axis=1) == dataset.labels).mean())


def sequence_of(images: np.ndarray, steps: int) -> Tensor:
    """Return ``images`` (B, *shape) directly coded as a float32 sequence (steps, B, *shape)."""
    return torch.tensor(direct(images, steps), dtype=torch.float32)


@torch.no_grad()
def count_spikes(
    module: nn.Module, images: np.ndarray, steps: int, batch_size: int = 256
) -> np.ndarray:
    """Return the output spikes (N, classes) int64 of ``module``, in the mode it is in."""
    counts = [
        unroll(module, sequence_of(images[i : i + batch_size], steps)).sum(dim=0)
        for i in range(0, len(images), batch_size)
    ]
    return torch.cat(counts).to(torch.int64).numpy()
