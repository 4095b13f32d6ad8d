"""Running a Program: the one entry to the engines, and the value a run returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from hwsim.counts import Counts
from hwsim.errors import RangeError, UnsupportedError
from hwsim.program import Program
from hwsim.trace import Trace


class Record(Enum):
    """What a run keeps of every population: nothing, spikes, or spikes and u and v."""

    NONE = "none"
    SPIKES = "spikes"
    STATE = "state"

    @classmethod
    def parse(cls, name: str) -> Record:
        """Return the member called ``name``; raise UnsupportedError listing them all."""
        for member in cls:
            if member.value == name:
                return member
        known = ", ".join(repr(member.value) for member in cls)
        raise UnsupportedError(f"there is no record={name!r}", hint=f"use one of {known}")


@dataclass(frozen=True, eq=False)
class Run:
    """Result of a run: what every engine and real Lava return.

    outputs: (B, n) int64, the readout of the output population over its window.
    counts: None where a backend does not count. trace: None unless recorded.
    """

    outputs: np.ndarray
    counts: Counts | None
    trace: Trace | None

    @property
    def predictions(self) -> np.ndarray:
        """Return the class of each sample: the lowest index of the largest output."""
        return self.outputs.argmax(axis=1)


Progress = Callable[[int, int], None]
"""Called as ``progress(done, total)`` while a run goes on."""


def run(
    program: Program,
    spikes: np.ndarray,
    *,
    engine: str = "reference",
    record: str = "none",
    steps: int | None = None,
    progress: Progress | None = None,
) -> Run:
    """Run every sample of ``spikes`` on a machine of its own that starts at rest.

    Parameters
    ----------
    program
        The network.
    spikes
        Integers (T, B, *input shape), within the input's range.
    engine
        ``"reference"``: event-driven NumPy, the oracle.
    record
        ``"none"``, ``"spikes"`` or ``"state"``: see :class:`Record`.
    steps
        Machine steps to run; by default T plus the network's latency.
    progress
        Called after every machine step.

    Raises
    ------
    RangeError
        If ``spikes`` has another shape, type or range than the program's input.
    UnsupportedError
        If there is no such engine.
    """
    from hwsim.engines import reference

    if engine != "reference":
        raise UnsupportedError(f"there is no engine {engine!r}", hint='use engine="reference"')
    check_input(program, spikes)
    steps = len(spikes) + program.latency if steps is None else steps
    if steps < 1:
        raise RangeError(f"steps = {steps} does not fit 1..", hint="leave it out for the default")
    return reference.run(program, spikes, Record.parse(record), steps, progress)


def check_input(program: Program, spikes: np.ndarray) -> None:
    """Raise RangeError unless ``spikes`` is what the program's input declares."""
    want = program.input
    where = f"input {want.name} of program {program.name}"
    shape = ", ".join(map(str, want.shape))
    if spikes.ndim != 2 + len(want.shape) or spikes.shape[2:] != want.shape or 0 in spikes.shape:
        raise RangeError(
            f"{where}: shape {spikes.shape} is not (T, B, {shape})",
            hint="time is axis 0, the batch axis 1; neither may be empty",
        )
    if not (np.issubdtype(spikes.dtype, np.integer) or spikes.dtype == bool):
        raise RangeError(
            f"{where}: values are {spikes.dtype}, not integers",
            hint="the machine takes integers; round or encode the data first",
        )
    low, high = int(spikes.min()), int(spikes.max())
    if low < want.low or high > want.high:
        bad = low if low < want.low else high
        raise RangeError(
            f"{where}: value {bad} does not fit {want.low}..{want.high}",
            hint="encode the data as in training, or export again with --calibrate",
        )
