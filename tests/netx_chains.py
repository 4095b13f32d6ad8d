"""Chains of populations, as netx files hold them: random ones, and one of each feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from strategies import even, registers

from hwsim import Connection, Conv2d, Dense, Input, Population, Program, Readout, SumPool2d
from hwsim.neurons import Cuba, Delta, LeakyIntegrator, Neuron, Sigma, SigmaDelta
from hwsim.synapses import Sparse, Synapse


@dataclass(frozen=True, eq=False)
class Layer:
    """A population and what leads into it."""

    neuron: Neuron
    synapse: Synapse
    recurrent: Dense | None = None
    graded: bool = False


def chain(
    source: Input, layers: Sequence[Layer], *, period: int | None = None, name: str = "chain"
) -> Program:
    """Return the program of ``layers``, one behind the other, called a, b, ..."""
    populations, connections = [], []
    before, shape = source.name, source.shape
    for latency, (layer, own) in enumerate(zip(layers, "abcdefgh", strict=False), 1):
        shape = shape if isinstance(layer.synapse, Sparse) else layer.synapse.output_shape(shape)
        populations.append(Population(own, shape, layer.neuron, latency))
        connections.append(Connection(before, own, layer.synapse, layer.graded))
        if layer.recurrent is not None:
            connections.append(Connection(own, own, layer.recurrent, layer.graded))
        before = own
    voltage = isinstance(layers[-1].neuron, LeakyIntegrator)
    return Program(
        name=name,
        chip="loihi2",
        input=source,
        populations=populations,
        connections=connections,
        output=before,
        readout=Readout.VOLTAGE if voltage else Readout.COUNT,
        period=period,
    )


def random_chain(rng: np.random.Generator, *, steps: int = 5) -> Program:
    """Return conv and pool layers, then dense ones with delays and recurrence, as chance has it."""
    flat = rng.random() < 0.3
    shape = (int(rng.integers(1, 20)),) if flat else (2, *rng.integers(4, 8, 2).tolist())
    source = Input("in", shape, 0, int(rng.choice([1, 60])))
    layers: list[Layer] = []
    while len(shape) == 3 and len(layers) < 2 and rng.random() < 0.7:
        pooled = shape[1] > 1 and rng.random() < 0.3
        synapse = SumPool2d((2, 1), (2, 1)) if pooled else _conv(rng, shape)
        shape = synapse.output_shape(shape)
        graded = source.high > 1 and not layers
        layers.append(Layer(registers(rng, shape[0], 900), synapse, graded=graded))
    for _ in range(rng.integers(1, 4)):
        outputs, graded = int(rng.integers(1, 13)), source.high > 1 and not layers
        layers.append(_dense(rng, outputs, prod(shape), graded))
        shape = (outputs,)
    return chain(source, layers, period=steps if rng.random() < 0.7 else None)


def _dense(rng: np.random.Generator, outputs: int, inputs: int, graded: bool) -> Layer:
    if rng.random() < 0.3:
        weight, recurrent = (rng.integers(-9, 10, (outputs, n)) for n in (inputs, outputs))
        weight[0, 0] = 9
        return Layer(_neuron(rng, outputs), Dense(weight), Dense(recurrent), graded)
    synapse = Dense(matrix(rng, outputs, inputs), delay=_delay(rng, outputs, inputs))
    return Layer(_neuron(rng, outputs), synapse, graded=graded)


def matrix(rng: np.random.Generator, outputs: int, inputs: int) -> np.ndarray:
    """Return weights of mixed or one sign, not all of them 0, which lava-dl loads as they are."""
    low, high = [(-127, 127), (0, 255), (-255, -1), (-10, 10)][rng.integers(4)]
    weight = rng.integers(low, high, (outputs, inputs), endpoint=True)
    weight[0, 0] = high
    return weight


def _neuron(rng: np.random.Generator, neurons: int) -> Cuba:
    if rng.random() < 0.3:
        return Cuba.leaky(int(rng.integers(4097)), 64 * int(rng.integers(1, 900)))
    return registers(rng, neurons, 900)


def _conv(rng: np.random.Generator, source: tuple[int, ...]) -> Conv2d:
    groups = int(rng.choice([1, source[0]]))
    kernel = [int(rng.integers(1, min(3, size), endpoint=True)) for size in source[1:]]
    weight = even(rng, (2 * groups, source[0] // groups, *kernel), 40)
    stride, padding = (tuple(rng.integers(low, 3, 2).tolist()) for low in (1, 0))
    return Conv2d(weight, stride, padding, groups=groups)


def _delay(rng: np.random.Generator, outputs: int, inputs: int) -> np.ndarray | None:
    """Return no delays, or delays that netx holds as one a row, one a column, or one a synapse."""
    kind = rng.integers(6)
    if kind > 2:
        return None
    shape = [(outputs, 1), (1, inputs), (outputs, inputs)][kind]
    delay = np.broadcast_to(rng.integers(0, 62, shape, endpoint=True), (outputs, inputs)).copy()
    delay[0, 0] = max(delay[0, 0], 1) if kind == 2 else delay[0, 0]
    return delay if delay.any() else None


def sigma_delta(rng: np.random.Generator) -> Program:
    """Return a sigma-delta network: Delta, convolution, dense layer, Sigma."""
    bias = rng.integers(-9, 30, 3) << 12
    layers = [
        Layer(Delta(3 << 12, 6, 6), Sparse.identity(32), graded=True),
        Layer(SigmaDelta(2 << 12, bias, 6), Conv2d(even(rng, (3, 2, 2, 2), 20)), graded=True),
        Layer(SigmaDelta(2 << 12, state_exp=6), Dense(even(rng, (5, 27), 20)), graded=True),
        Layer(Sigma(), Dense(even(rng, (2, 5), 20)), graded=True),
    ]
    return chain(Input("in", (2, 4, 4), 0, 60), layers)


def input_neurons(rng: np.random.Generator) -> Program:
    """Return a layer of input neurons, as lava-dl's own MNIST network begins, and a dense one."""
    layers = [
        Layer(Cuba.leaky(123, 64 * 80), Sparse.identity(20), graded=True),
        Layer(Cuba.leaky(123, 64 * 60), Dense(rng.integers(-50, 80, (10, 20)))),
    ]
    return chain(Input("in", (20,), 0, 200), layers, period=7)
