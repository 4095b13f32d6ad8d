"""Networks that together hold every neuron, synapse and arrangement that the writer knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hwsim import (
    Connection,
    Conv2d,
    Cuba,
    CubaLateReset,
    CubaRefractory,
    CubaSubtract,
    Delta,
    Dense,
    Gate,
    GradedRelay,
    Input,
    LeakyIntegrator,
    MultiSpike,
    Population,
    Program,
    Sigma,
    SigmaDelta,
    Sparse,
    SumPool2d,
    Ternary,
    blanked,
)
from hwsim.arith import WORD

Random = np.random.Generator
Case = tuple[Program, np.ndarray]
LOW, HIGH = WORD
NEURONS = 24


def program(name: str, entry: Input, populations: Any, connections: Any, **rest: Any) -> Program:
    return Program(
        name, "loihi2", entry, tuple(populations), tuple(connections), populations[-1].name, **rest
    )


def frames(random: Random, entry: Input, steps: int) -> np.ndarray:
    """Input of the whole range, in which a third of the values and some frames are silent."""
    shape = (steps, 1, *entry.shape)
    values = random.integers(entry.low, entry.high, shape, endpoint=True)
    silent = random.random((steps, *(1,) * (len(shape) - 1))) < 0.2
    return np.where(silent | (random.random(shape) < 0.33), 0, values)


def neurons(random: Random, *, single: bool) -> dict[str, Any]:
    """One of each kind; registers that a stock Process holds once are ``single`` or vary."""

    def draw(low: int, high: int, scale: int = 1) -> Any:
        values = scale * random.integers(low, high, NEURONS, endpoint=True)
        return np.where(random.random(NEURONS) < 0.2, random.choice([low, high]) * scale, values)

    def one(low: int, high: int, scale: int = 1) -> Any:
        return scale * int(random.integers(low, high + 1)) if single else draw(low, high, scale)

    def membrane() -> dict[str, Any]:
        bias = random.integers(-32768, 32768, NEURONS) << random.integers(0, 9, NEURONS)
        return {"decay_u": draw(0, 4096), "decay_v": draw(0, 4096), "bias": bias}

    exponents = (2, 3) if single else (draw(0, 7), draw(0, 7))
    grain = 1 << (sum(exponents) if single else 0)
    return {
        "Cuba": Cuba(**membrane(), threshold=draw(0, 131072, 64)),
        "CubaSubtract": CubaSubtract(**membrane(), threshold=draw(0, 131072, 64)),
        "CubaRefractory": CubaRefractory(
            **membrane(), threshold=draw(0, 40000, 64), period=draw(0, 63)
        ),
        "Ternary": Ternary(
            **membrane(), threshold=one(0, 40000, 64), threshold_low=one(-40000, 0, 64)
        ),
        "CubaLateReset": CubaLateReset(
            **membrane(), threshold=draw(0, 131072, 64), decrement=draw(0, 131072 * 64)
        ),
        "MultiSpike": MultiSpike(
            **membrane(),
            threshold=draw(1, 40000, 64),
            decrement=draw(0, 131072 * 64),
            lowest=draw(1 - 2**23, 0),
            most=draw(1, 255),
        ),
        "LeakyIntegrator": LeakyIntegrator(**membrane()),
        "Gate": Gate(draw(0, 131072, 64)),
        "GradedRelay": GradedRelay(one(0, 2**24 - 1)),
        "Sigma": Sigma(),
        "Delta": Delta(one(0, 2**18, grain), *exponents),
        "SigmaDelta": SigmaDelta(
            one(0, 2**18, grain), draw(-(2**20), 2**20, grain), exponents[0], one(0, 1)
        ),
    }


def all_neurons(random: Random, name: str, *, single: bool, period: int | None) -> Case:
    """Every kind, driven so hard that 24 and 32 bits wrap and voltages saturate."""
    entry = Input("in", (NEURONS,), -127, 127)
    populations, connections = [], []
    for kind, neuron in neurons(random, single=single).items():
        populations.append(Population(kind, (NEURONS,), neuron, 1))
        for label, exponent in (("far", 15), ("near", 0)):
            diagonal = np.diag(2 * random.integers(-127, 128, NEURONS))
            connections.append(Connection("in", kind, Dense(diagonal, exponent), True, label))
    net = program(name, entry, populations, connections, period=period)
    return net, frames(random, entry, 40)


def matrix(random: Random, outputs: int, inputs: int) -> np.ndarray:
    return 2 * random.integers(-127, 128, (outputs, inputs)) * random.integers(0, 2, (outputs, 1))


def sums(random: Random) -> Case:
    """Payloads of 32 bits, sums beyond, and exponents of both signs, through every flat kind."""
    entry, shape = Input("in", (12,), LOW, HIGH), (9, 12)
    weights = {"mixed": matrix(random, *shape), "one": random.integers(0, 256, shape)}
    delay = random.integers(0, 6, shape)
    populations, connections = [], []
    for sign, weight in weights.items():
        for exponent in (-31, -7, 0, 5, 31):
            for graded in (True, False):
                kinds = {
                    "dense": Dense(weight, exponent),
                    "late": Dense(weight, exponent, delay),
                    "sparse": Sparse.of(weight, exponent),
                    "sparse-late": Sparse.of(weight, exponent, delay),
                }
                name = f"{sign} {exponent} {graded}"
                populations.append(Population(name, (9,), GradedRelay(), 1))
                first = len(populations) if graded else len(populations) // 2
                for turn in range(first, first + 1 + graded):
                    kind, synapse = list(kinds.items())[turn % 4]
                    connections.append(Connection("in", name, synapse, graded, kind))
    return program("sums", entry, populations, connections), frames(random, entry, 14)


def odd_shapes(random: Random) -> Case:
    """One row, one column, no synapse, zeros kept as synapses, delays all zero or all alike."""
    entry = Input("in", (5,), -3, 3)
    zeros = np.zeros((4, 5), np.int64)
    everywhere = tuple(np.indices((4, 5)).reshape(2, -1))
    few = matrix(random, 4, 5) * (random.random((4, 5)) < 0.3)
    synapses = {
        "row": Sparse.of(matrix(random, 1, 5) | 2),
        "late row": Sparse.of(matrix(random, 1, 5) | 2, -1, random.integers(0, 3, (1, 5))),
        "late dense row": Dense(matrix(random, 1, 5), 1, random.integers(0, 3, (1, 5))),
        "no weight": Dense(zeros),
        "no synapse": Sparse.of(zeros),
        "no weight, late": Dense(zeros, 0, np.full((4, 5), 2)),
        "zeros": Sparse((4, 5), *everywhere, few.ravel()),
        "zeros, late": Sparse((4, 5), *everywhere, few.ravel(), 0, random.integers(0, 4, 20)),
        "delays of 0": Dense(few, 2, zeros),
        "one delay": Sparse.of(few, 0, np.full((4, 5), 62)),
        "negative": Dense(-random.integers(0, 256, (4, 5)), -2),
        "negative, sparse": Sparse.of(-random.integers(0, 256, (4, 5)), -2),
    }
    populations, connections = [], []
    for name, synapse in synapses.items():
        populations.append(Population(name, synapse.output_shape((5,)), GradedRelay(), 1))
        connections.append(Connection("in", name, synapse, graded=len(populations) % 3 != 0))
    column = Sparse.of(matrix(random, 3, 1) | 2, 0, np.array([[0], [1], [4]]))
    populations.append(Population("column", (3,), Cuba.integrator(64), 2))
    connections.append(Connection("row", "column", column, graded=True))
    return program("odd-shapes", entry, populations, connections), frames(random, entry, 70)


def convolutions(random: Random) -> Case:
    """Sums up to the last one that int32 holds, wrapped to 24 bits."""
    entry = Input("in", (2, 6, 5), LOW, HIGH)
    one = np.zeros((3, 2, 1, 1), np.int64)
    one[0, 0] = one[1, 1] = 1
    populations = [
        Population("payload", (3, 6, 5), GradedRelay(), 1),
        Population("ternary", (3, 6, 5), Ternary(4096, 0, 6400, -6400), 2),
        Population("pool", (3, 3, 2), Sigma(), 3),
        Population("wide", (2, 4, 2), GradedRelay(), 3),
    ]
    large = random.integers(-(1 << 24), 1 << 24, (2, 3, 3, 2))
    connections = [
        Connection("in", "payload", Conv2d(one), graded=True),
        Connection("payload", "ternary", Sparse.identity(90, 2), graded=True),
        Connection("ternary", "pool", SumPool2d((2, 2), (2, 2), weight=300), graded=True),
        Connection("ternary", "wide", Conv2d(large, (1, 2)), graded=True),
    ]
    return program("convolutions", entry, populations, connections), frames(random, entry, 12)


def graph(random: Random) -> Case:
    """Cycles, a self loop, parallel and skipping connections, parts that nothing joins."""
    entry = Input("in", (2, 2, 3))

    def neuron(n: int) -> Cuba:
        return Cuba(random.integers(500, 4097, n), random.integers(0, 2000, n), 6400, 900)

    def square(n: int) -> Dense:
        return Dense(matrix(random, n, n))

    populations = [
        Population("a", (12,), neuron(12), 1),
        Population("b", (3, 2, 2), CubaSubtract(4096, 100, 64 * 90, 64 * 5), 2),
        Population("c", (12,), Ternary(3000, 200, 64 * 60, -64 * 60), 3),
        Population("alone", (4,), Cuba(4096, 30, 640, random.integers(0, 300, 4)), 0),
        Population("biased", (2, 2), Cuba(4096, 30, 640, np.array([300, -7])), 0),
        Population("silent", (4,), Sigma(), 0),
    ]
    late = Sparse.of(matrix(random, 12, 12), 0, random.integers(0, 5, (12, 12)))
    connections = [
        Connection("in", "a", square(12)),
        Connection("in", "a", late, label="late"),
        Connection("a", "a", square(12)),
        Connection("a", "b", square(12)),
        Connection("a", "b", square(12), graded=True, label="again"),
        Connection("b", "a", square(12)),
        Connection("b", "c", square(12)),
        Connection("a", "c", Sparse.identity(12, 200, 1)),
        Connection("c", "b", square(12), graded=True),
        Connection("alone", "alone", Dense(np.full((4, 4), -20))),
    ]
    return program("graph", entry, populations, connections), frames(random, entry, 30)


def stream(random: Random) -> Case:
    """A recurrent network with its gap and blank line, and ten samples through it."""
    entry = Input("in", (6,))

    def neuron(n: int) -> Cuba:
        bias = random.integers(0, 200, n) * 64
        return Cuba(random.integers(500, 4097, n), random.integers(0, 2000, n), 64 * 300, bias)

    delay = random.integers(0, 4, (12, 8))
    net = program(
        "stream", entry,
        [Population("a", (12,), neuron(12), 1), Population("b", (8,), neuron(8), 2)],
        [
            Connection("in", "a", Dense(matrix(random, 12, 6))),
            Connection("a", "a", Dense(matrix(random, 12, 12))),
            Connection("a", "b", Dense(matrix(random, 8, 12))),
            Connection("b", "a", Dense(matrix(random, 12, 8), delay=delay)),
        ],
        period=7,
    )  # fmt: skip
    net = blanked(net)
    samples = random.integers(0, 2, (7, 10, 6))
    padded = np.concatenate([samples, np.zeros((net.gap, 10, 6), np.int64)])
    return net, padded.swapaxes(0, 1).reshape(-1, 1, 6)


CASES: dict[str, Callable[[Random], Case]] = {
    "neurons": lambda r: all_neurons(r, "neurons", single=True, period=None),
    "neurons-varied": lambda r: all_neurons(r, "neurons-varied", single=False, period=None),
    "neurons-reset": lambda r: all_neurons(r, "neurons-reset", single=True, period=13),
    "sums": sums,
    "odd-shapes": odd_shapes,
    "convolutions": convolutions,
    "graph": graph,
    "stream": stream,
}
