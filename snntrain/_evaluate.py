"""Evaluating a network: its outputs, predictions and accuracy over a dataset."""

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

    accuracy: fraction 0..1. predictions: (N,) int64, the lowest index of the largest output.
    outputs: (N, classes) float64, output spikes over all steps, or the sum of the voltage of a
    :class:`snntrain.Readout`.
    """

    accuracy: float
    predictions: np.ndarray
    outputs: np.ndarray


def evaluate(checkpoint: Checkpoint, dataset: Dataset, batch_size: int = 256) -> Evaluation:
    """Run a trained network over ``dataset`` with the recipe's number of steps."""
    module = checkpoint.build()
    steps = checkpoint.recipe.train.steps
    outputs = summed_outputs(module, dataset.images, steps, batch_size)
    return Evaluation(accuracy(outputs, dataset), outputs.argmax(axis=1), outputs)


def accuracy(outputs: np.ndarray, dataset: Dataset) -> float:
    """Return the fraction of samples whose label has the largest output, lowest index first."""
    return float((outputs.argmax(axis=1) == dataset.labels).mean())


def sequence_of(images: np.ndarray, steps: int) -> Tensor:
    """Return ``images`` (B, *shape) directly coded as a float32 sequence (steps, B, *shape)."""
    return torch.tensor(direct(images, steps), dtype=torch.float32)


@torch.no_grad()
def summed_outputs(
    module: nn.Module, images: np.ndarray, steps: int, batch_size: int = 256
) -> np.ndarray:
    """Return the sum over time (N, classes) float64 of ``module``, in the mode it is in."""
    outputs = [
        unroll(module, sequence_of(images[i : i + batch_size], steps)).sum(dim=0)
        for i in range(0, len(images), batch_size)
    ]
    return torch.cat(outputs).double().numpy()
