"""Which populations and paths of two networks correspond, and what parts of them are fixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import networkx as nx
import numpy as np
from torch import Tensor, nn

from hwsim.neurons import Cuba, CubaLateReset, CubaRefractory, CubaSubtract, MultiSpike
from snnexport._populations import Populations
from snnexport._trace import trace
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
from snnexport.passes.rounding import column

SPIKING = (Cuba, CubaLateReset, CubaRefractory, CubaSubtract, MultiSpike)
"""Neurons that differ in what a spike leaves, and may start from one another."""


def without_sums(graph: Graph) -> Graph:
    """Return ``graph`` whose sums of messages are several paths into their readers, as in NIR."""
    sums = {p.name: p for p in graph.layers if p.is_sum}

    def resolved(edge: Edge) -> Iterator[Edge]:
        if edge.source not in sums:
            yield edge
            return
        for path in (p for e in sums[edge.source].edges for p in resolved(e)):
            stages, late = (*path.stages, *edge.stages), path.late + edge.late
            yield Edge(path.source, edge.module, stages, late)

    layers = (
        replace(p, edges=tuple(path for e in p.edges for path in resolved(e)))
        for p in graph.layers
        if p.name not in sums
    )
    return replace(graph, layers=tuple(layers))


def pairs(wanted: Graph, given: Graph) -> tuple[list[tuple[Layer, Layer]], list[str]]:
    """Return the populations of both networks that correspond, and what does not."""
    ours, theirs = _in_order(wanted), _in_order(given)
    if len(ours) != len(theirs):
        counts = f"{len(ours)} populations ({_named(ours)}), the file {len(theirs)}"
        return [], [f"the recipe has {counts} ({_named(theirs)})"]
    matched, found = list(zip(ours, theirs, strict=True)), []
    if np.prod(wanted.input_shape) != np.prod(given.input_shape):
        found.append(f"input: {wanted.input_shape}, in the file {given.input_shape}")
    for our, their in matched:
        if our.shape != their.shape:
            found.append(f"{_named([our])} is {_named([their])} in the file")
        if kind(our) != kind(their):
            found.append(f"{our.name}: {kind(our)}, {their.name} in the file {kind(their)}")
    (read,) = (their.name for our, their in matched if our.name == wanted.output)
    if read != given.output:
        found.append(f"{wanted.output} is the output, in the file {given.output}, not {read}")
    return matched, found


def _in_order(graph: Graph) -> list[Layer]:
    """Return the layers, the more populations between it and the input the later."""
    prompt = nx.DiGraph()
    prompt.add_nodes_from([graph.input, *(layer.name for layer in graph.layers)])
    prompt.add_edges_from((e.source, layer.name) for e, layer in graph.edges() if not e.late)
    rank = {
        name: number
        for number, generation in enumerate(nx.topological_generations(prompt))
        for name in generation
    }
    return sorted(graph.layers, key=lambda layer: (rank[layer.name], layer.shape))


def _named(layers: Sequence[Layer]) -> str:
    return ", ".join(f"{layer.name} {'x'.join(map(str, layer.shape))}" for layer in layers)


def kind(layer: Layer) -> str:
    return "neurons that fire" if isinstance(layer.neuron, SPIKING) else type(layer.neuron).__name__


def biased(module: nn.Module, frame: Tensor, wanted: Graph) -> dict[str, list[str]]:
    """Return, by population, the paths of the modules whose biases it hears, the nearest first."""
    traced = trace(module, frame)
    names = Populations(traced).names
    (result,) = next(n for n in traced.graph.nodes if n.op == "output").args
    heard = {name: node.all_input_nodes for node, name in names.items()}
    heard.setdefault(wanted.output, [result])  # a network that ends in currents
    found: dict[str, list[str]] = {}
    for name, nodes in heard.items():
        waiting, seen = list(nodes), set()
        found[name] = []
        for node in waiting:
            if node in seen or node in names:
                continue
            seen.add(node)
            waiting += node.all_input_nodes
            called = module.get_submodule(str(node.target)) if node.op == "call_module" else None
            if getattr(called, "bias", None) is not None:
                found[name].append(f"{node.target}.bias")
    return found


def reduced(stages: Sequence[Stage]) -> tuple[list[Stage], float]:
    """Return a path without what only scales it, and the factor of what scales all of it.

    The rows of its weights take the factors of their channels.
    """
    kept: list[Stage] = []
    factor = 1.0
    for stage in stages:
        last = kept[-1] if kept else None
        if isinstance(stage, Flatten) or (isinstance(stage, Late) and not stage.frames.any()):
            continue
        if isinstance(stage, SumPool):
            factor *= float(stage.weight[0])
            kept.append(replace(stage, weight=np.ones(1)))
        elif isinstance(stage, Diagonal) and np.all(stage.weight == stage.weight[0]):
            factor *= float(stage.weight[0])
        elif isinstance(stage, Diagonal) and isinstance(last, (Convolution, Linear)):
            kept[-1] = replace(last, weight=last.weight * column(stage.weight, last))
        else:
            kept.append(stage)
    return kept, factor


def form(stage: Stage) -> str:
    """Say everything about a stage but its weights."""
    values = {name: value for name, value in vars(stage).items() if name != "sparse"}
    if "weight" in values:
        values["weight"] = "x".join(map(str, np.shape(values["weight"])))
    said = (
        f"{name} {value.tolist() if isinstance(value, np.ndarray) else value}"
        for name, value in values.items()
    )
    return f"{type(stage).__name__} ({', '.join(said)})"
