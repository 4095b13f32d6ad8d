"""Residual spiking networks: what a shortcut carries and how it is joined is the setting."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor, nn

from snntrain.layers import Spiking
from snntrain.nets.images import image_problems
from snntrain.settings import setting
from snntrain.surrogates import FastSigmoid


class Shortcut(Enum):
    """How a block joins its branch with what entered it.

    ``sew-...``: spikes with spikes, by sum, product, or ``(1 - branch) * entered``.
    ``spiking``: spikes with the current into the last neurons. ``membrane``: currents.
    """

    SEW_ADD = "sew-add"
    SEW_AND = "sew-and"
    SEW_IAND = "sew-iand"
    SPIKING = "spiking"
    MEMBRANE = "membrane"


class Pooling(Enum):
    """How the spikes of a square are joined before the classifier."""

    AVERAGE = "average"
    MAX = "max"


ALWAYS = 2.0
"""A current that lifts the voltage above the threshold 1 in every step."""
POOLS = {Pooling.AVERAGE: nn.AvgPool2d, Pooling.MAX: nn.MaxPool2d}


@dataclass(frozen=True)
class ResidualNetSettings:
    """Size and neurons of a :class:`ResidualNet`.

    ``channels`` holds one value per stage of ``blocks`` blocks, ``pool_size`` is the side of
    the pooled square. All neurons share ``decay_u`` and ``decay_v`` (fraction lost per step)
    and the surrogate's ``slope``.
    """

    shortcut: Shortcut
    pooling: Pooling
    input_shape: tuple[int, ...] = setting(1, 4096)
    classes: int = setting(2, 4096)
    channels: tuple[int, ...] = setting(1, 4096)
    blocks: int = setting(1, 1024)
    pool_size: int = setting(1, 4096)
    decay_u: float = setting(0.0, 1.0, default=1.0)
    decay_v: float = setting(0.0, 1.0, default=0.0)
    slope: float = setting(0.0, 1000.0, default=2.0)

    @property
    def sides(self) -> list[int]:
        """Return height and width after the last stage."""
        return [side // 2 ** len(self.channels) for side in self.input_shape[1:]]

    def problems(self) -> list[str]:
        """List what does not fit together."""
        found = [] if self.channels else ["channels = [] holds no stage"]
        found += image_problems(self.input_shape, len(self.channels), "stage")
        if not found and any(side % self.pool_size for side in self.sides):
            found.append(f"pool_size = {self.pool_size} does not divide {self.sides}")
        if self.shortcut is Shortcut.SEW_ADD and self.pooling is Pooling.MAX:
            found.append("pooling = 'max' needs spikes 0 and 1, and sew-add gives sums of them")
        return found


class ResidualNet(nn.Module):
    """``stem, blocks, last, pool, flatten, dense, output``.

    Every stage begins by halving the image: the first in the stem, the others in their first
    block. Convolutions have a bias and are normalised. The class is the output neuron that
    spikes most often over the sequence.
    """

    Settings = ResidualNetSettings

    def __init__(self, settings: ResidualNetSettings) -> None:
        super().__init__()
        block, currents = BLOCKS[settings.shortcut], settings.shortcut is Shortcut.MEMBRANE
        size = settings.channels[0]
        self.stem = nn.Sequential(
            nn.Conv2d(settings.input_shape[0], size, 3, stride=2, padding=1),
            nn.BatchNorm2d(size) if currents else _spiking(size, settings),
        )
        self.blocks = nn.Sequential()
        for stage, channels in enumerate(settings.channels):
            for number in range(settings.blocks):
                stride = 2 if stage and not number else 1
                self.blocks.append(block(size, channels, stride, settings))
                size = channels
        self.last = _spiking(size, settings, norm=False) if currents else nn.Identity()
        self.pool = POOLS[settings.pooling](settings.pool_size)
        self.flatten = nn.Flatten()
        height, width = (side // settings.pool_size for side in settings.sides)
        self.dense = nn.Linear(size * height * width, settings.classes)
        self.output = _spiking(settings.classes, settings)

    def forward(self, x: Tensor) -> Tensor:
        """Turn one frame (B, *input_shape) into output spikes (B, classes)."""
        x = self.last(self.blocks(self.stem(x)))
        return self.output(self.dense(self.flatten(self.pool(x))))


class SewBlock(nn.Module):
    """Spike-element-wise: the spikes of two convolutions joined with the spikes that entered.

    A block starts as the identity: its branch never fires, or for AND always.

    Source: SEW ResNet, Fang et al. 2021, arXiv 2102.04159, section 3.2 and table 1.
    """

    def __init__(
        self, inputs: int, channels: int, stride: int, settings: ResidualNetSettings
    ) -> None:
        super().__init__()
        self.join = JOINS[settings.shortcut]
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, padding=1)
        self.spike1 = _spiking(channels, settings)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.spike2 = _spiking(channels, settings)
        assert self.spike2.norm is not None
        nn.init.zeros_(self.spike2.norm.weight)
        if settings.shortcut is Shortcut.SEW_AND:
            nn.init.constant_(self.spike2.norm.bias, ALWAYS)
        self.shortcut = nn.Identity()
        if stride > 1:
            halved = nn.Conv2d(inputs, channels, 1, stride)
            self.shortcut = nn.Sequential(halved, _spiking(channels, settings))

    def forward(self, x: Tensor) -> Tensor:
        """Turn spikes into spikes, or sums of them."""
        branch = self.spike2(self.conv2(self.spike1(self.conv1(x))))
        return self.join(branch, self.shortcut(x))


class SpikingBlock(nn.Module):
    """The spikes that entered are added to the current of the branch, ``SN(BN(conv(...)) + s)``.

    Source: Spiking ResNet as in Fang et al. 2021, arXiv 2102.04159, figure 1b; the sum before
    the neuron also in Zheng et al. 2021, arXiv 2011.05280.
    """

    def __init__(
        self, inputs: int, channels: int, stride: int, settings: ResidualNetSettings
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, padding=1)
        self.norm1 = nn.BatchNorm2d(channels)
        self.spike1 = _spiking(channels, settings, norm=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(channels)
        self.spike2 = _spiking(channels, settings, norm=False)
        self.shortcut = nn.Identity() if stride == 1 else _halve(inputs, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Turn spikes into spikes."""
        branch = self.norm2(self.conv2(self.spike1(self.norm1(self.conv1(x)))))
        return self.spike2(branch + self.shortcut(x))


