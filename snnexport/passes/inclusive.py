"""Layers that fire where v reaches the threshold, as a chip has them: strict, one unit lower."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwsim.arith import STATE_UNIT
from hwsim.neurons import Cuba, CubaLateReset, CubaRefractory, CubaSubtract
from snnexport.graph import Graph, Layer

_STRICT = (Cuba, CubaLateReset, CubaRefractory, CubaSubtract)
"""Neurons with one threshold, which they exceed."""


def resolve_inclusive(graph: Graph) -> Graph:
    """Return ``graph`` in which no inclusive layer subtracts its threshold in the same step.

    Such a layer compares with one threshold and subtracts another, which ``CubaLateReset`` does.
    Without leak its spikes are the same; v is larger by the threshold in the step of a spike.
    """
    return replace(graph, layers=tuple(_reset_late(layer) for layer in graph.layers))


def _reset_late(layer: Layer) -> Layer:
    neuron = layer.neuron
    if not (layer.inclusive and isinstance(neuron, CubaSubtract)):
        return layer
    late = CubaLateReset(
        neuron.decay_u, neuron.decay_v, neuron.threshold, neuron.threshold, neuron.bias
    )
    return replace(layer, neuron=late)


def inclusive_problems(graph: Graph) -> list[str]:
    """List the inclusive layers of ``graph`` (folded, of reals) that no strict threshold equals.

    Without leak, current memory and bias, v is a sum of whole weights: it reaches a threshold
    exactly where it exceeds the whole number below it.
    """
    found = []
    for layer in graph.layers:
        neuron = layer.neuron
        if not layer.inclusive:
            continue
        if not isinstance(neuron, _STRICT):
            found.append(f"{layer.name}: {type(neuron).__name__} cannot fire at >= a threshold")
            continue
        if np.any(np.asarray(neuron.threshold) <= 0):
            found.append(f"{layer.name}: fires at >= a threshold of 0, so without any input")
            continue
        wanted = {"decay_u": 1.0, "decay_v": 0.0, "bias": 0.0}
        wrong = [
            n for n, right in wanted.items() if np.any(np.not_equal(getattr(neuron, n), right))
        ]
        if wrong:
            found.append(
                f"{layer.name}: fires at >= its threshold, a chip above it: the same only for "
                f"integrate-and-fire without bias (here not: {', '.join(wrong)}); train with a "
                "strict threshold, or accept the difference with --approximate threshold"
            )
    return found


def made_strict(layer: Layer) -> Layer:
    """Return integer ``layer`` firing at v > threshold where it fired at v >= threshold."""
    if not layer.inclusive:
        return layer
    lower = layer.neuron.threshold - STATE_UNIT
    return replace(layer, neuron=replace(layer.neuron, threshold=lower), inclusive=False)
