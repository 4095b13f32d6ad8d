"""A spiking network with largest and mean of each square side by side, and learned leaks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from snntrain.layers import Spiking
from snntrain.nets.images import image_problems
from snntrain.settings import setting
from snntrain.surrogates import FastSigmoid

HALVINGS = 2


@dataclass(frozen=True)
class PooledNetSettings:
    """Size and neurons of a :class:`PooledNet`.

    ``channels`` holds the sizes of the two convolutions, ``decay_v`` (fraction lost per step)
    is where each population's learned leak starts, ``dropout`` the fraction of spikes left out
    in training, ``slope`` the surrogate's.
    """

    input_shape: tuple[int, ...] = setting(1, 4096)
    classes: int = setting(2, 4096)
    channels: tuple[int, ...] = setting(1, 4096)
    decay_v: float = setting(0.001, 0.999)
    dropout: float = setting(0.0, 0.99)
    slope: float = setting(0.0, 1000.0, default=2.0)

    def problems(self) -> list[str]:
        """List what does not fit together."""
        found = image_problems(self.input_shape, HALVINGS, "stride and pool")
        if len(self.channels) != 2:
            found.append(f"channels = {list(self.channels)} is not one value for each of 2 layers")
        return found


class PooledNet(nn.Module):
    """``conv1, norm1, spike1, largest | mean, conv2, ..., dropout, dense, norm3, output``.

    The first convolution halves the image, the pools halve it again. The class is the output
    neuron that spikes most often over the sequence.

    Source: parametric LIF neurons, pooling and dropout on spikes, and normalisation by plain
    batch normalisation in front of the neuron as in Fang et al. 2021, arXiv 2007.05785; the
    two poolings together, Lee et al. 2016, arXiv 1509.08985.
    """

    Settings = PooledNetSettings

    def __init__(self, settings: PooledNetSettings) -> None:
        super().__init__()

        def spiking(size: int) -> Spiking:
            leak, slope = settings.decay_v, settings.slope
            return Spiking(
                size, decay_v=leak, norm=False, surrogate=FastSigmoid(slope), learned=["decay_v"]
            )

        inputs, height, width = settings.input_shape
        first, second = settings.channels
        self.conv1 = nn.Conv2d(inputs, first, 3, stride=2, padding=1)
        self.norm1 = nn.BatchNorm2d(first)
        self.spike1 = spiking(first)
        self.largest = nn.MaxPool2d(2)
        self.mean = nn.AvgPool2d(2)
        self.conv2 = nn.Conv2d(2 * first, second, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(second)
        self.spike2 = spiking(second)
        self.dropout = nn.Dropout(settings.dropout)
        self.flatten = nn.Flatten()
        size = second * (height // 2**HALVINGS) * (width // 2**HALVINGS)
        self.dense = nn.Linear(size, settings.classes)
        self.norm3 = nn.BatchNorm1d(settings.classes)
        self.output = spiking(settings.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Turn one frame (B, *input_shape) into output spikes (B, classes)."""
        x = self.spike1(self.norm1(self.conv1(x)))
        x = torch.cat([self.largest(x), self.mean(x)], dim=1)
        x = self.dropout(self.spike2(self.norm2(self.conv2(x))))
        return self.output(self.norm3(self.dense(self.flatten(x))))
