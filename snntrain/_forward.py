"""How a network is computed while it trains: in which precision, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from snntrain.delays import Temporal
from snntrain.recipe import Precision, TrainSettings


@contextmanager
def computed(module: nn.Module, settings: TrainSettings, device: torch.device) -> Iterator[None]:
    """Compute ``module`` as a recipe asks for while active; whoever differentiates it sees no more.

    Only the forward pass runs under autocast, as torch advises.
    """
    with ExitStack() as stack:
        if settings.checkpointing:
            for block in blocks(module):
                stack.enter_context(_replaced(block, partial(_again, block, block.forward)))
        if settings.precision is Precision.BFLOAT16:
            cast = torch.autocast(device.type, torch.bfloat16)(module.forward)
            stack.enter_context(_replaced(module, cast))
        yield


def blocks(module: nn.Module) -> list[nn.Module]:
    """Return the outermost parts of ``module`` that hold neurons, sequences of parts opened."""
    found = []
    for child in module.children():
        if isinstance(child, nn.Sequential | nn.ModuleList):
            found += blocks(child)
        elif any(isinstance(part, Temporal) for part in child.modules()):
            found.append(child)
    return found


def _again(block: nn.Module, forward: Any, *inputs: Any) -> Any:
    """Run ``forward`` of ``block`` keeping its inputs alone, and run it again for the gradients.

    The second time, everything is as it was the first: the number of steps, the dynamics, and the
    running statistics, which must not count a batch twice.
    """
    layers = [part for part in block.modules() if isinstance(part, Temporal)]
    now = [(layer, dict(steps=layer.steps, **_dynamics(layer))) for layer in layers]

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _as_it_was(block, now)

    return checkpoint(forward, *inputs, use_reentrant=False, context_fn=contexts)


def _dynamics(layer: Temporal) -> dict[str, Any]:
    return {"dynamics": layer.dynamics} if hasattr(layer, "dynamics") else {}


@contextmanager
def _as_it_was(block: nn.Module, then: list[tuple[Temporal, dict[str, Any]]]) -> Iterator[None]:
    later = [(layer, {name: getattr(layer, name) for name in values}) for layer, values in then]
    statistics = [(buffer, buffer.clone()) for buffer in block.buffers()]
    _set(then)
    try:
        yield
    finally:
        _set(later)
        for buffer, before in statistics:
            if not torch.equal(buffer, before):
                buffer.copy_(before)


def _set(values: list[tuple[Temporal, dict[str, Any]]]) -> None:
    for layer, attributes in values:
        for name, value in attributes.items():
            setattr(layer, name, value)


@contextmanager
def _replaced(module: nn.Module, forward: Any) -> Iterator[None]:
    before = vars(module).get("forward")
    module.forward = forward
    try:
        yield
    finally:
        if before is None:
            del module.forward
        else:
            module.forward = before
