"""Small folded graphs of reals, built by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwsim import load_chip
from hwsim.neurons import (
    Cuba,
    CubaLateReset,
    CubaRefractory,
    CubaSubtract,
    GradedRelay,
    LeakyIntegrator,
    MultiSpike,
    Ternary,
)
from hwsim.program import Readout
from snnexport.graph import Convolution, Diagonal, Edge, Graph, Layer, Linear
from snnexport.passes.quantize import quantized_with_problems

CHIP = load_chip("loihi2")


def cuba(**registers):
    return Cuba(**{"decay_u": 1.0, "decay_v": 0.0, "threshold": 1.0, "bias": 0.0, **registers})


def voltage_neurons():
    """One of each neuron with a voltage, with current memory and a bias."""
    shared = {"decay_u": 0.3, "decay_v": 0.1, "bias": 0.2}
    return [
        Cuba(**shared, threshold=1.5),
        CubaSubtract(**shared, threshold=1.5),
        CubaRefractory(**shared, threshold=1.5, period=2),
        Ternary(**shared, threshold=1.5, threshold_low=-1.0),
        LeakyIntegrator(**shared),
        CubaLateReset(**shared, threshold=1.5, decrement=1.2),
        MultiSpike(**shared, threshold=1.5, decrement=1.2, lowest=-3.7, most=7),
    ]


def single(weight, neuron=None, *, steps=5, late=0, readout=Readout.COUNT):
    """A population x behind dense weights; with ``late``, it also hears itself."""
    edges = [Edge("input", "w", (Linear(weight),))]
    if late:
        edges.append(Edge("x", "back", (Linear(0.3 * np.eye(len(weight))),), late))
    layer = Layer("x", (len(weight),), neuron or cuba(), tuple(edges))
    return Graph("single", "input", (weight.shape[1],), (layer,), "x", steps, readout)


def residual(rng, *, weight=0.02, readout=Readout.COUNT):
    """conv1 -> conv2 and an identity shortcut beside it -> dense."""
    conv1 = Convolution(rng.normal(size=(4, 1, 3, 3)) * 0.3)
    conv2 = Convolution(rng.normal(size=(4, 4, 3, 3)) * weight, padding=(1, 1))
    dense = Linear(rng.normal(size=(3, 144)) * 0.1)
    into_b = (Edge("a", "conv2", (conv2,)), Edge("a", "skip", (Diagonal(np.ones(4)),)))
    layers = (
        Layer("a", (4, 6, 6), cuba(decay_u=0.5, decay_v=0.1), (Edge("input", "conv1", (conv1,)),)),
        Layer("b", (4, 6, 6), cuba(decay_v=0.2), into_b),
        Layer("out", (3,), cuba(threshold=0.5), (Edge("b", "fc", (dense,)),)),
    )
    return Graph("residual", "input", (1, 8, 8), layers, "out", 5, readout)


def added(rng, weight=None):
    """Two populations of spikes, a sum of them (``weight`` times), and a reader of the sum."""
    spiking = [
        Layer(n, (6,), cuba(decay_v=0.3), (Edge("input", n, (Linear(rng.normal(size=(6, 5))),)),))
        for n in "ab"
    ]
    stage = Diagonal(np.ones(6)) if weight is None else Linear(weight)
    edges = tuple(Edge(n, f"add.{n}", (stage,)) for n in "ab")
    total = Layer("sum", (6,), GradedRelay(0.0), edges)
    reader = Layer("out", (4,), cuba(), (Edge("sum", "fc", (Linear(rng.normal(size=(4, 6))),)),))
    return Graph("added", "input", (5,), (*spiking, total, reader), "out", 6)


def problems_of(*arguments):
    """What quantizing would raise."""
    return quantized_with_problems(*arguments)[1]


def with_layer(graph, name, **changes):
    """The graph with fields of one layer changed."""
    layers = (replace(p, **changes) if p.name == name else p for p in graph.layers)
    return replace(graph, layers=tuple(layers))


def equal(one, other):
    """Whether two quantized graphs hold the same integers: weights, registers and input."""
    numbers = [
        [e.weights.weight for e, _ in graph.edges()]
        + [np.asarray(r) for p in graph.layers for r in vars(p.neuron).values()]
        for graph in (one, other)
    ]
    same = all(np.array_equal(a, b) for a, b in zip(*numbers, strict=True))
    return same and (one.low, one.high, one.step) == (other.low, other.high, other.step)
