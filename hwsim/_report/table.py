"""A report as text tables for a terminal, and a chip with its limits and prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hwsim._report import figures
from hwsim._report.chips import (
    NO_PRICES,
    NO_TARGET,
    about,
    figure_row,
    layout_rows,
    own_remarks,
    price_rows,
    register_rows,
    static_rows,
)
from hwsim._report.layer_energy import layer_energy
from hwsim._report.report import Report
from hwsim._report.sections import cores, sections
from hwsim._report.text import listed, paragraph, render, span, table
from hwsim._report.values import UNKNOWN, Bracket
from hwsim.chip import Chip, PriceTable, Target


def report_text(report: Report) -> str:
    """Return the summary, the layers, the energy terms, all that follows, what is missing."""
    blocks: list[str] = [paragraph(figures.source_of(report)), _summary(report), *_layers(report)]
    blocks += [_terms(report)] if report.energy.terms else []
    blocks += sections(report)
    blocks += listed("Not in the energy figure", report.energy.missing)
    blocks += listed("Notes", report.energy.notes)
    return render(blocks)


def chip_text(chip: Chip) -> str:
    """Return a chip's registers, limits, price tables and notes."""
    blocks: list[str] = [paragraph(f"{chip.name}: {chip.description}")]
    blocks += [_registers(chip.target)] if chip.target else [NO_TARGET, ""]
    blocks += [_limits(chip)] if chip.limits else []
    layout = layout_rows(chip)
    blocks += [table("Layout", ["name", "values", "source"], layout)] if layout else []
    blocks += [block for prices in chip.prices for block in _prices(prices)] or [NO_PRICES, ""]
    if chip.static:
        heads = ["name", ">lowest, mW", ">highest, mW", "source"]
        blocks.append(table("Static power of a chip", heads, static_rows(chip)))
    if chip.system:
        rows = [figure_row(f) for f in chip.system]
        blocks.append(table("System figures, never used as prices", _FIGURE, rows))
    blocks += listed("Not priced", chip.not_priced)
    blocks += listed("Notes", chip.notes)
    return render(blocks)


_FIGURE = ["name", ">value", "unit", "source"]
_HEADS = {
    "always_firing": "always on",
    "neuron_updates": "updates",
    "nonzero_synops": "nonzero",
    "saturations": "saturated",
}
"""Heads of columns that are not called like the field of a layer."""


def _summary(report: Report) -> str:
    p, c, mapped = report.per_inference, report.context, report.mapping
    tables = ", ".join(report.energy.tables) or "none"
    several = report.energy.by_table if len(report.energy.by_table) > 1 else ()
    per_synapse = figures.number(p.spikes_per_synapse)
    messages = f"{figures.number(p.messages)} to cores, {figures.number(p.hops)} hops"
    rows = [
        ["accuracy, program", figures.percent(c.accuracy_program)],
        ["accuracy, float model", figures.percent(c.accuracy_float)],
        ["steps", f"{p.steps} frames, {p.machine_steps} machine steps"],
        ["input messages", figures.number(p.input_messages)],
        ["spikes", figures.number(p.spikes)],
        ["synaptic operations", f"{figures.number(p.synops)} ({per_synapse} per synapse)"],
        ["neuron updates", figures.number(p.neuron_updates)],
        *([["messages", messages]] if p.messages is not None else []),
        *([["cores", cores(mapped)]] if mapped else []),
        ["energy", f"{figures.bracket(p.energy_uj, 'uJ')} (price tables: {tables})"],
        *[[f"energy, {t.name}", figures.bracket(t.energy_uj, "uJ")] for t in several],
        ["energy covers", report.energy.covers],
        ["latency", figures.bracket(p.latency_us, "us") + _latency_of(report)],
        ["energy x latency", figures.bracket(p.edp_uj_us, "uJ us")],
        *_static(report),
        *_beside(report),
        *[["agreement", line] for line in figures.agreement(c)],
    ]
    return table("Per inference, mean over the samples", ["", ""], rows)


def _latency_of(report: Report) -> str:
    """Say what a latency that is known holds: without a mapping it is that of one core."""
    if report.per_inference.latency_us == UNKNOWN:
        return ""
    if report.latency:
        timed = any(t.routes_us is not None for t in report.latency)
        way = ", at the high end also its longest route" * timed
        return f" (each step: its slowest core, the barrier{way})"
    return " (from barriers only to all work on one core)"


