"""Graph of reals -> the same Graph in the chip's integers, one scale per channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np

from hwsim.arith import Range
from hwsim.chip import Chip
from hwsim.errors import CheckError, raise_all
from hwsim.neurons import (
    Cuba,
    CubaLateReset,
    CubaRefractory,
    CubaSubtract,
    Gate,
    GradedRelay,
    LeakyIntegrator,
    MultiSpike,
    Ternary,
    messages,
)
from hwsim.program import Readout
from snnexport.graph import (
    Convolution,
    Edge,
    Graph,
    Layer,
    Linear,
    SumPool,
    Weights,
    as_convolution,
)
from snnexport.passes.calibration import Calibration
from snnexport.passes.choices import Choices, choice_problems
from snnexport.passes.demands import Drive
from snnexport.passes.gates import resolve_gates
from snnexport.passes.inclusive import inclusive_problems, resolve_inclusive
from snnexport.passes.input_step import best_step
from snnexport.passes.integers import Task, decay_problems, kept_layer, register_problems
from snnexport.passes.scales import kept_note, quantized_layer
from snnexport.passes.sums import resolve_sums
from snnexport.resets import way_out

QUANTIZED = (
    Cuba, CubaLateReset, CubaRefractory, CubaSubtract, Gate, GradedRelay, LeakyIntegrator,
    MultiSpike, Ternary,
)  # fmt: skip
_HINT = "each line names a layer, a value and its limit; change the network or its choices"


def quantize(
    graph: Graph, chip: Chip, calibration: Calibration, choices: Choices | None = None
) -> Graph:
    """Return ``graph`` (folded) with integer weights, thresholds, biases and decays.

    All connections into a neuron share one scale per channel: the smallest that keeps the
    weights in their bits and every register in its range (``docs/formats.md``). Weights far
    larger than those beside them are split over parallel edges instead. A layer that fires where
    v reaches its threshold gets one that lies a unit of weight lower. Which register decides,
    and what was chosen, is kept in ``Graph.notes``; ``choices_of`` returns it as a file.

    Raises
    ------
    CheckError
        Listing all problems of all layers: a graph that is not folded, choices that name no
        layer or do not fit, a neuron that the chip does not have, numbers that vanish.
    """
    result, found = quantized_with_problems(graph, chip, calibration, choices)
    raise_all(f"{graph.name} on chip {chip.name}", found, hint=_HINT)
    return result


def quantized_with_problems(
    graph: Graph, chip: Chip, calibration: Calibration, choices: Choices | None = None
) -> tuple[Graph, list[str]]:
    """Return what :func:`quantize` does as far as it goes, and the problems it would raise."""
    choices = choices or Choices()
    found = _unfolded(graph) or choice_problems(choices, graph)
    if found:
        return graph, found
    try:
        graph = resolve_sums(resolve_gates(graph, chip), chip, choices.sums)
    except CheckError as error:
        return graph, list(error.problems)
    graph = resolve_inclusive(graph)
    names = {layer.name for layer in graph.layers}
    found = inclusive_problems(graph) + _strangers(graph, chip) + _loops(graph)
    found += [
        f"{name}: is added up by its readers and takes no choices; remove them"
        for name in choices.layers
        if name not in names
    ]
    if found:
        return graph, found
    job = _Job(graph, chip, calibration, choices)
    step = choices.step or best_step(calibration, graph.input, lambda step: _readers(job, step))
    done, notes, found = _all_layers(job, _Sources.of(graph, calibration, step))
    low, high = calibration.messages(step)
    result = replace(graph, layers=tuple(done.values()), low=low, high=high, step=step)
    return result.noted("quantized", notes), found


@dataclass(frozen=True, eq=False)
class _Job:
    """What ``quantize`` was asked for; ``graph`` with its sums resolved."""

    graph: Graph
    chip: Chip
    calibration: Calibration
    choices: Choices

    def task(self, layer: Layer, sources: _Sources) -> Task:
        """Return what quantizing ``layer`` starts from."""
        graph = self.graph
        shapes = {e.source: graph.shape_of(e.source) for e in layer.edges}
        edges = (_in_messages(e, sources.units[e.source], shapes[e.source]) for e in layer.edges)
        one_scale = layer.name == graph.output and graph.readout is Readout.VOLTAGE
        return Task(
            replace(layer, edges=tuple(edges)),
            self.chip,
            self.choices.of(layer.name),
            Drive.of(graph, layer, sources.messages),
            self.calibration.observed.get(layer.name, {}),
            one_scale,
        )

    def quantized(self, layer: Layer, sources: _Sources) -> tuple[Layer, dict[str, Any]]:
        """Return ``layer`` in integers and a note; CheckError listing what does not fit."""
        kept = kept_layer(layer, sources.common_unit(layer))
        if kept is not None:
            found = register_problems(kept, self.chip)
            if self.choices.of(layer.name).scale:
                found.append(f"{layer.name}: its weights are integers and kept; it takes no scale")
            raise_all(layer.name, found, hint=_HINT)
            return kept, kept_note()
        return quantized_layer(self.task(layer, sources))


@dataclass(frozen=True, eq=False)
class _Sources:
    """Of the input and of each population: what a message of 1 is worth, and their range."""

    units: Mapping[str, Any]
    messages: Mapping[str, Range]

    @classmethod
    def of(cls, graph: Graph, calibration: Calibration, step: float) -> _Sources:
        """Return what is known before any layer is quantized: all but the sums."""
        known = [layer for layer in graph.layers if not layer.is_sum]
        return cls(
            {graph.input: step, **{layer.name: layer.unit for layer in known}},
            {
                graph.input: calibration.messages(step),
                **{layer.name: messages(layer.neuron) for layer in known},
            },
        )

    def with_sum(self, layer: Layer) -> _Sources:
        """Return them with those of integer ``layer``, a sum: all that hwsim says it can send."""
        heard = Drive({e.source: self.messages[e.source] for e in layer.edges}, 1)
        down, up = heard.worst_sums(layer)
        sent = (-int(down.max()), int(up.max()))
        return _Sources({**self.units, layer.name: layer.unit}, {**self.messages, layer.name: sent})

    def know(self, layer: Layer) -> bool:
        """Say whether all that ``layer`` reads is known."""
        return all(e.source in self.messages for e in layer.edges)

    def common_unit(self, layer: Layer) -> float | None:
        """Return the unit that all sources of ``layer`` share, None if they do not."""
        units = {float(u) for e in layer.edges for u in np.ravel(self.units[e.source])}
        return units.pop() if len(units) == 1 else None


def _all_layers(job: _Job, sources: _Sources) -> tuple[dict[str, Layer], dict[str, Any], list[str]]:
    """Return integer layers and notes, by name in the graph's order, and all problems."""
    done = {layer.name: layer for layer in job.graph.layers}
    notes, found = {}, []
    for layer in _sums_first(job.graph):
        if not sources.know(layer):
            continue  # a sum before it has failed, and says so itself
        try:
            done[layer.name], notes[layer.name] = job.quantized(layer, sources)
        except CheckError as error:
            found += error.problems
            continue
        if layer.is_sum:
            sources = sources.with_sum(done[layer.name])
    return done, {name: notes[name] for name in done if name in notes}, found


