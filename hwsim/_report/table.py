"""A report as text tables for a terminal, and a chip with its limits and prices."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from typing import Any

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
)
from hwsim._report.report import Report
from hwsim.chip import Chip, PriceTable, Target

_WIDTH = 100


def report_text(report: Report) -> str:
    """Return the summary, the layers, the energy terms and what is missing."""
    blocks: list[Any] = [figures.source_of(report), _summary(report), _layers(report)]
    if report.energy.terms:
        blocks.append(_terms(report))
    blocks += _list("Not in the energy figure", report.energy.missing)
    blocks += _list("Notes", report.energy.notes)
    return _render(blocks)


def chip_text(chip: Chip) -> str:
    """Return a chip's registers, limits, price tables and notes."""
    blocks: list[Any] = [f"{chip.name}: {chip.description}"]
    blocks += [_registers(chip.target)] if chip.target else [NO_TARGET, ""]
    blocks += [_limits(chip)] if chip.limits else []
    layout = layout_rows(chip)
    blocks += [_table("Layout", ["name", "values", "source"], layout)] if layout else []
    blocks += [block for table in chip.prices for block in _prices(table)] or [NO_PRICES, ""]
    if chip.system:
        rows = [figure_row(f) for f in chip.system]
        blocks.append(_table("System figures, never used as prices", _FIGURE, rows))
    blocks += _list("Not priced", chip.not_priced)
    blocks += _list("Notes", chip.notes)
    return _render(blocks)


_FIGURE = ["name", ">value", "unit", "source"]


def _summary(report: Report) -> Any:
    p, c = report.per_inference, report.context
    tables = ", ".join(report.energy.tables) or "none"
    several = report.energy.by_table if len(report.energy.by_table) > 1 else ()
    per_synapse = figures.number(p.spikes_per_synapse)
    rows = [
        ["accuracy, program", figures.percent(c.accuracy_program)],
        ["accuracy, float model", figures.percent(c.accuracy_float)],
        ["steps", f"{p.steps} frames, {p.machine_steps} machine steps"],
        ["input messages", figures.number(p.input_messages)],
        ["spikes", figures.number(p.spikes)],
        ["synaptic operations", f"{figures.number(p.synops)} ({per_synapse} per synapse)"],
        ["neuron updates", figures.number(p.neuron_updates)],
        ["energy", f"{figures.bracket(p.energy_uj, 'uJ')} (price tables: {tables})"],
        *[[f"energy, {t.name}", figures.bracket(t.energy_uj, "uJ")] for t in several],
        ["energy covers", report.energy.covers],
        ["latency", f"{figures.bracket(p.latency_us, 'us')} (barriers only; all work on one core)"],
        *[["agreement", line] for line in figures.agreement(c)],
    ]
    return _table("Per inference, mean over the samples", ["", ""], rows)


def _layers(report: Report) -> Any:
    heads = ["layer", ">neurons", ">spikes", ">rate", ">synops", ">updates", ">driven"]
    heads += [">silent", ">always on", ">wraps", ">saturated"]
    rows = []
    for x in report.layers:
        means = (x.neurons, x.spikes, x.rate, x.synops, x.neuron_updates, x.driven)
        whole_run = (x.silent, x.always_firing, x.wraps, x.saturations)
        rows.append([x.name, *map(figures.number, (*means, *whole_run))])
    title = "Layers (per inference; rate: spikes per neuron and step; last four: the whole run)"
    return _table(title, heads, rows)


def _terms(report: Report) -> Any:
    heads = ["prices", "term", ">count", ">pJ each", ">uJ"]
    rows = []
    for t in report.energy.terms:
        cost = "not published"
        if t.energy_uj is not None and t.energy_high_uj is not None:
            cost = figures.count_range(t.energy_uj, t.energy_high_uj)
        count = figures.count_range(t.count, t.count_high)
        rows.append([t.table, t.term, count, figures.cost(t.price_pj), cost])
    return _table("Energy terms, per inference", heads, rows)


def _registers(target: Target) -> Any:
    heads = ["register", ">low", ">high", ">step", "source"]
    return _table("Registers", heads, register_rows(target))


def _limits(chip: Chip) -> Any:
    return _table("Limits", _FIGURE, [figure_row(f) for f in chip.limits])


def _prices(table: PriceTable) -> list[Any]:
    """Return a table of prices, and below it what is said of single prices."""
    head = "\n".join([f"Prices {table.name}: {table.description}", *about(table)])
    heads = ["event", ">energy, pJ", ">time, ns", "multiplied with"]
    own = _list("Of single prices", own_remarks(table))
    return [head, _table("", heads, price_rows(table)), *own, *[""] * len(own)]


def _list(title: str, items: Sequence[str]) -> list[str]:
    return [title + ":\n" + "\n".join(f"  - {item}" for item in items)] if items else []


def _table(title: str, heads: list[str], rows: list[list[str]]) -> Any:
    """Return a rich table; a head that starts with ``>`` is of right-aligned numbers."""
    from rich import box
    from rich.table import Table

    table = Table(
        title=title or None,
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_header=any(heads),
    )
    for head in heads:
        right = head.startswith(">")
        table.add_column(head.removeprefix(">"), justify="right" if right else "left")
    for row in rows:
        table.add_row(*row)
    return table


def _render(blocks: list[Any]) -> str:
    from rich.console import Console

    width = max(shutil.get_terminal_size((_WIDTH, 24)).columns, _WIDTH)
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    for block in blocks:
        console.print(block)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines())
