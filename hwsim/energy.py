"""Energy: counts times published prices, as a range that names what it covers and what not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from hwsim._report.counters import counters_of, layers, per_inference
from hwsim._report.report import (
    Agreement,
    Bracket,
    Context,
    Energy,
    Report,
    Table,
    Term,
)
from hwsim.chip import Chip, Price, PriceTable, load_chip
from hwsim.counts import Counts
from hwsim.errors import FileError, MismatchError, UnsupportedError
from hwsim.files import read_bytes, read_npz, write_atomic
from hwsim.program import Program
from hwsim.simulate import Progress, Run, run
from hwsim.trace import npz_bytes

__all__ = [
    "Agreement", "Context", "Report", "Simulation", "counts_of_trace", "price",
    "report_of_trace", "simulate_and_report",
]  # fmt: skip

INPUT_KEY = "input"
"""Name of the frames (T, B, *shape) in a trace file."""
_NEEDED = {
    "spike_synops": "spike synaptic operations",
    "graded_synops": "graded synaptic operations",
    "updates": "neuron updates",
}


def price(
    counts: Counts,
    chip: Chip,
    *,
    prices: Sequence[str] | None = None,
    program: Program | None = None,
    inputs: np.ndarray | None = None,
) -> Report:
    """Price a run on ``chip``: cores only, without transport, which needs a mapping.

    Parameters
    ----------
    counts
        Of a run of the program.
    chip
        Whose prices are used.
    prices
        Names of the tables the range spans; all of the chip's if None.
    program
        What ran: tells dense from convolutional synapses, and the number of synapses.
        Without it every synaptic operation is priced as dense, the dearest.
    inputs
        The run's input (T, B, *shape): the exact upper bound for graded input that a chip
        receives as unit spikes. Without it the program's input range bounds it.

    Raises
    ------
    UnsupportedError
        If the chip has no such table, or a synapse has no known format.
    """
    names = dict.fromkeys(prices) if prices is not None else [t.name for t in chip.prices]
    tables = [chip.table(name) for name in names]
    counters = counters_of(counts, program, inputs)
    terms = {t.name: _terms(t, counters, counts.samples) for t in tables}
    gaps = [gap for t in tables for gap in _gaps(t, counters)]
    if not tables:
        gaps = [f"everything: chip {chip.name} has no price table"]
    used = tuple(_used(t, terms[t.name], counters, counts) for t in tables)
    energy = Energy(
        tables=tuple(names),
        terms=tuple(term for t in tables for term in terms[t.name]),
        missing=(*gaps, *_unbounded(tables, counters, program), *chip.not_priced),
        covers=_covers(tables, gaps),
        notes=chip.notes,
        by_table=used,
    )
    spans = (
        _span([t.energy_uj for t in used]),
        _span([t.latency_us for t in used if t.latency_us.low is not None]),
    )
    means = per_inference(counts, program, *spans)
    return Report(chip.name, counts.samples, means, layers(counts), energy)


def _unbounded(
    tables: Sequence[PriceTable], counters: dict[str, int], program: Program | None
) -> list[str]:
    """Name the graded input that goes without its upper bound for want of the program."""
    repeated = any(p.counter_high.startswith("payload") for t in tables for p in t.terms)
    if program is not None or not repeated or not counters["graded_synops"]:
        return []
    return ["graded synaptic operations beyond one per message (price was not given the program)"]


def _bounds(price: Price, counters: dict[str, int]) -> tuple[int, int]:
    return counters[price.counter], counters[price.counter_high or price.counter]


def _terms(table: PriceTable, counters: dict[str, int], samples: int) -> tuple[Term, ...]:
    found = []
    for p in table.terms:
        low, high = (n / samples for n in _bounds(p, counters))
        if high == 0:
            continue
        cost = p.energy_pj
        found.append(
            Term(
                table=table.name,
                term=p.label,
                count=low,
                count_high=high,
                price_pj=cost,
                energy_uj=None if cost is None else low * cost / 1e6,
                energy_high_uj=None if cost is None else high * cost / 1e6,
                kind=p.kind,
                source=p.source,
                note=p.note,
            )
        )
    return tuple(found)


def _gaps(table: PriceTable, counters: dict[str, int]) -> list[str]:
    """Name the counted operations of the cores that ``table`` has no energy for."""
    have = {p.counter for p in table.terms if p.energy_pj is not None}
    found = []
    for need, label in _NEEDED.items():
        parts = [k for k in counters if k.startswith(f"{need}_") and counters[k]]
        parts = ["driven", "idle"] if need == "updates" else parts
        if counters[need] and need not in have and not (parts and set(parts) <= have):
            found.append(f"{label}: no published energy (table {table.name})")
    return found


def _used(
    table: PriceTable, terms: tuple[Term, ...], counters: dict[str, int], counts: Counts
) -> Table:
    energy = Bracket(None, None)
    if not _gaps(table, counters):
        low = sum(t.energy_uj or 0.0 for t in terms)
        energy = Bracket(low, sum(t.energy_high_uj or 0.0 for t in terms))
    names = ("name", "description", "kind", "voltage", "node", "source", "note", "barrier_source")
    return Table(
        **{n: getattr(table, n) for n in names},
        energy_uj=energy,
        latency_us=_latency(table, counters, counts),
    )


def _latency(table: PriceTable, counters: dict[str, int], counts: Counts) -> Bracket:
    """Bracket one inference: nothing but barriers .. everything one after the other on a core."""
    if table.barrier_low_ns is None or table.barrier_high_ns is None:
        return Bracket(None, None)
    steps = counts.steps + counts.latency
    serial = 0.0
    for p in table.terms:
        high = _bounds(p, counters)[1]
        if high and p.time_ns is None:
            return Bracket(None, None)
        serial += high * (p.time_ns or 0.0) / counts.samples
    low, high = steps * table.barrier_low_ns, steps * table.barrier_high_ns + serial
    return Bracket(low / 1e3, high / 1e3)


def _span(brackets: list[Bracket]) -> Bracket:
    """Span all ``brackets``; None if there is none, or one has no figure."""
    lows, highs = [b.low for b in brackets], [b.high for b in brackets]
    known_low = [x for x in lows if x is not None]
    known_high = [x for x in highs if x is not None]
    if not brackets or len(known_low) < len(lows) or len(known_high) < len(highs):
        return Bracket(None, None)
    return Bracket(min(known_low), max(known_high))


def _covers(tables: Sequence[PriceTable], gaps: list[str]) -> str:
    if gaps:
        return "nothing: operations of the cores have no published price"
    parts = [
        f"{', '.join(dict.fromkeys(p.label.split(',')[0] for p in t.terms))} ({t.name})"
        for t in tables
    ]
    return f"neuromorphic cores only: {'; '.join(parts)}"


@dataclass(frozen=True)
class Simulation:
    """How to run, what to write, and which prices to use: the options of ``simulate``.

    steps: machine steps, T plus the latency if None. state: keep u and v in the trace.
    trace, report, html: files to write. prices: tables, all of ``chip`` if None.
    """

    engine: str = "reference"
    steps: int | None = None
    state: bool = False
    trace: Path | None = None
    report: Path | None = None
    html: Path | None = None
    chip: str = "loihi1"
    prices: tuple[str, ...] | None = None


def simulate_and_report(
    program: Program,
    spikes: np.ndarray,
    how: Simulation | None = None,
    *,
    context: Context | None = None,
    labels: np.ndarray | None = None,
    progress: Progress | None = None,
) -> tuple[Run, Report]:
    """Run ``spikes`` (T, B, *shape), price the run, and write the files ``how`` names.

    ``labels`` (B,) give the accuracy of the program; ``context`` the rest of what a report
    names. The trace also holds the input, as ``input``.
    """
    how, context = how or Simulation(), context or Context()
    chip = load_chip(how.chip)
    record = "none" if how.trace is None else "state" if how.state else "spikes"
    result = run(
        program, spikes, engine=how.engine, record=record, steps=how.steps, progress=progress
    )
    if result.counts is None:
        raise UnsupportedError(f"engine {how.engine} does not count", hint='use engine="reference"')
    context = replace(context, program=context.program or program.name)
    if labels is not None:
        context = replace(context, accuracy_program=float(np.mean(result.predictions == labels)))
    priced = price(result.counts, chip, prices=how.prices, program=program, inputs=spikes)
    report = priced.with_context(context)
    if how.trace is not None and result.trace is not None:
        arrays = {**result.trace.arrays, INPUT_KEY: spikes}
        write_atomic(how.trace, npz_bytes(arrays))
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
    inputs = arrays[INPUT_KEY]
    priced = price(counts, load_chip(chip), prices=prices, program=program, inputs=inputs)
    digest = sha256(read_bytes(file, "a program")).hexdigest()
    return priced.with_context(Context(program=program.name, sha256=digest))
