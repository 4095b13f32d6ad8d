from dataclasses import replace

import numpy as np
import pytest

from hwsim import load_chip
from hwsim.neurons import Cuba, Gate
from snnexport.graph import Diagonal, Edge, Graph, Layer, SumPool
from snnexport.interpret import interpret
from snnexport.passes.gates import resolve_gates

ONES = Diagonal(np.ones(3))
LOGIC = {
    "and": (1.0, (Edge("in", "g", (ONES,)), Edge("b", "g", (ONES,)))),
    "or": (0.0, (Edge("in", "g", (ONES,)), Edge("b", "g", (ONES,)))),
    "iand": (0.0, (Edge("in", "g", (ONES,)), Edge("b", "g", (Diagonal(-np.ones(3)),)))),
    "max": (0.0, (Edge("in", "g", (SumPool((4, 4), (4, 4), (0, 0), np.ones(1)),)),)),
}


def logic(kind):
    """A gate of the input and of b, which sends the input of the frame before."""
    threshold, edges = LOGIC[kind]
    side = 2 if kind == "max" else 8
    passing = Cuba(1.0, 1.0, 0.5, 0.0)
    layers = (
        Layer("b", (3, 8, 8), passing, (Edge("in", "b", (ONES,), late=1),)),
        Layer("g", (3, side, side), Gate(threshold), edges),
    )
    return Graph("logic", "in", (3, 8, 8), layers, "g", 12)


@pytest.mark.parametrize("kind", LOGIC)
def test_a_gate_without_gates_on_the_chip_fires_as_the_gate_does(kind, rng):
    graph = logic(kind)
    neurons = resolve_gates(graph, load_chip("loihi1"))
    assert isinstance(neurons.layer("g").neuron, Cuba)
    x = (rng.random((12, 5, 3, 8, 8)) < rng.choice([0.02, 0.3, 0.9], (12, 1, 1, 1, 1))).astype(int)
    gates, spikes = (interpret(g, x).spikes["g"] for g in (graph, neurons))
    assert (gates == spikes).all()
    assert 0 < gates.mean() < 1


def test_a_chip_with_gates_keeps_them():
    graph = logic("and")
    assert resolve_gates(graph, load_chip("loihi2")) is graph


def test_what_a_gate_hears_in_one_step_is_forgotten_in_the_next_however_many_inputs(rng):
    wide = SumPool((8, 8), (8, 8), (0, 0), np.ones(1))
    graph = logic("max")
    gate = replace(graph.layer("g"), shape=(3, 1, 1), edges=(Edge("in", "g", (wide,)),))
    graph = replace(graph, layers=(graph.layers[0], gate))
    x = np.zeros((12, 1, 3, 8, 8), int)
    x[::2] = 1
    fired = interpret(resolve_gates(graph, load_chip("loihi1")), x).spikes["g"]
    assert fired[::2].all()
    assert not fired[1::2].any()