def _static(report: Report) -> list[list[str]]:
    """Return the range over the published static powers; their sources are on the page."""
    if not report.static:
        return []
    power = figures.bracket(_hull(s.power_mw for s in report.static), "mW")
    energy = figures.bracket(_hull(s.energy_uj for s in report.static), "uJ")
    return [["static power", f"{power}, {energy} over the latency; in no other figure"]]


def _hull(parts: Iterable[Bracket]) -> Bracket:
    """Return the range that all ``parts`` span; unknown if one is."""
    lows, highs = zip(*((part.low, part.high) for part in parts), strict=True)
    return UNKNOWN if None in (*lows, *highs) else Bracket(min(lows), max(highs))


def _beside(report: Report) -> list[list[str]]:
    """Return the conventional network and the verdicts of the break-even tests, if any."""
    b, rows = report.baseline, []
    if b is not None:
        ann, snn = figures.number(b.ann_uj), figures.number(b.snn_uj)
        ratio = f"ratio {figures.number(b.ratio)}, prices {b.table}"
        rows = [["conventional network", f"{ann} uJ, this one {snn} uJ ({ratio})"]]
    return rows + [[f"break-even, {test.name}", test.verdict] for test in report.break_even]


def _layers(report: Report) -> list[str]:
    """Return two tables of a row a layer: what it does and costs, and that in detail.

    A file of an earlier version has no kinds, and none of what is counted since.
    """
    layers = report.layers
    placed = ["cores", "messages", "hops"] * any(x.cores is not None for x in layers)
    energies = [layer_energy(report, x) for x in layers]
    energy = {"uJ": [span(e) for e in energies]} if set(energies) != {UNKNOWN} else {}
    kinds = list(dict.fromkeys(kind for x in layers for kind in x.synops_by_kind))
    by_kind = {k: [figures.number(x.synops_by_kind.get(k, 0)) for x in layers] for k in kinds}
    title = "Layers (per inference; rate: spikes per neuron and step; uJ: range over the tables)"
    does = ["neurons", "spikes", "rate", "synops", "neuron_updates", *placed]
    found = [_by_layer(report, title, does, energy)]
    title = "In detail (silent to saturated: over the whole run"
    if kinds:
        title += "; nonzero: operations of such weights; driven, idle, zero: updates; then by kind"
    detail = ["nonzero_synops", "driven", "idle", "zero"] if kinds else ["driven"]
    detail += ["silent", "always_firing", "wraps", "saturations"]
    return [*found, _by_layer(report, f"{title})", detail, by_kind)]


def _by_layer(
    report: Report, title: str, names: Sequence[str], more: Mapping[str, Sequence[str]]
) -> str:
    """Return a table of the fields ``names`` of each layer, and ``more`` columns by head."""
    numbers = [[figures.number(getattr(x, n)) for x in report.layers] for n in names]
    columns = [[x.name for x in report.layers], *numbers, *more.values()]
    heads = [*(_HEADS.get(n, n) for n in names), *more]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return table(title, ["layer", *(f">{head}" for head in heads)], rows)


def _terms(report: Report) -> str:
    heads = ["prices", "term", ">count", ">pJ each", ">uJ"]
    rows = []
    for t in report.energy.terms:
        cost = "not published"
        if t.energy_uj is not None and t.energy_high_uj is not None:
            cost = figures.count_range(t.energy_uj, t.energy_high_uj)
        count = figures.count_range(t.count, t.count_high)
        rows.append([t.table, t.term, count, figures.cost(t.price_pj), cost])
    return table("Energy terms, per inference", heads, rows)


def _registers(target: Target) -> str:
    heads = ["register", ">low", ">high", ">step", "source"]
    return table("Registers", heads, register_rows(target))


def _limits(chip: Chip) -> str:
    return table("Limits", _FIGURE, [figure_row(f) for f in chip.limits])


def _prices(prices: PriceTable) -> list[str]:
    """Return a table of prices, and below it what is said of single prices."""
    lines = [f"Prices {prices.name}: {prices.description}", *about(prices)]
    head = "\n".join(map(paragraph, lines))
    heads = ["event", ">energy, pJ", ">time, ns", "multiplied with"]
    own = listed("Of single prices", own_remarks(prices))
    return [head, table("", heads, price_rows(prices)), *own, *[""] * len(own)]
