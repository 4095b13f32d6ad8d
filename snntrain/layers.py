"""Layers that have a notion of time, and how to run a network over it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

import torch
from torch import Tensor, nn

from hwsim.errors import RangeError, UnsupportedError
from hwsim.neurons import Cuba, CubaRefractory, CubaSubtract, LeakyIntegrator
from snntrain._registers import per_neuron, set_decay, set_period, set_threshold, shown
from snntrain.delays import Temporal
from snntrain.dynamics import Dynamics, over_time
from snntrain.neurons import Real
from snntrain.norms import CurrentNorm, LeakScaledNorm
from snntrain.surrogates import FastSigmoid, Surrogate


class Reset(Enum):
    """What a spike leaves of the voltage: nothing, or what exceeds the threshold."""

    ZERO = "zero"
    SUBTRACT = "subtract"


class Population(Temporal):
    """What spiking layers and readouts share: two decays and the current that enters.

    Attributes
    ----------
    decay_u, decay_v
        Fraction of current and voltage lost per step, 0..1.
    norm
        Normalises the filtered current; None without.
    kind
        The machine's neuron, a class of :mod:`hwsim.neurons`, whose ``step`` is executed.
    dynamics
        What turns currents into outputs: :func:`snntrain.dynamics.over_time`, unless a rule
        replaces it.
    recurrent
        Turns the spikes of the step before into a current; None without.
    """

    decay_u: float | Tensor
    decay_v: float | Tensor
    norm: CurrentNorm | None
    kind: Any
    recurrent: nn.Module | None
    REGISTERS: tuple[str, ...] = ("decay_u", "decay_v")

    def __init__(self, channels: int, norm: bool | CurrentNorm, arithmetic: Real) -> None:
        super().__init__()
        self.channels = channels
        self.norm = CurrentNorm(channels) if norm is True else norm or None
        self.arithmetic = arithmetic
        self.dynamics: Dynamics = over_time
        self.recurrent = None

    def forward(self, x: Tensor) -> Tensor:
        """Turn currents (steps * B, C, ...) into what :meth:`read` reads, of the same shape."""
        # autocast is for synapses: a state in bfloat16 would forget small currents
        return self.dynamics(self, x.float() if torch.is_autocast_enabled(x.device.type) else x)

    def entering(self, current: Tensor, spikes: Tensor) -> Tensor:
        """Return a step's normalised current and that of the ``spikes`` of the step before."""
        return current if self.recurrent is None else current + self.recurrent(spikes)

    def read(self, spikes: Tensor, state: tuple[Any, ...]) -> Tensor:
        """Return what leaves the population in a step."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        """Return the neuron's parameters for ``print(module)``."""
        registers = (f"{name}={shown(getattr(self, name))}" for name in self.REGISTERS)
        return ", ".join([str(self.channels), *registers])

    def sequence(self, x: Tensor) -> Tensor:
        """Return the input (steps * B, C, ...) as (steps, B, C, ...)."""
        if x.shape[1] != self.channels:
            kind = type(self).__name__
            raise RangeError(
                f"{kind}: axis 1 of the input has {x.shape[1]} channels, not {self.channels}",
                hint=f"construct it as {kind}({x.shape[1]}, ...)",
            )
        return x.unflatten(0, (self.steps, -1))

    def registers(self, dims: int) -> dict[str, float | Tensor]:
        """Return the registers, broadcastable to (B, C, ...) of ``dims`` axes."""
        return {name: per_neuron(getattr(self, name), dims) for name in self.REGISTERS}

    @property
    def memoryless(self) -> bool:
        """Say whether a current is gone in the step after, whatever is trained."""
        return not isinstance(self.decay_u, Tensor) and self.decay_u == 1

    def currents(self, sequence: Tensor) -> Iterator[tuple[Tensor, Tensor | float]]:
        """Yield what enters u and v in each step: normalised current (B, C, ...), and bias."""
        if self.norm is None or self.memoryless:
            current = self.normalised(sequence).unflatten(0, (self.steps, -1))
            yield from ((x, 0.0) for x in current)
            return
        gains, biases = self._factors(self.norm, sequence)
        for current, gain, bias in zip(sequence, gains, biases, strict=True):
            yield gain * current, bias

    def normalised(self, sequence: Tensor) -> Tensor:
        """Return a current (T, B, C, ...) without memory times gain plus bias, (T * B, C, ...)."""
        x = sequence.flatten(0, 1)
        if self.norm is None or self.norm.is_batch_norm:
            return x if self.norm is None else self.norm.batch_norm(x)
        gains, biases = self._factors(self.norm, sequence)
        return (gains * sequence + biases).flatten(0, 1)

    def _factors(self, norm: CurrentNorm, sequence: Tensor) -> list[Tensor]:
        """Return gain and bias of ``norm``, each broadcastable (T, 1, C, 1, ...)."""
        shape = 1, sequence.shape[2], *[1] * (sequence.dim() - 3)
        tracks = self.training and norm.TRACKS
        factors = norm.affine(self._filter(sequence) if tracks else None)
        for steps in {len(factor) for factor in factors if factor.dim() == 2} - {self.steps}:
            raise RangeError(
                f"{type(self).__name__}: its norm scales {steps} time steps, "
                f"the sequence has {self.steps}",
                hint="use the number of steps it was made for, or freeze_time(module)",
            )
        return [factor.view(-1, *shape).expand(self.steps, *shape) for factor in factors]

    def _filter(self, sequence: Tensor) -> Tensor:
        """Return the current u (T, B, C, ...) that ``sequence`` alone would leave."""
        if self.memoryless:
            return sequence
        decay_u = per_neuron(self.decay_u, sequence.dim() - 1)
        u = torch.zeros_like(sequence[0])
        filtered = []
        for x in sequence:
            u = self.arithmetic.decay(u, decay_u) + x
            filtered.append(u)
        return torch.stack(filtered)


