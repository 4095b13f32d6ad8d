"""Blocks of residual spiking networks: what a shortcut carries, and how it is joined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor, nn

from snntrain.layers import Spiking


class Shortcut(Enum):
    """How a block joins its branch with what entered it.

    ``none``: not at all, a plain stack. ``sew-...``: spikes with spikes, by sum, product, or
    ``(1 - branch) * entered``. ``spiking``: spikes with the current into the last neurons.
    ``membrane``: currents.
    """

    NONE = "none"
    SEW_ADD = "sew-add"
    SEW_AND = "sew-and"
    SEW_IAND = "sew-iand"
    SPIKING = "spiking"
    MEMBRANE = "membrane"


ALWAYS = 2.0
"""A current that lifts the voltage above the threshold 1 in every step."""
EXPANSION = 4
"""Channels that leave a bottleneck over those of its 3x3 convolution; He et al. 2016."""


@dataclass(frozen=True)
class Plan:
    """What the blocks of a network have in common.

    Source: He et al. 2016, arXiv 1512.03385, figure 5; the stride on the 3x3 convolution of a
    bottleneck as in torchvision.

    Attributes
    ----------
    shortcut
        Which block it is.
    neurons
        ``neurons(channels, norm=True)`` makes a population.
    bottleneck
        Branches of a 1x1, a 3x3 and a 1x1 convolution instead of two 3x3.
    bias
        Convolutions have a bias of their own, beside that of the norm behind them.
    identity
        A block starts as the identity: its branch gives nothing, or for AND always spikes.
    """

    shortcut: Shortcut
    neurons: Callable[..., Spiking]
    bottleneck: bool = False
    bias: bool = False
    identity: bool = False

    def block(self, inputs: int, outputs: int, stride: int = 1) -> nn.Module:
        """Return a block that turns (B, inputs, H, W) into (B, outputs, H / stride, ...)."""
        return BLOCKS[self.shortcut](self, inputs, outputs, stride)

    def convolutions(self, inputs: int, outputs: int, stride: int) -> list[nn.Conv2d]:
        """Return the convolutions of a branch, the first or the 3x3 one with the stride."""
        width = outputs // EXPANSION
        sizes = [(inputs, outputs, 3, stride), (outputs, outputs, 3, 1)]
        if self.bottleneck:
            sizes = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
        return [nn.Conv2d(i, o, k, s, padding=k // 2, bias=self.bias) for i, o, k, s in sizes]

    def fitted(self, inputs: int, outputs: int, stride: int, norm: bool) -> nn.Module:
        """Return the shortcut: nothing, or a 1x1 convolution with ``norm`` or else neurons."""
        if stride == 1 and inputs == outputs:
            return nn.Identity()
        convolution = nn.Conv2d(inputs, outputs, 1, stride, bias=self.bias)
        return nn.Sequential(
            convolution, nn.BatchNorm2d(outputs) if norm else self.neurons(outputs)
        )


def spiking_branch(plan: Plan, inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Return ``conv1, spike1, conv2, spike2, ...``, which turns spikes into spikes."""
    branch = nn.Sequential()
    for i, convolution in enumerate(plan.convolutions(inputs, outputs, stride), 1):
        branch.add_module(f"conv{i}", convolution)
        branch.add_module(f"spike{i}", plan.neurons(convolution.out_channels))
    return branch


def current_branch(plan: Plan, inputs: int, outputs: int, stride: int, first: int) -> nn.Sequential:
    """Return ``conv1, norm1, spike<first>, conv2, norm2, ...``: spikes into a current."""
    branch = nn.Sequential()
    for i, convolution in enumerate(plan.convolutions(inputs, outputs, stride), 1):
        if i > 1:
            spikes = plan.neurons(convolution.in_channels, norm=False)
            branch.add_module(f"spike{first + i - 2}", spikes)
        branch.add_module(f"conv{i}", convolution)
        branch.add_module(f"norm{i}", nn.BatchNorm2d(convolution.out_channels))
    if plan.identity:
        last = branch[-1]
        assert isinstance(last, nn.BatchNorm2d)
        nn.init.zeros_(last.weight)
    return branch


class SewBlock(nn.Module):
    """Spike-element-wise: the spikes of the branch joined with the spikes that entered.

    Source: SEW ResNet, Fang et al. 2021, arXiv 2102.04159, section 3.2 and table 1.
    """

    def __init__(self, plan: Plan, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.join = JOINS[plan.shortcut]
        self.branch = spiking_branch(plan, inputs, outputs, stride)
        if plan.identity:
            last = self.branch[-1]
            assert isinstance(last, Spiking)
            assert last.norm is not None
            nn.init.zeros_(last.norm.weight)
            nn.init.constant_(last.norm.bias, ALWAYS if plan.shortcut is Shortcut.SEW_AND else 0.0)
        self.shortcut = plan.fitted(inputs, outputs, stride, norm=False)

    def forward(self, x: Tensor) -> Tensor:
        """Turn spikes into spikes, or sums of them."""
        return self.join(self.branch(x), self.shortcut(x))


class SpikingBlock(nn.Module):
    """The spikes that entered are added to the current of the branch, ``SN(BN(conv(...)) + s)``.

    Source: Spiking ResNet as in Fang et al. 2021, arXiv 2102.04159, figure 1b; the sum before
    the neuron also in Zheng et al. 2021, arXiv 2011.05280.
    """

    def __init__(self, plan: Plan, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.branch = current_branch(plan, inputs, outputs, stride, first=1)
        self.shortcut = plan.fitted(inputs, outputs, stride, norm=True)
        self.spike = plan.neurons(outputs, norm=False)

    def forward(self, x: Tensor) -> Tensor:
        """Turn spikes into spikes."""
        return self.spike(self.branch(x) + self.shortcut(x))


class MembraneBlock(nn.Module):
    """Currents are added; every convolution sees binary spikes, in the order spike-conv-norm.

    Source: MS-ResNet, Hu et al. 2021, arXiv 2112.08954; a block that halves convolves the
    spikes of its first neurons for the shortcut, as pre-activation ResNets do (He et al. 2016,
    arXiv 1603.05027).
    """

    def __init__(self, plan: Plan, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.spike1 = plan.neurons(inputs, norm=False)
        self.branch = current_branch(plan, inputs, outputs, stride, first=2)
        self.shortcut = plan.fitted(inputs, outputs, stride, norm=True)

    def forward(self, x: Tensor) -> Tensor:
        """Turn currents into currents."""
        spikes = self.spike1(x)
        carried = x if isinstance(self.shortcut, nn.Identity) else self.shortcut(spikes)
        return self.branch(spikes) + carried


def _iand(branch: Tensor, entered: Tensor) -> Tensor:
    return (1 - branch) * entered


BLOCKS: dict[Shortcut, Callable[[Plan, int, int, int], nn.Module]] = {
    Shortcut.NONE: spiking_branch,
    Shortcut.SEW_ADD: SewBlock,
    Shortcut.SEW_AND: SewBlock,
    Shortcut.SEW_IAND: SewBlock,
    Shortcut.SPIKING: SpikingBlock,
    Shortcut.MEMBRANE: MembraneBlock,
}
JOINS = {Shortcut.SEW_ADD: torch.add, Shortcut.SEW_AND: torch.mul, Shortcut.SEW_IAND: _iand}
