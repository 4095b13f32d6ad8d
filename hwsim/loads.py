"""Loads: what each core of a mapping does in each machine step of each sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from hwsim import mapping as placed
from hwsim._mapping.sent import Sent
from hwsim.program import Connection, Program
from hwsim.trace import Trace

_CELLS_AT_ONCE = 1 << 20
"""Values of one source that are turned into reals at once: what bounds the memory."""


@dataclass(frozen=True, eq=False)
class StepLoads:
    """Work by core and step; a message counts in the step in which it is sent.

    It is delivered, and its synapses are read, before that step's barrier.

    Parameters
    ----------
    mapping
        Whose ``cores`` the last axis counts.
    amounts
        By counter, integers (steps, samples, cores): ``spikes``, ``messages_out`` (once a
        destination core), ``messages_in``, ``nonzero_synops``, and for each synapse format F
        ``spike_synops_F``, ``graded_synops_F``, ``payload_synops_F`` (graded ones if a value k
        of the input were sent as k unit spikes).
    hops_x, hops_y, crossings
        Of all messages, (steps, samples).
    """

    mapping: placed.Mapping
    amounts: Mapping[str, np.ndarray]
    hops_x: np.ndarray
    hops_y: np.ndarray
    crossings: np.ndarray

    @property
    def steps(self) -> int:
        """Machine steps."""
        return len(self.hops_x)

    @property
    def samples(self) -> int:
        """Samples, each alone on the machine."""
        return self.hops_x.shape[1]


def step_loads(
    mapping: placed.Mapping, inputs: np.ndarray, trace: Trace, *, nonzero: bool = True
) -> StepLoads:
    """Return the loads of a recorded run of the mapping's program.

    Parameters
    ----------
    mapping
        Of the program that ran.
    inputs, trace
        Frames (T, B, *shape), and the run's trace of spikes.
    nonzero
        Whether to count ``nonzero_synops`` too, which takes longer than all the rest.
    """
    return _Loading(mapping, inputs, trace, nonzero).result()


class _Loading:
    """The sums of :func:`step_loads` while they are made; rows are steps times samples."""

    def __init__(
        self, mapping: placed.Mapping, inputs: np.ndarray, trace: Trace, nonzero: bool
    ) -> None:
        self.mapping, self.program = mapping, mapping.program
        self.inputs, self.trace, self.nonzero = inputs, trace, nonzero
        self.steps, self.samples = trace.spikes[self.program.output].shape[:2]
        self.amounts: dict[str, np.ndarray] = {}
        self.ways = np.zeros((3, self.steps * self.samples), np.int64)
        for counter in ("spikes", "messages_out", "messages_in", *["nonzero_synops"] * nonzero):
            self._amount(counter)

    def result(self) -> StepLoads:
        for line in (*self.program.lines, *self.program.populations):
            for at, values in self._blocks(line.name):
                self._source(line.name, at, values)
        shape = (self.steps, self.samples)
        return StepLoads(
            self.mapping,
            {name: a.reshape(*shape, -1) for name, a in self.amounts.items()},
            self.ways[0].reshape(shape),
            self.ways[1].reshape(shape),
            self.ways[2].reshape(shape),
        )

    def _source(self, name: str, at: np.ndarray, values: np.ndarray) -> None:
        """Add what ``values`` (rows, *shape) of a source cause."""
        fired = self.mapping.sent(name, values if values.dtype == bool else values != 0)
        if name in self.mapping.cuts:
            self.amounts["spikes"][at, self.mapping.places(name)] = self.mapping.spikes[name](fired)
        for c in self.program.connections:
            if c.source == name:
                self._synops(c, at, fired, values)
                self._messages(c, at, fired)

    def _synops(self, c: Connection, at: np.ndarray, fired: Sent, values: np.ndarray) -> None:
        form, places = c.synapse.FORM.value, self.mapping.places(c.target)
        found = self.mapping.synops[c.name](fired)
        self._amount(f"{'graded' if c.graded else 'spike'}_synops_{form}")[at, places] += found
        if c.graded:
            if c.source == self.program.input.name and values.dtype != bool:
                payload = self.mapping.sent(c.source, abs(values.astype(np.int64)))
                found = self.mapping.synops[c.name](payload)
            self._amount(f"payload_synops_{form}")[at, places] += found
        if self.nonzero:
            found = self.mapping.nonzero_synops[c.name](fired)
            self._amount("nonzero_synops")[at, places] += found

    def _messages(self, c: Connection, at: np.ndarray, fired: Sent) -> None:
        route = self.mapping.routes[c.name]
        messages = route.messages(fired)
        route.arriving.add(messages, self.amounts["messages_in"], at)
        if route.inside:
            route.leaving.add(messages, self.amounts["messages_out"], at)
            self.ways[:, at] += route.ways @ messages.T

    def _amount(self, counter: str) -> np.ndarray:
        if counter not in self.amounts:
            shape = (self.steps * self.samples, len(self.mapping.cores))
            self.amounts[counter] = np.zeros(shape, np.int64)
        return self.amounts[counter]

    def _blocks(self, name: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield what the source sends, some of the (step, sample) rows with messages at a time."""
        rows = _messages_of(self.program, name, self.inputs, self.trace)
        flat = rows.reshape(self.steps * self.samples, *rows.shape[2:])
        sending = np.flatnonzero(flat.reshape(len(flat), -1).any(axis=1))
        block = max(1, _CELLS_AT_ONCE // max(flat[:1].size, 1))
        for start in range(0, len(sending), block):
            at = sending[start : start + block]
            yield at, flat[at]


def _messages_of(program: Program, name: str, inputs: np.ndarray, trace: Trace) -> np.ndarray:
    """Return what a source sends in each machine step, (steps, B, *shape); bool if 0 or 1."""
    steps, samples = trace.spikes[program.output].shape[:2]
    binary = program.messages_of(name) == (0, 1)
    if name in trace.spikes:
        spikes = trace.spikes[name]
        return spikes.view(bool) if binary and spikes.dtype.itemsize == 1 else spikes
    if program.blank is not None and name == program.blank.name:
        blanks = np.array([program.blanks_in(step) for step in range(1, steps + 1)])
        return np.broadcast_to(blanks[:, None, None], (steps, samples, 1))
    frames = [program.frame_sent_in(step) for step in range(1, steps + 1)]
    found = np.zeros((steps, samples, *program.input.shape), bool if binary else inputs.dtype)
    sent = [f for f in frames if 0 <= f < len(inputs)]
    first = next((i for i, f in enumerate(frames) if f == 0), steps)
    found[first : first + len(sent)] = inputs[: len(sent)]
    return found
