"""A multilayer perceptron of spiking neurons."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from torch import Tensor, nn

from snntrain.layers import Readout, Reset, Spiking
from snntrain.settings import setting
from snntrain.surrogates import FastSigmoid


@dataclass(frozen=True)
class DenseNetSettings:
    """Size and neurons of a :class:`DenseNet`.

    ``hidden`` holds the width of each hidden population. All share ``decay_u`` and ``decay_v``
    (fraction lost per step), ``threshold``, ``reset``, ``refractory`` (steps), ``norm``
    (normalise currents) and the surrogate's ``slope``; hidden ones hear themselves when
    ``recurrent``. With ``readout`` the network ends in a ``Readout``, whose voltage loses
    ``decay_readout`` a step, else in spikes.

    Weights start uniform in ``-initial..initial``; 0 stands for torch's ``1 / sqrt(fan-in)``.
    """

    input_shape: tuple[int, ...] = setting(1, 4096)
    classes: int = setting(2, 4096)
    hidden: tuple[int, ...] = setting(1, 65536)
    decay_u: float = setting(0.0, 1.0)
    decay_v: float = setting(0.0, 1.0)
    threshold: float = setting(1e-6, 1e6, default=1.0)
    reset: Reset = Reset.ZERO
    refractory: int = setting(0, 63, default=0)
    norm: bool = False
    recurrent: bool = False
    readout: bool = False
    decay_readout: float = setting(0.0, 1.0, default=0.0)
    slope: float = setting(0.0, 1000.0, default=2.0)
    initial: float = setting(0.0, 1e6, default=0.0)

    def problems(self) -> list[str]:
        """List what does not fit together."""
        found = []
        if self.refractory and self.reset is Reset.SUBTRACT:
            found.append(f'refractory = {self.refractory} needs reset = "zero"')
        if self.recurrent and not self.hidden:
            found.append("recurrent = true needs a hidden population")
        if self.decay_readout and not self.readout:
            found.append(f"decay_readout = {self.decay_readout} needs readout = true")
        return found


class DenseNet(nn.Module):
    """``flatten, dense1, spike1, ..., denseN, output``; no Linear has a bias.

    The class is the output neuron that spikes most often over the sequence, or the readout's
    largest voltage, summed over it.
    """

    Settings = DenseNetSettings

    def __init__(self, settings: DenseNetSettings) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        size = prod(settings.input_shape)
        for i, width in enumerate(settings.hidden, 1):
            self.add_module(f"dense{i}", _linear(settings, size, width))
            feedback = _linear(settings, width, width) if settings.recurrent else None
            self.add_module(f"spike{i}", _spiking(settings, width, feedback))
            size = width
        last = _linear(settings, size, settings.classes)
        self.add_module(f"dense{len(settings.hidden) + 1}", last)
        self.output = (
            Readout(settings.classes, decay_v=settings.decay_readout, norm=settings.norm)
            if settings.readout
            else _spiking(settings, settings.classes, None)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Turn one frame (B, *input_shape) into output spikes or voltages (B, classes)."""
        for layer in self.children():
            x = layer(x)
        return x


def _linear(settings: DenseNetSettings, size: int, width: int) -> nn.Linear:
    linear = nn.Linear(size, width, bias=False)
    if settings.initial:
        nn.init.uniform_(linear.weight, -settings.initial, settings.initial)
    return linear


def _spiking(settings: DenseNetSettings, width: int, recurrent: nn.Module | None) -> Spiking:
    return Spiking(
        width,
        decay_u=settings.decay_u,
        decay_v=settings.decay_v,
        threshold=settings.threshold,
        norm=settings.norm,
        surrogate=FastSigmoid(settings.slope),
        recurrent=recurrent,
        reset=settings.reset,
        refractory=settings.refractory,
    )
