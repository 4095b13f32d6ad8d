"""What spiking layers and readouts have in common: the current that enters, and its norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from hwsim.errors import RangeError
from snntrain._registers import per_neuron, shown
from snntrain.delays import Temporal
from snntrain.dynamics import Dynamics, over_time
from snntrain.neurons import Real
from snntrain.norms import CurrentNorm


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
