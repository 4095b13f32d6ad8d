"""The base of all layers that have a notion of time, and the plainest of them, a delay."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hwsim.errors import RangeError
from hwsim.synapses.base import DELAY_MAX


class Temporal(nn.Module):
    """A layer that looks at more than one time step."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 1
        """Time steps folded into the batch axis, time slowest; :func:`unroll` sets it."""


class Delay(Temporal):
    """Hand spikes on later, each channel by its own number of time steps.

    Parameters
    ----------
    steps
        0..62, one number for all channels or a tensor (C,) of integers; kept in the buffer
        ``delay``, int64 of shape (1,) or (C,).

    Source: the axonal delays of SLAYER, Shrestha and Orchard 2018, arXiv 1810.08646.
    """

    delay: Tensor

    def __init__(self, steps: int | Tensor) -> None:
        super().__init__()
        delay = torch.as_tensor(steps).reshape(-1)
        bad = delay[~((delay >= 0) & (delay <= DELAY_MAX) & (delay == delay.floor()))]
        if bad.numel():
            raise RangeError(
                f"Delay: {bad[0].item()} time steps do not fit 0..{DELAY_MAX}",
                hint="delays are whole numbers of steps",
            )
        self.register_buffer("delay", delay.to(torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        """Shift spikes (steps * B, C, ...) along time; zeros come in, the latest are lost."""
        sequence = x.unflatten(0, (self.steps, -1))
        sent = torch.arange(self.steps, device=x.device).unsqueeze(1) - self.delay
        sent = sent.view(self.steps, 1, -1, *[1] * (x.dim() - 2)).expand_as(sequence)
        return (sequence.gather(0, sent.clamp(min=0)) * (sent >= 0)).flatten(0, 1)

    def extra_repr(self) -> str:
        """Return the delays for ``print(module)``."""
        return f"{self.delay.min()}..{self.delay.max()} steps"
