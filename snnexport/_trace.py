"""A module's forward as a graph of operations, with the shapes and constants of its values."""

from __future__ import annotations

import copy
import operator
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import fx, nn
from torch.fx.proxy import TraceError

from hwsim.errors import UnsupportedError
from snnexport.frameworks.imported import Imported
from snntrain.delays import Temporal
from snntrain.norms import TimeScaledNorm

_RAISED = (AttributeError, LookupError, NameError, RuntimeError, TypeError, ValueError)
"""What a forward of anybody may raise where it meets what is no tensor, or of another shape."""


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, Temporal) or super().is_leaf_module(m, module_qualified_name)


def trace(module: nn.Module, frame: torch.Tensor) -> fx.GraphModule:
    """Return the operations of one time step; every node knows its ``meta["shape"]``.

    frame: (B, *shape). A shape is without the batch; what is no tensor has None.

    Raises
    ------
    UnsupportedError
        If control flow depends on data, or forward fails on ``frame``.
    """
    try:
        traced = fx.GraphModule(module, _without_states(_Tracer().trace(module), module))
    except (TraceError, *_RAISED) as error:
        reason = str(error).strip().partition(". ")[0]  # torch goes on about its own proxies
        if "cannot be iterated" in reason:
            reason = "it holds a loop over a tensor, over time perhaps"
        raise UnsupportedError(
            f"{type(module).__name__}: forward cannot be traced: {reason}",
            hint="write forward for one time step, without conditions on the data; "
            "snntrain.unroll repeats it",
        ) from None
    try:
        _Shapes(traced).run(frame)
    except _RAISED as error:
        reason = str(error).strip().splitlines()[0]
        raise UnsupportedError(
            f"{type(module).__name__}: forward fails on a frame of shape {tuple(frame.shape)}: "
            f"{reason}",
            hint="example must be (T, B, *shape) of what forward takes for one step",
        ) from None
    return traced


def _without_states(graph: fx.Graph, module: nn.Module) -> fx.Graph:
    """Return ``graph`` in which neurons of frameworks take one value and return their spikes.

    What they hand back beside spikes may be given to the next call, and be returned behind them.
    Where a voltage is all that the network answers, its node has ``meta["voltage"]``.
    """
    (end,) = (n for n in graph.nodes if n.op == "output")
    for node in list(graph.nodes):
        called = module.get_submodule(str(node.target)) if node.op == "call_module" else None
        if not isinstance(called, Imported):
            continue
        _require_states(node, called)
        node.args, node.kwargs = node.args[:1], {}
        if not called.returned:
            continue
        if isinstance(end.args[0], tuple):
            end.args = (end.args[0][0],)
        parts = [user for user in node.users if user.target is operator.getitem]
        used = [part for part in parts if part.users]
        last = [part for part in used if part.args[1] in (-1, called.returned - 1)]
        node.meta["voltage"] = called.never_resets and used == last == [end.args[0]]
        for part in used:
            if part.args[1] != 0 and not node.meta["voltage"]:
                raise UnsupportedError(
                    f"{node.target}: forward computes with its state, which a chip keeps to itself",
                    hint="compute with its spikes; a voltage is read from a neuron without a reset",
                )
            part.replace_all_uses_with(node)
        for part in parts:
            graph.erase_node(part)
    _forget_lookups(graph)
    return graph


def _require_states(node: fx.Node, called: Imported) -> None:
    """Raise UnsupportedError where a neuron is given something else than its state, or not that."""
    given = [*node.args[1:], *node.kwargs.values()]
    entry = next(n for n in node.graph.nodes if n.op == "placeholder")
    for value in given:
        while isinstance(value, fx.Node) and value.target in (operator.getitem, getattr):
            value = value.args[0]
        held = isinstance(value, fx.Node) and value.op in ("placeholder", "get_attr")
        held = held and value is not entry
        if value is not None and value is not node and not held:
            raise UnsupportedError(
                f"{node.target}: forward gives it {value} beside its input, which is not its state",
                hint="give states as they were returned, or let neurons keep them",
            )
    if not called.keeps_state and not any(value is not None for value in given):
        raise UnsupportedError(
            f"{node.target}: is called without its state, so it begins at rest in every step",
            hint="take states in forward and hand them on: cell(x, state)",
        )


def _forget_lookups(graph: fx.Graph) -> None:
    """Erase what looked for states in an argument that is never given."""
    for node in reversed(graph.nodes):
        if node.target in (operator.getitem, getattr) and not node.users:
            graph.erase_node(node)


class _Shapes(fx.Interpreter):
    """Runs a traced network once and notes the shape of every value."""

    def call_module(self, target: Any, args: Any, kwargs: Any) -> Any:
        module = self.fetch_attr(target)
        norm = getattr(module, "norm", None)
        # a norm may need as many steps as it was made for; states are not asked for
        if isinstance(norm, TimeScaledNorm) or isinstance(module, Imported):
            return torch.zeros_like(args[0])
        return super().call_module(target, args, kwargs)

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        n.meta["shape"] = tuple(result.shape[1:]) if isinstance(result, torch.Tensor) else None
        return result


class _Silence(fx.Interpreter):
    """Runs a traced network in which populations send nothing; keeps what they still hear."""

    def __init__(self, traced: fx.GraphModule, hears: Mapping[fx.Node, fx.Node | None]) -> None:
        super().__init__(traced)
        self.hears = hears
        self.found: dict[fx.Node, np.ndarray] = {}

    def run_node(self, n: fx.Node) -> Any:
        if n not in self.hears:
            return super().run_node(n)
        heard = self.hears[n]
        if heard is not None:
            self.found[n] = self.env[heard][0].numpy()
        return torch.zeros((1, *n.meta["shape"]), dtype=torch.float64)


def constants(
    traced: fx.GraphModule, frame: torch.Tensor, hears: Mapping[fx.Node, fx.Node | None]
) -> dict[fx.Node, np.ndarray]:
    """Return what populations hear while everything is silent, without batch, in float64.

    hears: the populations, each with the value that it hears, or None not to be asked.
    """
    doubled = fx.GraphModule(copy.deepcopy(traced).double(), traced.graph)
    silence = _Silence(doubled, hears)
    try:
        with torch.no_grad():
            silence.run(torch.zeros(1, *frame.shape[1:], dtype=torch.float64))
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UnsupportedError(
            f"forward fails on a single sample in float64: {reason}",
            hint="write no batch size and no type into forward",
        ) from None
    return silence.found


def is_tensor(node: fx.Node) -> bool:
    """Say whether ``node`` is a tensor in the network."""
    return node.meta.get("shape") is not None and node.op != "output"


def tensors_into(node: fx.Node) -> list[fx.Node]:
    """Return the tensors that ``node`` reads; sizes, as those given to ``view``, are none."""
    return [n for n in node.all_input_nodes if is_tensor(n)]


def place_of(node: fx.Node) -> str:
    """Return the path of the module whose forward computes ``node``, "" for the outermost."""
    stack = node.meta.get("nn_module_stack") or {}
    inside = [re.sub(r"@\d+$", "", path) for path in stack]
    return inside[-1] if inside else ""
