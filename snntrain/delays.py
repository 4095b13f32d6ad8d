"""The base of all layers that have a notion of time, and the plainest of them: delays."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hwsim.errors import RangeError
from hwsim.synapses.base import DELAY_MAX

NARROWEST = 0.5
"""Steps; the width at which a learned delay ends, Hammouamri et al. 2024, section 3.3."""


class Temporal(nn.Module):
    """A layer that looks at more than one time step."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 1
        """Time steps folded into the batch axis, time slowest; :func:`snntrain.unroll` sets it."""


class Delay(Temporal):
    """Hand spikes on later, each channel by its own number of time steps.

    Source: the axonal delays of SLAYER, Shrestha and Orchard 2018, arXiv 1810.08646.

    Parameters
    ----------
    steps
        0..62, one number for all channels or a tensor (C,) of integers; kept in the buffer
        ``delay``, int64 of shape (1,) or (C,).
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


class LearnedDelay(Delay):
    """:class:`Delay` whose numbers of steps are trained, one per channel.

    In training mode a spike arrives spread over time, as a normal density around the delay, which
    gives the delay a gradient from spikes that are several steps away. :func:`sharpen_delays`
    narrows it as training goes on. In evaluation mode, and when exported, the delay is rounded.

    Source: dilated convolutions with learnable spacings, Hammouamri et al. 2024, arXiv
    2306.17670, equations 7 to 9, with one delay for all synapses of an axon.

    Parameters
    ----------
    start
        Where training starts, (C,), in steps between 0 and ``longest``, both excluded.
    longest
        1..62 steps; delays stay below by a sigmoid.
    """

    width: Tensor

    def __init__(self, start: Tensor, longest: int = DELAY_MAX) -> None:
        Temporal.__init__(self)
        if not 1 <= longest <= DELAY_MAX:
            raise RangeError(
                f"LearnedDelay: longest = {longest} does not fit 1..{DELAY_MAX} time steps",
                hint="delays are whole numbers of steps",
            )
        bad = start[~((start > 0) & (start < longest))]
        if bad.numel():
            raise RangeError(
                f"LearnedDelay: a start of {bad[0].item()} steps is not between 0 and {longest}",
                hint="a sigmoid keeps what is trained inside; start from 0.1 instead of 0",
            )
        self.longest = longest
        self.raw = nn.Parameter((start.to(torch.get_default_dtype()) / longest).logit())
        self.register_buffer("width", torch.tensor(longest / 2))

    @property
    def position(self) -> Tensor:
        """Return the delays (C,) as real numbers of steps."""
        return self.longest * self.raw.sigmoid()

    @property
    def delay(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Return the rounded delays (C,), int64."""
        return self.position.detach().round().long()

    def forward(self, x: Tensor) -> Tensor:
        """Spread spikes (steps * B, C, ...) over later steps, or shift them when evaluating."""
        if not self.training:
            return super().forward(x)
        steps = torch.arange(max(self.steps, self.longest + 1), device=x.device)
        distance = (steps - self.position.unsqueeze(1)) / self.width
        density = torch.exp(-distance.square() / 2) * (steps <= self.longest)
        density = (density / density.sum(dim=1, keepdim=True)).to(x.dtype)
        late = steps[: self.steps].unsqueeze(1) - steps[: self.steps]
        kernel = density[:, late.clamp(min=0)] * (late >= 0)
        sequence = x.unflatten(0, (self.steps, -1))
        return torch.einsum("cts,sbc...->tbc...", kernel, sequence).flatten(0, 1)


def sharpen_delays(module: nn.Module, progress: float) -> None:
    """Set how widely learned delays spread spikes, after the part ``progress`` 0..1 of training.

    The width falls exponentially from half of the longest delay to half a step.
    """
    for layer in module.modules():
        if isinstance(layer, LearnedDelay):
            widest = layer.longest / 2
            ratio = min(NARROWEST / widest, 1.0)
            layer.width.fill_(widest * math.exp(progress * math.log(ratio)))
