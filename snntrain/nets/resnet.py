"""Residual spiking networks of the sizes that image recognition uses, 18 to 152 layers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import partial

from torch import Tensor, nn

from snntrain.layers import Spiking
from snntrain.nets.blocks import EXPANSION, Plan, Shortcut
from snntrain.nets.images import image_problems
from snntrain.settings import setting

SIZES = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    104: (3, 8, 32, 8),
    152: (3, 8, 36, 3),
}
"""Blocks of each stage by depth; 50, 101 and 152 have bottlenecks.

Source: He et al. 2016, arXiv 1512.03385, table 1; 104 is that of MS-ResNet, Hu et al. 2021,
arXiv 2112.08954.
"""
BOTTLENECKS = (50, 101, 152)


class Stem(Enum):
    """How images enter: 7x7 with stride 2 and a max-pool, or 3x3 at full size for small ones."""

    LARGE = "large"
    SMALL = "small"


@dataclass(frozen=True)
class ResNetSettings:
    """Size and neurons of a :class:`ResNet`.

    ``depth`` counts layers with weights, ``width`` is the channels of the first stage. All
    neurons share ``decay_v`` (fraction lost per step). With ``identity`` every block starts as
    the identity.
    """

    shortcut: Shortcut
    stem: Stem
    input_shape: tuple[int, ...] = setting(1, 4096)
    classes: int = setting(2, 4096)
    depth: int = setting(18, 152)
    width: int = setting(4, 4096, default=64)
    decay_v: float = setting(0.0, 1.0, default=0.0)
    identity: bool = False

    def problems(self) -> list[str]:
        """List what does not fit together."""
        found = image_problems(self.input_shape, 0, "")
        if self.depth not in SIZES:
            found.append(f"depth = {self.depth} is not known (known: {', '.join(map(str, SIZES))})")
        if self.identity and self.shortcut is Shortcut.NONE:
            found.append("identity = true needs a shortcut")
        return found


class ResNet(nn.Module):
    """``stem, blocks, last, mean, flatten, dense``.

    Stages after the first halve the image and double the channels. A membrane shortcut carries
    currents, of which no maximum can be taken: its first stage halves in the place of the
    max-pool. The class is the largest output, summed over the sequence.

    Source: spiking shortcuts, Ledinauskas et al. 2020, arXiv 2006.04436; ``sew-...``, Fang et
    al. 2021, arXiv 2102.04159; ``membrane``, Hu et al. 2021, arXiv 2112.08954.
    """

    Settings = ResNetSettings

    def __init__(self, settings: ResNetSettings) -> None:
        super().__init__()
        currents, size = settings.shortcut is Shortcut.MEMBRANE, settings.width
        neurons = partial(Spiking, decay_v=settings.decay_v)
        plan = Plan(
            settings.shortcut,
            neurons,
            bottleneck=settings.depth in BOTTLENECKS,
            identity=settings.identity,
        )
        large = settings.stem is Stem.LARGE
        kernel, stride = (7, 2) if large else (3, 1)
        entering = settings.input_shape[0]
        self.stem = nn.Sequential(
            nn.Conv2d(entering, size, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(size) if currents else neurons(size),
        )
        if large and not currents:
            self.stem.append(nn.MaxPool2d(3, stride=2, padding=1))
        self.blocks = nn.Sequential()
        for stage, count in enumerate(SIZES[settings.depth]):
            outputs = settings.width * 2**stage * (EXPANSION if plan.bottleneck else 1)
            for number in range(count):
                halves = not number and (stage > 0 or (large and currents))
                self.blocks.append(plan.block(size, outputs, 2 if halves else 1))
                size = outputs
        self.last = neurons(size, norm=False) if currents else nn.Identity()
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dense = nn.Linear(size, settings.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Turn one frame (B, *input_shape) into currents (B, classes)."""
        x = self.last(self.blocks(self.stem(x)))
        return self.dense(self.flatten(self.mean(x)))
