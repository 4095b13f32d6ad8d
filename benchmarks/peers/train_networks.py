"""The networks T1, T2 and T3 on which training is timed, for any library's neurons."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

Neuron = Callable[[int, bool], nn.Module]
"""``(channels, normalised) -> module``: LIF neurons, behind a batch normalisation if asked."""


class Case(NamedTuple):
    """A network and what it is trained on: input shape, time steps, batch size."""

    build: Callable[[Neuron], nn.Module]
    shape: tuple[int, ...]
    steps: int
    batch: int

    def data(self) -> tuple[Tensor, Tensor]:
        """Return a sequence (T, B, *shape) and labels (B,), the same at every call."""
        random = torch.Generator().manual_seed(1)
        sequence = torch.rand(self.steps, self.batch, *self.shape, generator=random) < 0.2
        return sequence.float(), torch.randint(10, (self.batch,), generator=random)


def dense(neuron: Neuron) -> nn.Module:
    """Return T1, 784-512-512-10 without normalisation, with weights that make it fire."""
    sizes = (784, 512, 512, 10)
    network = nn.Sequential(
        *(m for a, b in pairwise(sizes) for m in (nn.Linear(a, b), neuron(b, False)))
    )
    with torch.no_grad():
        for linear in network[::2]:
            linear.weight.mul_(4)
    return network


def convolutional(neuron: Neuron) -> nn.Module:
    """Return T2: twice 3x3 convolution, neurons and average pooling, then a linear readout."""
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3, padding=1, bias=False), neuron(32, True), nn.AvgPool2d(2)),
        *(nn.Conv2d(32, 64, 3, padding=1, bias=False), neuron(64, True), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(64 * 7 * 7, 10)),
    )


def sew_resnet18(neuron: Neuron) -> nn.Module:
    """Return T3, SEW-ResNet18 (ADD) with the stem for small images.

    Source: Fang et al. 2021, arXiv 2102.04159.
    """
    blocks, before = [], 64
    for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        blocks += [_Block(before, width, stride, neuron), _Block(width, width, 1, neuron)]
        before = width
    stem = nn.Conv2d(3, 64, 3, padding=1, bias=False), neuron(64, True)
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


class _Block(nn.Module):
    """Two convolutions whose spikes are added to those of the shortcut."""

    def __init__(self, before: int, width: int, stride: int, neuron: Neuron) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *(nn.Conv2d(before, width, 3, stride, 1, bias=False), neuron(width, True)),
            *(nn.Conv2d(width, width, 3, 1, 1, bias=False), neuron(width, True)),
        )
        changed = (
            nn.Conv2d(before, width, 1, stride, bias=False),
            neuron(width, True),
        )
        self.shortcut = nn.Identity() if before == width else nn.Sequential(*changed)

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(x) + self.shortcut(x)


CASES = {
    "T1": Case(dense, (784,), 25, 128),
    "T2": Case(convolutional, (1, 28, 28), 10, 64),
    "T3": Case(sew_resnet18, (3, 32, 32), 4, 16),
}
"""As in the table of ``docs/results/training.md``."""
