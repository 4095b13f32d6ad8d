"""Graph -> NIR: one chain of nodes a path, one node a population."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from hwsim.errors import raise_all
from hwsim.neurons import Cuba, CubaLateReset, CubaSubtract, LeakyIntegrator, MultiSpike
from hwsim.program import Program, expand
from hwsim.synapses import Shape
from snnexport.formats.nir.flat import flattened
from snnexport.formats.nir.neurons import Read
from snnexport.formats.nir.nodes import Node, Subgraph
from snnexport.formats.nir.own import Own, neuron_metadata
from snnexport.formats.nir.written_nodes import (
    convolution_node,
    flatten_node,
    narrow,
    neuron_node,
    pool_node,
    scale_node,
)
from snnexport.graph import (
    Convolution,
    Diagonal,
    Edge,
    Flatten,
    Graph,
    Late,
    Layer,
    Linear,
    Stage,
    SumPool,
)

_KINDS = (Cuba, CubaLateReset, CubaSubtract, LeakyIntegrator, MultiSpike)
_HINT = "each line names a layer; leave nir out of the formats, or change the network"


def from_graph(
    graph: Graph,
    dt: float,
    program: Program | None = None,
    integers: Mapping[str, Mapping[str, Any]] | None = None,
) -> Subgraph:
    """Return ``graph`` (of reals, folded or not) as NIR that means the same with forward Euler.

    Parameters
    ----------
    graph
        Sums are dissolved into several edges; feedback comes a step late, as NIR's readers do.
    dt
        Seconds a step.
    program, integers
        What it became on a chip, kept in the metadata: the whole, and registers by layer.

    Raises
    ------
    CheckError
        Listing every layer that has no node in NIR.
    """
    graph = _without_lines(graph)
    first = _Writer(graph, dt, integers or {}, {})
    plain = first.written(program)
    flat = flattened(plain, graph.name)
    place = {name: i for i, name in enumerate(flat.order)}
    extra = {}
    for layer in (p for p in graph.layers if not p.is_sum):
        for i, edge in enumerate(layer.edges):
            sources = first.populations_of(edge.source)
            back = [int(s != graph.input and place[s] >= place[layer.name]) for s in sources]
            if set(back) == {edge.late}:
                continue
            extra[layer.name, i] = edge.late - back[0]
            if len(set(back)) > 1 or extra[layer.name, i] < 0:
                first.problems.append(
                    f"{layer.name}: NIR's readers would hear {edge.source} {max(back)} step(s) "
                    f"late, the network hears it {edge.late}"
                )
    raise_all(f"{graph.name} as NIR", first.problems, hint=_HINT)
    if not extra:
        return plain
    return _Writer(graph, dt, integers or {}, extra).written(program)


class _Writer:
    """Collects the nodes and edges; ``extra``: steps of delay of an edge, by layer and number."""

    def __init__(
        self,
        graph: Graph,
        dt: float,
        integers: Mapping[str, Mapping[str, Any]],
        extra: Mapping[tuple[str, int], int],
    ) -> None:
        self.graph, self.dt, self.integers, self.extra = graph, dt, integers, extra
        self.nodes: dict[str, Node] = {graph.input: Node("Input", {"shape": graph.input_shape})}
        self.edges: dict[tuple[str, str], None] = {}
        self._summed: dict[str, list[str]] = {}
        self.problems: list[str] = []
        names = {layer.name for layer in graph.layers}
        self.output, number = "output", 2
        while self.output in names:
            self.output, number = f"output_{number}", number + 1

    def written(self, program: Program | None) -> Subgraph:
        """Return the whole; CheckError listing what NIR has no node for."""
        graph = self.graph
        for layer in graph.layers:
            if not layer.is_sum:
                self._population(layer)
        raise_all(f"{graph.name} as NIR", self.problems, hint=_HINT)
        for layer in graph.layers:
            if not layer.is_sum:
                self._paths(layer)
        self.nodes[self.output] = Node("Output", {"shape": graph.shape_of(graph.output)})
        for end in self._ends(graph.output):
            self._join(end, self.output)
        raise_all(f"{graph.name} as NIR", self.problems, hint=_HINT)
        content = None if program is None else program.to_bytes()
        own = Own(True, False, graph.name, self.dt, graph.steps, graph.readout, content)
        bare = Subgraph(self.nodes, tuple(self.edges))
        return replace(bare, metadata=own.to_metadata(bare))

    def populations_of(self, source: str) -> list[str]:
        """Return the populations whose messages ``source`` sends: several, if it is a sum."""
        if source == self.graph.input or not self.graph.layer(source).is_sum:
            return [source]
        return [p for e in self.graph.layer(source).edges for p in self.populations_of(e.source)]

    def _population(self, layer: Layer) -> None:
        kind = type(layer.neuron)
        if kind not in _KINDS:
            known = ", ".join(k.__name__ for k in _KINDS)
            self.problems.append(f"{layer.name}: NIR has no {kind.__name__} (known: {known})")
            return
        if not layer.edges:
            self.problems.append(f"{layer.name}: hears nothing, and NIR has no such node")
            return
        homeless = not _has_no_current(layer) and self._brings_constant(layer) is None
        if homeless and self._constant(layer).any():
            self.problems.append(
                f"{layer.name}: a constant enters its current, and no Linear or convolution ends "
                "there that could bring it; put one in front"
            )
        read = self._read(layer)
        node = neuron_node(read, layer.shape, self.dt)
        said = neuron_metadata(read, self.integers.get(layer.name, {}))
        self.nodes[layer.name] = replace(node, metadata=said)

    def _read(self, layer: Layer) -> Read:
        """Return the neuron of ``layer`` with what its paths do not bring as offset."""
        gain, offset = _norm(layer)
        bias, constant = np.zeros(layer.shape), self._constant(layer)
        if self._brings_constant(layer) is None:
            bias = constant * gain
        neuron: Any = replace(layer.neuron, bias=0.0)
        if not _has_no_current(layer):
            bias = bias + expand(layer.neuron.bias, layer.shape)
        return Read(neuron, gain, offset + bias, layer.inclusive)

    def _constant(self, layer: Layer) -> np.ndarray:
        """Return what enters the current in every step, a bias of v included if it can be."""
        gain, _ = _norm(layer)
        constant = np.zeros(layer.shape) + expand(layer.constant, layer.shape)
        return (
            constant + expand(layer.neuron.bias, layer.shape) / gain
            if _has_no_current(layer)
            else constant
        )

    def _brings_constant(self, layer: Layer) -> int | None:
        """Return which path of ``layer`` has a bias that can hold its constant."""
        per_channel = np.ptp(self._constant(layer).reshape(layer.shape[0], -1), axis=1)
        for i, edge in enumerate(layer.edges):
            last = edge.stages[-1] if edge.stages else None
            fits = isinstance(last, Linear) or (
                isinstance(last, Convolution) and not per_channel.any()
            )
            if fits and not edge.late:
                return i
        return None

    def _paths(self, layer: Layer) -> None:
        """Write the paths into ``layer``; one of them brings its constant."""
        bringing, (gain, _) = self._brings_constant(layer), _norm(layer)
        for i, edge in enumerate(layer.edges):
            stages = list(edge.stages)
            if edge.late and np.any(gain != 1):  # r is in front of what comes back, too
                factor = gain.reshape(layer.shape[0], -1)[:, 0]
                last = stages[-1] if stages else None
                if isinstance(last, Diagonal) and np.array_equal(last.weight, factor):
                    stages = stages[:-1]
                else:
                    stages.append(Diagonal(1 / factor))
            frames = self.extra.get((layer.name, i), 0)
            if frames:
                stages.insert(0, Late(np.full(self.graph.shape_of(edge.source)[0], frames)))
            constant = self._constant(layer) if i == bringing else None
            names = self._chain(edge, stages, layer, constant)
            for end in self._ends(edge.source):
                self._join(end, names[0] if names else layer.name)
            if names:
                self._join(names[-1], layer.name)

    def _ends(self, source: str) -> list[str]:
        """Return the nodes whose sum is what ``source`` sends; a sum's paths are written once."""
        if source == self.graph.input or not self.graph.layer(source).is_sum:
            return [source]
        layer, found = self.graph.layer(source), []
        for i, edge in enumerate(layer.edges):
            key = f"{source}.{i}"
            if key not in self._summed:
                self._summed[key] = names = self._chain(edge, list(edge.stages), layer, None)
                for end in self._ends(edge.source) if names else ():
                    self._join(end, names[0])
            found += self._summed[key][-1:] or self._ends(edge.source)
        return found

    def _chain(
        self, edge: Edge, stages: list[Stage], layer: Layer, constant: np.ndarray | None
    ) -> list[str]:
        """Write the stages of one path; return its nodes in order."""
        shape, names = self.graph.shape_of(edge.source), []
        for at, stage in enumerate(stages):
            if isinstance(stage, Linear) and len(shape) > 1:
                names.append(self._add(f"{layer.name}.flatten", flatten_node(shape)))
                shape = (prod(shape),)
            bias = constant if at == len(stages) - 1 else None
            weighs = isinstance(stage, Linear | Convolution)
            label = edge.module if weighs else f"{layer.name}.{type(stage).__name__.lower()}"
            for node in self._nodes_of(stage, shape, bias, label):
                names.append(self._add(label, node))
            shape = stage.output_shape(shape)
        for a, b in pairwise(names):
            self._join(a, b)
        if shape != layer.shape:
            self.problems.append(
                f"{layer.name}: is a plane {layer.shape} behind {edge.module}, which gives "
                f"{shape}: NIR cannot unflatten"
            )
        return names

    def _nodes_of(
        self, stage: Stage, shape: Shape, bias: np.ndarray | None, label: str
    ) -> list[Node]:
        """Return the nodes of one stage; a stage that NIR does not have is a problem."""
        if isinstance(stage, Linear):
            # never Linear: sinabs does not read it, and Norse takes its inputs for its outputs
            held = np.zeros(len(stage.weight)) if bias is None else bias.ravel()
            return [Node("Affine", {"weight": narrow(stage.weight), "bias": narrow(held)})]
        if isinstance(stage, Convolution):
            return [convolution_node(stage, shape, bias)]
        if isinstance(stage, Diagonal):
            return [scale_node(stage.weight, shape)]
        if isinstance(stage, SumPool):
            return pool_node(stage, stage.output_shape(shape))
        if isinstance(stage, Late):
            frames = stage.frames.reshape(-1, *(1,) * (len(shape) - 1))
            return [Node("Delay", {"delay": np.broadcast_to(frames * self.dt, shape).copy()})]
        if isinstance(stage, Flatten):
            return [flatten_node(shape)]
        self.problems.append(f"{label}: NIR has no {type(stage).__name__}")
        return []

    def _add(self, name: str, node: Node) -> str:
        taken = {*self.nodes, self.output, *(layer.name for layer in self.graph.layers)}
        number, free = 2, name
        while free in taken:
            number, free = number + 1, f"{name}_{number}"
        self.nodes[free] = node
        return free

    def _join(self, source: str, reader: str) -> None:
        if (source, reader) in self.edges:  # NIR has no edge twice
            shape = self.graph.shape_of(source)
            again = self._add(f"{source}.again", scale_node(np.ones(shape[0]), shape))
            self._join(source, again)
            source = again
        self.edges[source, reader] = None


