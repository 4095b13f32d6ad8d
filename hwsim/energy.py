"""Energy: counts times published prices, as a range that names what it covers and what not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwsim._report import coverage
from hwsim._report.counters import Counters, counters_by_layer, total
from hwsim._report.layers import layers, per_inference
from hwsim._report.report import Report
from hwsim._report.timing import latency_of, serial_latency
from hwsim._report.transport import mapping_use, static_power
from hwsim._report.values import (
    UNKNOWN,
    Agreement,
    Bracket,
    Context,
    Energy,
    Latency,
    LayerEnergy,
    Table,
    Term,
)
from hwsim.chip import Chip, Price, PriceTable
from hwsim.counts import Counts
from hwsim.loads import StepLoads
from hwsim.mapping import Mapping
from hwsim.program import Program

__all__ = ["Agreement", "Context", "Report", "price"]


def price(
    counts: Counts,
    chip: Chip,
    *,
    prices: Sequence[str] | None = None,
    program: Program | None = None,
    inputs: np.ndarray | None = None,
    mapping: Mapping | None = None,
    loads: StepLoads | None = None,
) -> Report:
    """Price a run on ``chip``: its cores, and with a mapping what goes between them.

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
        What ran: tells the number of synapses, and which input is graded; that of ``mapping``
        if there is one.
    inputs
        The run's input (T, B, *shape): the exact upper bound for graded input that a chip
        receives as unit spikes. Without it the program's input range bounds it.
    mapping
        Of the program: prices messages and hops, and says which cores are used.
    loads
        Of the mapping, from the run or a part of its samples: the latency step by step, of
        these samples. Without them it is bracketed from nothing but barriers to all that was
        counted, one after the other.

    Raises
    ------
    UnsupportedError
        If the chip has no such table.
    """
    mapping = loads.mapping if mapping is None and loads is not None else mapping
    program = mapping.program if mapping is not None else program
    spiking = [t.name for t in chip.prices if t.terms]
    names = dict.fromkeys(prices) if prices is not None else spiking
    tables = [chip.table(name) for name in names]
    traffic = mapping.messages(counts.fired) if mapping else ()
    by_layer = counters_by_layer(counts, program, inputs, traffic)
    counters = total(by_layer)
    priced = _Priced(tables, counts, counters, loads)
    gaps = coverage.gaps(tables, counters)
    if not tables:
        what = "no price table is used" if chip.prices else f"chip {chip.name} has no price table"
        gaps = [f"everything: {what}"]
    mixed = coverage.mixed(tables)
    energy = Energy(
        tables=tuple(names),
        terms=tuple(term for terms in priced.terms.values() for term in terms),
        missing=(
            *gaps,
            *mixed,
            *coverage.missing(tables, counters, program, mapping),
            *chip.not_priced,
        ),
        covers=coverage.covers(tables, gaps, mixed, mapping),
        notes=coverage.notes(tables, chip, counts, program, mapping),
        by_table=priced.used,
    )
    spans = priced.spans(mixed=bool(mixed))
    parts = {name: _layer_energy(tables, of, counts) for name, of in by_layer.items()}
    return Report(
        chip.name,
        counts.samples,
        per_inference(counts, program, counters, spans, mapped=mapping is not None),
        layers(counts, by_layer, parts, mapping),
        energy,
        latency=tuple(t for t in priced.latency.values() if t is not None),
        mapping=mapping_use(mapping, traffic, counts.samples) if mapping else None,
        static=static_power(chip, spans["latency_us"], mapping.chips if mapping else 1),
    )


class _Priced:
    """What each table makes of the counters."""

    def __init__(
        self,
        tables: Sequence[PriceTable],
        counts: Counts,
        counters: Counters,
        loads: StepLoads | None,
    ) -> None:
        self.terms = {t.name: _terms(t, counters, counts.samples) for t in tables}
        self.latency: dict[str, Latency | None] = {
            t.name: latency_of(loads, counts, t) if loads else None for t in tables
        }
        spans = {
            t.name: serial_latency(t, counters, counts) if loads is None else _ends(timed)
            for t, timed in zip(tables, self.latency.values(), strict=True)
        }
        names = ("name", "description", "kind", "voltage", "node", "source", "note")
        self.used = tuple(
            Table(
                **{n: getattr(t, n) for n in names},
                barrier_source=t.barrier_source,
                energy_uj=_sum(t, self.terms[t.name], counters),
                latency_us=spans[t.name],
            )
            for t in tables
        )

    def spans(self, *, mixed: bool) -> dict[str, Bracket]:
        """Return the ranges over all tables that a report leads with."""
        timed = [t for t in self.used if t.latency_us.low is not None]
        energy = UNKNOWN if mixed else _span([t.energy_uj for t in self.used])
        known = timed if energy.low is not None else []
        return {
            "energy_uj": energy,
            "latency_us": _span([t.latency_us for t in timed]),
            "edp_uj_us": _span([_product(t.energy_uj, t.latency_us) for t in known]),
        }


def _ends(latency: Latency | None) -> Bracket:
    return UNKNOWN if latency is None else Bracket(latency.low_us, latency.high_us)


def _product(a: Bracket, b: Bracket) -> Bracket:
    assert a.low is not None
    assert a.high is not None
    assert b.low is not None
    assert b.high is not None
    return Bracket(a.low * b.low, a.high * b.high)


def _layer_energy(
    tables: Sequence[PriceTable], counters: Counters, counts: Counts
) -> tuple[LayerEnergy, ...]:
    return tuple(
        LayerEnergy(t.table, t.term, t.energy_uj, t.energy_high_uj)
        for table in tables
        for t in _terms(table, counters, counts.samples)
        if t.energy_uj is not None and t.energy_high_uj is not None
    )


def _bounds(price: Price, counters: Counters) -> tuple[int, int]:
    return counters[price.counter], counters[price.counter_high or price.counter]


def _terms(table: PriceTable, counters: Counters, samples: int) -> tuple[Term, ...]:
    """Return what was counted of each price; of transport nothing is without a mapping."""
    found = []
    for p in (*table.terms, *table.transport):
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


def _sum(table: PriceTable, terms: tuple[Term, ...], counters: Counters) -> Bracket:
    if coverage.unpriced(table, counters):
        return UNKNOWN
    low = sum(t.energy_uj or 0.0 for t in terms)
    return Bracket(low, sum(t.energy_high_uj or 0.0 for t in terms))


def _span(brackets: list[Bracket]) -> Bracket:
    """Span all ``brackets``; None if there is none, or one has no figure."""
    lows, highs = [b.low for b in brackets], [b.high for b in brackets]
    known_low = [x for x in lows if x is not None]
    known_high = [x for x in highs if x is not None]
    if not brackets or len(known_low) < len(lows) or len(known_high) < len(highs):
        return UNKNOWN
    return Bracket(min(known_low), max(known_high))