class MembraneBlock(nn.Module):
    """Currents are added; every convolution sees binary spikes, in the order spike-conv-norm.

    Source: MS-ResNet, Hu et al. 2021, arXiv 2112.08954; a block that halves convolves the
    spikes of its first neurons for the shortcut, as pre-activation ResNets do (He et al. 2016,
    arXiv 1603.05027).
    """

    def __init__(
        self, inputs: int, channels: int, stride: int, settings: ResidualNetSettings
    ) -> None:
        super().__init__()
        self.spike1 = _spiking(inputs, settings, norm=False)
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, padding=1)
        self.norm1 = nn.BatchNorm2d(channels)
        self.spike2 = _spiking(channels, settings, norm=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut = None if stride == 1 else _halve(inputs, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Turn currents into currents."""
        spikes = self.spike1(x)
        branch = self.norm2(self.conv2(self.spike2(self.norm1(self.conv1(spikes)))))
        return branch + (x if self.shortcut is None else self.shortcut(spikes))


def _iand(branch: Tensor, entered: Tensor) -> Tensor:
    return (1 - branch) * entered


BLOCKS = {
    Shortcut.SEW_ADD: SewBlock,
    Shortcut.SEW_AND: SewBlock,
    Shortcut.SEW_IAND: SewBlock,
    Shortcut.SPIKING: SpikingBlock,
    Shortcut.MEMBRANE: MembraneBlock,
}
JOINS = {Shortcut.SEW_ADD: torch.add, Shortcut.SEW_AND: torch.mul, Shortcut.SEW_IAND: _iand}


def _spiking(channels: int, settings: ResidualNetSettings, *, norm: bool = True) -> Spiking:
    return Spiking(
        channels,
        decay_u=settings.decay_u,
        decay_v=settings.decay_v,
        norm=norm,
        surrogate=FastSigmoid(settings.slope),
    )


def _halve(inputs: int, channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, channels, 1, stride), nn.BatchNorm2d(channels))
