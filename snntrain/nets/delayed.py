"""A spiking network whose connections take different times: delays on axons."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from snntrain.delays import Delay, LearnedDelay
from snntrain.layers import Spiking
from snntrain.nets.images import image_problems
from snntrain.settings import setting
from snntrain.surrogates import FastSigmoid

NEAREST = 0.1
"""Steps; where a learned delay of 0 starts, as what is trained stays above 0."""


@dataclass(frozen=True)
class DelayedNetSettings:
    """Size and neurons of a :class:`DelayedNet`.

    ``channels`` and ``dense`` hold one value per convolution and hidden dense layer. Channel or
    neuron i of a population is heard ``delays[i % len(delays)]`` time steps later. With
    ``longest`` they are only where training starts, which keeps each between 0 and ``longest``
    steps. All neurons share ``decay_u`` and ``decay_v`` (fraction lost per step) and the
    surrogate's ``slope``.
    """

    input_shape: tuple[int, ...] = setting(1, 4096)
    classes: int = setting(2, 4096)
    channels: tuple[int, ...] = setting(1, 4096)
    dense: tuple[int, ...] = setting(1, 65536)
    delays: tuple[int, ...] = setting(0, 62)
    decay_u: float = setting(0.0, 1.0)
    decay_v: float = setting(0.0, 1.0)
    slope: float = setting(0.0, 1000.0, default=2.0)
    longest: int = setting(0, 62, default=0)

    def problems(self) -> list[str]:
        """List what does not fit together."""
        found = [] if self.delays else ["delays = [] holds no delay"]
        if self.longest and self.longest <= max(self.delays, default=0):
            found.append(f"longest = {self.longest} is not above every one of the delays")
        return found + image_problems(self.input_shape, len(self.channels), "convolution")


class DelayedNet(nn.Module):
    """``conv1, spike1, delay1, ..., flatten, dense1, spikeN, delayN, ..., denseM, output``.

    Convolutions are 3x3 with stride 2; every population but the output is heard late. The class
    is the output neuron that spikes most often over the sequence.

    Source: the axonal delays of SLAYER, Shrestha and Orchard 2018, arXiv 1810.08646; how they
    are trained, :class:`snntrain.delays.LearnedDelay`.
    """

    Settings = DelayedNetSettings

    def __init__(self, settings: DelayedNetSettings) -> None:
        super().__init__()

        def spiking(size: int) -> Spiking:
            decay_u, decay_v = settings.decay_u, settings.decay_v
            return Spiking(
                size, decay_u=decay_u, decay_v=decay_v, surrogate=FastSigmoid(settings.slope)
            )

        def delay(size: int) -> Delay:
            steps = torch.tensor(settings.delays)[torch.arange(size) % len(settings.delays)]
            if settings.longest:
                return LearnedDelay(steps.clamp(min=NEAREST), settings.longest)
            return Delay(steps)

        size, *sides = settings.input_shape
        for i, channels in enumerate(settings.channels, 1):
            self.add_module(f"conv{i}", nn.Conv2d(size, channels, 3, stride=2, padding=1))
            self.add_module(f"spike{i}", spiking(channels))
            self.add_module(f"delay{i}", delay(channels))
            size, sides = channels, [side // 2 for side in sides]
        self.flatten = nn.Flatten()
        size *= prod(sides)
        for i, width in enumerate(settings.dense, 1):
            self.add_module(f"dense{i}", nn.Linear(size, width))
            self.add_module(f"spike{len(settings.channels) + i}", spiking(width))
            self.add_module(f"delay{len(settings.channels) + i}", delay(width))
            size = width
        self.add_module(f"dense{len(settings.dense) + 1}", nn.Linear(size, settings.classes))
        self.output = spiking(settings.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Turn one frame (B, *input_shape) into output spikes (B, classes)."""
        for layer in self.children():
            x = layer(x)
        return x
