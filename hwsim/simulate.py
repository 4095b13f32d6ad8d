"""Running a Program: the one entry to the engines, and the value a run returns."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from importlib import import_module
from math import prod

import numpy as np

from hwsim._value_checks import kind_problems, whole_problems
from hwsim.counts import Counts, connection_counts, population_counts
from hwsim.engines.base import Engine, Job, PopulationTally, Recording, Tally
from hwsim.errors import RangeError, UnsupportedError, known_hint
from hwsim.program import Program
from hwsim.trace import Trace

ENGINES = {
    "native": ("hwsim.engines.native", "Native"),
    "reference": ("hwsim.engines.reference", "Reference"),
    "torch": ("hwsim.engines.tensors", "Torch"),
}
ENGINE_VARIABLE = "SPIKEPORT_ENGINE"
LOG = logging.getLogger("spikeport")
_CELLS_AT_ONCE = 1 << 23
"""Neurons, times the steps that delays remember, times columns, that an engine handles at once:
what bounds the memory of a run."""
_CELLS = 1 << 27
"""Of one column, at most: a shape of a few bytes can declare any number."""
_FRAMES_AT_ONCE = 256


class Record(Enum):
    """What a run keeps of every population: nothing, spikes, or spikes and state."""

    NONE = "none"
    SPIKES = "spikes"
    STATE = "state"

    @classmethod
    def parse(cls, name: str | Record) -> Record:
        """Return ``name`` or the member called so; raise UnsupportedError listing them all."""
        for member in cls:
            if name in (member, member.value):
                return member
        known = known_hint([member.value for member in cls], str(name))
        raise UnsupportedError(f"there is no record={name!r}", hint=known)


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
"""Called as ``progress(done, total)`` while a run goes on; a total of 0 is not known."""
Stages = Callable[[int, int, str], None]
"""Called as ``progress(done, total, stage)`` while one stage after the other goes on."""


def stage(progress: Stages | None, name: str) -> Progress | None:
    """Return what to call during the stage ``name``."""
    return None if progress is None else lambda done, total: progress(done, total, name)


def run(  # noqa: PLR0913 -- one parameter an option
    program: Program,
    spikes: np.ndarray | Iterable[np.ndarray],
    *,
    engine: str | None = None,
    record: str | Record = "none",
    steps: int | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
    block_steps: int | None = None,
) -> Run:
    """Run every sample of ``spikes`` on a machine of its own that starts at rest.

    Without a record, memory is needed for the Program and one block of samples, whatever the
    length of ``spikes``, which may be a memory map or batches made one by one.

    Parameters
    ----------
    program
        The network.
    spikes
        Integers (T, B, *input shape), within the input's range; or an iterable of such
        batches, all of the same T, which are checked one by one.
    engine
        ``"native"``, compiled; ``"reference"``, event-driven NumPy, the oracle; or ``"torch"``,
        on CUDA if there is a device, else on the processor, ``"torch:DEVICE"`` on the one that
        torch calls so. All compute the same. By default what ``SPIKEPORT_ENGINE`` says, else
        native.
    record
        ``"none"``, ``"spikes"`` or ``"state"``, or a :class:`Record`.
    steps
        Machine steps to run; by default T plus the network's latency.
    progress
        Called now and then with the steps done, summed over columns.
    threads
        Samples to run side by side, where the engine can; by default one a core.
    block_steps
        Steps that a layer advances at once, where the engine can. Results never depend on it.

    Raises
    ------
    RangeError
        If ``spikes`` has another shape, type or range than the program's input.
    UnsupportedError
        If there is no such engine, or it is not installed.
    """
    kept = Record.parse(record)
    for name, value in (("steps", steps), ("threads", threads), ("block_steps", block_steps)):
        for problem in [] if value is None else whole_problems(name, value, 1):
            raise RangeError(problem, hint="leave it out for the default")
    steps = None if steps is None else int(steps)
    batches, columns = _batches(program, spikes, kept)
    machine, whole, recording = _engine(engine)(program), _Whole(program), Recording()
    for start, batch in batches:
        length = steps or len(batch) + program.latency
        if kept is not Record.NONE and not recording.arrays:
            recording = Recording.of(program, length, columns, state=kept is Record.STATE)

        def tick(column_steps: int, total: int = columns * length) -> None:
            whole.steps_done += column_steps
            if progress is not None:
                progress(whole.steps_done, total)

        room = recording.columns(start, start + batch.shape[1])
        tally = machine.run(batch, Job(length, threads, block_steps, tick), room)
        whole.add(batch, length, tally)
    return whole.result(recording.trace())


class _Whole:
    """The sums of a run over its batches."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.steps_done = 0
        self.frames = self.length = 0
        self.outputs: list[np.ndarray] = []
        self.tallies = {
            p.name: PopulationTally(np.zeros(p.shape, np.int64)) for p in program.populations
        }
        self.inputs = np.zeros(program.input.shape, np.int64)

    def add(self, batch: np.ndarray, length: int, tally: Tally) -> None:
        """Add the columns of one batch, run for ``length`` machine steps."""
        self.frames, self.length = len(batch), length
        self.outputs.append(tally.outputs)
        for name, part in tally.populations.items():
            self.tallies[name].add(part)
        sent = min(self.program.frames_sent(length), len(batch))
        for first in range(0, sent, _FRAMES_AT_ONCE):
            frames = batch[first : min(first + _FRAMES_AT_ONCE, sent)]
            self.inputs += np.count_nonzero(frames, axis=(0, 1))

    def result(self, trace: Trace | None) -> Run:
        """Return the run."""
        if not self.outputs:
            raise RangeError("there is no batch to run", hint="give at least one batch of samples")
        outputs, program = np.concatenate(self.outputs), self.program
        fired = {name: t.fired for name, t in self.tallies.items()}
        fired[program.input.name] = self.inputs
        if program.blank is not None:
            blanks = program.blanks_sent(self.length) * len(outputs)
            fired[program.blank.name] = np.array([blanks])
        counts = Counts(
            samples=len(outputs),
            steps=self.frames,
            machine_steps=self.length,
            populations=tuple(
                population_counts(p, self.tallies[p.name]) for p in program.populations
            ),
            connections=tuple(connection_counts(program, fired)),
            fired=fired,
        )
        return Run(outputs, counts, trace)


