"""Layers that have a notion of time, and how to run a network over it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

from torch import Tensor, nn

from hwsim.errors import RangeError, UnsupportedError
from hwsim.neurons import Cuba, CubaRefractory, CubaSubtract, LeakyIntegrator
from snntrain._registers import set_decay, set_period, set_threshold
from snntrain.delays import Temporal
from snntrain.neurons import Real
from snntrain.norms import CurrentNorm, LeakScaledNorm
from snntrain.population import Population
from snntrain.surrogates import FastSigmoid, Surrogate


class Reset(Enum):
    """What a spike leaves of the voltage: nothing, or what exceeds the threshold."""

    ZERO = "zero"
    SUBTRACT = "subtract"


class Spiking(Population):
    """A population of current-based leaky integrate-and-fire neurons, :class:`Cuba` on reals.

    A register, that is a decay or the threshold, is a number, or a tensor with one value per
    channel (C,) or per neuron (C, ...), stored with the weights. The attributes ``decay_u``,
    ``decay_v`` and ``threshold`` give the value in use, with its gradient when learned.

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
        leak = layer.get_submodule("parametrizations.decay_v")
        layer.norm = LeakScaledNorm(channels, leak)
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
        Any module; everything in it but ``Temporal`` layers must treat samples
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
