"""A case: a network, samples, the spikes to expect, and what a tool took to compute them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from networks import ALL_NETWORKS, shuffled  # beside simulate.py

from hwsim import Program, run
from hwsim.trace import Trace

SAMPLES = {"cifar": 4}
"""Of a batch, where not ``USUAL``."""
USUAL = 32


@dataclass(frozen=True, eq=False)
class Case:
    """A network and ``frames`` (T, B, *shape).

    expected: the reference engine's spikes (T, n) of the first sample, by layer; synops, updates:
    of that sample, a step.
    """

    name: str
    program: Program
    frames: np.ndarray
    expected: dict[str, np.ndarray]
    synops: float
    updates: float

    @classmethod
    def of(cls, name: str) -> Case:
        """Return the case called ``name``."""
        return cls.made(*ALL_NETWORKS[name]())

    @classmethod
    def made(cls, program: Program, frames: np.ndarray) -> Case:
        """Return the case of ``program`` and more samples like ``frames`` (T, 1, *shape)."""
        done = run(program, frames, engine="reference", record="spikes")
        assert done.trace is not None
        assert done.counts is not None
        steps, counts = len(frames), done.counts
        return cls(
            program.name,
            program,
            shuffled(frames, SAMPLES.get(program.name, USUAL)),
            windows(program, done.trace, steps),
            counts.synops / steps,
            counts.updates / steps,
        )

    @property
    def steps(self) -> int:
        """Frames of a sample."""
        return len(self.frames)

    def agreement(self, spikes: dict[str, np.ndarray]) -> str:
        """Say if ``spikes`` are those expected: "yes", only as many ("totals"), or "no"."""
        if all((spikes[name] == train).all() for name, train in self.expected.items()):
            return "yes"
        same = all(spikes[name].sum() == train.sum() for name, train in self.expected.items())
        return "totals" if same else "no"


@dataclass(frozen=True)
class Figure:
    """Microseconds that a tool takes for a step of a sample: all its CPU time, and by the clock."""

    case: str
    tool: str
    batch: int
    cpu_us: float
    wall_us: float
    memory_mb: float | None
    equal: str


def windows(program: Program, trace: Trace, steps: int) -> dict[str, np.ndarray]:
    """Return what each population answered to each frame of the first sample, (T, n)."""
    found = {}
    for p in program.populations:
        train = trace.spikes[p.name][p.latency : p.latency + steps, 0]
        found[p.name] = train.reshape(steps, -1)
    return found
