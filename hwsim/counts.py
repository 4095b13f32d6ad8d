"""What a run did, counted: spikes, synaptic operations, neuron updates, memory fetches.

docs/counting.md compares these counts with those of other tools.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from hwsim.engines.base import PopulationTally
from hwsim.program import Connection, Population, Program, connection_name, expand
from hwsim.synapses import Form
from hwsim.trace import Trace

__all__ = [
    "ConnectionCounts", "Counts", "Form", "Kind", "PopulationCounts", "connection_counts", "count",
    "fired_of_trace", "kind_of", "one_to_one", "population_counts",
]  # fmt: skip


class Kind(Enum):
    """What a synaptic operation of a connection is; of a connection it is the first that holds.

    blank: from the blank line; bias: from a population that nothing leads into, which fires by
    its own bias; analogue: of graded input beyond 0..1; graded: of other graded messages beyond
    0..1; shortcut: at most one synapse a neuron on both sides, into a population that is also
    reached otherwise than by blanks and biases (a residual addition); spike: any other.
    """

    BLANK = "blank"
    BIAS = "bias"
    ANALOGUE = "analogue"
    GRADED = "graded"
    SHORTCUT = "shortcut"
    SPIKE = "spike"


@dataclass(frozen=True)
class PopulationCounts:
    """Sums over all samples and each population's own window of T steps.

    spikes, updates and the rest are those of the windows, while a run's ``machine_steps`` also
    have the gap and the steps before and after a window. A run that ends before the window
    does is counted as far as it went. spikes: messages that are not 0; updates: neurons x
    samples x steps of the window, all of them; driven: those that received a nonzero
    activation; wraps, saturations: updates in which u (or a 32-bit state) left, v hit the end
    of, its register (sums of synapses wrap before, see :func:`hwsim.activations.wrapping`);
    silent, always_firing: neurons that never, or in every step of every sample, spiked; zero:
    updates with nothing to compute: activation 0, every state 0 after the reset that may
    precede the update, and no bias; bias_adds: updates of neurons whose bias is not 0.
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
    zero: int = 0
    bias_adds: int = 0

    @property
    def idle(self) -> int:
        """Updates without input that had a state or a bias to compute with."""
        return self.updates - self.driven - self.zero


@dataclass(frozen=True)
class ConnectionCounts:
    """``synops``: messages times their exact fan-out, ``nonzero_synops``: zero weights left out.

    ``messages`` are those of the source: a population's in its window, the input's and the
    blank line's in the ``machine_steps`` of the run. A message counts when it is sent, whatever
    its payload, and whether or not the run lasts until a delay has passed.
    """

    source: str
    target: str
    graded: bool
    messages: int
    synops: int
    label: str = ""
    kind: Kind = Kind.SPIKE
    form: Form = Form.DENSE
    nonzero_synops: int = 0

    @property
    def name(self) -> str:
        """Return the connection's name, see :attr:`hwsim.program.Connection.name`."""
        return connection_name(self.source, self.target, self.label)

    @property
    def weight_fetches(self) -> int:
        """Weights read: one a synaptic operation, zero weights included."""
        return self.synops

    @property
    def index_fetches(self) -> int:
        """Targets read: in the sparse format beside each weight, in the others computed."""
        return self.synops if self.form is Form.SPARSE else 0


@dataclass(frozen=True)
class Counts:
    """Counts of a run of ``samples`` samples of ``steps`` frames in ``machine_steps`` steps.

    fired: messages that each neuron of a source sent over all samples, int64 of the source's
    shape, by name of the source, the input and the blank line included.
    """

    samples: int
    steps: int
    machine_steps: int
    populations: tuple[PopulationCounts, ...]
    connections: tuple[ConnectionCounts, ...]
    fired: Mapping[str, np.ndarray] = field(default_factory=dict, compare=False, repr=False)

    @property
    def barriers(self) -> int:
        """Barriers that end the machine steps of all samples."""
        return self.machine_steps * self.samples

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


def population_counts(population: Population, tally: PopulationTally) -> PopulationCounts:
    """Return the counts of a population from its sums over all columns."""
    fired = tally.fired
    most = tally.updates // fired.size
    bias = expand(getattr(population.neuron, "bias", 0), population.shape)
    biased = int(np.count_nonzero(np.broadcast_to(bias, population.shape)))
    return PopulationCounts(
        name=population.name,
        neurons=fired.size,
        spikes=int(fired.sum()),
        updates=tally.updates,
        driven=tally.driven,
        wraps=tally.wraps,
        saturations=tally.saturations,
        silent=int((fired == 0).sum()),
        always_firing=int((fired == most).sum()) if most else 0,
        zero=tally.zero,
        bias_adds=biased * most,
    )


def connection_counts(program: Program, fired: Mapping[str, np.ndarray]) -> list[ConnectionCounts]:
    """Count every connection; ``fired[name]``: messages per source neuron, in its window."""
    return [_connection_counts(program, c, fired[c.source]) for c in program.connections]


def _connection_counts(program: Program, c: Connection, sent: np.ndarray) -> ConnectionCounts:
    fan_out, nonzero = program.fan_outs[c.name]
    return ConnectionCounts(
        source=c.source,
        target=c.target,
        graded=c.graded,
        messages=int(sent.sum()),
        synops=int((sent * fan_out).sum()),
        label=c.label,
        kind=kind_of(program, c),
        form=c.synapse.FORM,
        nonzero_synops=int((sent * nonzero).sum()),
    )


def kind_of(program: Program, connection: Connection) -> Kind:
    """Return what the synaptic operations of ``connection`` are."""
    spontaneous = _spontaneous(program, connection)
    if spontaneous is not None:
        return spontaneous
    low, high = program.messages_of(connection.source)
    if connection.graded and (low < 0 or high > 1):
        return Kind.ANALOGUE if connection.source == program.input.name else Kind.GRADED
    others = (c for c in program.into(connection.target) if c is not connection)
    joins = any(_spontaneous(program, c) is None for c in others)
    return Kind.SHORTCUT if joins and one_to_one(program, connection) else Kind.SPIKE


def _spontaneous(program: Program, connection: Connection) -> Kind | None:
    """Return BLANK or BIAS if the source sends without being sent to, and is no input."""
    if program.blank is not None and connection.source == program.blank.name:
        return Kind.BLANK
    fed = connection.source == program.input.name or program.into(connection.source)
    return None if fed else Kind.BIAS


def one_to_one(program: Program, connection: Connection) -> bool:
    """Say whether every neuron has at most one synapse of ``connection``, on either side."""
    source, synapse = program.shape_of(connection.source), connection.synapse
    return bool(synapse.fan_out(source).max() <= 1 and synapse.fan_in(source).max() <= 1)


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
