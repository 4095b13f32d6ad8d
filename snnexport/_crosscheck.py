"""A second front end, torch.export, as the witness of what the symbolic trace found."""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from hwsim.errors import UnsupportedError, raise_all
from snnexport._populations import NEURONS
from snnexport.frameworks.imported import Imported
from snnexport.graph import Graph

_ANSWER = "what forward returns"


@torch.library.custom_op("spikeport::population", mutates_args=())
def _population(x: torch.Tensor, index: int) -> torch.Tensor:  # noqa: ARG001 -- its signature
    """Stand for a population in an exported program; it is never run."""
    return torch.empty_like(x)


@_population.register_fake
def _(x: torch.Tensor, index: int) -> torch.Tensor:  # noqa: ARG001 -- its signature
    return torch.empty_like(x)


def cross_check(module: nn.Module, frame: torch.Tensor, graph: Graph) -> None:
    """Raise CheckError where ``graph`` and torch.export disagree on what feeds a population.

    UnsupportedError, if torch.export cannot read the module.

    Parameters
    ----------
    module
        In evaluation mode.
    frame
        (B, *shape), one time step of its input.
    graph
        What was captured from ``module``.
    """
    populations = {n: m for n, m in module.named_modules() if isinstance(m, NEURONS)}
    try:
        with _standing_in(list(populations.values())), torch.no_grad():
            exported = torch.export.export(module, (frame,), strict=False)
    except Exception as error:  # torch raises what it likes here
        reason = str(error).strip().splitlines()[0]
        raise UnsupportedError(
            f"{type(module).__name__}: torch.export, the second reader, fails: {reason}",
            hint="write forward in torch's operations alone",
        ) from error
    theirs = _sources(exported, list(populations), graph.input)
    ours = {name: _neurons_behind(graph, name, populations) for name in theirs}
    raise_all(
        "the symbolic trace and torch.export read the network differently",
        [
            f"{name}: reads {sorted(ours[name])} in the trace, {sorted(reads)} in torch.export"
            for name, reads in theirs.items()
            if ours[name] != reads
        ],
        hint="let forward be the same in every call: no conditions, counters or replaced layers",
    )


@contextmanager
def _standing_in(populations: list[nn.Module]) -> Iterator[None]:
    """Replace the forward of each population by the operator with its index, while active."""

    def stand_in(index: int, module: nn.Module):
        def forward(x: torch.Tensor, *states: object):  # noqa: ARG001 -- as frameworks call it
            sent = torch.ops.spikeport.population(x, index)
            returned = module.returned if isinstance(module, Imported) else 0
            return (sent,) * returned if returned else sent

        return forward

    try:
        for index, p in enumerate(populations):
            p.forward = stand_in(index, p)
        yield
    finally:
        for p in populations:
            p.__dict__.pop("forward", None)


def _sources(
    exported: torch.export.ExportedProgram, names: list[str], source: str
) -> dict[str, set[str]]:
    """Return which populations and inputs each population that is called reads, and the answer."""
    data = set(exported.graph_signature.user_inputs)
    behind: dict[torch.fx.Node, set[str]] = {}
    found: dict[str, set[str]] = {}
    for node in exported.graph.nodes:
        reads = set().union(*(behind[n] for n in node.all_input_nodes))
        if node.target is torch.ops.spikeport.population.default:
            name = names[node.args[1]]
            found[name] = found.get(name, set()) | reads
            reads = {name}
        behind[node] = {source} if node.name in data else reads
    answer = next(iter(exported.graph_signature.user_outputs))  # states of neurons may follow
    found[_ANSWER] = next(reads for node, reads in behind.items() if node.name == answer)
    return found


def _neurons_behind(graph: Graph, name: str, neurons: Container[str]) -> set[str]:
    """Return the input and the neurons that ``name`` reads, through gates and sums."""
    found: set[str] = set()
    if name == _ANSWER and graph.output in neurons:
        return {graph.output}
    read = graph.output if name == _ANSWER else name
    left = [e.source for p in graph.layers if p.name == read for e in p.edges if not e.late]
    while left:
        source = left.pop()
        if source in neurons or source == graph.input:
            found.add(source)
        else:
            left += [e.source for e in graph.layer(source).edges]
    return found
