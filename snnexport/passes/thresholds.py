"""Thresholds that are reached become thresholds that are exceeded; and what that changes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from snnexport.graph import Graph
from snnexport.interpret import interpret
from snnexport.passes.inclusive import inclusive_problems


@dataclass(frozen=True)
class Difference:
    """How many of the ``compared`` spike values of one layer ``differ``, and how many spikes."""

    layer: str
    compared: int
    spikes: int
    differ: int


def approximate_thresholds(graph: Graph) -> Graph:
    """Return ``graph`` (folded) that fires above its thresholds, where no integer is the same.

    Integrate-and-fire neurons without bias stay as they are: ``quantize`` has an exact form.
    """
    layers = []
    for layer in graph.layers:
        alone = replace(graph, layers=(layer,))
        layers.append(replace(layer, inclusive=False) if inclusive_problems(alone) else layer)
    return replace(graph, layers=tuple(layers))


def threshold_difference(exact: Graph, strict: Graph, frames: np.ndarray) -> list[Difference]:
    """Return what firing above thresholds changes on ``frames`` (T, B, *shape), by layer.

    ``exact`` is a folded graph and ``strict`` what :func:`approximate_thresholds` made of it.
    """
    before, after = interpret(exact, frames).spikes, interpret(strict, frames).spikes
    return [
        Difference(
            layer.name,
            before[layer.name].size,
            int(np.count_nonzero(before[layer.name])),
            int((before[layer.name] != after[layer.name]).sum()),
        )
        for layer in exact.layers
    ]
