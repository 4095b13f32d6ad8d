"""Which values of a traced network are populations: neurons, gates, and sums that weights read."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx, nn

from snnexport._operations import (
    CONCATENATIONS,
    DIFFERENCES,
    PRODUCTS,
    SUMS,
    RefusedError,
    is_max_pool,
    stages_of,
)
from snnexport._trace import is_tensor, place_of, tensors_into
from snnexport.frameworks.imported import Imported
from snnexport.graph import Flatten, Late, Stage
from snntrain.layers import Population, Spiking

ALL, ANY = (*PRODUCTS, torch.minimum), (torch.maximum,)
"""Functions of two values that are gates when both are spikes: AND, OR."""
NEURONS = (Population, Imported)
"""Modules that are layers of neurons."""


class Populations:
    """The populations of a traced network; ``names`` holds them by their node, in its order."""

    def __init__(self, traced: fx.GraphModule) -> None:
        self.modules = dict(traced.named_modules())
        self.names: dict[fx.Node, str] = {}
        self._spikes: set[fx.Node] = set()
        """Values that are 0 or 1, found in the order of the trace."""
        nodes = [n for n in traced.graph.nodes if is_tensor(n)]
        for node in nodes:
            if self.is_neuron(node) or self.is_gate(node):
                self.names[node] = self._name(node)
            if self._sends_spikes(node):
                self._spikes.add(node)
        for node in nodes:
            if node.target in SUMS and self._adds_spikes(node) and self._feeds_weights(node):
                self.names[node] = self._name(node)

    def module(self, node: fx.Node) -> nn.Module | None:
        """Return the module that ``node`` calls."""
        return self.modules[str(node.target)] if node.op == "call_module" else None

    def is_neuron(self, node: fx.Node) -> bool:
        """Say whether ``node`` is a layer of neurons."""
        return isinstance(self.module(node), NEURONS)

    def is_gate(self, node: fx.Node) -> bool:
        """Say whether ``node`` is logic: each of its inputs is spikes, one may be 1 less spikes."""
        if is_max_pool(node, self.module(node)):
            return node.all_input_nodes[0] in self._spikes
        if node.target not in (*ALL, *ANY) or len(node.args) != 2 or node.kwargs:
            return False
        denied = [complement(a) for a in node.args]
        heard = [a if d is None else d for a, d in zip(node.args, denied, strict=True)]
        plain = not any(denied) or (None in denied and node.target in PRODUCTS)
        return plain and all(
            isinstance(h, fx.Node) and h in self._spikes and h.meta["shape"] == node.meta["shape"]
            for h in heard
        )

    def free(self, name: str) -> str:
        """Return ``name``, made unlike the names of neurons and of other populations."""
        neurons = (path for path, m in self.modules.items() if isinstance(m, NEURONS))
        taken = {*neurons, *self.names.values()}
        number, choice = 2, name
        while choice in taken:
            number, choice = number + 1, f"{name}_{number}"
        return choice

    def _sends_spikes(self, node: fx.Node) -> bool:
        if node in self.names:
            module = self.module(node)
            if isinstance(module, Imported):
                return module.sends_spikes
            return not self.is_neuron(node) or isinstance(module, Spiking)
        inputs = tensors_into(node)
        if not inputs or any(n not in self._spikes for n in inputs):
            return False
        if node.target in (*SUMS, *DIFFERENCES):  # even of one value: it adds a constant
            return False
        return node.target in CONCATENATIONS or not self._weighs(node)

    def _adds_spikes(self, node: fx.Node) -> bool:
        if node.target in SUMS and len(node.args) == 2 and not node.kwargs:
            return all(isinstance(a, fx.Node) and self._adds_spikes(a) for a in node.args)
        return node in self._spikes

    def _feeds_weights(self, node: fx.Node) -> bool:
        readers = [n for n in node.users if n not in self.names and len(tensors_into(n)) == 1]
        return any(self._weighs(n) or self._feeds_weights(n) for n in readers if is_tensor(n))

    def _weighs(self, node: fx.Node) -> bool:
        """Say whether ``node`` does more to its one input than hand it on."""
        try:
            stages: tuple[Stage, ...] = stages_of(node, self.module(node))
        except RefusedError:
            return True
        return any(not isinstance(s, (Flatten, Late)) for s in stages)

    def _name(self, node: fx.Node) -> str:
        if node.op == "call_module":
            return str(node.target) if self.is_neuron(node) else self.free(str(node.target))
        kinds = {**dict.fromkeys(ANY, "or"), **dict.fromkeys(ALL, "and")}
        kinds |= dict.fromkeys(SUMS, "add")
        what, place = kinds.get(node.target, "max"), place_of(node)
        return self.free(f"{place}.{what}" if place else what)


def complement(value: Any) -> fx.Node | None:
    """Return s of ``1 - s``, None for anything else."""
    if not isinstance(value, fx.Node) or value.kwargs:
        return None
    if value.target in DIFFERENCES and value.args[0] in (1, 1.0):
        return value.args[1] if isinstance(value.args[1], fx.Node) else None
    if value.target is torch.rsub and value.args[1] in (1, 1.0):
        return value.args[0] if isinstance(value.args[0], fx.Node) else None
    return None
