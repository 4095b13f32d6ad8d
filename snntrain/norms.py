"""Normalisations of a population's input current, from plain to one scale per time step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from snntrain._distributed import Ranks


class CurrentNorm(nn.Module):
    """Batch normalisation of the filtered input current, with statistics shared over time.

    It yields the factors of ``g * u + c`` and leaves applying them to the neuron: the filter is
    linear, so ``g`` may scale its input and ``c`` be a bias of the voltage, and folding both
    into weights and bias is exact for every decay of the current.

    Source: batch normalisation on input currents, Ledinauskas et al. 2020, arXiv 2006.04436;
    running statistics as in ``torch.nn.BatchNorm2d`` (unbiased variance).
    """

    TRACKS = True
    """It learns statistics of what it normalises while it trains."""
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.ranks: Ranks | None = None
        """Other processes with a part of the same batch; the statistics are then of the whole."""
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
            values = filtered.numel() // filtered.shape[2]
            if self.ranks:
                var, mean = self.ranks.pooled(var, mean)
                values *= self.ranks.size
            self._track(mean, var, values)
        g = self.weight / torch.sqrt(var + self.eps)
        return g, self.bias - mean * g

    @property
    def is_batch_norm(self) -> bool:
        """Say whether torch's own batch normalisation gives it: one gain, no other process."""
        return type(self).affine is CurrentNorm.affine and not (self.training and self.ranks)

    def batch_norm(self, current: Tensor) -> Tensor:
        """Return ``g * u + c`` of a current u (T * B, C, ...) that has no memory, all at once."""
        return functional.batch_norm(
            current.to(self.weight.dtype),  # autocast or not, what follows is a neuron's state
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            self.momentum,
            self.eps,
        )

    @torch.no_grad()
    def _track(self, mean: Tensor, var: Tensor, values: int) -> None:
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(var * (values / max(values - 1, 1)), self.momentum)


class TimeScaledNorm(CurrentNorm):
    """:class:`CurrentNorm` whose result is scaled by a learned factor ``p_t`` in each time step.

    What enters in step t counts ``p_t * g``, and the bias of that step is ``p_t * c``. A chip
    keeps one weight for all steps, so export asks to freeze it first.

    Source: Temporal Effective Batch Normalization, Duan et al. 2022 (NeurIPS 35), whose
    neurons have a current without memory.

    Parameters
    ----------
    channels
        Size of axis 1 of the input.
    steps
        T; sequences of another length are refused.
    """

    def __init__(
        self, channels: int, steps: int, *, eps: float = 1e-5, momentum: float = 0.1
    ) -> None:
        super().__init__(channels, eps=eps, momentum=momentum)
        self.scale = nn.Parameter(torch.ones(steps))

    def affine(self, filtered: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``p_t * g`` and ``p_t * c``, both (T, C)."""
        g, c = super().affine(filtered)
        return torch.outer(self.scale, g), torch.outer(self.scale, c)

    @torch.no_grad()
    def freeze(self) -> CurrentNorm:
        """Return the norm that uses the mean of the scales in every step."""
        frozen = CurrentNorm(len(self.weight), eps=self.eps, momentum=self.momentum)
        state = self.state_dict()
        mean = state.pop("scale").mean()
        state |= {name: mean * state[name] for name in ("weight", "bias")}
        frozen.to(mean).load_state_dict(state)
        return frozen.train(self.training)


class LeakScaledNorm(CurrentNorm):
    """:class:`CurrentNorm` times the fraction ``k`` of the voltage that is lost in a step.

    A voltage of decay ``k`` then follows ``v <- v + k * (x - v)`` for the normalised current
    ``x``, and ``k`` is folded into weights and bias with the norm.

    Source: the parametric LIF, Fang et al. 2021, arXiv 2007.05785; SpikingJelly 2.0.0
    ``ParametricLIFNode``.

    Parameters
    ----------
    channels
        Size of axis 1 of the input.
    leak
        Gives ``k``, 0..1, a number or (C,), when called; shared with the neurons.
    """

    def __init__(self, channels: int, leak: nn.Module) -> None:
        super().__init__(channels)
        self._leak = (leak,)  # not as a module of its own: it is one of the neurons

    def affine(self, filtered: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``k * g`` and ``k * c``, both (C,)."""
        g, c = super().affine(filtered)
        (leak,) = self._leak
        k = leak()
        return k * g, k * c


def threshold_norm(channels: int, *, threshold: float = 1.0, share: float = 1.0) -> CurrentNorm:
    """Return a norm whose currents start with the deviation ``share * threshold``.

    ``share`` is 1, or ``1 / sqrt(2)`` for each of two currents that are added. Source: the
    threshold-dependent batch normalisation tdBN, Zheng et al. 2021, arXiv 2011.05280, whose
    ``alpha * Vth`` is where the learned gain starts, as in SpikingJelly 2.0.0
    ``ThresholdDependentBatchNorm2d``.
    """
    norm = CurrentNorm(channels)
    nn.init.constant_(norm.weight, share * threshold)
    return norm


def freeze_time(module: nn.Module) -> int:
    """Replace every :class:`TimeScaledNorm` inside ``module`` by its frozen norm, in place.

    Returns how many there were. The accuracy may change: evaluate, or train on, afterwards.
    """
    found = [
        (parent, name, norm)
        for parent in module.modules()
        for name, norm in parent.named_children()
        if isinstance(norm, TimeScaledNorm)
    ]
    for parent, name, norm in found:
        setattr(parent, name, norm.freeze())
    return len(found)
