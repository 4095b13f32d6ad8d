"""What training watches for: layers that do nothing, and numbers that are no longer finite."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from hwsim.errors import SpikeportError
from snntrain.layers import unroll


class SpikeportWarning(UserWarning):
    """Something that is probably not meant, with the way out."""


class DivergedError(SpikeportError):
    """Training met a number that is not finite."""


def warn_of_idle(rates: Mapping[str, float], when: str) -> None:
    """Warn, by name, of layers that never fired or always did.

    ``rates`` are spikes per neuron and step, ``when`` says over what.
    """
    silent = [name for name, rate in rates.items() if rate == 0]
    constant = [name for name, rate in rates.items() if rate == 1]
    if silent:
        warnings.warn(
            f"{when}: no neuron of {', '.join(silent)} fired; lower its threshold, raise the "
            "weights before it, or give it a norm",
            SpikeportWarning,
            stacklevel=2,
        )
    if constant:
        warnings.warn(
            f"{when}: every neuron of {', '.join(constant)} fired in every step; raise its "
            "threshold, lower the weights before it, or give it a norm",
            SpikeportWarning,
            stacklevel=2,
        )


def require_finite(state: Mapping[str, Tensor], when: str, rate: float) -> None:
    """Raise DivergedError naming the first tensor of ``state`` that is not finite."""
    for name, tensor in state.items():
        if not tensor.isfinite().all():
            raise diverged(when, f"{name} is not finite", rate)


def diverged(when: str, what: str, rate: float) -> DivergedError:
    """Return the error of a training run of peak learning rate ``rate``."""
    return DivergedError(
        f"training diverged in {when}: {what}; nothing of it was saved",
        hint=f"use a learning_rate below {rate}, or a clip_norm",
    )


def culprit(module: nn.Module, sequence: Tensor) -> str:
    """Say which tensor is the first that is not finite: a weight, an output, or a gradient."""
    for name, parameter in module.named_parameters():
        if not parameter.isfinite().all():
            return f"{name} is not finite"
    for name, output in _outputs(module, sequence):
        if not output.isfinite().all():
            return f"the output of {name} is not finite"
    # errors travel from the last layer to the first
    for name, parameter in reversed(list(module.named_parameters())):
        if parameter.grad is not None and not parameter.grad.isfinite().all():
            return f"the gradient of {name} is not finite"
    return "the loss, or the norm of all gradients, is not finite"


@torch.no_grad()
def _outputs(module: nn.Module, sequence: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Yield what each layer gives for ``sequence``, in the order of computation."""
    found: list[tuple[str, Tensor]] = []

    def keep(name: str):
        return lambda _module, _inputs, output: found.append((name, output))

    leaves = [(n, m) for n, m in module.named_modules() if not any(m.children())]
    hooks = [m.register_forward_hook(keep(n)) for n, m in leaves]
    try:
        unroll(module, sequence)
    finally:
        for hook in hooks:
            hook.remove()
    yield from ((name, output) for name, output in found if isinstance(output, Tensor))
