"""The reference engine: event-driven NumPy, plain, the oracle of everything else.

In each step every connection gathers the weights of the neurons that fired in the step
before, or ``delay`` steps earlier, and every population advances by its own equation.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, fields, replace

import numpy as np

from hwsim.arith import wrap32
from hwsim.engines.base import (
    CountingInteger,
    Job,
    PopulationTally,
    Recording,
    Tally,
    reads_voltage,
    reset_of,
)
from hwsim.neurons import Neuron
from hwsim.program import Population, Program, expand
from hwsim.synapses import Shape, Synapse
from hwsim.trace import Trace


@dataclass
class _Running:
    """A population at work: its state, each (B, *shape), and tallies over its window.

    operands: 0 where the last step had nothing to compute.
    """

    population: Population
    neuron: Neuron
    reset: tuple[int, int] | None
    arith: CountingInteger
    activation: np.ndarray
    operands: np.ndarray
    state: tuple[np.ndarray, ...]
    s: np.ndarray
    tally: PopulationTally
    messages: np.ndarray
    voltage: np.ndarray

    @classmethod
    def at_rest(cls, p: Population, reset: tuple[int, int] | None, batch: int) -> _Running:
        """``reset``: (period, phase), or None if it is never set to rest."""
        rest = np.zeros((batch, *p.shape), np.int64)
        wide = {f.name: expand(getattr(p.neuron, f.name), p.shape) for f in fields(p.neuron)}
        neuron = replace(p.neuron, **{name: value.astype(int) for name, value in wide.items()})
        state = (rest,) * len(p.neuron.STATE)
        tally = PopulationTally(np.zeros(p.shape, np.int64))
        return cls(
            p, neuron, reset, CountingInteger(np), rest, rest, state, rest, tally, rest, rest
        )

    def advance(self, activation: np.ndarray, step: int) -> None:
        """Take one machine step; ``activation`` in units of weight."""
        if self.reset is not None and step % self.reset[0] == self.reset[1]:
            self.state = tuple(np.zeros_like(x) for x in self.state)
        self.arith.forget()
        self.activation = activation
        self.operands = activation | getattr(self.neuron, "bias", 0)
        for old in self.state:
            self.operands = self.operands | old
        x = activation << self.neuron.INPUT_SHIFT
        self.s, self.state = self.neuron.step(self.arith, self.state, x)

    def count(self) -> None:
        """Add the step just taken to the sums of the window."""
        tally = self.tally
        tally.fired = tally.fired + np.count_nonzero(self.s, axis=0)
        tally.updates += self.s.size
        tally.driven += int(np.count_nonzero(self.activation))
        tally.zero += int(np.count_nonzero(self.operands == 0))
        tally.wraps += int(np.count_nonzero(self.arith.wrapped))
        tally.saturations += int(np.count_nonzero(self.arith.saturated))
        self.messages = self.messages + self.s
        if "v" in self.neuron.STATE:
            self.voltage = self.voltage + self.state[list(self.neuron.STATE).index("v")]

    def record(self, arrays: dict[str, np.ndarray], row: int) -> None:
        """Write the step just taken into ``row`` of the arrays that there are."""
        kinds = dict(zip(self.neuron.STATE, self.state, strict=True))
        for kind, array in arrays.items():
            array[row] = {"spikes": self.s, "a": self.activation, **kinds}[kind]


class Reference:
    """Runs a Program, all columns of a batch at once; see :class:`hwsim.engines.base.Engine`."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.parts = {p.name: _parts(program, p.name) for p in program.populations}
        self.history = dict.fromkeys(_sources(program), 1)
        for parts in self.parts.values():
            for source, _, delay, _ in parts:
                self.history[source] = max(self.history[source], delay + 1)

    def run(self, spikes: np.ndarray, job: Job, recording: Recording) -> Tally:
        """Run ``spikes`` (T, B, *shape), each column from rest, for ``job.steps`` steps."""
        program, (frames, batch) = self.program, spikes.shape[:2]
        running = {
            p.name: _Running.at_rest(p, reset_of(program, p), batch) for p in program.populations
        }
        sent = {
            name: deque([np.zeros((batch, *program.shape_of(name)), np.int64)] * length, length)
            for name, length in self.history.items()
        }
        for step in range(1, job.steps + 1):
            for name, r in running.items():
                r.advance(_activation(self.parts[name], sent, r.s.shape), step)
                if 0 <= step - 1 - r.population.latency < frames:
                    r.count()
                if recording.arrays:
                    r.record(recording.arrays[name], step - 1)
            for name, message in self._messages(spikes, running, step).items():
                sent[name].appendleft(message)
            job.tick(batch)
        output = running[program.output]
        read = output.voltage if reads_voltage(program) else output.messages
        return Tally(read.reshape(batch, -1), {name: r.tally for name, r in running.items()})

    def _messages(
        self, spikes: np.ndarray, running: dict[str, _Running], step: int
    ) -> dict[str, np.ndarray]:
        """Return what every source sends in ``step``."""
        program, batch = self.program, spikes.shape[1]
        found = {name: r.s for name, r in running.items()}
        frame, silence = program.frame_sent_in(step), np.zeros((batch, *program.input.shape))
        message = spikes[frame] if 0 <= frame < len(spikes) else silence
        found[program.input.name] = np.asarray(message).astype(np.int64)
        if program.blank is not None:
            found[program.blank.name] = np.full((batch, 1), int(program.blanks_in(step)), np.int64)
        return found


def drive(
    population: Population,
    activations: np.ndarray,
    *,
    initial: tuple[np.ndarray, ...] | None = None,
    reset: tuple[int, int] | None = None,
) -> Trace:
    """Run one population on given activations (steps, B, *shape), recording its state.

    ``initial``: the states (B, *shape) at the start, in the neuron's order; ``reset``:
    (period, phase) of its reset.
    """
    steps, batch = activations.shape[:2]
    r = _Running.at_rest(population, reset, batch)
    if initial is not None:
        r.state = tuple(np.array(x, np.int64) for x in initial)
    kinds = ("spikes", "a", *population.neuron.STATE)
    arrays = {kind: np.zeros((steps, batch, *population.shape), np.int32) for kind in kinds}
    for step, activation in enumerate(activations.astype(np.int64), start=1):
        r.advance(activation, step)
        r.record(arrays, step - 1)
    trace = Recording({population.name: arrays}).trace()
    assert trace is not None
    return trace


def _sources(program: Program) -> list[str]:
    lines = [program.input.name] + ([program.blank.name] if program.blank else [])
    return [*lines, *(p.name for p in program.populations)]


def _parts(program: Program, target: str) -> list[tuple[str, bool, int, Synapse]]:
    """Return (source, graded, delay, synapse without delays) of everything into ``target``."""
    return [
        (c.source, c.graded, delay, part)
        for c in program.into(target)
        for delay, part in c.synapse.parts()
    ]


def _activation(
    parts: list[tuple[str, bool, int, Synapse]],
    sent: dict[str, deque[np.ndarray]],
    shape: Shape,
) -> np.ndarray:
    """Sum what arrives, in 32 bits as between Lava's Processes."""
    total = np.zeros(shape, np.int64)
    for source, graded, delay, synapse in parts:
        messages = sent[source][delay]
        if not graded:
            messages = (messages != 0).astype(np.int64)
        total = total + synapse.deliver(messages).reshape(shape)
    return wrap32(total)
