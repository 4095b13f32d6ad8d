"""Small residual spiking networks: what a shortcut carries and how it is joined is the setting."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import partial

from torch import Tensor, nn

from snntrain.layers import Readout, Spiking
from snntrain.nets.blocks import JOINS, Plan, Shortcut
from snntrain.nets.images import image_problems
from snntrain.settings import setting
from snntrain.surrogates import FastSigmoid


class Pooling(Enum):
    """How the spikes of a square are joined before the classifier."""

    AVERAGE = "average"
    MAX = "max"


POOLS = {Pooling.AVERAGE: nn.AvgPool2d, Pooling.MAX: nn.MaxPool2d}


@dataclass(frozen=True)
class ResidualNetSettings:
    """Size and neurons of a :class:`ResidualNet`.

    ``channels`` holds one value per stage of ``blocks`` blocks, ``pool_size`` is the side of
    the pooled square. All neurons share ``decay_u`` and ``decay_v`` (fraction lost per step)
    and the surrogate's ``slope``. With ``readout`` the network ends in a ``Readout`` that
    integrates, else in spikes.
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
    readout: bool = False

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
    block. Convolutions have a bias and are normalised; spike-element-wise blocks start as the
    identity. The class is the output neuron that spikes most often over the sequence, or the
    readout's largest voltage, summed over it.
    """

    Settings = ResidualNetSettings

    def __init__(self, settings: ResidualNetSettings) -> None:
        super().__init__()
        currents = settings.shortcut is Shortcut.MEMBRANE
        neurons = partial(
            Spiking,
            decay_u=settings.decay_u,
            decay_v=settings.decay_v,
            surrogate=FastSigmoid(settings.slope),
        )
        plan = Plan(settings.shortcut, neurons, bias=True, identity=settings.shortcut in JOINS)
        size = settings.channels[0]
        self.stem = nn.Sequential(
            nn.Conv2d(settings.input_shape[0], size, 3, stride=2, padding=1),
            nn.BatchNorm2d(size) if currents else neurons(size),
        )
        self.blocks = nn.Sequential()
        for stage, channels in enumerate(settings.channels):
            for number in range(settings.blocks):
                stride = 2 if stage and not number else 1
                self.blocks.append(plan.block(size, channels, stride))
                size = channels
        self.last = neurons(size, norm=False) if currents else nn.Identity()
        self.pool = POOLS[settings.pooling](settings.pool_size)
        self.flatten = nn.Flatten()
        height, width = (side // settings.pool_size for side in settings.sides)
        self.dense = nn.Linear(size * height * width, settings.classes)
        classes = settings.classes
        self.output = Readout(classes, norm=True) if settings.readout else neurons(classes)

    def forward(self, x: Tensor) -> Tensor:
        """Turn one frame (B, *input_shape) into output spikes or voltages (B, classes)."""
        x = self.last(self.blocks(self.stem(x)))
        return self.output(self.dense(self.flatten(self.pool(x))))
