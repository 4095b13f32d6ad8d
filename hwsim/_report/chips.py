"""How a chip is put into words and rows, the same in the terminal and in docs/chips.md."""

from __future__ import annotations

from hwsim._report import figures
from hwsim.chip import Chip, Figure, Price, PriceTable, Target

NO_TARGET = "Not a target: no program can be made for this chip or checked against it."
NO_PRICES = "No price of a single operation has been published."


def figure_row(figure: Figure) -> list[str]:
    """Return name, value with the digits it was published with, unit and source."""
    value = figure.value
    if not isinstance(value, str):
        whole = float(value).is_integer()
        value = figures.number(value) if whole else figures.cost(value)
    return [figure.name, value, figure.unit, figure.source]


def register_rows(target: Target) -> list[list[str]]:
    """Return register, low, high, step and source of everything a program must fit."""
    rows = [
        [f"{neuron}.{name}", str(r["low"]), str(r["high"]), str(r.get("step", 1)), r["source"]]
        for neuron, registers in target.registers.items()
        for name, r in registers.items()
    ]
    w, b, m = target.weights, target.bias, target.messages
    repeated = ", graded input as that many unit spikes" * m.repeated_input
    return [
        *rows,
        [f"weight ({w.bits} bit, even if signs mix)", f"{w.low}", f"{w.high}", "", w.source],
        ["weight exponent", f"{w.exponent_low}", f"{w.exponent_high}", "", w.source],
        [f"bias mantissa, {b.mantissa_bits} bit signed", "", "", "", b.source],
        [f"bias exponent, {b.exponent_bits} bit", "", "", "", b.source],
        [f"message, {m.bits} bit{repeated}", "", "", "", m.source],
    ]


def layout_rows(chip: Chip) -> list[list[str]]:
    """Return name, values and source of what places a program on the chip's cores."""
    parts = {"mesh": chip.mesh, "synapse memory": chip.synapse_memory}
    return [
        [name, ", ".join(f"{k} {v}" for k, v in vars(part).items() if k != "source"), part.source]
        for name, part in parts.items()
        if part is not None
    ]


def static_rows(chip: Chip) -> list[list[str]]:
    """Return name, lowest and highest power in mW, and source of each published static power."""
    return [
        [s.name, figures.cost(s.low_mw), figures.cost(s.high_mw), s.source] for s in chip.static
    ]


def about(table: PriceTable) -> list[str]:
    """Return where the prices come from, their operating point if all-in, and their note."""
    origin = f"{table.kind}; {table.node}; {table.voltage}; {table.source}"
    what = "All-in, dynamic power only" if table.all_in_dynamic else "All-in"
    point = f"{what}: {table.all_in}." if table.all_in else ""
    return [line for line in (origin, point, table.note) if line]


def price_rows(table: PriceTable) -> list[list[str]]:
    """Return event, energy in pJ, time in ns, and what they are multiplied with."""
    uses = [(p, _counters(p)) for p in (*table.terms, *table.baseline)]
    uses += [(p, f"{_counters(p)} of a mapping") for p in table.transport]
    rows = [[p.label, figures.cost(p.energy_pj), figures.cost(p.time_ns), use] for p, use in uses]
    ends = (table.barrier_low_ns, table.barrier_high_ns)
    if ends != (None, None):
        span = " to ".join(figures.cost(end) for end in ends)
        rows.append(["barrier, each step", figures.cost(None), span, table.barrier_source])
    return rows + [
        [f"barrier, from {tiles} tiles on", figures.cost(None), figures.cost(ns), "steps"]
        for tiles, ns in table.barrier_by_tiles
    ]


def own_remarks(table: PriceTable) -> list[str]:
    """Return what holds for one price and not for all of ``table``: its origin, its note."""
    found = []
    for price in (*table.terms, *table.baseline, *table.transport):
        of_both = ("kind", "node", "voltage", "source")
        own = [getattr(price, n) for n in of_both if getattr(price, n) != getattr(table, n)]
        own += [f"includes {', '.join(price.includes)}"] * bool(price.includes)
        own += [price.note] * bool(price.note)
        found += [f"{price.label}: {'; '.join(own)}"] * bool(own)
    return found


def _counters(price: Price) -> str:
    """Name what a price is multiplied with, or the two counts that bracket it."""
    return " to ".join(dict.fromkeys(c for c in (price.counter, price.counter_high) if c))
