"""What a run did, counted: spikes, synaptic operations, neuron updates, overflows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwsim.engines.base import PopulationTally
from hwsim.program import Program, connection_name
from hwsim.trace import Trace


@dataclass(frozen=True)
class PopulationCounts:
    """Sums over all samples and each population's own window of T steps.

    A run that ends before the window does is counted as far as it went. spikes: messages that
    are not 0; updates: neurons x samples x steps of the window, all of them; driven: those that
    received a nonzero activation; wraps, saturations: updates in which u (or a 32-bit state)
    left, v hit the end of, its register; silent, always_firing: neurons that never, or in
    every step of every sample, spiked.
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
    label: str = ""

    @property
    def name(self) -> str:
        """Return the connection's name, see :attr:`hwsim.program.Connection.name`."""
        return connection_name(self.source, self.target, self.label)


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


def population_counts(name: str, tally: PopulationTally) -> PopulationCounts:
    """Return the counts of a population from its sums over all columns."""
    fired = tally.fired
    most = tally.updates // fired.size
    return PopulationCounts(
        name=name,
        neurons=fired.size,
        spikes=int(fired.sum()),
        updates=tally.updates,
        driven=tally.driven,
        wraps=tally.wraps,
        saturations=tally.saturations,
        silent=int((fired == 0).sum()),
        always_firing=int((fired == most).sum()) if most else 0,
    )


def blank_messages(program: Program, frames: int, samples: int) -> np.ndarray:
    """Return (1,) what the blank line sends until the last of ``frames`` is sent."""
    sent = sum(program.blanks_in(step) for step in range(1, program.gap + frames + 1))
    return np.array([sent * samples])


def connection_counts(program: Program, fired: dict[str, np.ndarray]) -> list[ConnectionCounts]:
    """Count every connection; ``fired[name]``: messages per source neuron, in its window."""
    return [
        ConnectionCounts(
            c.source,
            c.target,
            c.graded,
            int(fired[c.source].sum()),
            int((fired[c.source] * c.synapse.fan_out(program.shape_of(c.source))).sum()),
            c.label,
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
    messages = {n: (w != 0).sum(axis=(0, 1)) for n, w in windows.items()}
    messages[program.input.name] = (inputs != 0).sum(axis=(0, 1))
    if program.blank is not None:
        messages[program.blank.name] = blank_messages(program, steps, inputs.shape[1])
    synops = sum(c.synops for c in connection_counts(program, messages))
    return {name: int((w != 0).sum()) for name, w in windows.items()}, synops
