"""nn.Module -> Graph: a symbolic trace of one time step with neurons as leaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import nn

from hwsim.errors import RangeError, raise_all
from hwsim.neurons import LeakyIntegrator
from hwsim.program import Readout
from snnexport._crosscheck import cross_check
from snnexport._operations import SUPPORTED
from snnexport._trace import trace
from snnexport._walk import Walker
from snnexport.frameworks import translated
from snnexport.frameworks.imported import Imported
from snnexport.graph import Graph
from snntrain.delays import Temporal


def capture(
    module: nn.Module,
    example: torch.Tensor,
    *,
    name: str = "network",
    readout: Readout | None = None,
    checked: bool = True,
    streamed: bool = True,
) -> Graph:
    """Return the network that ``module`` computes in one time step, in float64.

    Parameters
    ----------
    module
        Any module of the neurons of ``snntrain.layers``, or of those of snnTorch, SpikingJelly,
        Norse and sinabs that ``snnexport.frameworks`` knows, torch's linear layers,
        normalisations and poolings, sums, concatenations, and logic on spikes (products,
        ``b * (1 - a)``, maxima). It is read as in evaluation. One-dimensional shapes (C, L)
        become (C, 1, L). A network that ends in currents is read by an integrator ``output``.
    example
        Real numbers (T, B, *shape): T becomes the number of steps of a sample.
    readout
        By default the sum of v of an output that never fires, else the count of spikes.
    checked
        Let torch.export look at it too; False where it has before.
    streamed
        Samples follow each other on the machine; False: each begins on one at rest, which a
        network with feedback needs if nothing can silence its neurons between samples.

    Raises
    ------
    CheckError
        Listing everything that cannot be captured, each with its module path.
    UnsupportedError
        If the module's control flow cannot be traced, or not by torch.export, which must find
        the same populations behind each population.
    """
    graph, problems = captured(module, example, name=name, readout=readout, checked=checked)
    raise_all(
        "the network cannot be captured",
        problems,
        hint=f"replace these layers; what can be captured: {SUPPORTED}",
    )
    return replace(graph, streamed=streamed)


def captured(
    module: nn.Module,
    example: torch.Tensor,
    *,
    name: str,
    readout: Readout | None = None,
    checked: bool = True,
) -> tuple[Graph, list[str]]:
    """Return what of ``module`` can be captured, and the list of what cannot."""
    if example.ndim < 3 or 0 in example.shape:
        raise RangeError(
            f"example: shape {tuple(example.shape)} is not (T, B, *shape) with T, B >= 1",
            hint="time is axis 0, the batch axis 1",
        )
    module = translated(module)
    if isinstance(module, Imported):  # who calls it gives its state
        module.keeps_state = True
    if isinstance(module, Temporal):  # a leaf is not traced itself
        module = nn.Sequential(module)
    with evaluating(module), torch.no_grad():
        kinds = [p.dtype for p in module.parameters()]
        frame = example[0].to(kinds[0] if kinds else torch.float32)
        walker = Walker(trace(module, frame), frame)
        layers, output = walker.walk()
        silent = any(p.name == output and isinstance(p.neuron, LeakyIntegrator) for p in layers)
        shape = tuple(example.shape[2:])
        graph = Graph(
            name=name,
            input=walker.input,
            input_shape=(shape[0], 1, shape[1]) if len(shape) == 2 else shape,
            layers=layers,
            output=output,
            steps=int(example.shape[0]),
            readout=readout or (Readout.VOLTAGE if silent else Readout.COUNT),
        )
        if checked and not walker.problems:
            cross_check(module, frame, graph)
    return graph, list(walker.problems)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put every part of ``module`` in evaluation mode, while active."""
    was_training = {m: m.training for m in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for m, training in was_training.items():
            m.training = training
