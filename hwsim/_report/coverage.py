"""What the energy of a report holds and what it does not, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from hwsim._chip_values import TRANSPORT_COUNTERS, Chip, PriceTable
from hwsim._report.counters import Counters
from hwsim.counts import Counts
from hwsim.mapping import Mapping
from hwsim.program import Program

_NEEDED = {
    "spike_synops": "spike synaptic operations",
    "graded_synops": "graded synaptic operations",
    "updates": "neuron updates",
}
_UPDATES = ({"driven", "undriven"}, {"driven", "idle", "zero"}, {"nonzero_updates", "zero"})
"""The counters that together hold every update."""
_ALONE = TRANSPORT_COUNTERS | {"spikes"}
"""The counters of operations that a table need not price, but does if it times them."""


def gaps(tables: Sequence[PriceTable], counters: Counters) -> list[str]:
    """Name the counted operations that some of ``tables`` have no energy for."""
    without: dict[str, list[str]] = {}
    for table in tables:
        for label in unpriced(table, counters):
            without.setdefault(label, []).append(table.name)
    return [
        f"{label}: no published energy (table{'s' * (len(names) > 1)} {', '.join(names)})"
        for label, names in without.items()
    ]


def unpriced(table: PriceTable, counters: Counters) -> list[str]:
    """Return the labels of the counted operations that ``table`` has no energy for."""
    prices = (*table.terms, *table.transport)
    priced = [p for p in prices if p.energy_pj is not None]
    have = {name for p in priced for name in (p.counter, *p.includes)}
    without = []
    for need, label in _NEEDED.items():
        forms = ({k for k in counters if k.startswith(f"{need}_")},)
        ways = _UPDATES if need == "updates" else forms
        whole = any({k for k in way if counters[k]} <= have for way in ways)
        if counters[need] and need not in have and not whole:
            without.append(label)
    for p in prices:  # a time alone; those of the operations above are done with
        if p.counter in _ALONE and counters[p.counter] and p.counter not in have:
            without.append(p.label)
    return without


def missing(
    tables: Sequence[PriceTable],
    counters: Counters,
    program: Program | None,
    mapping: Mapping | None,
) -> tuple[str, ...]:
    """Name what is priced in part only, or not at all for want of a mapping or a program."""
    return (
        *_unbounded(tables, counters, program),
        *_unmapped(tables, mapping),
        *_crossing(tables, mapping),
    )


def notes(
    tables: Sequence[PriceTable],
    chip: Chip,
    counts: Counts,
    program: Program | None,
    mapping: Mapping | None,
) -> tuple[str, ...]:
    """Say what a reader of the figures must know of the program, the run and the prices."""
    return (
        *_elsewhere(program, chip, mapping),
        *_cut(counts, program),
        *_wrapping(program),
        *_all_in(tables),
        *chip.notes,
    )


def _unbounded(
    tables: Sequence[PriceTable], counters: Counters, program: Program | None
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


def mixed(tables: Sequence[PriceTable]) -> list[str]:
    """Name the tables that make no range: what some hold, others leave out."""
    kinds: dict[str, list[str]] = {}
    for t in tables:
        whole = "all-in without static power" if t.all_in_dynamic else "all-in"
        kinds.setdefault(whole if t.all_in else "not all-in", []).append(t.name)
    parts = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items())
    return [f"one range: prices hold different things ({parts}); choose among them"] * (
        len(kinds) > 1
    )


def _unmapped(tables: Sequence[PriceTable], mapping: Mapping | None) -> list[str]:
    if mapping is not None:
        outside = mapping.program.input.name not in mapping.cuts
        return [
            "bringing the input onto the chip: it comes from outside the mapped cores, and is "
            "priced from where it is received"
        ] * (outside and any(t.transport for t in tables))
    priced = ", ".join(t.name for t in tables if t.transport)
    return [
        f"message transport and mesh hops, which {priced} would price: the run has no mapping"
    ] * bool(priced)


def _crossing(tables: Sequence[PriceTable], mapping: Mapping | None) -> list[str]:
    hops = [t.name for t in tables if any(p.counter.startswith("hops") for p in t.transport)]
    if mapping is None or mapping.chips == 1 or not hops:
        return []
    return [
        f"links between the {mapping.chips} chips: a message that crosses one is priced as a hop "
        f"inside a chip ({', '.join(hops)})"
    ]


def covers(
    tables: Sequence[PriceTable], gaps: list[str], mixed: list[str], mapping: Mapping | None
) -> str:
    """Say what the figure holds; ``gaps``, ``mixed``: of these tables."""
    if mixed:
        return "nothing: the tables price different things"
    if gaps:
        return "nothing: operations have no published price"
    if tables[0].all_in:
        point = ", ".join(t.name for t in tables)
        what = "dynamic power" if tables[0].all_in_dynamic else "whole chip"
        return f"the {what} at its operating point ({point})"
    parts = [f"{', '.join(_things(t, mapping))} ({t.name})" for t in tables]
    meshed = mapping is not None and any(p.energy_pj for t in tables for p in t.transport)
    where = "neuromorphic cores and the mesh" if meshed else "neuromorphic cores only"
    return f"{where}: {'; '.join(parts)}"


def _things(table: PriceTable, mapping: Mapping | None) -> list[str]:
    """Return what ``table`` prices, several prices of one thing once."""
    priced = [p for p in (*table.terms, *(table.transport if mapping else ())) if p.energy_pj]
    return list(dict.fromkeys(p.label.split(",")[0] for p in priced))


def _elsewhere(program: Program | None, chip: Chip, mapping: Mapping | None) -> list[str]:
    """Say so if the program was made for another chip than the one that prices it."""
    if program is None or program.chip == chip.name:
        return []
    unchecked = "registers, weights and messages" if mapping else "neurons, weights and messages"
    return [
        f"The program was made for {program.chip} and is priced as if {chip.name} did the same "
        f"operations; whether {chip.name} could hold its {unchecked} was not checked."
    ]


def _cut(counts: Counts, program: Program | None) -> list[str]:
    """Say so if the run ended before the last answer was there."""
    if program is None or counts.machine_steps >= counts.steps + program.latency:
        return []
    whole = counts.steps + program.latency
    return [
        f"The run was cut: {counts.machine_steps} of {whole} machine steps. Counts and costs are "
        "those of the part that ran, and classes were read before the last spikes."
    ]


def _wrapping(program: Program | None) -> list[str]:
    """Name the connections whose sums may wrap, which the counts of neurons do not show."""
    names = program.wrapping if program else ()
    return [
        f"Sums of {', '.join(names)} may wrap (at 24 bits in a convolution, else at 32) before "
        "they reach a neuron; the wraps of a layer count what its neurons do."
    ] * bool(names)


def _all_in(tables: Sequence[PriceTable]) -> list[str]:
    """Name the operating point of each all-in table."""
    return [
        f"Prices {t.name} are all-in, static power {'left out' if t.all_in_dynamic else 'included'}"
        f", and hold at one operating point only: {t.all_in}."
        for t in tables
        if t.all_in
    ]
