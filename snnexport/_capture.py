"""nn.Module -> Graph: a symbolic trace of one time step with neurons as leaves."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import fx, nn
from torch.fx.proxy import TraceError

from hwsim.errors import RangeError, UnsupportedError, raise_all
from hwsim.neurons import Cuba
from hwsim.program import Readout
from snnexport.graph import Convolution, Edge, Graph, Layer, Linear, Norm, Pool, Weights
from snntrain.layers import Spiking

_TRANSPARENT = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Flatten)
_SUMS: tuple[Callable[..., Any], ...] = (operator.add, operator.iadd, torch.add)
_FLATTENS = (torch.flatten,)
_SUPPORTED = "Spiking, Conv2d, Linear, AvgPool2d, Flatten, Dropout, sums of currents"


def capture(
    module: nn.Module,
    example: torch.Tensor,
    *,
    name: str = "network",
    readout: Readout = Readout.COUNT,
) -> Graph:
    """Return the network that ``module`` computes in one time step, in float64.

    Parameters
    ----------
    module
        Any module of ``Spiking`` neurons, convolutions, linear layers, average pooling,
        flatten, dropout and additions of currents. It is read as in evaluation.
    example
        Real numbers (T, B, *shape): T becomes the number of steps of a sample.

    Raises
    ------
    CheckError
        Listing every layer that cannot be captured, each with its module path.
    UnsupportedError
        If the module's control flow cannot be traced.
    """
    if example.ndim < 3 or 0 in example.shape:
        raise RangeError(
            f"example: shape {tuple(example.shape)} is not (T, B, *shape) with T, B >= 1",
            hint="time is axis 0, the batch axis 1",
        )
    was_training = module.training
    module.eval()
    try:
        traced = _trace(module)
        kinds = [p.dtype for p in module.parameters()]
        _run_for_shapes(module, traced, example[0].to(kinds[0] if kinds else torch.float32))
        walker = _Walker(traced)
        layers, output = walker.walk()
    finally:
        module.train(was_training)
    return Graph(
        name=name,
        input=walker.input,
        input_shape=tuple(example.shape[2:]),
        layers=layers,
        output=output,
        steps=int(example.shape[0]),
        readout=readout,
    )


@dataclass(frozen=True, eq=False)
class _Path:
    """What lies between a neuron ``target`` and the place a walk back has reached."""

    target: str
    module: str
    weights: Weights | None = None
    pool: Pool | None = None


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, Spiking) or super().is_leaf_module(m, module_qualified_name)


def _trace(module: nn.Module) -> fx.GraphModule:
    try:
        return fx.GraphModule(module, _Tracer().trace(module))
    except (TraceError, TypeError) as error:
        raise UnsupportedError(
            f"{type(module).__name__}: forward cannot be traced: {error}",
            hint="write forward for one time step, without conditions on the data",
        ) from None


class _Shapes(fx.Interpreter):
    """Runs a traced network once and notes the shape of every value, without the batch."""

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        n.meta["shape"] = tuple(result.shape[1:]) if isinstance(result, torch.Tensor) else ()
        return result


def _run_for_shapes(module: nn.Module, traced: fx.GraphModule, frame: torch.Tensor) -> None:
    try:
        _Shapes(traced).run(frame)
    except (RuntimeError, TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UnsupportedError(
            f"{type(module).__name__}: forward fails on a frame of shape {tuple(frame.shape)}: "
            f"{reason}",
            hint="example must be (T, B, *shape) of what forward takes for one step",
        ) from None


class _Walker:
    """Reads a traced graph backwards from each neuron, collecting what it does not know."""

    def __init__(self, traced: fx.GraphModule) -> None:
        self.traced = traced
        self.modules = dict(traced.named_modules())
        self.problems: dict[str, None] = {}
        self.input = "input"
        while self.input in self.modules:
            self.input += "_"

    def walk(self) -> tuple[tuple[Layer, ...], str]:
        nodes = list(self.traced.graph.nodes)
        layers = [self._layer(n) for n in nodes if self._neuron(n) is not None]
        for node in nodes:
            self._known(node)
        inputs = [n for n in nodes if n.op == "placeholder" and n.users]
        if len(inputs) != 1:
            self.problems[f"forward takes {len(inputs)} inputs, not one"] = None
        (result,) = next(n for n in nodes if n.op == "output").args
        if not isinstance(result, fx.Node) or self._neuron(result) is None:
            self.problems["output: the network does not end in one Spiking layer"] = None
        for layer in layers:
            self.problems |= dict.fromkeys(_not_finite(layer))
        names = [layer.name for layer in layers]
        self.problems |= dict.fromkeys(
            f"{n}: is called more than once in a step" for n in names if names.count(n) > 1
        )
        raise_all(
            "the network cannot be captured",
            list(self.problems),
            hint=f"replace these layers; what can be captured: {_SUPPORTED}",
        )
        return tuple(layers), str(result.target)

    def _neuron(self, node: fx.Node) -> Spiking | None:
        module = self.modules.get(str(node.target)) if node.op == "call_module" else None
        return module if isinstance(module, Spiking) else None

    def _layer(self, node: fx.Node) -> Layer:
        spiking = self._neuron(node)
        assert spiking is not None
        name = str(node.target)
        edges = self._edges(node.all_input_nodes[0], _Path(target=name, module=name))
        norm = None
        if spiking.norm is not None:
            gain, offset = spiking.norm.affine(torch.empty(0))
            norm = Norm(_array(gain), _array(offset))
        return Layer(
            name=name,
            shape=_shape(node),
            neuron=Cuba(
                decay_u=_scalar(spiking.decay_u),
                decay_v=_scalar(spiking.decay_v),
                threshold=_scalar(spiking.threshold),
                bias=0.0,
            ),
            edges=tuple(edges),
            norm=norm,
        )

    def _edges(self, node: fx.Node, path: _Path) -> list[Edge]:
        """Follow a current back to the spikes it comes from; a sum has several sources."""
        if node.op == "placeholder" or self._neuron(node) is not None:
            if path.weights is None and path.pool is None:
                self._refuse(node, f"its spikes enter {path.target} without weights")
            source = self.input if node.op == "placeholder" else str(node.target)
            return [Edge(source, path.module, path.weights, path.pool)]
        part = self._known(node)
        if part is None or node.op == "output":
            return []
        path = self._extend(path, node, part)
        first, *others = node.all_input_nodes
        found = self._edges(first, path)
        for addend in others:  # a bias belongs to one of them only
            found += self._edges(addend, replace(path, weights=_without_bias(path.weights)))
        return found

    def _extend(self, path: _Path, node: fx.Node, part: Weights | Pool | bool) -> _Path:
        """Return ``path`` with what ``node`` adds to it."""
        if isinstance(part, Pool):
            if path.pool is not None:
                self._refuse(node, "there is no neuron between it and another pool")
            module = path.module if path.weights is not None else str(node.target)
            return replace(path, pool=part, module=module)
        if not isinstance(part, bool):
            if path.weights is not None or path.pool is not None:
                self._refuse(node, f"there is no neuron between it and {path.module}")
            return replace(path, weights=part, module=str(node.target))
        source = node.all_input_nodes[0]
        if path.weights is None and _shape(node) != _shape(source):
            self._refuse(node, "it comes between weights and neurons; put it before the weights")
        return path

    def _known(self, node: fx.Node) -> Weights | Pool | bool | None:
        """Return what a node does to a current, True if nothing, None (refused) if unknown."""
        if node.op in ("placeholder", "output") or self._neuron(node) is not None:
            return True
        if node.op == "call_module":
            return self._known_module(node, self.modules[str(node.target)])
        if node.op == "call_function" and node.target in _SUMS:
            return self._known_sum(node)
        if node.op == "call_function" and node.target in _FLATTENS:
            return True
        if node.op == "call_method" and node.target == "flatten":
            return True
        self._refuse(node, "is not supported")
        return None

    def _known_sum(self, node: fx.Node) -> bool | None:
        """Return True for a plain sum of two tensors of one shape."""
        terms = [a for a in node.args if isinstance(a, fx.Node)]
        if len(terms) != 2 or node.kwargs:
            self._refuse(node, "only plain sums of two currents are supported")
        elif terms[0] is terms[1]:
            self._refuse(node, "the sum of a current with itself is not supported")
        elif _shape(terms[0]) != _shape(terms[1]):
            self._refuse(node, f"adds shapes {_shape(terms[0])} and {_shape(terms[1])}")
        else:
            return True
        return None

    def _known_module(self, node: fx.Node, m: nn.Module) -> Weights | Pool | bool | None:
        if isinstance(m, _TRANSPARENT):
            return True
        if isinstance(m, nn.Linear):
            shape = _shape(node.all_input_nodes[0])
            if len(shape) == 1:
                return Linear(_array(m.weight), _bias(m))
            self._refuse(node, f"Linear on shape {shape}: put a Flatten in front of it")
            return None
        if isinstance(m, nn.Conv2d) and m.padding_mode == "zeros" and m.padding != "same":
            padding = (0, 0) if isinstance(m.padding, str) else _pair(m.padding)
            sizes = (_pair(m.stride), padding, _pair(m.dilation))
            return Convolution(_array(m.weight), _bias(m), *sizes, m.groups)
        if isinstance(m, nn.AvgPool2d) and _plain(m):
            return Pool(_pair(m.kernel_size), _pair(m.stride), _pair(m.padding))
        self._refuse(node, f"{m} is not supported")
        return None

    def _refuse(self, node: fx.Node, reason: str) -> None:
        called = getattr(node.target, "__name__", node.target)
        where = str(node.target) if node.op == "call_module" else f"{node.name} ({called})"
        self.problems[f"{where}: {reason}"] = None


def _not_finite(layer: Layer) -> list[str]:
    """Name every module into ``layer`` that holds a NaN or an infinity."""
    numbers = {f"{layer.name}: {name}": value for name, value in vars(layer.neuron).items()}
    if layer.norm is not None:
        numbers |= {f"{layer.name}: norm": np.stack([layer.norm.gain, layer.norm.offset])}
    for edge in layer.edges:
        for name in ("weight", "bias"):
            value = getattr(edge.weights, name, None)
            numbers |= {} if value is None else {f"{edge.module}: {name}": value}
    return [f"{where} is not finite" for where, v in numbers.items() if not np.isfinite(v).all()]


def _without_bias(weights: Weights | None) -> Weights | None:
    return weights if weights is None else replace(weights, bias=None)


def _plain(m: nn.AvgPool2d) -> bool:
    return m.count_include_pad and not m.ceil_mode and m.divisor_override is None


def _shape(node: fx.Node) -> tuple[int, ...]:
    return node.meta["shape"]


def _array(tensor: Any) -> np.ndarray:
    return torch.as_tensor(tensor).detach().to("cpu", torch.float64).numpy().copy()


def _scalar(value: Any) -> Any:
    array = _array(value)
    return float(array) if array.ndim == 0 else array


def _bias(m: nn.Conv2d | nn.Linear) -> np.ndarray | None:
    return None if m.bias is None else _array(m.bias)


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))
