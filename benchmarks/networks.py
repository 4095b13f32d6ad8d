"""The benchmark networks N1 (dense) and N2 (convolutional) with their inputs, as Programs."""

from __future__ import annotations

from itertools import pairwise
from math import prod

import numpy as np

from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program, run
from hwsim.arith import STATE_UNIT
from hwsim.synapses import Synapse

STEPS, RATE, LEAK = 100, 0.07, 410
"""Frames of input, spikes per neuron and step (thresholds are tuned for it), leak in 1/4096."""


def n1() -> tuple[Program, np.ndarray]:
    """Return 784-512-512-10 on 10 % input, and its frames (T, 1, 784)."""
    rng = np.random.default_rng(7)
    spikes = (rng.random((STEPS, 1, 784)) < 0.10).astype(np.int8)
    sizes = (784, 512, 512, 10)
    layers = [Dense(_even(rng, n, m)) for m, n in pairwise(sizes)]
    return _tuned("n1", layers, spikes), spikes


def n2() -> tuple[Program, np.ndarray]:
    """Return 2x34x34, conv16 and conv32 (3x3, stride 2), 256, 11 on 5 % input, and its frames."""
    rng = np.random.default_rng(7)
    spikes = (rng.random((STEPS, 1, 2, 34, 34)) < 0.05).astype(np.int8)
    layers = [
        Conv2d(_even(rng, 16, 2, 3, 3), stride=(2, 2)),
        Conv2d(_even(rng, 32, 16, 3, 3), stride=(2, 2)),
        Dense(_even(rng, 256, 7 * 7 * 32)),
        Dense(_even(rng, 11, 256)),
    ]
    return _tuned("n2", layers, spikes), spikes


NETWORKS = {"n1": n1, "n2": n2}


def _even(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Return weights as an 8-bit synapse of mixed signs holds them."""
    return 2 * rng.integers(-64, 64, shape)


def _tuned(name: str, layers: list[Synapse], spikes: np.ndarray) -> Program:
    """Return the chain of ``layers`` with each threshold such that ``RATE`` of its neurons fire."""
    program, shape, before = None, spikes.shape[2:], "in"
    populations: list[Population] = []
    connections: list[Connection] = []
    for number, synapse in enumerate(layers):
        layer = f"layer{number}"
        shape = synapse.output_shape(shape)
        connections.append(Connection(before, layer, synapse))
        low, high = 1, 131071
        while high - low > 1:
            middle = (low + high) // 2
            neuron = Cuba.leaky(LEAK, middle * STATE_UNIT)
            populations = [*populations[:number], Population(layer, shape, neuron, number + 1)]
            source = Input("in", spikes.shape[2:])
            program = Program(name, "loihi2", source, tuple(populations), tuple(connections), layer)
            counts = run(program, spikes).counts
            assert counts is not None
            fired = counts.populations[-1].spikes
            low, high = (middle, high) if fired > RATE * STEPS * prod(shape) else (low, middle)
        before = layer
    assert program is not None
    return program
