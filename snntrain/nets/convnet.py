"""A small convolutional spiking network: convolutions, average pooling, dense layers."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from torch import Tensor, nn

from snntrain.layers import Spiking
from snntrain.nets.images import image_problems
from snntrain.settings import setting
from snntrain.surrogates import FastSigmoid

POOL = 2


@dataclass(frozen=True)
class ConvNetSettings:
    """Size and neurons of a :class:`ConvNet`.

    ``decay_u`` and ``decay_v`` (fraction lost per step) hold one value per spiking layer: the
    convolutions, the hidden dense layers, the output. ``slope`` is the surrogate's.
    """

    input_shape: tuple[int, ...] = setting(1, 4096)
    classes: int = setting(2, 4096)
    channels: tuple[int, ...] = setting(1, 4096)
    dense: tuple[int, ...] = setting(1, 65536)
    decay_u: tuple[float, ...] = setting(0.0, 1.0)
    decay_v: tuple[float, ...] = setting(0.0, 1.0)
    slope: float = setting(0.0, 1000.0, default=2.0)

    def problems(self) -> list[str]:
        """List what does not fit together."""
        layers = len(self.channels) + len(self.dense) + 1
        found = [
            f"{name} has {len(value)} values, not one for each of {layers} spiking layers"
            for name, value in (("decay_u", self.decay_u), ("decay_v", self.decay_v))
            if len(value) != layers
        ]
        return found + image_problems(self.input_shape, len(self.channels), "convolution")


class ConvNet(nn.Module):
    """``conv1, spike1, pool1, ..., flatten, dense1, spikeN, ..., denseM, output``.

    Convolutions are 3x3 with padding 1, pools average 2x2; every spiking layer normalises its
    current, so weights have no bias. ``forward`` describes one time step; the class is the
    output neuron that spikes most often over the sequence.
    """

    Settings = ConvNetSettings

    def __init__(self, settings: ConvNetSettings) -> None:
        super().__init__()
        neurons = iter(zip(settings.decay_u, settings.decay_v, strict=True))

        def spiking(size: int) -> Spiking:
            decay_u, decay_v = next(neurons)
            return Spiking(
                size, decay_u=decay_u, decay_v=decay_v, surrogate=FastSigmoid(settings.slope)
            )

        size, *sides = settings.input_shape
        for i, channels in enumerate(settings.channels, 1):
            self.add_module(f"conv{i}", nn.Conv2d(size, channels, 3, padding=1, bias=False))
            self.add_module(f"spike{i}", spiking(channels))
            self.add_module(f"pool{i}", nn.AvgPool2d(POOL))
            size, sides = channels, [side // POOL for side in sides]
        self.flatten = nn.Flatten()
        size *= prod(sides)
        for i, width in enumerate(settings.dense, 1):
            self.add_module(f"dense{i}", nn.Linear(size, width, bias=False))
            self.add_module(f"spike{len(settings.channels) + i}", spiking(width))
            size = width
        last = f"dense{len(settings.dense) + 1}"
        self.add_module(last, nn.Linear(size, settings.classes, bias=False))
        self.output = spiking(settings.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Turn one frame (B, *input_shape) into output spikes (B, classes)."""
        for layer in self.children():
            x = layer(x)
        return x
