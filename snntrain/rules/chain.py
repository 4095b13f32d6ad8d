"""Networks that are one chain of weights and neurons, for rules that walk it layer by layer."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

from torch import fx, nn

from snntrain.delays import Temporal
from snntrain.layers import Spiking


class Link(NamedTuple):
    """One population of a chain: its path, the weights in front of it, and its neurons."""

    name: str
    linear: nn.Linear
    spiking: Spiking


def chain(module: nn.Module, *, recurrent: bool = False) -> tuple[list[Link], list[str]]:
    """Return the populations of ``module`` in forward order, and what else it consists of.

    A chain is ``Linear, Spiking, Linear, Spiking, ...`` with a ``Flatten`` before any Linear;
    no Linear has a bias and no Spiking a normalisation. With ``recurrent``, a population may
    hear itself through a Linear without bias. The second list is empty for a chain.
    """
    nodes = list(_Tracer().trace(module).nodes)
    modules = dict(module.named_modules())
    links, problems, linear = [], [], None
    for before, node in pairwise(nodes):
        if node.all_input_nodes != [before]:
            problems.append(f"{node.name}: does not read {before.name} alone")
        layer = modules[str(node.target)] if node.op == "call_module" else None
        where = str(node.target) if layer else node.name
        if linear is None and isinstance(layer, nn.Linear):
            linear = layer
            problems += [f"{where}: has a bias"] * (layer.bias is not None)
        elif linear is not None and isinstance(layer, Spiking):
            links.append(Link(where, linear, layer))
            linear = None
            problems += _unknown(where, layer, recurrent)
        elif node.op != "output" and (linear is not None or not isinstance(layer, nn.Flatten)):
            wanted = "Flatten or Linear" if linear is None else "Spiking"
            kind = type(layer).__name__ if layer else node.target
            problems.append(f"{where}: is {kind}, not {wanted}")
            linear = None
    if linear is not None or not links:
        problems.append("output: comes from no population")
    return links, problems


def ending(module: nn.Module) -> nn.Module | None:
    """Return the layer inside ``module`` whose output is that of ``module``, if there is one."""
    (output,) = _Tracer().trace(module).find_nodes(op="output")
    (result,) = output.all_input_nodes or (output,)
    return module.get_submodule(str(result.target)) if result.op == "call_module" else None


class _Tracer(fx.Tracer):
    """Traces a network with its temporal layers as single nodes."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Return whether ``m`` is a node of its own."""
        return isinstance(m, Temporal) or super().is_leaf_module(m, module_qualified_name)


def _unknown(where: str, layer: Spiking, recurrent: bool) -> list[str]:
    """List what a population has that a chain does not."""
    own: Any = layer.recurrent
    found = [f"{where}: has a normalisation; use norm=False"] * (layer.norm is not None)
    if own is not None and not recurrent:
        found.append(f"{where}: hears its own spikes")
    elif own is not None and not (isinstance(own, nn.Linear) and own.bias is None):
        found.append(f"{where}: hears its own spikes through what is no Linear without bias")
    return found
