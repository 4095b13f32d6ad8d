"""Evaluating a network: its outputs, predictions, accuracy and rates over a dataset."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from hwsim.errors import CheckError
from hwsim.simulate import Progress
from snntrain._distributed import ALONE, Ranks
from snntrain.checkpoint import Checkpoint
from snntrain.data import Dataset
from snntrain.layers import recorded, unroll
from snntrain.losses import Loss

ROOM = 1 << 22
"""Input values, over all steps, that go through a network at a time."""


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


def evaluate(
    checkpoint: Checkpoint,
    dataset: Dataset,
    batch_size: int = 256,
    *,
    progress: Progress | None = None,
) -> Evaluation:
    """Run a trained network over ``dataset`` with the recipe's number of steps.

    ``progress`` is called with the samples done, and how many there are. Raises CheckError when
    the samples have another shape than the network's input.
    """
    wanted = tuple(checkpoint.recipe.net.input_shape)
    if dataset.shape != wanted:
        raise CheckError(
            f"{dataset.name}: samples of shape {dataset.shape} do not fit the input {wanted}",
            hint=f"evaluate on {checkpoint.recipe.data.name}, which the network was trained on",
        )
    module, steps = checkpoint.build(), checkpoint.recipe.train.steps
    outputs = measure(module, dataset, steps, batch_size=batch_size, progress=progress).outputs
    return Evaluation(accuracy(outputs, dataset), outputs.argmax(axis=1), outputs)


def accuracy(outputs: np.ndarray, dataset: Dataset) -> float:
    """Return the fraction of samples whose label has the largest output, lowest index first."""
    return float((outputs.argmax(axis=1) == dataset.labels).mean())


class Measured(NamedTuple):
    """Outputs (N, classes) float64 summed over time; spikes per neuron and step by layer.

    loss: the mean over samples of the loss that was asked for, else 0.
    """

    outputs: np.ndarray
    rates: dict[str, float]
    loss: float


@torch.no_grad()
def measure(
    module: nn.Module,
    dataset: Dataset,
    steps: int,
    ranks: Ranks = ALONE,
    *,
    loss: Loss | None = None,
    batch_size: int = 256,
    progress: Progress | None = None,
) -> Measured:
    """Run ``module``, in the mode it is in, over ``dataset``: a share of it on each process.

    ``batch_size`` is the most samples at a time; ``progress`` counts those of this process.
    """
    share = ranks.share(len(dataset))
    stride = max(1, min(batch_size, ROOM // (steps * prod(dataset.shape))))
    outputs: list[Tensor] = []
    lost = 0.0
    spikes: Counter[str] = Counter()
    neurons: Counter[str] = Counter()
    for start in range(share.start, share.stop, stride):
        samples = slice(start, min(start + stride, share.stop))
        sequence = torch.tensor(dataset.sequences(samples, steps), dtype=torch.float32)
        with recorded(module) as sent:
            answers = unroll(module, sequence.to(ranks.device)).cpu()
        outputs.append(answers.sum(dim=0).double())
        if loss:
            labels = torch.from_numpy(dataset.labels[samples])
            lost += loss(answers, labels).item() * len(labels)
        spikes.update({name: s.double().sum().item() for name, s in sent.items()})
        neurons.update({name: s.numel() for name, s in sent.items()})
        if progress:
            progress(samples.stop - share.start, share.stop - share.start)
    whole = ranks.joined(torch.cat(outputs), len(dataset))
    totals = {
        name: ranks.total(torch.tensor([spikes[name], neurons[name]], dtype=torch.float64))
        for name in spikes
    }
    rates = {name: (sent / count).item() for name, (sent, count) in totals.items()}
    mean = ranks.total(torch.tensor(lost, dtype=torch.float64)).item() / len(dataset)
    return Measured(whole.numpy(), rates, mean)
