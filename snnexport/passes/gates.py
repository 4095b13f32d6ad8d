"""Gates on a chip that has none: neurons that forget before the next step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwsim.arith import DECAY_UNITY
from hwsim.chip import Chip
from hwsim.neurons import Cuba, Gate
from snnexport.graph import Graph, Layer


def resolve_gates(graph: Graph, chip: Chip) -> Graph:
    """Return folded ``graph`` with each gate as a leaky neuron if ``chip`` has no gates.

    The neuron keeps at most 1/4096 of a voltage, while thresholds lie half a message above what
    must not fire: up to 2,000 inputs decide as in the gate.
    """
    if Gate.__name__ in chip.registers:
        return graph
    layers = (_as_neuron(p) if isinstance(p.neuron, Gate) else p for p in graph.layers)
    return replace(graph, layers=tuple(layers))


def _as_neuron(layer: Layer) -> Layer:
    threshold = np.asarray(layer.neuron.threshold) + 0.5
    forgetful = 1.0 - 1.0 / DECAY_UNITY
    return replace(layer, neuron=Cuba(1.0, forgetful, threshold, 0.0))
