"""Reading a traced network backwards: what feeds each population, and through which stages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from hwsim.neurons import Gate, GradedRelay, LeakyIntegrator
from hwsim.program import expand
from hwsim.synapses import Shape
from snnexport._layer_checks import not_finite, unheard
from snnexport._operations import (
    CONCATENATIONS,
    DIFFERENCES,
    SUMS,
    RefusedError,
    argument,
    array,
    is_max_pool,
    max_pool_windows,
    shape_of,
    stages_of,
)
from snnexport._populations import ALL, ANY, Populations, complement
from snnexport._trace import constants, is_tensor, tensors_into, trace
from snnexport.frameworks.imported import Imported, spread
from snnexport.graph import (
    Convolution,
    Diagonal,
    Edge,
    Layer,
    Linear,
    Norm,
    Place,
    Stage,
    SumPool,
)
from snntrain.delays import Delay
from snntrain.layers import Population
from snntrain.norms import TimeScaledNorm


class Walker:
    """Reads a traced network backwards from each population, noting what it does not know.

    Populations are neurons, gates (logic on spikes), and sums of spikes that weights read.
    ``names`` holds them, by their node.
    """

    def __init__(self, traced: fx.GraphModule, frame: torch.Tensor) -> None:
        self.found = Populations(traced)
        self.frame = frame
        self.names = self.found.names
        self.problems: dict[str, None] = {}
        self.input = self.found.free("input")
        self.nodes = [n for n in traced.graph.nodes if is_tensor(n)]
        (result,) = next(n for n in traced.graph.nodes if n.op == "output").args
        self.result = result if isinstance(result, fx.Node) else None
        self.constants = constants(traced, frame, self._hears(traced))

    def walk(self) -> tuple[tuple[Layer, ...], str]:
        """Return the layers in the order of the trace, and which is the output."""
        for node, constant in self.constants.items():
            if isinstance(self.found.module(node), Delay) and constant.any():
                self.problems[f"{node.target}: delays a constant; put it in front of biases"] = None
        for node in self.nodes:
            if node not in self.names and node.op not in ("placeholder", "output"):
                self._inputs(node)
        inputs = [n for n in self.nodes if n.op == "placeholder" and n.users]
        if len(inputs) != 1:
            self.problems[f"forward takes {len(inputs)} inputs, not one"] = None
        layers = [self._layer(n) for n in self.nodes if n in self.names]
        if self.result is None:
            self.problems["output: forward must return one tensor"] = None
            return tuple(layers), ""
        if self.result not in self.names:
            layers.append(self._integrator())
        self.problems |= dict.fromkeys(unheard(layers))
        return tuple(layers), self.names.get(self.result, layers[-1].name)

    def edges(self, node: fx.Node, module: str, stages: tuple[Stage, ...] = ()) -> list[Edge]:
        """Follow a value back to the populations that it comes from; sums have several."""
        if node in self.names:
            return [Edge(self.names[node], module, stages)]
        if node.op == "placeholder":
            return [Edge(self.input, module, stages)]
        found = []
        for source, passed in self._inputs(node):
            here = _where(node) if _mixes(passed) and not _mixes(stages) else module
            found += self.edges(source, here, (*passed, *stages))
        return found

    def _inputs(self, node: fx.Node) -> list[tuple[fx.Node, tuple[Stage, ...]]]:
        """Return the values that ``node`` reads, each with what it does to them."""
        terms = [a for a in node.args if isinstance(a, fx.Node) and is_tensor(a)]
        try:
            if node.op == "get_attr":
                raise RefusedError("forward reads a tensor of its own; let a layer hold it")
            if node.target in (*SUMS, *DIFFERENCES) and len(terms) == 2:
                return self._terms(node, terms)
            if node.target in CONCATENATIONS:
                return _concatenated(node)
            inputs = tensors_into(node)
            if is_max_pool(node, self.found.module(node)):
                raise RefusedError("takes maxima of what is not spikes; put neurons before it")
            if node.target in (*ALL, *ANY) and len(inputs) == 2:
                raise RefusedError("multiplies or compares what is not spikes of one shape")
            if len(inputs) != 1:
                raise RefusedError("is not supported")
            return [(inputs[0], stages_of(node, self.found.module(node)))]
        except RefusedError as error:
            self.problems[f"{_where(node)}: {error}"] = None
            return []

    def _terms(
        self, node: fx.Node, terms: list[fx.Node]
    ) -> list[tuple[fx.Node, tuple[Stage, ...]]]:
        first, second = terms
        if node.kwargs:
            raise RefusedError("only plain sums of two values are supported")
        if shape_of(first) != shape_of(second):
            raise RefusedError(f"adds shapes {shape_of(first)} and {shape_of(second)}")
        negated = (Diagonal(np.full(shape_of(second)[0], -1.0)),)
        return [(first, ()), (second, negated if node.target in DIFFERENCES else ())]

    def _layer(self, node: fx.Node) -> Layer:
        name, module = self.names[node], self.found.module(node)
        if isinstance(module, Population):
            return self._neuron(node, name, module)
        if isinstance(module, Imported):
            return self._imported(node, name, module)
        if self.found.is_gate(node):
            edges, threshold = self._gate(node, name)
            return Layer(name, shape_of(node), Gate(threshold), tuple(edges))
        edges = tuple(e for source, _ in self._inputs(node) for e in self._spikes(source, name))
        return Layer(name, shape_of(node), GradedRelay(), edges)

    def _neuron(self, node: fx.Node, name: str, module: Population) -> Layer:
        shape, norm = shape_of(node), None
        if isinstance(module.norm, TimeScaledNorm):
            self.problems[
                f"{name}: its normalisation changes from step to step "
                f"({type(module.norm).__name__}); snntrain.freeze_time(module) makes it constant"
            ] = None
        elif module.norm is not None:
            norm = Norm(*(array(factor) for factor in module.norm.affine()))
        self._require_once(name)
        registers = {r: _register(getattr(module, r), shape) for r in module.REGISTERS}
        edges = self.edges(node.all_input_nodes[0], name)
        if module.recurrent is not None:
            edges += self._recurrent(node, name, module.recurrent)
        layer = Layer(name, shape, module.kind(**registers, bias=0.0), tuple(edges), norm)
        layer = replace(layer, constant=self._constant(node, shape))
        self.problems |= dict.fromkeys(not_finite(layer))
        return layer

    def _imported(self, node: fx.Node, name: str, module: Imported) -> Layer:
        """Return the layer that a framework's neurons are."""
        shape, seen = shape_of(node), node.meta["shape"]
        self._require_once(name)
        kind = LeakyIntegrator if node.meta.get("voltage") else module.kind
        needed = {r: v for r, v in module.registers.items() if r in kind.__dataclass_fields__}
        registers = {r: _register(spread(v, seen), shape) for r, v in needed.items()}
        gain = self._per_channel(f"{name}: gain", module.gain, seen)
        offset = self._per_channel(f"{name}: offset", module.offset, seen)
        edges = self.edges(node.all_input_nodes[0], name)
        if isinstance(module.recurrent, nn.Module):
            back = self._recurrent(node, name, module.recurrent)
            edges += [replace(e, stages=(*e.stages, *_behind(gain))) for e in back]
        elif module.recurrent is not None:
            own = self._per_channel(f"{name}: recurrent", module.recurrent, seen)
            edges.append(Edge(name, f"{name}.recurrent", (Diagonal(own * gain),), late=1))
        plain = np.all(gain == 1) and not offset.any()
        layer = Layer(
            name,
            shape,
            kind(**registers, bias=0.0),
            tuple(edges),
            None if plain else Norm(gain, offset),
            _sum(
                self._constant(node, shape), _register(spread(module.current, seen), shape), shape
            ),
            inclusive=module.inclusive,
        )
        self.problems |= dict.fromkeys(not_finite(layer))
        return layer

    def _require_once(self, name: str) -> None:
        if sum(other == name for other in self.names.values()) > 1:
            self.problems[f"{name}: is called more than once in a step"] = None

    def _per_channel(self, where: str, value: Any, shape: Shape) -> np.ndarray:
        """Return what torch makes of ``value`` beside neurons of ``shape``, one for a channel."""
        values = spread(value, shape)
        if np.ndim(values) > 1:
            self.problems[f"{where} differs within a channel"] = None
            return np.ones(shape[0])
        return values * np.ones(shape[0])

    def _recurrent(self, node: fx.Node, name: str, module: nn.Module) -> list[Edge]:
        """Return the paths from a population to itself, a frame late."""
        frame = self.frame.new_zeros(1, *node.meta["shape"])
        path = f"{name}.recurrent"
        inner = Walker(trace(nn.Sequential(module), frame), frame)  # a leaf is not traced itself
        if inner.result is None or inner.names:
            self.problems[f"{path}: must be linear and return one tensor"] = None
            return []
        edges = inner.edges(inner.result, path)
        self.problems |= {f"{path}: {problem}": None for problem in inner.problems}
        with torch.no_grad():
            if module(frame).any():
                self.problems[f"{path}: has a bias; use bias=False"] = None
        return [replace(e, source=name, module=path, late=1) for e in edges]

    def _integrator(self) -> Layer:
        """Return the layer that adds up the currents in which the network ends."""
        assert self.result is not None
        name, shape = self.found.free("output"), shape_of(self.result)
        neuron = LeakyIntegrator(decay_u=1.0, decay_v=1.0, bias=0.0)
        edges = tuple(self.edges(self.result, name))
        end = next(n for n in self.result.users if n.op == "output")
        return Layer(name, shape, neuron, edges, constant=self._constant(end, shape))

    def _gate(self, node: fx.Node, name: str) -> tuple[list[Edge], float]:
        """Return the edges of weight 1 or -1 of a gate, and its threshold."""
        module = self.found.module(node)
        if is_max_pool(node, module):
            try:
                windows = max_pool_windows(node, module)
            except RefusedError as error:
                self.problems[f"{name}: {error}"] = None
                return [], 0.0
            return self._spikes(node.all_input_nodes[0], name, windows), 0.0
        terms: Any = node.args
        denied = [complement(term) for term in terms]
        edges: list[Edge] = []
        for term, without in zip(terms, denied, strict=True):
            source = term if without is None else without
            weight = np.full(shape_of(source)[0], 1.0 if without is None else -1.0)
            edges += self._spikes(source, name, Diagonal(weight))
        return edges, 1.0 if node.target in ALL and not any(denied) else 0.0

    def _spikes(self, node: fx.Node, name: str, *weights: Stage) -> list[Edge]:
        """Return the edges from spikes, which have no weights of their own."""
        return [replace(e, module=name) for e in self.edges(node, name, weights)]

    def _hears(self, traced: fx.GraphModule) -> dict[fx.Node, fx.Node | None]:
        """Return every population with the value that it hears, None where it has no constant."""
        delays = [n for n in self.nodes if isinstance(self.found.module(n), Delay)]
        found: dict[fx.Node, fx.Node | None] = {
            n: n.all_input_nodes[0] if self.found.is_neuron(n) or n in delays else None
            for n in (*self.names, *delays)
        }
        end = next(n for n in traced.graph.nodes if n.op == "output")
        return found | ({end: self.result} if self.result is not None else {})

    def _constant(self, node: fx.Node, shape: Shape) -> Any:
        """Return what enters in every step: 0.0, one value per channel, or one per neuron."""
        value = self.constants[node].reshape(shape)
        if not value.any():
            return 0.0
        per_channel = value.reshape(shape[0], -1)
        same = (per_channel == per_channel[:, :1]).all()
        return per_channel[:, 0].copy() if same else value


