"""The reference engine: event-driven NumPy, plain, the oracle of everything else.

In each step every connection gathers the weights of the neurons that fired in the step
before, and every population advances by its own equation.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from hwsim.arith import Integer, to_state
from hwsim.counts import Counts, PopulationCounts, connection_counts
from hwsim.neurons import Cuba
from hwsim.program import Population, Program, Readout, expand
from hwsim.simulate import Progress, Record, Run
from hwsim.trace import Trace


class _CountingInteger(Integer):
    """The machine's arithmetic, remembering where the last step left its registers."""

    def __init__(self) -> None:
        super().__init__(np)
        self.wrapped: Any = False
        self.saturated: Any = False

    def wrap(self, x: Any) -> Any:
        y = super().wrap(x)
        self.wrapped = y != x
        return y

    def clip(self, x: Any) -> Any:
        y = super().clip(x)
        self.saturated = y != x
        return y


@dataclass
class _Running:
    """A population at work: registers (B, *shape), and tallies over its window."""

    population: Population
    neuron: Cuba
    phase: int | None
    arith: _CountingInteger
    u: np.ndarray
    v: np.ndarray
    s: np.ndarray
    fired: np.ndarray
    voltage: np.ndarray
    steps: int = 0
    driven: int = 0
    wraps: int = 0
    saturations: int = 0

    @classmethod
    def at_rest(cls, population: Population, phase: int | None, batch: int) -> _Running:
        rest = np.zeros((batch, *population.shape), np.int64)
        neuron = replace(
            population.neuron,
            **{
                f.name: expand(getattr(population.neuron, f.name), population.shape).astype(int)
                for f in fields(population.neuron)
            },
        )
        return cls(population, neuron, phase, _CountingInteger(), rest, rest, rest, rest, rest)

    def advance(self, activation: np.ndarray, step: int, period: int | None) -> None:
        """Take one machine step; ``activation`` in units of weight."""
        if period is not None and step % period == self.phase:
            self.u, self.v = np.zeros_like(self.u), np.zeros_like(self.v)
        x = to_state(activation)
        self.s, (self.u, self.v) = self.neuron.step(self.arith, (self.u, self.v), x)

    def tally(self, activation: np.ndarray) -> None:
        """Add the step just taken to the counts of the window."""
        self.steps += 1
        self.fired = self.fired + self.s
        self.voltage = self.voltage + self.v
        self.driven += int(np.count_nonzero(activation))
        self.wraps += int(np.count_nonzero(self.arith.wrapped))
        self.saturations += int(np.count_nonzero(self.arith.saturated))

    def counts(self) -> PopulationCounts:
        per_neuron = self.fired.sum(axis=0)
        most = len(self.fired) * self.steps
        return PopulationCounts(
            name=self.population.name,
            neurons=per_neuron.size,
            spikes=int(per_neuron.sum()),
            updates=self.fired.size * self.steps,
            driven=self.driven,
            wraps=self.wraps,
            saturations=self.saturations,
            silent=int((per_neuron == 0).sum()),
            always_firing=int((per_neuron == most).sum()) if most else 0,
        )


def run(
    program: Program, spikes: np.ndarray, record: Record, steps: int, progress: Progress | None
) -> Run:
    """Run ``program`` for ``steps`` machine steps; see :func:`hwsim.simulate.run`."""
    frames, batch = spikes.shape[:2]
    running = {p.name: _Running.at_rest(p, program.phase(p), batch) for p in program.populations}
    recorder = _Recorder(record, steps, running)
    silence = np.zeros((batch, *program.input.shape), np.int64)
    sent = {program.input.name: silence, **{name: r.s for name, r in running.items()}}
    for step in range(1, steps + 1):
        for name, r in running.items():
            activation = _activation(program, name, sent, r.u.shape)
            r.advance(activation, step, program.period)
            if 0 <= step - 1 - r.population.latency < frames:
                r.tally(activation)
        frame = spikes[step - 1].astype(np.int64) if step <= frames else silence
        sent = {program.input.name: frame, **{name: r.s for name, r in running.items()}}
        recorder.keep(step - 1, running)
        if progress is not None:
            progress(step, steps)
    output = running[program.output]
    read = output.fired if program.readout is Readout.COUNT else output.voltage
    fired = {name: r.fired.sum(axis=0) for name, r in running.items()}
    fired[program.input.name] = np.count_nonzero(spikes[:steps], axis=(0, 1))
    counts = Counts(
        samples=batch,
        steps=frames,
        machine_steps=steps,
        populations=tuple(r.counts() for r in running.values()),
        connections=tuple(connection_counts(program, fired)),
    )
    return Run(read.reshape(batch, -1), counts, recorder.trace())


def drive(
    population: Population,
    activations: np.ndarray,
    *,
    initial: tuple[np.ndarray, np.ndarray] | None = None,
    reset: tuple[int, int] | None = None,
) -> Trace:
    """Run one population on given activations (steps, B, *shape), recording its state.

    ``initial``: u and v (B, *shape) at the start; ``reset``: (period, phase) of its reset.
    """
    period, phase = reset or (None, None)
    r = _Running.at_rest(population, phase, activations.shape[1])
    if initial is not None:
        r.u, r.v = (np.array(x, np.int64) for x in initial)
    recorder = _Recorder(Record.STATE, len(activations), {population.name: r})
    for step, activation in enumerate(activations.astype(np.int64), start=1):
        r.advance(activation, step, period)
        recorder.keep(step - 1, {population.name: r})
    trace = recorder.trace()
    assert trace is not None
    return trace


def _activation(
    program: Program, target: str, sent: dict[str, np.ndarray], shape: tuple[int, ...]
) -> np.ndarray:
    total = np.zeros(shape, np.int64)
    for c in program.connections:
        if c.target == target:
            messages = sent[c.source] if c.graded else (sent[c.source] != 0).astype(np.int64)
            total = total + c.synapse.deliver(messages).reshape(shape)
    return total


class _Recorder:
    """Copies what is to be kept of each step into arrays made once."""

    def __init__(self, record: Record, steps: int, running: dict[str, _Running]) -> None:
        def room(kept: bool, kind: type) -> dict[str, np.ndarray]:
            shapes = {name: (steps, *r.u.shape) for name, r in running.items() if kept}
            return {name: np.zeros(shape, kind) for name, shape in shapes.items()}

        self._spikes = room(record is not Record.NONE, np.int8)
        self._u = room(record is Record.STATE, np.int32)
        self._v = room(record is Record.STATE, np.int32)

    def keep(self, index: int, running: dict[str, _Running]) -> None:
        for kept, register in ((self._spikes, "s"), (self._u, "u"), (self._v, "v")):
            for name, array in kept.items():
                array[index] = getattr(running[name], register)

    def trace(self) -> Trace | None:
        return Trace(self._spikes, self._u, self._v) if self._spikes else None
