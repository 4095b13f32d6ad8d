"""Running a Graph layer by layer in torch: the float reference, and a dense integer oracle.

It knows no latency: every layer sees its source's spikes of the same frame, from rest.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hwsim.arith import Arithmetic
from hwsim.engines.base import message_type
from hwsim.program import expand
from snnexport.graph import Convolution, Edge, Graph, Layer, Linear, Pool, SumPool
from snntrain.neurons import INTEGER, Real, Surrogate


@dataclass(frozen=True, eq=False)
class Activity:
    """Messages and voltages by layer, (T, B, *shape).

    The voltage is what the threshold saw, before the reset; neurons that compare none have none.
    Messages wider than int8 stay reals in a network of reals.
    """

    spikes: dict[str, np.ndarray]
    voltages: dict[str, np.ndarray]


def interpret(graph: Graph, frames: np.ndarray) -> Activity:
    """Run ``graph`` on ``frames`` (T, B, *shape): float64, or int64 once it is quantized."""
    spikes = {graph.input: torch.as_tensor(frames).double()}
    messages, voltages = {}, {}
    for layer in _in_order(graph):
        spikes[layer.name], compared = _run_layer(layer, spikes)
        messages[layer.name] = spikes[layer.name].numpy().astype(_message_type(layer))
        if compared:
            voltages[layer.name] = torch.stack(compared).numpy()
    return Activity(messages, voltages)


def _message_type(layer: Layer) -> type:
    kind = message_type(layer.neuron.MESSAGES)
    return kind if kind is np.int8 or layer.scale is not None else np.float64


def _in_order(graph: Graph) -> list[Layer]:
    """Return the layers with every source before its targets."""
    done, order, left = {graph.input}, [], list(graph.layers)
    while left:
        ready = next(p for p in left if all(e.source in done for e in p.edges))
        done.add(ready.name)
        order.append(ready)
        left.remove(ready)
    return order


class _Witness:
    """An arithmetic that remembers the first voltage each step compared with a threshold."""

    def __init__(self, arithmetic: Arithmetic) -> None:
        self._arithmetic = arithmetic
        self.compared: list[Tensor] = []
        self.fresh = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._arithmetic, name)

    def fire(self, v: Tensor, threshold: Tensor) -> Tensor:
        if self.fresh:
            self.compared.append(v)
        self.fresh = False
        return self._arithmetic.fire(v, threshold)


def _run_layer(layer: Layer, spikes: dict[str, Tensor]) -> tuple[Tensor, list[Tensor]]:
    integer = layer.scale is not None
    kind = torch.int64 if integer else torch.float64
    arithmetic: Any = _Witness(INTEGER if integer else Real(Surrogate(1.0)))
    first = spikes[layer.edges[0].source]
    current = torch.zeros(*first.shape[:2], *layer.shape, dtype=torch.float64)
    for edge in layer.edges:
        current = current + _propagate(edge, spikes[edge.source], layer.shape)
    current = current.to(kind)
    neuron = _tensors(layer, kind)
    if integer:
        current = current << neuron.INPUT_SHIFT
    elif layer.norm is not None:
        gain, offset = (torch.as_tensor(expand(x, layer.shape)) for x in vars(layer.norm).values())
        current, neuron = current * gain, replace(neuron, bias=neuron.bias + offset)
    state = tuple(torch.zeros_like(current[0]) for _ in neuron.STATE)
    out = []
    for x in current:
        arithmetic.fresh = True
        s, state = neuron.step(arithmetic, state, x)
        out.append(s.double())
    return torch.stack(out), arithmetic.compared


def _tensors(layer: Layer, kind: torch.dtype) -> Any:
    values = {f.name: getattr(layer.neuron, f.name) for f in fields(layer.neuron)}
    wide = {n: torch.as_tensor(expand(v, layer.shape)).to(kind) for n, v in values.items()}
    return replace(layer.neuron, **wide)


def _propagate(edge: Edge, spikes: Tensor, target: tuple[int, ...]) -> Tensor:
    x = spikes.flatten(0, 1)
    if edge.pool is not None:
        x = _average(x, edge.pool)
    w = edge.weights
    if isinstance(w, Linear):
        x = functional.linear(x.flatten(1), _double(w.weight), _double(w.bias))
    elif isinstance(w, Convolution):
        sizes = (w.stride, w.padding, w.dilation, w.groups)
        x = functional.conv2d(x, _double(w.weight), _double(w.bias), *sizes)
    elif isinstance(w, SumPool):
        window = Pool(w.kernel, w.stride, w.padding)
        x = torch.round(_average(x, window) * window.area) * float(w.weight[0])
    return x.reshape(*spikes.shape[:2], *target)


def _average(x: Tensor, pool: Pool) -> Tensor:
    return functional.avg_pool2d(x, pool.kernel, pool.stride, pool.padding)


def _double(array: np.ndarray | None) -> Any:
    return None if array is None else torch.as_tensor(array).double()
