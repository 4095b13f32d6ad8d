"""Measure from which density on products are faster than events: the numbers of src/gemm.h.

Run ``python benchmarks/crossover.py [variant]``; it prints a line a kernel of events.
"""

from __future__ import annotations

import sys
from time import perf_counter
from unittest.mock import patch

import numpy as np

from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program
from hwsim.engines.base import Job, Recording
from hwsim.engines.native import Native
from hwsim.engines.native.engine import _extension

STEPS, REPEATS = 256, 15
DENSITIES = np.geomspace(0.02, 1, 17)
IMAGE = (16, 16, 16)
CASES = {  # name: source, target, largest weight, largest message
    "graded dense": ((512,), (512,), 100, 255),
    "graded conv": (IMAGE, (32, 16, 16), 100, 255),
    "conv": (IMAGE, (32, 16, 16), 120, 1),
    "short conv": (IMAGE, (32, 16, 16), 20, 1),
}


def program(source: tuple, target: tuple, weight: int, message: int) -> Program:
    """Return one population of silent neurons that hears the input."""
    rng = np.random.default_rng(1)
    shape = (*target[:1], *source[:1], *(() if len(source) == 1 else (3, 3)))
    weights = rng.integers(-weight, weight + 1, shape)
    synapse = Dense(weights) if len(source) == 1 else Conv2d(weights, padding=(1, 1))
    neuron = Cuba(4096, 4096, 131072 * 64)
    return Program(
        "one", "loihi1", Input("in", source, 0, message), (Population("p", target, neuron, 1),),
        (Connection("in", "p", synapse, graded=message > 1),), "p",
    )  # fmt: skip


def engine(network: Program, variant: str | None, crossover: float) -> Native:
    """Return the engine that takes a product from the density ``crossover`` on."""
    with patch.object(_extension().Layout, "crossover", lambda *_: crossover):
        return Native(network, variant)


def seconds(engines: list[Native], spikes: np.ndarray) -> list[float]:
    """Return the best time of each engine; they take turns."""
    best = [float("inf")] * len(engines)
    for _ in range(REPEATS):
        for i, one in enumerate(engines):
            start = perf_counter()
            one.run(spikes, Job(STEPS, threads=1), Recording())
            best[i] = min(best[i], perf_counter() - start)
    return best


def main(variant: str | None = None) -> None:
    """Print, for each case, the time of events over that of products by density."""
    rng = np.random.default_rng(2)
    for name, (source, *rest) in CASES.items():
        network = program(source, *rest)
        engines = [engine(network, variant, crossover) for crossover in (float("inf"), 0.0)]
        ratios = []
        for density in DENSITIES:
            messages = rng.integers(1, network.input.high + 1, (STEPS, 1, *source))
            spikes = (messages * (rng.random(messages.shape) < density)).astype(np.uint8)
            events, product = seconds(engines, spikes)
            ratios.append(events / product)
        found = np.interp(1, np.maximum.accumulate(ratios), DENSITIES, right=np.inf)
        print(f"{engines[0].variant} {name}: {found:.2f}; all messages: {ratios[-1]:.2f}x")


if __name__ == "__main__":
    main(*sys.argv[1:])
