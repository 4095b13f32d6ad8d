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

    spikes, updates and the rest are those of the windows, while a run's ``machine_steps`` also
    have the gap and the steps before and after a window. A run that ends before the window
    does is counted as far as it went. spikes: messages that are not 0; updates: neurons x
    samples x steps of the window, all of them; driven: those that received a nonzero
    activation; wraps, saturations: updates in which u (or a 32-bit state) left, v hit the end
    of, its register (sums of synapses wrap before, see :func:`hwsim.activations.wrapping`);
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
    """``synops``: messages times their exact fan-out.

    ``messages`` are those of the source: a population's in its window, the input's and the
    blank line's in the ``machine_steps`` of the run.
    """

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

    The oracle for the engines' counters in tests: every message, step by step, and what it
    reaches. ``inputs``: (T, B, *shape).
    """
    messages = fired_of_trace(program, inputs, trace)
    synops = 0
    for c in program.connections:
        reached = c.synapse.fan_out(program.shape_of(c.source))
        synops += int((messages[c.source] * reached).sum())
    return {p.name: int(messages[p.name].sum()) for p in program.populations}, synops


def fired_of_trace(program: Program, inputs: np.ndarray, trace: Trace) -> dict[str, np.ndarray]:
    """Return what each neuron of each source sent in a recorded run, over all samples.

    As :func:`connection_counts` and :meth:`hwsim.mapping.Mapping.messages` take it: messages
    that are not 0, in a population's window. ``inputs``: (T, B, *shape).
    """
    steps, samples = len(inputs), inputs.shape[1]
    messages = {}
    for p in program.populations:
        fired = trace.spikes[p.name][p.latency : p.latency + steps] != 0
        messages[p.name] = fired.sum(axis=(0, 1))
    run = range(1, 1 + len(trace.spikes[program.output]))
    sent = [f for f in map(program.frame_sent_in, run) if 0 <= f < steps]
    messages[program.input.name] = (inputs[sent] != 0).sum(axis=(0, 1))
    if program.blank is not None:
        blanks = sum(samples for step in run if program.blanks_in(step))
        messages[program.blank.name] = np.array([blanks])
    return messages
