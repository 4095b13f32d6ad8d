"""Running a program and reporting on it: what ``simulate`` and ``report`` do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from hwsim.chip import Chip, load_chip
from hwsim.cost_report import Ran, full_report
from hwsim.counts import Counts
from hwsim.energy import Context, Report
from hwsim.errors import FileError, MismatchError
from hwsim.files import read_bytes, read_npz, write_atomic
from hwsim.program import Program
from hwsim.simulate import Run, Stages, run, stage
from hwsim.trace import Trace, npz_bytes

INPUT_KEY = "input"
"""Name of the frames (T, B, *shape) in a trace file."""


@dataclass(frozen=True)
class Simulation:
    """How to run, what to write, and which prices to use: the options of ``simulate``.

    engine, threads: see :func:`hwsim.run`.
    steps: machine steps, T plus the latency if None. state: keep u and v in the trace.
    trace, report, html: files to write. prices: tables, all of ``chip`` if None.
    """

    engine: str | None = None
    steps: int | None = None
    state: bool = False
    trace: Path | None = None
    report: Path | None = None
    html: Path | None = None
    chip: Chip = field(default_factory=lambda: load_chip("loihi1"))
    prices: tuple[str, ...] | None = None
    threads: int | None = None


def simulate_and_report(
    program: Program,
    spikes: np.ndarray,
    how: Simulation | None = None,
    *,
    context: Context | None = None,
    labels: np.ndarray | None = None,
    progress: Stages | None = None,
) -> tuple[Run, Report]:
    """Run ``spikes`` (T, B, *shape), price the run, and write the files ``how`` names.

    ``labels`` (B,) give the accuracy of the program; ``context`` the rest of what a report
    names. The trace also holds the input, as ``input``.
    """
    how, context = how or Simulation(), context or Context()
    for name in how.prices or ():
        how.chip.table(name)  # a run may take hours: what it cannot be priced with is refused now
    record = "none" if how.trace is None else "state" if how.state else "spikes"
    result = run(
        program,
        spikes,
        engine=how.engine,
        record=record,
        steps=how.steps,
        progress=stage(progress, "simulate"),
        threads=how.threads,
    )
    assert result.counts is not None
    if how.trace is not None and result.trace is not None:
        arrays = {**result.trace.arrays, INPUT_KEY: spikes}
        write_atomic(how.trace, npz_bytes(arrays))
    context = replace(context, program=context.program or program.name)
    if labels is not None:
        context = replace(context, accuracy_program=float(np.mean(result.predictions == labels)))
    ran = Ran(spikes, result.counts, result.trace, labels, how.engine, how.threads, progress)
    report = full_report(program, ran, how.chip, prices=how.prices).with_context(context)
    if how.report is not None:
        write_atomic(how.report, report.to_json() + "\n")
    if how.html is not None:
        write_atomic(how.html, report.html())
    return result, report


def counts_of_trace(
    program: Program, arrays: Mapping[str, np.ndarray], where: str = "trace"
) -> Counts:
    """Count a trace file's run by repeating it on the reference engine.

    ``arrays``: of a file ``simulate --trace`` wrote, the input included. Raises FileError if
    the input or a population is not in it, MismatchError if the recorded spikes are not those
    of the program on that input.
    """
    names = [INPUT_KEY, *(f"{p.name}/spikes" for p in program.populations)]
    absent = [name for name in names if name not in arrays]
    if absent:
        raise FileError(
            f"{where}: has no {', '.join(absent)}",
            hint="give the file that spikeport simulate --trace wrote for this program",
        )
    steps = len(np.atleast_1d(arrays[names[1]]))
    result = run(program, arrays[names[0]], record="spikes", steps=steps)
    assert result.trace is not None
    assert result.counts is not None
    for p in program.populations:
        expected, recorded = result.trace.spikes[p.name], arrays[f"{p.name}/spikes"]
        if recorded.shape != expected.shape:
            place = f"shape {recorded.shape} is not {expected.shape}"
        elif (recorded != expected).any():
            at = tuple(int(i) for i in np.argwhere(recorded != expected)[0])
            values = f"{recorded[at]} is not {expected[at]}"
            place = f"step {at[0] + 1}, sample {at[1]}, neuron {at[2:]}: {values}"
        else:
            continue
        raise MismatchError(
            f"{where}: {p.name}: {place}", hint="the trace is of another program or input"
        )
    return result.counts


def report_of_trace(
    file: Path, trace: Path, *, chip: str = "loihi1", prices: Sequence[str] | None = None
) -> Report:
    """Price the run in a trace file of the program in ``file``; see ``counts_of_trace``."""
    program, arrays = Program.load(file), read_npz(trace)
    counts = counts_of_trace(program, arrays, str(trace))
    ran = Ran(arrays[INPUT_KEY], counts, Trace.of_arrays(arrays))
    priced = full_report(program, ran, load_chip(chip), prices=prices)
    digest = sha256(read_bytes(file, "a program")).hexdigest()
    return priced.with_context(Context(program=program.name, sha256=digest))
