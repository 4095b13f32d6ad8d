"""Spiking layers: the one module that has a notion of time, and how to run a network over it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from hwsim.errors import RangeError
from hwsim.neurons import Cuba
from snntrain.neurons import Real, Surrogate


class CurrentNorm(nn.Module):
    """Batch normalisation of the filtered input current, with statistics shared over time.

    It yields the factors of ``g * u + c`` and leaves applying them to the neuron: the filter is
    linear, so ``g`` may scale its input and ``c`` be a bias of the voltage, and folding both
    into weights and bias is exact for every decay of the current.

    Source: batch normalisation on input currents, Ledinauskas et al. 2020, arXiv 2006.04436;
    running statistics as in ``torch.nn.BatchNorm2d`` (unbiased variance).
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def affine(self, filtered: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``g`` and ``c``, both (C,), so that ``g * u + c`` is the normalised current.

        In training mode ``filtered`` (T, B, C, ...) gives the statistics, with gradients, and
        updates the running ones; in evaluation mode the running ones are used.
        """
        mean, var = self.running_mean, self.running_var
        if self.training and filtered is not None:
            axes = [axis for axis in range(filtered.dim()) if axis != 2]
            var, mean = torch.var_mean(filtered, dim=axes, correction=0)
            self._track(mean, var, filtered.numel() // filtered.shape[2])
        g = self.weight / torch.sqrt(var + self.eps)
        return g, self.bias - mean * g

    @torch.no_grad()
    def _track(self, mean: Tensor, var: Tensor, values: int) -> None:
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(var * (values / max(values - 1, 1)), self.momentum)


class Spiking(nn.Module):
    """A population of current-based leaky integrate-and-fire neurons, :class:`Cuba` on reals.

    Parameters
    ----------
    channels
        Size of axis 1 of the input.
    decay_u, decay_v
        Fraction of current and voltage lost per step, 0..1: ``decay_u=1`` is a current
        without memory, ``decay_v=0`` a voltage without leak.
    threshold
        Voltage above which a neuron fires, in units of the normalised current.
    norm
        Normalise the filtered current; ``self.norm`` is None without.
    slope
        Of the :class:`Surrogate` gradient.

    Raises
    ------
    RangeError
        A decay outside 0..1, or a threshold that is not positive.
    """

    def __init__(
        self,
        channels: int,
        *,
        decay_u: float = 1.0,
        decay_v: float = 0.0,
        threshold: float = 1.0,
        norm: bool = True,
        slope: float = 2.0,
    ) -> None:
        super().__init__()
        _check_neuron(decay_u, decay_v, threshold)
        self.channels = channels
        self.decay_u = decay_u
        self.decay_v = decay_v
        self.threshold = threshold
        self.norm = CurrentNorm(channels) if norm else None
        self.arithmetic = Real(Surrogate(slope))
        self.steps = 1
        """Time steps folded into the batch axis, time slowest; :func:`unroll` sets it."""

    @classmethod
    def lif(
        cls, channels: int, *, decay_v: float, norm: bool = True, slope: float = 2.0
    ) -> Spiking:
        """Return an LIF: the current has no memory, the voltage loses ``decay_v`` a step."""
        return cls(channels, decay_u=1.0, decay_v=decay_v, norm=norm, slope=slope)

    @classmethod
    def integrate_and_fire(cls, channels: int, *, norm: bool = True, slope: float = 2.0) -> Spiking:
        """Return an IF: the current has no memory, the voltage does not leak."""
        return cls(channels, decay_u=1.0, decay_v=0.0, norm=norm, slope=slope)

    def forward(self, x: Tensor) -> Tensor:
        """Turn currents (steps * B, C, ...) into spikes of the same shape, 0.0 or 1.0."""
        if x.shape[1] != self.channels:
            raise RangeError(
                f"Spiking: axis 1 of the input has {x.shape[1]} channels, not {self.channels}",
                hint=f"construct it as Spiking({x.shape[1]}, ...)",
            )
        sequence = x.unflatten(0, (self.steps, -1))
        gain, bias = self._affine(sequence)
        neuron = Cuba(self.decay_u, self.decay_v, self.threshold, bias)
        state = (torch.zeros_like(sequence[0]), torch.zeros_like(sequence[0]))
        spikes = []
        for current in sequence:
            s, state = neuron.step(self.arithmetic, state, gain * current)
            spikes.append(s)
        return torch.cat(spikes)

    def extra_repr(self) -> str:
        """Return the neuron's parameters for ``print(module)``."""
        return (
            f"{self.channels}, decay_u={self.decay_u}, decay_v={self.decay_v}, "
            f"threshold={self.threshold}"
        )

    def _affine(self, sequence: Tensor) -> tuple[Tensor | float, Tensor | float]:
        """Return gain and bias, broadcastable to (B, C, ...)."""
        if self.norm is None:
            return 1.0, 0.0
        gain, bias = self.norm.affine(self._filter(sequence) if self.training else None)
        shape = (-1, *[1] * (sequence.dim() - 3))
        return gain.view(shape), bias.view(shape)

    def _filter(self, sequence: Tensor) -> Tensor:
        """Return the current u (T, B, C, ...) that ``sequence`` alone would leave."""
        u = torch.zeros_like(sequence[0])
        filtered = []
        for x in sequence:
            u = self.arithmetic.decay(u, self.decay_u) + x
            filtered.append(u)
        return torch.stack(filtered)


def _check_neuron(decay_u: float, decay_v: float, threshold: float) -> None:
    for name, value in (("decay_u", decay_u), ("decay_v", decay_v)):
        if not 0 <= value <= 1:
            raise RangeError(
                f"Spiking: {name} = {value} does not fit 0..1",
                hint="a decay is the fraction lost per step, not the fraction kept",
            )
    if not threshold > 0:
        raise RangeError(
            f"Spiking: threshold = {threshold} is not above 0", hint="the usual threshold is 1"
        )


def spiking_layers(module: nn.Module) -> dict[str, Spiking]:
    """Return the spiking layers inside ``module`` by path, in the order of definition."""
    return {name: m for name, m in module.named_modules() if isinstance(m, Spiking)}


def unroll(module: nn.Module, sequence: Tensor) -> Tensor:
    """Run a network, whose forward describes one time step, over a sequence from rest.

    Parameters
    ----------
    module
        Any module; everything in it but :class:`Spiking` must treat samples independently.
    sequence
        (T, B, *input shape), of the type of the module's parameters.

    Returns
    -------
    Tensor
        (T, B, *output shape).
    """
    layers = spiking_layers(module).values()
    steps = sequence.shape[0]
    try:
        for layer in layers:
            layer.steps = steps
        return module(sequence.flatten(0, 1)).unflatten(0, (steps, -1))
    finally:
        for layer in layers:
            layer.steps = 1


@contextmanager
def recorded(module: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Collect the spikes (T * B, C, ...) of the last pass, by layer path, while active."""
    spikes: dict[str, Tensor] = {}

    def keep(name: str):
        return lambda _module, _inputs, output: spikes.__setitem__(name, output)

    hooks = [m.register_forward_hook(keep(n)) for n, m in spiking_layers(module).items()]
    try:
        yield spikes
    finally:
        for hook in hooks:
            hook.remove()