def _engine(name: str | None) -> Callable[[Program], Engine]:
    """Return what makes a Program ready to run: ``name``, or ``name:device``."""
    name = name or os.environ.get(ENGINE_VARIABLE) or "native"
    kind, colon, device = str(name).partition(":")
    if kind not in ENGINES or (colon and kind != "torch"):
        hint = known_hint([*ENGINES, "torch:DEVICE"], str(name))
        raise UnsupportedError(f"there is no engine {name!r}", hint=hint)
    LOG.debug("engine %s", name)
    module, made = ENGINES[kind]
    engine = getattr(import_module(module), made)
    return partial(engine, device=device) if colon else engine


def _batches(
    program: Program, spikes: np.ndarray | Iterable[np.ndarray], kept: Record
) -> tuple[Iterator[tuple[int, np.ndarray]], int]:
    """Return (first column, checked batch) pairs of bounded size, and all columns, 0: unknown."""
    cells = _cells(program)
    if cells > _CELLS:
        raise RangeError(
            f"program {program.name}: {cells} values to keep for one sample are more than {_CELLS}",
            hint="use a smaller network, or shorter delays",
        )
    at_once = max(1, _CELLS_AT_ONCE // cells)

    def cut(batch: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        for start in range(0, batch.shape[1], at_once):
            yield start, batch[:, start : start + at_once]

    if isinstance(spikes, np.ndarray):
        check_input(program, spikes)
        return cut(spikes), spikes.shape[1]
    wrong = kind_problems("spikes", spikes, Iterable, "an array or an iterable of batches")
    if wrong or isinstance(spikes, (str, bytes, Mapping)):
        raise RangeError(
            wrong[0] if wrong else f"spikes is a {type(spikes).__name__}, not an array",
            hint="give one array (T, B, *shape), or batches of that shape",
        )
    if kept is not Record.NONE:
        raise UnsupportedError(
            f"record={kept.value!r} of batches that come one by one",
            hint='give one array, or use record="none"',
        )
    return (part for batch in _checked(program, spikes) for part in cut(batch)), 0


def _cells(program: Program) -> int:
    """Return how many values of one column an engine keeps, messages in flight included."""
    kept = {s.name: 1 for s in (*program.lines, *program.populations)}
    for c in program.connections:
        kept[c.source] = max(kept[c.source], 1 + max(c.synapse.delays))
    return sum(prod(program.shape_of(name)) * steps for name, steps in kept.items())


def _checked(program: Program, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield each batch as an array that fits the input, of the T of the first."""
    frames = 0
    for number, given in enumerate(batches):
        try:
            batch = np.asanyarray(given)
        except ValueError:
            batch = np.asarray(given, object)
        if batch.ndim < 2 + len(program.input.shape):
            raise RangeError(
                f"batch {number} of the spikes has shape {batch.shape}, which is no batch",
                hint="an iterable is taken as batches (T, B, *shape): of one array of that shape "
                "make a numpy.array first",
            )
        check_input(program, batch)
        if frames not in (0, len(batch)):
            raise RangeError(
                f"a batch of {len(batch)} frames follows one of {frames}",
                hint="give every batch the same T; run samples of other lengths apart",
            )
        frames = len(batch)
        yield batch


def check_input(program: Program, spikes: np.ndarray) -> None:
    """Raise RangeError unless ``spikes`` is what the program's input declares."""
    want = program.input
    where = f"input {want.name} of program {program.name}"
    shape = ", ".join(map(str, want.shape))
    if isinstance(spikes, np.ma.MaskedArray):
        raise RangeError(
            f"{where}: the array is masked, and a machine has no missing values",
            hint="use spikes.filled(0)",
        )
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
    if not program.streamed and len(spikes) > (program.frames or len(spikes)):
        raise RangeError(
            f"{where}: {len(spikes)} frames, and each sample of {program.frames} runs alone",
            hint="put samples beside each other, (T, B, *shape), not behind each other",
        )
    low, high = int(spikes.min()), int(spikes.max())
    if low < want.low or high > want.high:
        bad = low if low < want.low else high
        raise RangeError(
            f"{where}: value {bad} does not fit {want.low}..{want.high}",
            hint="encode the data as in training, or export again with --calibrate",
        )
