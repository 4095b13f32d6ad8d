"""Energy: counts times published prices, as a range that names what it covers and what not."""

from __future__ import annotations

from collections.abc import Sequence

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
from hwsim.activations import wrapping
from hwsim.chip import Chip, Price, PriceTable
from hwsim.counts import Counts
from hwsim.program import Program

__all__ = ["Agreement", "Context", "Report", "price"]

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
        Whose prices are used; it may be another than the program was made for.
    prices
        Names of the tables the range spans; all of the chip's that price spiking networks if
        None. All-in tables and others make no range together.
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
    spiking = [t.name for t in chip.prices if t.terms]
    names = dict.fromkeys(prices) if prices is not None else spiking
    tables = [chip.table(name) for name in names]
    counters = counters_of(counts, program, inputs)
    terms = {t.name: _terms(t, counters, counts.samples) for t in tables}
    gaps = [gap for t in tables for gap in _gaps(t, counters)]
    if not tables:
        gaps = [f"everything: chip {chip.name} has no price table"]
    mixed = _mixed(tables)
    used = tuple(_used(t, terms[t.name], counters, counts) for t in tables)
    energy = Energy(
        tables=tuple(names),
        terms=tuple(term for t in tables for term in terms[t.name]),
        missing=(*gaps, *mixed, *_unbounded(tables, counters, program), *chip.not_priced),
        covers=_covers(tables, gaps, mixed),
        notes=(
            *_elsewhere(program, chip),
            *_cut(counts, program),
            *_wrapping(program),
            *_all_in(tables),
            *chip.notes,
        ),
        by_table=used,
    )
    spans = (
        Bracket(None, None) if mixed else _span([t.energy_uj for t in used]),
        _span([t.latency_us for t in used if t.latency_us.low is not None]),
    )
    means = per_inference(counts, program, *spans)
    return Report(chip.name, counts.samples, means, layers(counts), energy)


def _elsewhere(program: Program | None, chip: Chip) -> list[str]:
    """Say so if the program was made for another chip than the one that prices it."""
    if program is None or program.chip == chip.name:
        return []
    return [
        f"The program was made for {program.chip} and is priced as if {chip.name} did the same "
        f"operations; whether {chip.name} could hold its neurons, weights and messages was not "
        "checked."
    ]


def _all_in(tables: Sequence[PriceTable]) -> list[str]:
    """Name the operating point of each all-in table."""
    return [
        f"Prices {t.name} are all-in, static power included, and hold at one operating point "
        f"only: {t.all_in}."
        for t in tables
        if t.all_in
    ]


def _mixed(tables: Sequence[PriceTable]) -> list[str]:
    """Name the tables that make no range: what all-in ones hold, the others leave out."""
    whole = ", ".join(t.name for t in tables if t.all_in)
    parts = ", ".join(t.name for t in tables if not t.all_in)
    what = f"one range: prices {whole} are all-in, {parts} are not; choose among them"
    return [what] if whole and parts else []


def _wrapping(program: Program | None) -> list[str]:
    """Name the connections whose sums may wrap, which the counts of neurons do not show."""
    names = wrapping(program) if program else []
    return [
        f"Sums of {', '.join(names)} may wrap (at 24 bits in a convolution, else at 32) before "
        "they reach a neuron; the wraps of a layer count what its neurons do."
    ] * bool(names)


def _cut(counts: Counts, program: Program | None) -> list[str]:
    """Say so if the run ended before the last answer was there."""
    if program is None or counts.machine_steps >= counts.steps + program.latency:
        return []
    whole = counts.steps + program.latency
    return [
        f"The run was cut: {counts.machine_steps} of {whole} machine steps. Counts and costs are "
        "those of the part that ran, and classes were read before the last spikes."
    ]


def _unbounded(
    tables: Sequence[PriceTable], counters: dict[str, int], program: Program | None
) -> list[str]:
    """Name the graded input that goes without its upper bound for want of the program."""
    repeated = any(p.counter_high.startswith("payload") for t in tables for p in t.terms)
    if not repeated or not counters["graded_synops"]:
        return []
    if program is not None:
        sources = {c.source for c in program.connections if c.graded} - {program.input.name}
        wide = [n for n in sorted(sources) if program.messages_of(n) not in ((0, 0), (0, 1))]
        return [f"graded messages of {', '.join(wide)} beyond one spike each"] * bool(wide)
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
    priced = [p for p in table.terms if p.energy_pj is not None]
    have = {name for p in priced for name in (p.counter, *p.includes)}
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
    steps = counts.machine_steps
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


def _covers(tables: Sequence[PriceTable], gaps: list[str], mixed: list[str]) -> str:
    if gaps:
        return "nothing: operations of the cores have no published price"
    if mixed:
        return "nothing: the tables price different things"
    if tables[0].all_in:
        return f"the whole chip at its operating point ({', '.join(t.name for t in tables)})"
    parts = [
        f"{', '.join(dict.fromkeys(p.label.split(',')[0] for p in t.terms))} ({t.name})"
        for t in tables
    ]
    return f"neuromorphic cores only: {'; '.join(parts)}"