def _readers(job: _Job, step: float) -> list[Task]:
    """Return the tasks of what reads the input directly and has a scale of its own to find."""
    sources = _Sources.of(job.graph, job.calibration, step)
    readers = [p for p in job.graph.layers if any(e.source == job.graph.input for e in p.edges)]
    return [
        job.task(layer, sources)
        for layer in readers
        if sources.know(layer) and kept_layer(layer, sources.common_unit(layer)) is None
    ]


def _sums_first(graph: Graph) -> list[Layer]:
    """Return the layers, each sum after those it reads and before what reads it.

    Raises CycleError if a sum adds up what it sent itself.
    """
    sums = {layer.name: layer for layer in graph.layers if layer.is_sum}
    sources = {name: {e.source for e in p.edges} & sums.keys() for name, p in sums.items()}
    order = [sums[name] for name in TopologicalSorter(sources).static_order()]
    return order + [layer for layer in graph.layers if not layer.is_sum]


def _loops(graph: Graph) -> list[str]:
    """Name a loop of sums, whose messages have no bound."""
    try:
        _sums_first(graph)
    except CycleError as error:
        loop = " -> ".join(error.args[1])
        return [f"{loop}: these sums add up what they sent; put a neuron into the loop"]
    return []


def _in_messages(edge: Edge, unit: Any, source: tuple[int, ...]) -> Edge:
    """Return ``edge`` with weights for messages that are worth ``unit``, a scalar or (C,), each."""
    weights, units = edge.weights, np.asarray(unit, np.float64)
    if units.ndim == 0 or np.all(units == units[0]):
        return edge.with_weights(_times(weights, units.flat[0]))
    if isinstance(weights, Linear):
        factor = np.repeat(units, weights.weight.shape[1] // source[0])
    elif isinstance(weights, Convolution):
        per_group = units.reshape(weights.groups, -1)
        factor = np.repeat(per_group, len(weights.weight) // weights.groups, axis=0)[
            ..., None, None
        ]
    elif isinstance(weights, SumPool):
        weights, factor = as_convolution(weights, source[0]), units.reshape(-1, 1, 1, 1)
    else:
        factor = units
    return edge.with_weights(_times(weights, factor))


def _times(weights: Weights, factor: Any) -> Weights:
    return replace(weights, weight=weights.weight * factor)


def _unfolded(graph: Graph) -> list[str]:
    """List what ``fold`` would have removed."""
    hint = "call fold before quantize"
    found = [
        f"{layer.name}: is not folded: it has a {what}; {hint}"
        for layer in graph.layers
        for what, there in (("norm", layer.norm), ("constant", np.any(layer.constant)))
        if there
    ]
    for edge, layer in graph.edges():
        if not edge.is_folded:
            kinds = ", ".join(type(s).__name__ for s in edge.stages) or "nothing"
            found.append(f"{edge.module}: is not folded: {kinds} leads to {layer.name}; {hint}")
    return found


def _strangers(graph: Graph, chip: Chip) -> list[str]:
    """List the neurons that no rule is known for, or that the chip has not, or not so."""
    known = ", ".join(kind.__name__ for kind in QUANTIZED)
    found = []
    for layer in graph.layers:
        kind = type(layer.neuron)
        if kind not in QUANTIZED:
            found.append(f"{layer.name}: {kind.__name__} cannot be quantized (known: {known})")
        elif kind.__name__ not in chip.registers:
            has = ", ".join(chip.registers)
            lacking = f"{layer.name}: chip {chip.name} has no neuron {kind.__name__}; use {has}"
            found.append(lacking + way_out(layer.neuron))
        else:
            found += decay_problems(layer, chip)
    return found
