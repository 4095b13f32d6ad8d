"""Choosing the surrogate's slope so that gradients neither grow nor shrink over depth."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn

from hwsim.errors import RangeError
from snntrain._integers import Exact
from snntrain.layers import spiking_layers
from snntrain.losses import membrane
from snntrain.neurons import Real
from snntrain.rules.base import Batch, Objective, backpropagate
from snntrain.surrogates import Surrogate

SLOPES = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
"""Between which neighbours a slope is looked for, 1 per voltage."""
BALANCED = 1.1
"""Largest ratio, or inverse of it, that counts as balanced over the whole depth."""
HALVINGS = 24
"""More change nothing: float32 tells no two slopes apart that are closer."""


@dataclass(frozen=True)
class Calibrated:
    """How gradients spread at one slope.

    Attributes
    ----------
    slope
        Of every layer's surrogate, 1 per voltage.
    ratio
        Gradient of the first spiking layer over that of the last: above 1 gradients grow on
        their way to the input, below 1 they vanish.
    rms
        Root mean square of the loss's derivative by the normalised input current, over all
        neurons, steps and samples, by layer path in the order of execution; without layers that
        the loss does not depend on.
    """

    slope: float
    ratio: float
    rms: Mapping[str, float]


def calibrate_surrogate(
    module: nn.Module, batch: Batch, objective: Objective | None = None
) -> Calibrated:
    """Give all spiking layers the slope at which the first layer's gradient is like the last's.

    Each layer keeps its kind of surrogate. Nothing else changes: no parameter, gradient,
    running statistic or random generator. The slope depends on depth, number of steps, decays
    and ``detach_reset``, so calibrate what is trained.

    Source: Ledinauskas et al. 2020, arXiv 2006.04436, who choose the slope of deep networks so
    that gradients neither explode nor vanish.

    Parameters
    ----------
    module
        A network at its initial weights, in training mode.
    batch
        A sequence (T, B, *shape) and labels (B,).
    objective
        What is lowered; without one, the cross-entropy of the mean over time.

    Raises
    ------
    RangeError
        The batch is none, or the loss depends on fewer than two spiking layers. No slope in
        0.01..1000 balances the gradients; with the ratios that were found.
    """
    found = _balanced(lambda slope: spread(module, batch, slope, objective))
    set_slope(module, found.slope)
    return found


def spread(
    module: nn.Module, batch: Batch, slope: float, objective: Objective | None = None
) -> Calibrated:
    """Return how the gradients of ``batch`` spread at ``slope``; ``module`` stays as it is."""
    sequence, labels = batch
    if 0 in sequence.shape or sequence.shape[1:2] != labels.shape[:1]:
        raise RangeError(
            f"calibrate_surrogate: a sequence {list(sequence.shape)} and labels "
            f"{list(labels.shape)} are not (T, B, ...) and (B,)",
            hint="images become a sequence by images.expand(steps, *images.shape)",
        )
    trial = copy.deepcopy(module)
    set_slope(trial, slope)
    with (
        torch.random.fork_rng(devices=[sequence.device] if sequence.is_cuda else []),
        torch.enable_grad(),
        current_gradients(trial) as squares,
    ):
        backpropagate(trial, batch, objective or _mean_over_time)
    rms = root_mean_squares(squares)
    if len(rms) < 2:
        raise RangeError(
            "calibrate_surrogate: gradients have no depth to spread over: the loss depends on "
            f"fewer than two spiking layers ({', '.join(rms) or 'none'})",
            hint="leave the slope as it is",
        )
    return Calibrated(slope, first_over_last(rms), rms)


def set_slope(module: nn.Module, slope: float) -> None:
    """Give the surrogates of all spiking layers another slope."""
    change_surrogates(module, lambda surrogate: replace(surrogate, slope=slope))


def change_surrogates(module: nn.Module, change: Callable[[Surrogate], Surrogate]) -> None:
    """Replace the surrogate of every spiking layer by what ``change`` makes of it."""
    for layer in spiking_layers(module).values():
        arithmetic = copy.copy(layer.arithmetic)
        arithmetic.surrogate = change(arithmetic.surrogate)
        layer.arithmetic = arithmetic


@contextmanager
def current_gradients(module: nn.Module) -> Iterator[dict[str, list[Tensor]]]:
    """Collect the mean squares of the derivatives by a layer's normalised current, one a step.

    They are added to the dictionary, by layer path, in every backward pass while active.
    """
    squares: dict[str, list[Tensor]] = {}
    before = [(layer, layer.arithmetic) for layer in spiking_layers(module).values()]
    try:
        for name, layer in spiking_layers(module).items():
            tapped: Any = _Tapped(layer.arithmetic, squares, name)
            layer.arithmetic = tapped
        yield squares
    finally:
        for layer, own in before:
            layer.arithmetic = own


def root_mean_squares(squares: Mapping[str, list[Tensor]]) -> dict[str, float]:
    """Return the root mean square of each layer from the mean squares of its steps, if any."""
    means = {name: torch.stack(steps).mean() for name, steps in squares.items() if steps}
    return {name: mean.sqrt().item() for name, mean in means.items()}


class _Tapped:
    """The arithmetic ``own``, which notes the gradient of the voltages before they are reset.

    A voltage is the sum of what the step before left and of the normalised current, so its
    derivative is that by the current, but where a refractory voltage rests. Voltages of a chip's
    integers count in thresholds, the unit of the reals they stand for.
    """

    def __init__(self, own: Real, squares: dict[str, list[Tensor]], name: str) -> None:
        self.own, self.squares, self.name = own, squares, name

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)

    def fire(self, v: Any, threshold: Any) -> Any:
        """Spike as before, and note the derivative by ``v`` when it is known."""
        squares = self.squares.setdefault(self.name, [])
        unit = threshold.detach() if isinstance(self.own, Exact) else 1.0
        if not v.requires_grad:  # nothing below is learned
            v.requires_grad_()
        v.register_hook(lambda gradient: squares.append(_mean_square(gradient * unit)))
        return self.own.fire(v, threshold)


def _mean_square(gradient: Tensor) -> Tensor:
    """Return the mean square in float64, where the squares of float32 neither fade nor overflow."""
    return torch.linalg.vector_norm(gradient, dtype=torch.float64).square() / gradient.numel()


def _mean_over_time(outputs: Tensor, labels: Tensor, _spikes: Mapping[str, Tensor]) -> Tensor:
    return membrane(outputs, labels)


def first_over_last(rms: Mapping[str, float]) -> float:
    """Return the ratio of a :class:`Calibrated`: infinite at an overflow, 0 when none arrives."""
    values = list(rms.values())
    ratio = values[0] / values[-1] if values[-1] else 0.0
    return ratio if math.isfinite(ratio) else math.inf


def _balanced(measure: Callable[[float], Calibrated]) -> Calibrated:
    """Halve, on a logarithmic scale, the first interval whose ends lie on both sides of 1."""
    tried = [measure(SLOPES[0])]
    for slope in SLOPES[1:]:
        tried.append(measure(slope))
        if _crosses(*tried[-2:]):
            break
    low, high = tried[-2:]
    for _ in range(HALVINGS if _crosses(low, high) else 0):
        middle = measure(math.sqrt(low.slope * high.slope))
        tried.append(middle)
        if _imbalance(middle) <= BALANCED:
            break
        low, high = (low, middle) if _crosses(low, middle) else (middle, high)
    best = min(tried, key=_imbalance)
    if _imbalance(best) <= BALANCED:
        return best
    found = ", ".join(
        f"{t.ratio:.2g} at {t.slope:.4g}" for t in sorted(tried, key=attrgetter("slope"))
    )
    raise RangeError(
        f"calibrate_surrogate: no slope balances the gradients; first over last is {found}",
        hint="normalise currents, use fewer layers, or add shortcuts",
    )


def _crosses(low: Calibrated, high: Calibrated) -> bool:
    return (low.ratio > 1) != (high.ratio > 1)


def _imbalance(found: Calibrated) -> float:
    return max(found.ratio, 1 / found.ratio) if found.ratio else math.inf