class Spiking(Population):
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
        Normalise the filtered current, with a :class:`CurrentNorm` or the one given;
        ``self.norm`` is None without.
    surrogate
        The spike and what stands for its gradient.
    recurrent
        Turns the spikes (B, C, ...) of the step before into a current of the same shape, which
        is added after normalisation: ``x_t = gain * feedforward_t + recurrent(s_{t-1})``.
    learned
        Names of registers to train, starting from the values given.
    reset
        What a spike leaves of the voltage; ``Reset.SUBTRACT`` is a soft reset.
    refractory
        Steps for which the voltage rests at 0 after a spike, 0..63: at most one spike in
        ``refractory + 1`` steps.

    A register, that is a decay or the threshold, is a number, or a tensor with one value per
    channel (C,) or per neuron (C, ...), stored with the weights. The attributes ``decay_u``,
    ``decay_v`` and ``threshold`` give the value in use, with its gradient when learned.

    Raises
    ------
    RangeError
        A decay outside 0..1, a threshold that is not positive, a refractory period outside
        0..63, or an unknown register.
    UnsupportedError
        ``recurrent`` contains layers with a time of their own; a refractory period with a
        reset by subtraction, which the machine does not have.
    """

    threshold: float | Tensor
    period: int
    REGISTERS = ("decay_u", "decay_v", "threshold")

    def __init__(  # noqa: PLR0913 -- the neuron's registers, and what surrounds it
        self,
        channels: int,
        *,
        decay_u: float | Tensor = 1.0,
        decay_v: float | Tensor = 0.0,
        threshold: float | Tensor = 1.0,
        norm: bool | CurrentNorm = True,
        surrogate: Surrogate = FastSigmoid(),  # noqa: B008 -- frozen
        recurrent: nn.Module | None = None,
        learned: Collection[str] = (),
        reset: Reset = Reset.ZERO,
        refractory: int = 0,
    ) -> None:
        super().__init__(channels, norm, Real(surrogate))
        unknown = [name for name in learned if name not in self.REGISTERS]
        if unknown:
            raise RangeError(
                f"Spiking: {unknown[0]!r} is not a register that is learned",
                hint=f"known registers: {', '.join(self.REGISTERS)}",
            )
        if recurrent is not None and any(isinstance(m, Temporal) for m in recurrent.modules()):
            raise UnsupportedError(
                "Spiking: recurrent contains neurons or delays, which would lose their state",
                hint="use a Linear or Conv2d; it is called once in each time step",
            )
        set_decay(self, "decay_u", decay_u, "decay_u" in learned)
        set_decay(self, "decay_v", decay_v, "decay_v" in learned)
        set_threshold(self, threshold, "threshold" in learned)
        self.recurrent = recurrent
        self.kind = KINDS[reset]
        if refractory:
            set_period(self, refractory)
            if reset is Reset.SUBTRACT:
                raise UnsupportedError(
                    "Spiking: a refractory period with a reset by subtraction is no neuron of "
                    "the machine",
                    hint="use reset=Reset.ZERO, or refractory=0",
                )
            self.kind, self.REGISTERS = CubaRefractory, (*self.REGISTERS, "period")

    @classmethod
    def lif(
        cls,
        channels: int,
        *,
        decay_v: float,
        norm: bool = True,
        surrogate: Surrogate = FastSigmoid(),  # noqa: B008 -- frozen
    ) -> Spiking:
        """Return an LIF: the current has no memory, the voltage loses ``decay_v`` a step."""
        return cls(channels, decay_u=1.0, decay_v=decay_v, norm=norm, surrogate=surrogate)

    @classmethod
    def integrate_and_fire(
        cls,
        channels: int,
        *,
        norm: bool = True,
        surrogate: Surrogate = FastSigmoid(),  # noqa: B008 -- frozen
    ) -> Spiking:
        """Return an IF: the current has no memory, the voltage does not leak."""
        return cls(channels, decay_u=1.0, decay_v=0.0, norm=norm, surrogate=surrogate)

    @classmethod
    def plif(
        cls,
        channels: int,
        *,
        decay_v: float = 0.5,
        surrogate: Surrogate = FastSigmoid(),  # noqa: B008 -- frozen
    ) -> Spiking:
        """Return a parametric LIF: ``v <- v + k * (x - v)``, ``k`` learned from ``decay_v`` on.

        Source: Fang et al. 2021, arXiv 2007.05785, where ``k = 1 / tau``.
        """
        layer = cls(channels, decay_v=decay_v, surrogate=surrogate, learned=["decay_v"])
        layer.norm = LeakScaledNorm(channels, layer.parametrizations["decay_v"])
        return layer

    def read(self, spikes: Tensor, state: tuple[Any, ...]) -> Tensor:  # noqa: ARG002
        """Return the spikes, 0.0 or 1.0."""
        return spikes


KINDS: dict[Reset, Any] = {Reset.ZERO: Cuba, Reset.SUBTRACT: CubaSubtract}


class Readout(Population):
    """Neurons that never fire, :class:`LeakyIntegrator` on reals, read by their voltage.

    A network that ends in one answers with the class whose voltage, summed over time, is
    largest. Parameters are those of :class:`Spiking`.
    """

    def __init__(
        self,
        channels: int,
        *,
        decay_u: float | Tensor = 1.0,
        decay_v: float | Tensor = 0.0,
        norm: bool | CurrentNorm = False,
    ) -> None:
        super().__init__(channels, norm, Real(FastSigmoid()))
        self.kind = LeakyIntegrator
        set_decay(self, "decay_u", decay_u, learned=False)
        set_decay(self, "decay_v", decay_v, learned=False)

    def read(self, spikes: Tensor, state: tuple[Any, ...]) -> Tensor:  # noqa: ARG002
        """Return the voltage v after the step."""
        return state[1]


def spiking_layers(module: nn.Module) -> dict[str, Spiking]:
    """Return the spiking layers inside ``module`` by path, in the order of definition."""
    return {name: m for name, m in module.named_modules() if isinstance(m, Spiking)}


def unroll(module: nn.Module, sequence: Tensor) -> Tensor:
    """Run a network, whose forward describes one time step, over a sequence from rest.

    Parameters
    ----------
    module
        Any module; everything in it but :class:`Temporal` layers must treat samples
        independently.
    sequence
        (T, B, *input shape), of the type of the module's parameters.

    Returns
    -------
    Tensor
        (T, B, *output shape).
    """
    layers = [m for m in module.modules() if isinstance(m, Temporal)]
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
