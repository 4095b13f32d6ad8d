"""A recurrent spiking network: populations that hear their own spikes of the step before."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from torch import Tensor, nn

from snntrain.layers import Readout, Spiking
from snntrain.nets.images import image_problems
from snntrain.settings import setting
from snntrain.surrogates import FastSigmoid


@dataclass(frozen=True)
class RecurrentNetSettings:
    """Size and neurons of a :class:`RecurrentNet`.

    ``channels`` and ``dense`` hold one value per convolutional and per dense population. All
    share ``decay_u`` and ``decay_v`` (fraction lost per step) and the surrogate's ``slope``;
    ``decay_readout`` is the leak of the readout's voltage.
    """

    input_shape: tuple[int, ...] = setting(1, 4096)
    classes: int = setting(2, 4096)
    channels: tuple[int, ...] = setting(1, 4096)
    dense: tuple[int, ...] = setting(1, 65536)
    decay_u: float = setting(0.0, 1.0)
    decay_v: float = setting(0.0, 1.0)
    decay_readout: float = setting(0.0, 1.0, default=0.0)
    slope: float = setting(0.0, 1000.0, default=2.0)

    def problems(self) -> list[str]:
        """List what does not fit together."""
        return image_problems(self.input_shape, len(self.channels), "convolution")


class RecurrentNet(nn.Module):
    """``conv1, spike1, ..., flatten, dense1, spikeN, ..., denseM, output``.

    Convolutions are 3x3 with stride 2; each population is fully connected to itself, a
    convolutional one by a 3x3 convolution. The class is the largest voltage of the readout,
    summed over the sequence.

    Source: recurrent networks of LIF neurons with a leaky readout, Bellec et al. 2018, arXiv
    1803.09574.
    """

    Settings = RecurrentNetSettings

    def __init__(self, settings: RecurrentNetSettings) -> None:
        super().__init__()

        def spiking(size: int, recurrent: nn.Module) -> Spiking:
            return Spiking(
                size,
                decay_u=settings.decay_u,
                decay_v=settings.decay_v,
                surrogate=FastSigmoid(settings.slope),
                recurrent=recurrent,
            )

        size, *sides = settings.input_shape
        for i, channels in enumerate(settings.channels, 1):
            self.add_module(f"conv{i}", nn.Conv2d(size, channels, 3, stride=2, padding=1))
            feedback = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            self.add_module(f"spike{i}", spiking(channels, feedback))
            size, sides = channels, [side // 2 for side in sides]
        self.flatten = nn.Flatten()
        size *= prod(sides)
        for i, width in enumerate(settings.dense, 1):
            self.add_module(f"dense{i}", nn.Linear(size, width))
            feedback = nn.Linear(width, width, bias=False)
            self.add_module(f"spike{len(settings.channels) + i}", spiking(width, feedback))
            size = width
        self.add_module(f"dense{len(settings.dense) + 1}", nn.Linear(size, settings.classes))
        self.output = Readout(settings.classes, decay_v=settings.decay_readout)

    def forward(self, x: Tensor) -> Tensor:
        """Turn one frame (B, *input_shape) into the readout's voltage (B, classes)."""
        for layer in self.children():
            x = layer(x)
        return x