def _without_lines(graph: Graph) -> Graph:
    """Return ``graph`` with what ``fold`` made a line of one neuron as a constant again."""
    late = {e.source for e, _ in graph.edges() if e.late or e.delays[1]}
    lines = {p.name for p in graph.layers if not p.edges and _always_fires(p)} - late
    layers = []
    for layer in graph.layers:
        brought = [e for e in layer.edges if e.source in lines]
        constant = layer.constant
        for edge in brought:
            constant = constant + edge.weights.weight.reshape(layer.shape)
        kept = tuple(e for e in layer.edges if e not in brought)
        if layer.name not in lines:
            layers.append(replace(layer, edges=kept, constant=constant) if brought else layer)
    return replace(graph, layers=tuple(layers))


def _always_fires(layer: Layer) -> bool:
    neuron: Any = layer.neuron
    alone = isinstance(neuron, Cuba) and layer.shape == (1,)
    return alone and bool(np.all((neuron.bias > neuron.threshold) & (neuron.threshold >= 0)))


def _norm(layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """Return gain and offset of ``layer``, of its shape."""
    ones = np.ones(layer.shape)
    if layer.norm is None:
        return ones, 0 * ones
    return expand(layer.norm.gain, layer.shape) * ones, expand(
        layer.norm.offset, layer.shape
    ) * ones


def _has_no_current(layer: Layer) -> bool:
    return bool(np.all(np.asarray(layer.neuron.decay_u) == 1.0))
