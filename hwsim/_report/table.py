"""A report as text tables for a terminal, and a chip with its limits and prices."""

from __future__ import annotations

import io
import shutil
from typing import Any

from hwsim._report import figures
from hwsim._report.report import Report
from hwsim.chip import Chip, Price

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
    blocks: list[Any] = [f"{chip.name}: {chip.description}", _registers(chip), _limits(chip)]
    blocks += [_prices(chip, table.name) for table in chip.prices]
    if chip.system:
        rows = [[f.name, str(f.value), f.unit, f.source] for f in chip.system]
        blocks.append(_table("System figures, never used as prices", _FIGURE, rows))
    blocks += _list("Not priced", chip.not_priced)
    blocks += _list("Notes", chip.notes)
    return _render(blocks)


_FIGURE = ["name", ">value", "unit", "source"]


def _summary(report: Report) -> Any:
    p, c = report.per_inference, report.context
    tables = ", ".join(report.energy.tables) or "none"
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


def _registers(chip: Chip) -> Any:
    rows = [
        [f"{neuron}.{name}", str(r["low"]), str(r["high"]), str(r.get("step", 1)), r["source"]]
        for neuron, registers in chip.registers.items()
        for name, r in registers.items()
    ]
    w, b, m = chip.weights, chip.bias, chip.messages
    rows.append(
        [f"weight ({w.bits} bit, even if signs mix)", f"{w.low}", f"{w.high}", "", w.source]
    )
    rows.append(["weight exponent", f"{w.exponent_low}", f"{w.exponent_high}", "", w.source])
    rows.append([f"bias mantissa, {b.mantissa_bits} bit signed", "", "", "", b.source])
    rows.append([f"bias exponent, {b.exponent_bits} bit", "", "", "", b.source])
    rows.append([f"message, {m.bits} bit", "", "", "", m.source])
    return _table("Registers", ["register", ">low", ">high", ">step", "source"], rows)


def _limits(chip: Chip) -> Any:
    rows = []
    for f in chip.limits:
        value = f.value if isinstance(f.value, str) else figures.number(f.value)
        rows.append([f.name, value, f.unit, f.source])
    return _table("Limits", _FIGURE, rows)


def _prices(chip: Chip, name: str) -> Any:
    table = chip.table(name)

    def row(price: Price, use: str) -> list[str]:
        same = price.kind == table.kind
        return [
            price.label,
            figures.cost(price.energy_pj),
            figures.cost(price.time_ns),
            use if same else f"{use}; {price.kind}",
        ]

    rows = [row(p, p.counter) for p in table.terms]
    rows += [row(p, "needs a mapping") for p in table.transport]
    if table.barrier_low_ns is not None:
        span = f"{table.barrier_low_ns:g} to {table.barrier_high_ns:g}"
        rows.append(["barrier, each step", "\N{EN DASH}", span, table.barrier_source])
    about = f"{table.kind}, {table.node}, {table.voltage}; {table.source}"
    title = f"Prices {table.name}: {about}" + (f". {table.note}" if table.note else "")
    return _table(title, ["event", ">energy, pJ", ">time, ns", "multiplied with"], rows)


def _list(title: str, items: tuple[str, ...]) -> list[str]:
    return [title + ":\n" + "\n".join(f"  - {item}" for item in items)] if items else []


def _table(title: str, heads: list[str], rows: list[list[str]]) -> Any:
    """Return a rich table; a head that starts with ``>`` is of right-aligned numbers."""
    from rich import box
    from rich.table import Table

    table = Table(
        title=title,
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
