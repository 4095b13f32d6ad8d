"""Residual blocks with max-pools between them: the 7B-Nets for event cameras, and kin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod

from torch import Tensor, nn

from snntrain.layers import Spiking
from snntrain.nets.blocks import JOINS, Plan, Shortcut
from snntrain.nets.images import image_problems
from snntrain.settings import setting


@dataclass(frozen=True)
class SevenBlockNetSettings:
    """Size and neurons of a :class:`SevenBlockNet`.

    ``channels`` holds one value per block, ``pools`` the side of the square whose maximum is
    taken behind it, 1 for none. All neurons share ``decay_v`` (fraction lost per step), where
    that of parametric LIF neurons (``plif``) starts. With ``identity`` every block starts as
    the identity.
    """

    shortcut: Shortcut
    input_shape: tuple[int, ...] = setting(1, 4096)
    classes: int = setting(2, 4096)
    channels: tuple[int, ...] = setting(1, 4096)
    pools: tuple[int, ...] = setting(1, 4096)
    decay_v: float = setting(0.0, 1.0, default=0.0)
    plif: bool = False
    identity: bool = False

    def problems(self) -> list[str]:
        """List what does not fit together."""
        found = image_problems(self.input_shape, 0, "")
        if not self.channels or len(self.channels) != len(self.pools):
            given = f"channels = {list(self.channels)} and pools = {list(self.pools)}"
            found.append(f"{given} are not one value for each of 1 block or more")
        if not found and any(side % prod(self.pools) for side in self.input_shape[1:]):
            shape, pools = list(self.input_shape), list(self.pools)
            found.append(f"input_shape = {shape} cannot be divided by pools = {pools}")
        if self.plif and self.shortcut not in (*JOINS, Shortcut.NONE):
            found.append("plif = true needs neurons that normalise their current, as in sew-...")
        if self.plif and not 0 < self.decay_v < 1:
            found.append(f"plif = true needs decay_v between 0 and 1, not {self.decay_v}")
        if self.identity and self.shortcut is Shortcut.NONE:
            found.append("identity = true needs a shortcut")
        if self.shortcut is Shortcut.MEMBRANE:
            found.append("shortcut = 'membrane' carries currents, of which no maximum is taken")
        return found


class SevenBlockNet(nn.Module):
    """``widen1, block1, pool1, ..., flatten, dense``.

    A block that has other channels than what enters it comes after a 1x1 convolution. The class
    is the largest output, summed over the sequence. With ``sew-add``, pools above 1 take maxima
    of sums of spikes, as in the paper, which no chip does.

    Source: SEW ResNet, Fang et al. 2021, arXiv 2102.04159, and its code
    ``dvsgesture/smodels.py``: the 7B-Net for DVS Gesture is ``channels = [32] * 7``, ``pools =
    [2] * 7``; the Wide-7B-Net for CIFAR10-DVS ``[64] * 4 + [128] * 3``. Both with ``plif``,
    ``decay_v = 0.5``.
    """

    Settings = SevenBlockNetSettings

    def __init__(self, settings: SevenBlockNetSettings) -> None:
        super().__init__()
        make = Spiking.plif if settings.plif else Spiking
        plan = Plan(
            settings.shortcut,
            partial(make, decay_v=settings.decay_v),
            identity=settings.identity,
        )
        size, *sides = settings.input_shape
        blocks = zip(settings.channels, settings.pools, strict=True)
        for i, (channels, pool) in enumerate(blocks, 1):
            if channels != size:
                widen = nn.Conv2d(size, channels, 1, bias=False)
                self.add_module(f"widen{i}", nn.Sequential(widen, plan.neurons(channels)))
            self.add_module(f"block{i}", plan.block(channels, channels))
            if pool > 1:
                self.add_module(f"pool{i}", nn.MaxPool2d(pool))
            size, sides = channels, [side // pool for side in sides]
        self.flatten = nn.Flatten()
        self.dense = nn.Linear(size * prod(sides), settings.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Turn one frame (B, *input_shape) into currents (B, classes)."""
        for layer in self.children():
            x = layer(x)
        return x
