"""Integer Graph -> Program: timing fixed, checked against the chip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from hwsim.blanking import blanked, lateness
from hwsim.chip import Chip, checked
from hwsim.errors import raise_all
from hwsim.program import ALONE, Connection, Input, Population, Program, connection_name
from hwsim.simulate import run
from hwsim.synapses import Conv2d, Dense, Shape, Sparse, SumPool2d, Synapse
from snnexport.graph import (
    Convolution,
    Diagonal,
    Edge,
    Flatten,
    Graph,
    Late,
    Linear,
    SumPool,
    Weights,
    as_convolution,
)
from snnexport.passes.align import align, latencies, sends_payload
from snnexport.passes.calibration import INPUT_STEP
from snnexport.passes.rounding import mantissa_exponent

_EARLY_HINT = "leave its bias out (bias=False), or let it reset to zero, which streams"
SYNAPSE_BITS, LEAST_INDEX_BITS = 8, 6
"""Of a synapse in memory: its weight, and the index of its target in a sparse row.

Source: nengo-loihi 1.1.0 ``block.py`` ``SynapseConfig.INDEX_BITS_MAP``, as in chips/loihi1.toml.
"""


def lower(graph: Graph, chip: Chip, metadata: Mapping[str, str] | None = None) -> Program:
    """Return ``graph`` (folded and quantized) as a Program that ``chip`` can run.

    Every layer answers ``latency`` steps after its input and is set to rest once a sample,
    just before its own first frame. Samples follow each other without a gap, unless feedback
    or delays need one (:func:`hwsim.blanked`), or the graph is not streamed.

    Raises
    ------
    CheckError
        Listing everything the chip cannot hold.
    UnsupportedError
        If a cycle takes longer than its feedback may come late.
    """
    program = checked(lowered(graph, chip, metadata), chip)
    raise_all(f"program {program.name}", _early(program), hint=_EARLY_HINT)
    return program


def _early(program: Program) -> list[str]:
    """List populations of a program that runs alone whose biases send into its first frames.

    A reset before its first frame sets a population to rest, but what it sent until then is still
    under way where connections are late. No input arrives before, so a run of zeros shows it.
    """
    late = {c.source for c in program.connections if lateness(program, c) > 0}
    late &= {p.name for p in program.populations if p.latency > 1}
    if program.streamed or not late:
        return []
    silence = np.zeros((1, 1, *program.input.shape), np.int64)
    trace = run(program, silence, steps=program.latency, record="spikes").trace
    assert trace is not None
    return [
        f"{p.name}: its bias makes it send before a sample begins, which feedback or a delay "
        "brings into the sample"
        for p in program.populations
        if p.name in late and trace.spikes[p.name][: p.latency].any()
    ]


def lowered(graph: Graph, chip: Chip, metadata: Mapping[str, str] | None = None) -> Program:
    """Return what :func:`lower` does, not checked against ``chip``."""
    graph = align(graph, chip)
    latency = latencies(graph)
    coded = {INPUT_STEP: repr(graph.step)} if graph.step != 1.0 else {}
    if not graph.streamed:
        coded[ALONE] = "each sample begins on a machine at rest"
    order = sorted(graph.layers, key=lambda layer: latency[layer.name])
    program = Program(
        name=graph.name,
        chip=chip.name,
        input=Input(graph.input, graph.input_shape, graph.low, graph.high),
        populations=tuple(Population(p.name, p.shape, p.neuron, latency[p.name]) for p in order),
        connections=_connections(replace(graph, layers=tuple(order))),
        output=graph.output,
        readout=graph.readout,
        period=graph.steps or None,
        metadata={**graph.metadata, **(metadata or {}), **coded},
    )
    return blanked(program) if program.period else program


def _connections(graph: Graph) -> tuple[Connection, ...]:
    """Return the connections; those between the same two are told apart by their module."""
    shapes = {graph.input: graph.input_shape} | {p.name: p.shape for p in graph.layers}
    ends = Counter((edge.source, layer.name) for edge, layer in graph.edges())
    found: dict[str, Connection] = {}
    for edge, layer in graph.edges():
        pair = (edge.source, layer.name)
        number, label = 1, edge.module if ends[pair] > 1 else ""
        while connection_name(*pair, label) in found:
            number, label = number + 1, f"{edge.module}.{number + 1}"
        synapse = _synapse(edge, shapes[edge.source], layer.shape)
        graded = sends_payload(graph, edge.source)
        connection = Connection(*pair, synapse, graded=graded, label=label)
        found[connection.name] = connection
    return tuple(found.values())


def _synapse(edge: Edge, source: Shape, target: Shape) -> Synapse:
    """Return the synapses of a folded edge, with its delays and its wait."""
    plain = synapse_of(edge.weights, source)
    at = next(i for i, s in enumerate(edge.stages) if isinstance(s, Weights))
    sent = _frames(edge.stages[:at], source)
    received = _frames(edge.stages[at + 1 :], target)
    if not (edge.wait or sent.any() or received.any()):
        return plain
    if isinstance(plain, Dense):
        return replace(plain, delay=edge.wait + sent[None, :] + received[:, None])
    single = plain if isinstance(plain, Sparse) else Sparse.unrolled(plain, source)
    return replace(single, delay=edge.wait + sent[single.source] + received[single.target])


def _frames(stages: tuple[Any, ...], shape: Shape) -> np.ndarray:
    """Return by how many frames each neuron of ``shape`` is late, (n,)."""
    frames = np.zeros(prod(shape), np.int64)
    for stage in stages:
        if isinstance(stage, Flatten):  # neurons keep their order
            continue
        assert isinstance(stage, Late)
        frames += stage.frames.repeat(len(frames) // len(stage.frames))
    return frames


def synapse_of(weights: Weights, source: Shape) -> Synapse:
    """Return the synapses that ``weights`` are behind a population of shape ``source``."""
    if isinstance(weights, Linear):
        smaller = _sparse_bits(weights.weight) < SYNAPSE_BITS * weights.weight.size
        thin = weights.sparse and smaller
        return Sparse.of(weights.weight) if thin else Dense(weights.weight)
    if isinstance(weights, SumPool):
        return SumPool2d(weights.kernel, weights.stride, weights.padding, weights.weight[0])
    if isinstance(weights, Diagonal):
        return _one_to_one(weights, source)
    w: Convolution = weights
    return Conv2d(w.weight, w.stride, w.padding, w.dilation, w.groups)


def _sparse_bits(weight: np.ndarray) -> int:
    """Return the bits of the synapses that are not 0, each with its weight and its target."""
    index = max((len(weight) - 1).bit_length(), LEAST_INDEX_BITS)
    return max(int(np.count_nonzero(weight)), 1) * (SYNAPSE_BITS + index)


def _one_to_one(weights: Diagonal, source: Shape) -> Synapse:
    """Return a depthwise convolution, or single synapses where an exponent or no plane is."""
    mantissa, exponent = mantissa_exponent(weights.weight)
    if len(source) == 3 and not exponent:
        w = as_convolution(weights, source[0])
        return Conv2d(w.weight, groups=w.groups)
    single = Sparse.identity(prod(source))
    weight = mantissa.repeat(prod(source[1:]))
    return replace(single, weight=weight, exponent=exponent)