def _sum(a: Any, b: Any, shape: Shape) -> Any:
    """Return the sum of two constants, each one value, one per channel, or one per neuron."""
    return a if not np.any(b) else spread(expand(a, shape) + expand(b, shape), shape)


def _behind(gain: np.ndarray) -> tuple[Stage, ...]:
    """Return the stage that multiplies every channel with ``gain``, none if that is 1."""
    return () if np.all(gain == 1) else (Diagonal(gain),)


def _mixes(stages: tuple[Stage, ...]) -> bool:
    """Say whether any of ``stages`` adds messages up: what a path is named after."""
    return any(isinstance(s, (Convolution, Linear, SumPool)) for s in stages)


def _where(node: fx.Node) -> str:
    if node.op in ("call_module", "get_attr"):
        return str(node.target)
    called = getattr(node.target, "__name__", node.target)
    return f"{node.name} ({called})"


def _concatenated(node: fx.Node) -> list[tuple[fx.Node, tuple[Stage, ...]]]:
    """Return the parts of a concatenation along channels, each with its place."""
    parts, axis = list(argument(node, 0, "tensors", ())), argument(node, 1, "dim", 0)
    if not isinstance(axis, int) or axis % (len(node.meta["shape"]) + 1) != 1:
        raise RefusedError(f"concatenates along axis {axis}, only channels (axis 1) are supported")
    channels, first, found = shape_of(node)[0], 0, []
    for part in parts:
        found.append((part, (Place(first, channels),)))
        first += shape_of(part)[0]
    return found


def _register(value: Any, shape: Shape) -> Any:
    """Return a register as a float, one value per channel, or one per neuron."""
    values = array(value)
    if values.ndim == 0:
        return float(values)
    return values if values.ndim == 1 else values.reshape(shape)
