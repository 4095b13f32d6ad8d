"""What an engine is: it runs columns of a batch, records what is asked for, and tallies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from hwsim.arith import WORD, Integer
from hwsim.program import Population, Program, Readout
from hwsim.trace import Trace


@dataclass(frozen=True)
class Job:
    """How to run: machine ``steps``, columns side by side on ``threads``, time in blocks.

    tick: called with the number of column-steps done since the last call; it may raise to
    stop the run. threads, block_steps: None lets the engine choose; results do not depend on
    either.
    """

    steps: int
    threads: int | None = None
    block_steps: int | None = None
    tick: Callable[[int], None] = lambda _: None


@dataclass
class PopulationTally:
    """Sums over columns and the population's window of T steps.

    fired: messages by neuron, int64, the population's shape. The others as in
    :class:`hwsim.counts.PopulationCounts`.
    """

    fired: np.ndarray
    updates: int = 0
    driven: int = 0
    wraps: int = 0
    saturations: int = 0
    zero: int = 0

    def add(self, other: PopulationTally) -> None:
        """Add the sums of other columns."""
        self.fired = self.fired + other.fired
        self.updates += other.updates
        self.driven += other.driven
        self.wraps += other.wraps
        self.saturations += other.saturations
        self.zero += other.zero


@dataclass
class Tally:
    """What a run leaves of its columns: outputs (B, n) int64, and sums by population."""

    outputs: np.ndarray
    populations: dict[str, PopulationTally] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Recording:
    """Arrays to write a Trace into: ``arrays[name][kind]`` is (steps, B, *shape).

    Kinds: ``spikes``, and with state ``a`` and the states of the neuron. Empty: keep nothing.
    """

    arrays: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)

    @classmethod
    def of(cls, program: Program, steps: int, batch: int, *, state: bool) -> Recording:
        """Return room for every population."""
        found = {}
        for p in program.populations:
            shape = (steps, batch, *p.shape)
            kinds = {"spikes": np.zeros(shape, message_type(p.neuron.MESSAGES))}
            for kind in ("a", *p.neuron.STATE) if state else ():
                kinds[kind] = np.zeros(shape, np.int32)
            found[p.name] = kinds
        return cls(found)

    def columns(self, start: int, stop: int) -> Recording:
        """Return the room of columns ``start..stop-1``, the same memory."""
        return Recording(
            {n: {k: a[:, start:stop] for k, a in kinds.items()} for n, kinds in self.arrays.items()}
        )

    def trace(self) -> Trace | None:
        """Return what was recorded, None if nothing was asked for."""
        if not self.arrays:
            return None
        groups: dict[str, dict[str, np.ndarray]] = {}
        for name, kinds in self.arrays.items():
            for kind, array in kinds.items():
                groups.setdefault(kind, {})[name] = array
        spikes = groups.pop("spikes")
        return Trace(spikes, groups)


class CountingInteger(Integer):
    """The machine's arithmetic, remembering where the last step left its registers."""

    def __init__(self, xp: Any) -> None:
        super().__init__(xp)
        self.forget()

    def forget(self) -> None:
        """Start a step."""
        self.wrapped: Any = False
        self.saturated: Any = False

    def wrap(self, x: Any) -> Any:
        """Fold a current, noting where that changed it."""
        y = super().wrap(x)
        self.wrapped = self.wrapped | (y != x)
        return y

    def wrap32(self, x: Any) -> Any:
        """Keep the low 32 bits, noting where that changed the value."""
        y = super().wrap32(x)
        self.wrapped = self.wrapped | (y != x)
        return y

    def shift_left(self, x: Any, bits: Any) -> Any:
        """Shift left, noting where bits were lost."""
        y = super().shift_left(x, bits)
        self.wrapped = self.wrapped | (y != x << bits)
        return y

    def clip(self, x: Any) -> Any:
        """Saturate a voltage, noting where that changed it."""
        y = super().clip(x)
        self.saturated = self.saturated | (y != x)
        return y


class Engine(Protocol):
    """A Program made ready to run; made once, run on any number of batches."""

    def __init__(self, program: Program) -> None: ...

    def run(self, spikes: np.ndarray, job: Job, recording: Recording) -> Tally:
        """Run ``spikes`` (T, B, *shape), each column from rest, for ``job.steps`` steps."""
        ...


def message_type(messages: tuple[int, int]) -> type:
    """Return the type that holds a neuron's messages in a trace."""
    limits = np.iinfo(np.int8)
    narrow = limits.min <= messages[0] and messages[1] <= limits.max
    assert messages[0] >= WORD[0]
    assert messages[1] <= WORD[1]
    return np.int8 if narrow else np.int32


def reads_voltage(program: Program) -> bool:
    """Say whether the output is the sum of v, not of messages."""
    return program.readout is Readout.VOLTAGE


def reset_of(program: Program, population: Population) -> tuple[int, int] | None:
    """Return the (period, phase) of the steps that set ``population`` to rest, None for none."""
    phase = program.phase(population)
    return None if program.period is None or phase is None else (program.period, phase)
