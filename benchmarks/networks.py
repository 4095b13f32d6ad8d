"""The benchmark networks with their inputs, as Programs of which 7 % of all neurons fire."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program, Sparse, run
from hwsim.arith import STATE_UNIT
from hwsim.synapses import Shape, Synapse

STEPS, RATE, LEAK = 100, 0.07, 410
"""Frames of input, spikes per neuron and step (thresholds are tuned for it), leak in 1/4096."""
CIFAR_STEPS = 20
HIGHEST = 131071
"""Threshold in units of the weights that Loihi's 17 bits hold."""
Neuron = Callable[[int, Shape], Cuba]
"""Makes the neurons of a layer from a threshold in units of the weights, and their shape."""


def leaky(threshold: int, _: Shape) -> Cuba:
    """Return a LIF without memory of the current."""
    return Cuba.leaky(LEAK, threshold * STATE_UNIT)


def n1() -> tuple[Program, np.ndarray]:
    """Return 784-512-512-10 on 10 % input, and its frames (T, 1, 784)."""
    rng = np.random.default_rng(7)
    spikes = (rng.random((STEPS, 1, 784)) < 0.10).astype(np.int8)
    sizes = (784, 512, 512, 10)
    layers = [Dense(even(rng, n, m)) for m, n in pairwise(sizes)]
    return chain("n1", layers, spikes), spikes


def n2() -> tuple[Program, np.ndarray]:
    """Return 2x34x34, conv16 and conv32 (3x3, stride 2), 256, 11 on 5 % input, and its frames."""
    rng = np.random.default_rng(7)
    spikes = (rng.random((STEPS, 1, 2, 34, 34)) < 0.05).astype(np.int8)
    layers = [
        Conv2d(even(rng, 16, 2, 3, 3), stride=(2, 2)),
        Conv2d(even(rng, 32, 16, 3, 3), stride=(2, 2)),
        Dense(even(rng, 256, 7 * 7 * 32)),
        Dense(even(rng, 11, 256)),
    ]
    return chain("n2", layers, spikes), spikes


def d4096() -> tuple[Program, np.ndarray]:
    """Return one layer, 4096-4096, on 5 % input, and its frames (T, 1, 4096)."""
    rng = np.random.default_rng(7)
    spikes = (rng.random((STEPS, 1, 4096)) < 0.05).astype(np.int8)
    return chain("d4096", [Dense(even(rng, 4096, 4096))], spikes), spikes


def cifar() -> tuple[Program, np.ndarray]:
    """Return 3x32x32, three pairs of 3x3 convolutions, the second of stride 2, then 256 and 10.

    143,626 neurons, 5 % input, fewer frames (T, 1, 3, 32, 32) than the others.
    """
    rng = np.random.default_rng(7)
    spikes = (rng.random((CIFAR_STEPS, 1, 3, 32, 32)) < 0.05).astype(np.int8)
    layers, before = [], 3
    for width in (64, 128, 256):
        layers.append(Conv2d(even(rng, width, before, 3, 3), padding=(1, 1)))
        layers.append(Conv2d(even(rng, width, width, 3, 3), stride=(2, 2), padding=(1, 1)))
        before = width
    layers += [Dense(even(rng, 256, 256 * 4 * 4)), Dense(even(rng, 10, 256))]
    return chain("cifar", layers, spikes), spikes


def rec() -> tuple[Program, np.ndarray]:
    """Return 1,000 neurons of which a tenth of all pairs is connected, on 5 % of 100 inputs."""
    rng = np.random.default_rng(7)
    spikes = (rng.random((STEPS, 1, 100)) < 0.05).astype(np.int8)
    weight = even(rng, 1000, 1000) * (rng.random((1000, 1000)) < 0.1)
    inner = Connection("layer0", "layer0", Sparse.of(weight))
    connections = (Connection("in", "layer0", Dense(even(rng, 1000, 100))), inner)
    return _tuned("rec", connections, spikes, leaky), spikes


NETWORKS = {"n1": n1, "n2": n2}
ALL_NETWORKS = {**NETWORKS, "d4096": d4096, "cifar": cifar, "rec": rec}


def chain(
    name: str, layers: Sequence[Synapse], spikes: np.ndarray, neuron: Neuron = leaky
) -> Program:
    """Return the chain of ``layers``, each of ``neuron`` of a threshold at which ``RATE`` fire."""
    before, sent = "in", spikes
    populations: list[Population] = []
    connections: list[Connection] = []
    for number, synapse in enumerate(layers):
        layer = f"layer{number}"
        alone = _tuned(name, (Connection("in", layer, synapse),), sent, neuron)
        trace = run(alone, sent, record="spikes").trace
        assert trace is not None
        sent = trace.spikes[layer][alone.latency :]
        populations.append(replace(alone.populations[0], latency=number + 1))
        connections.append(Connection(before, layer, synapse))
        before = layer
    source = Input("in", spikes.shape[2:])
    return Program(name, "loihi2", source, tuple(populations), tuple(connections), before)


def shuffled(frames: np.ndarray, samples: int) -> np.ndarray:
    """Return a sample (T, 1, *shape), then others: its steps shuffled; (T, samples, *shape)."""
    rng = np.random.default_rng(0)
    others = [rng.permutation(frames) for _ in range(samples - 1)]
    return np.concatenate([frames, *others], axis=1)


def even(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Return weights as an 8-bit synapse of mixed signs holds them."""
    return 2 * rng.integers(-64, 64, shape)


def _tuned(
    name: str, connections: tuple[Connection, ...], spikes: np.ndarray, neuron: Neuron
) -> Program:
    """Return the population that they lead into, with a threshold at which ``RATE`` of it fires."""
    layer, source = connections[0].target, Input("in", spikes.shape[2:])
    shape = connections[0].synapse.output_shape(source.shape)
    low, high, program = 1, HIGHEST, None
    while high - low > 1:
        middle = (low + high) // 2
        population = Population(layer, shape, neuron(middle, shape), 1)
        program = Program(name, "loihi2", source, (population,), connections, layer)
        counts = run(program, spikes).counts
        assert counts is not None
        (found,) = counts.populations
        low, high = (middle, high) if found.spikes > RATE * found.updates else (low, middle)
    assert program is not None
    return program
