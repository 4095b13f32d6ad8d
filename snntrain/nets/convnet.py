"""A small convolutional spiking network: convolutions, average pooling, dense layers."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from torch import Tensor, nn

from snntrain.layers import Readout, Spiking
from snntrain.nets.images import image_problems
from snntrain.settings import setting
from snntrain.surrogates import FastSigmoid

POOL = 2


@dataclass(frozen=True)
class ConvNetSettings:
    """Size and neurons of a :class:`ConvNet`.

    ``decay_u`` and ``decay_v`` (fraction lost per step) hold one value per spiking layer: the
    convolutions, the hidden dense layers, the output. ``slope`` is the surrogate's. ``strides``
    holds the stride of each convolution, by default 1, ``pools`` the side of the square whose mean
    is taken behind it, 1 for none, by default 2; rows and columns that fill no square are left out.
    With ``readout`` the network ends in a ``Readout`` that integrates, else in spikes.
    """

    input_shape: tuple[int, ...] = setting(1, 4096)
    classes: int = setting(2, 4096)
    channels: tuple[int, ...] = setting(1, 4096)
    dense: tuple[int, ...] = setting(1, 65536)
    decay_u: tuple[float, ...] = setting(0.0, 1.0)
    decay_v: tuple[float, ...] = setting(0.0, 1.0)
    slope: float = setting(0.0, 1000.0, default=2.0)
    pools: tuple[int, ...] = setting(1, 4096, default=())
    strides: tuple[int, ...] = setting(1, 4096, default=())
    readout: bool = False

    def problems(self) -> list[str]:
        """List what does not fit together."""
        layers = len(self.channels) + len(self.dense) + (not self.readout)
        found = [
            f"{name} has {len(value)} values, not one for each of {layers} spiking layers"
            for name, value in (("decay_u", self.decay_u), ("decay_v", self.decay_v))
            if len(value) != layers
        ]
        uneven = [
            f"channels = {list(self.channels)} and {name} = {list(value)} are not one value for "
            "each convolution"
            for name, value in (("pools", self.pools), ("strides", self.strides))
            if value and len(value) != len(self.channels)
        ]
        if not self.pools and not self.strides:
            return found + image_problems(self.input_shape, len(self.channels), "convolution")
        shape = image_problems(self.input_shape, 0, "")
        if not shape and not uneven and not min(self.sides()):
            given = f"input_shape = {list(self.input_shape)}, (stride, pool) = {self.halvings()}"
            shape = [f"{given} leave no square to take a mean of"]
        return found + uneven + shape

    def sides(self) -> list[int]:
        """Return height and width behind the last pool."""
        sides = list(self.input_shape[1:])
        for stride, pool in self.halvings():
            sides = [-(-side // stride) // pool for side in sides]
        return sides

    def halvings(self) -> list[tuple[int, int]]:
        """Return stride and pool of each convolution."""
        layers = len(self.channels)
        return list(zip(self.strides or (1,) * layers, self.pools or (POOL,) * layers, strict=True))


class ConvNet(nn.Module):
    """``conv1, spike1, pool1, ..., flatten, dense1, spikeN, ..., denseM, output``.

    Convolutions are 3x3 with padding 1, pools take means; every spiking layer normalises its
    current, so weights have no bias. ``forward`` describes one time step; the class is the
    output neuron that spikes most often over the sequence, or the readout's largest voltage,
    summed over it.
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

        size, *_ = settings.input_shape
        layers = zip(settings.channels, settings.halvings(), strict=True)
        for i, (channels, (stride, pool)) in enumerate(layers, 1):
            conv = nn.Conv2d(size, channels, 3, stride, padding=1, bias=False)
            self.add_module(f"conv{i}", conv)
            self.add_module(f"spike{i}", spiking(channels))
            if pool > 1:
                self.add_module(f"pool{i}", nn.AvgPool2d(pool))
            size = channels
        self.flatten = nn.Flatten()
        size *= prod(settings.sides())
        for i, width in enumerate(settings.dense, 1):
            self.add_module(f"dense{i}", nn.Linear(size, width, bias=False))
            self.add_module(f"spike{len(settings.channels) + i}", spiking(width))
            size = width
        last = f"dense{len(settings.dense) + 1}"
        self.add_module(last, nn.Linear(size, settings.classes, bias=False))
        self.output = (
            Readout(settings.classes, norm=True) if settings.readout else spiking(settings.classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Turn one frame (B, *input_shape) into output spikes or voltages (B, classes)."""
        for layer in self.children():
            x = layer(x)
        return x
