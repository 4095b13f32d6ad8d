"""Integer Graph -> Program: timing fixed, checked against the chip."""

from __future__ import annotations

from collections.abc import Mapping

from hwsim.chip import Chip, checked
from hwsim.errors import raise_all
from hwsim.program import Connection, Input, Population, Program
from hwsim.synapses import Conv2d, Dense, SumPool2d, Synapse
from snnexport.graph import Convolution, Graph, Linear, Weights
from snnexport.passes.align import align, latencies


def lower(graph: Graph, chip: Chip, metadata: Mapping[str, str] | None = None) -> Program:
    """Return ``graph`` (folded and quantized) as a Program that ``chip`` can run.

    Every layer answers ``latency`` steps after its input and is set to rest once a sample,
    just before its own first frame; samples follow each other without a gap.

    Raises
    ------
    CheckError
        Listing everything the chip cannot hold.
    UnsupportedError
        If the graph is recurrent, or a graded path would have to be delayed.
    """
    _refuse_parallel_edges(graph)
    graph = align(graph)
    latency = latencies(graph)
    graded = graph.low < 0 or graph.high > 1
    program = Program(
        name=graph.name,
        chip=chip.name,
        input=Input(graph.input, graph.input_shape, graph.low, graph.high),
        populations=tuple(
            Population(layer.name, layer.shape, layer.neuron, latency[layer.name])
            for layer in graph.layers
        ),
        connections=tuple(
            Connection(
                edge.source,
                layer.name,
                _synapse(edge.weights),
                graded=graded and edge.source == graph.input,
            )
            for edge, layer in graph.edges()
        ),
        output=graph.output,
        readout=graph.readout,
        period=graph.steps,
        metadata=metadata or {},
    )
    return checked(program, chip)


def _refuse_parallel_edges(graph: Graph) -> None:
    """Raise CheckError naming the modules that join the same two populations twice."""
    modules: dict[tuple[str, str], list[str]] = {}
    for edge, layer in graph.edges():
        modules.setdefault((edge.source, layer.name), []).append(edge.module)
    raise_all(
        f"{graph.name} cannot be lowered",
        [
            f"{' and '.join(names)} both lead from {source} to {target}"
            for (source, target), names in modules.items()
            if len(names) > 1
        ],
        hint="merge them into one layer: their weights add up",
    )


def _synapse(weights: Weights | None) -> Synapse:
    if isinstance(weights, Linear):
        return Dense(weights.weight)
    if isinstance(weights, Convolution):
        w = weights
        return Conv2d(w.weight, w.stride, w.padding, w.dilation, w.groups)
    assert weights is not None
    return SumPool2d(weights.kernel, weights.stride, weights.padding, int(weights.weight[0]))
