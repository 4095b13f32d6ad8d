"""A population of another framework, described by the machine's neuron that computes the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hwsim.errors import RangeError
from snntrain.delays import Temporal


class Imported(Temporal):
    """What stands for a framework's layer of neurons in a traced network; it is never run.

    v <- decay(v) + gain * u + offset, and the spikes of the step before come back through
    ``recurrent``, behind the same gain.

    Numbers may be arrays or tensors of any shape that torch broadcasts over the neurons.

    What fires never is read by its voltage. So is what never resets, where the voltage, the last
    value returned, is all that the network answers.

    Parameters
    ----------
    kind
        A class of :mod:`hwsim.neurons`.
    registers
        Its registers but the bias, in reals.
    gain, offset
        A number, or the same for all neurons of a channel.
    current
        What is added to the current in every step.
    inclusive
        It fires at ``v >= threshold``.
    recurrent
        A linear module without a bias, or what every neuron's own spike is multiplied with, the
        same for all neurons of a channel.
    returned
        How many values its call returns: the spikes first, then states. 0: the spikes alone.
    keeps_state
        It goes on from its last call by itself; False: only where that call's state is given.
    """

    def __init__(  # noqa: PLR0913 -- the neuron, and what surrounds it
        self,
        kind: Any,
        registers: Mapping[str, Any],
        *,
        gain: Any = 1.0,
        offset: Any = 0.0,
        current: Any = 0.0,
        inclusive: bool = False,
        recurrent: nn.Module | Tensor | float | None = None,
        returned: int = 0,
        keeps_state: bool = True,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.registers = dict(registers)
        self.gain, self.offset, self.current = gain, offset, current
        self.inclusive = inclusive
        self.recurrent = recurrent
        self.returned, self.keeps_state = returned, keeps_state

    @property
    def sends_spikes(self) -> bool:
        """Say whether its messages are 0 and 1."""
        return self.kind.MESSAGES == (0, 1) or self.registers.get("most") == 1

    @property
    def never_resets(self) -> bool:
        """Say whether its voltage is that of an integrator, whatever it sends."""
        decrement = self.registers.get("decrement", 1.0)
        return self.recurrent is None and not torch.as_tensor(decrement).any()

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            raise AttributeError(
                f"a forward cannot use {name!r} of neurons: their states and resets are the chip's"
            ) from None

    def forward(self, x: Tensor, *states: Any) -> Any:  # noqa: ARG002 -- as frameworks call it
        """Return something of the shape of the spikes, and nothing for the states."""
        return (x, *[None] * (self.returned - 1)) if self.returned else x


def linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    """Return the layer of ``weight`` (n_out, n_in) and ``bias`` (n_out,)."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.weight.data = weight.detach()
    if bias is not None:
        layer.bias.data = bias.detach()
    return layer


def spread(value: Any, shape: tuple[int, ...]) -> Any:
    """Return what torch makes of ``value`` beside neurons of ``shape``: a float, (C,) or (*shape).

    Raises RangeError if it does not broadcast.
    """
    number = value.detach().cpu().double() if isinstance(value, Tensor) else value
    values = np.asarray(number, float)
    if values.size == 1:
        return float(values.item())
    try:
        whole = np.broadcast_to(values, shape)
    except ValueError:
        raise RangeError(
            f"a parameter of shape {values.shape} beside neurons of shape {shape}",
            hint="give one value, or one that torch broadcasts over the neurons",
        ) from None
    channels = whole.reshape(shape[0], -1)
    return channels[:, 0].copy() if (channels == channels[:, :1]).all() else whole.copy()


class GroupMean(Temporal):
    """Averages groups of ``size`` neighbouring values (B, n): one value per group."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, n / size)."""
        return x.unflatten(1, (-1, self.size)).mean(2)


class Unsupported(Temporal):
    """What stands for a framework's module that no neuron of the machine computes.

    reason: why, for people; it follows the path of the module.
    """

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason

    def forward(self, x: Tensor, *states: Any) -> Tensor:  # noqa: ARG002 -- as frameworks call it
        """Return something; its shape may be wrong."""
        return x
