"""The full report on a run: mapped, timed step by step, beside a baseline, and for fewer frames.

What needs every spike is taken of the first samples, as many as fit a bounded memory; each
such figure says of how many. What cannot be known of a network is named, and the rest stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TypeVar

import numpy as np

from hwsim._report.break_even import break_even
from hwsim._report.raster import raster_of
from hwsim._report.report import Report
from hwsim._report.values import AtSteps
from hwsim.baseline import baseline_of
from hwsim.chip import Chip
from hwsim.counts import Counts
from hwsim.energy import price
from hwsim.errors import RangeError, SpikeportError
from hwsim.loads import StepLoads, step_loads
from hwsim.mapping import Mapping, map_program
from hwsim.over_steps import over_steps
from hwsim.program import Program
from hwsim.simulate import Stages, run, stage
from hwsim.trace import Trace

_VALUES = 1 << 26
"""Messages, of all neurons, steps and samples, that are recorded at most."""
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Ran:
    """A run: its ``inputs`` (T, B, *shape), what it counted, and its trace if it was recorded.

    labels: the classes (B,), if they are known. engine, threads: see :func:`hwsim.run`.
    progress: called while a report runs the network again.
    """

    inputs: np.ndarray
    counts: Counts
    trace: Trace | None = None
    labels: np.ndarray | None = None
    engine: str | None = None
    threads: int | None = None
    progress: Stages | None = None


def full_report(
    program: Program, ran: Ran, chip: Chip, *, prices: Sequence[str] | None = None
) -> Report:
    """Price ``ran`` on ``chip`` with everything that a report can hold.

    Raises UnsupportedError if the chip has no such price table.
    """
    gaps: list[str] = []
    part = _recorded(program, ran)
    mapping = _mapped(program, chip, gaps)
    loads = None if mapping is None else _loads(mapping, part, chip, prices)
    report = price(
        ran.counts,
        chip,
        prices=prices,
        program=program,
        inputs=ran.inputs,
        mapping=mapping,
        loads=loads,
    )
    assert part.trace is not None
    trace = part.trace
    notes: list[str] = []
    found = replace(
        report,
        break_even=break_even(ran.counts, program),
        baseline=_or_note(lambda: baseline_of(program, part.inputs, trace, part.counts), notes),
        raster=raster_of(program, trace, inputs=part.inputs),
        over_steps=_or_note(lambda: _stopped_early(program, ran, part), notes) or (),
    )
    energy = found.energy
    energy = replace(energy, missing=(*energy.missing, *gaps), notes=(*energy.notes, *notes))
    return replace(found, energy=energy)


def _recorded(program: Program, ran: Ran) -> Ran:
    """Return the first samples of ``ran`` with their spikes."""
    samples = min(ran.counts.samples, max(1, _VALUES // _messages(program, ran)))
    inputs = ran.inputs[:, :samples]
    if ran.trace is not None and samples == ran.counts.samples:
        return ran
    result = run(
        program,
        inputs,
        engine=ran.engine,
        record="spikes",
        steps=ran.counts.machine_steps,
        threads=ran.threads,
        progress=stage(ran.progress, "record spikes"),
    )
    assert result.counts is not None
    return Ran(inputs, result.counts, result.trace)


def _messages(program: Program, ran: Ran) -> int:
    """Return how many messages of one sample a trace keeps, those that are 0 included."""
    return sum(prod(p.shape) for p in program.populations) * ran.counts.machine_steps


def _stopped_early(program: Program, ran: Ran, part: Ran) -> tuple[AtSteps, ...]:
    """Return accuracy and work for fewer frames, of the samples of ``part``."""
    messages = _messages(program, ran)
    if messages > _VALUES:
        raise RangeError(
            f"accuracy for fewer frames was left out: one sample takes {messages:,} messages, "
            f"more than {_VALUES:,}, and would run again for each number of frames"
        )
    return over_steps(
        program,
        ran.inputs,
        ran.labels,
        samples=part.counts.samples,
        engine=ran.engine,
        threads=ran.threads,
        progress=stage(ran.progress, "fewer frames"),
    )


def _mapped(program: Program, chip: Chip, gaps: list[str]) -> Mapping | None:
    """Return the mapping onto ``chip``; None, with the reason in ``gaps``, if there is none."""
    if chip.mesh is None or chip.synapse_memory is None:
        return None
    try:
        return map_program(program, chip)
    except SpikeportError as error:
        gaps.append(f"messages between cores: the program cannot be mapped. {_line(error)}")
        return None


def _loads(mapping: Mapping, part: Ran, chip: Chip, prices: Sequence[str] | None) -> StepLoads:
    assert part.trace is not None
    tables = [t for t in chip.prices if prices is None or t.name in prices]
    counters = {p.counter for t in tables if t.barrier_low_ns is not None for p in t.terms}
    return step_loads(mapping, part.inputs, part.trace, nonzero="nonzero_synops" in counters)


def _or_note(make: Callable[[], _T], notes: list[str]) -> _T | None:
    """Return what ``make`` does, or None, with the reason in ``notes``."""
    try:
        return make()
    except SpikeportError as error:
        notes.append(_line(error))
        return None


def _line(error: SpikeportError) -> str:
    """Return the message of an error on one line."""
    return " ".join(error.message.split())
