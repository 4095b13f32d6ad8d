"""What a run did, counted: spikes, synaptic operations, neuron updates, overflows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwsim.program import Program
from hwsim.trace import Trace


@dataclass(frozen=True)
class PopulationCounts:
    """Sums over all samples and each population's own window of T steps.

    A run that ends before the window does is counted as far as it went. updates: neurons x
    samples x steps of the window, all of them; driven: those that received a nonzero
    activation; wraps, saturations: updates in which u left, v hit the end of, its register;
    silent, always_firing: neurons that never, or in every step of every sample, spiked.
    """

    name: str
    neurons: int
    spikes: int
    updates: int
    driven: int
    wraps: int
    saturations: int
    silent: int
    always_firing: int


@dataclass(frozen=True)
class ConnectionCounts:
    """``synops``: messages times their exact fan-out; ``messages`` are spikes of the source."""

    source: str
    target: str
    graded: bool
    messages: int
    synops: int


@dataclass(frozen=True)
class Counts:
    """Counts of a run of ``samples`` samples of ``steps`` frames in ``machine_steps`` steps."""

    samples: int
    steps: int
    machine_steps: int
    populations: tuple[PopulationCounts, ...]
    connections: tuple[ConnectionCounts, ...]

    @property
    def spikes(self) -> int:
        """All spikes of all populations."""
        return sum(p.spikes for p in self.populations)

    @property
    def synops(self) -> int:
        """All synaptic operations."""
        return sum(c.synops for c in self.connections)

    @property
    def updates(self) -> int:
        """All neuron updates."""
        return sum(p.updates for p in self.populations)

    def synops_into(self, population: str) -> int:
        """Return the synaptic operations of all connections into ``population``."""
        return sum(c.synops for c in self.connections if c.target == population)


def connection_counts(program: Program, fired: dict[str, np.ndarray]) -> list[ConnectionCounts]:
    """Count every connection; ``fired[name]``: messages per source neuron, in its window."""
    return [
        ConnectionCounts(
            c.source,
            c.target,
            c.graded,
            int(fired[c.source].sum()),
            int((fired[c.source] * c.synapse.fan_out(program.shape_of(c.source))).sum()),
        )
        for c in program.connections
    ]


def count(program: Program, inputs: np.ndarray, trace: Trace) -> tuple[dict[str, int], int]:
    """Count a recorded run again, the slow way: spikes by population, synaptic operations.

    The oracle for the engines' counters in tests. ``inputs``: (T, B, *shape).
    """
    steps = len(inputs)
    windows = {
        p.name: trace.spikes[p.name][p.latency : p.latency + steps] for p in program.populations
    }
    messages = {n: (w != 0).sum(axis=(0, 1)) for n, w in [*windows.items(), ("", inputs)]}
    messages[program.input.name] = messages.pop("")
    synops = sum(c.synops for c in connection_counts(program, messages))
    return {name: int(w.sum()) for name, w in windows.items()}, synops
