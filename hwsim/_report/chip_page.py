"""Writes docs/chips.md (``make docs``): every chip file's limits and prices with their sources."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

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
from hwsim.chip import Chip, PriceTable, chip_names, load_chip

_HEAD = """\
# Chips

Written by `make docs` from `hwsim/chips/*.toml`; do not edit. `spikeport chips NAME` prints the
same.

A price has a unit, a kind, a voltage, a node and a source. `[secondary]` marks what was read where
a later work quotes it. What has no published price is left out and named in every report, never
guessed. Figures of a whole system stand apart and price nothing. An *all-in* price is the power of
the whole chip divided by its synaptic operations: static power is inside, and it holds at its
operating point only. A report's range spans the tables of one chip; all-in tables and others make
no range together (`--prices` chooses).
"""
_FIGURE = ("name", "value", "unit", "source")
_REGISTER = ("register", "low", "high", "step", "source")
_PRICE = ("event", "energy, pJ", "time, ns", "multiplied with")


def page() -> str:
    """Return the text of docs/chips.md."""
    chips = [load_chip(name) for name in chip_names()]
    heads = ("chip", "program target", "price table", "kind", "spike synaptic operation, pJ")
    rows = [row for chip in chips for row in _overview(chip)]
    lines = [_HEAD, *_rows(heads, rows), "", *(line for chip in chips for line in _chip(chip))]
    return "\n".join(lines).rstrip() + "\n"


def _overview(chip: Chip) -> Iterable[list[str]]:
    """Return a row for each price table of ``chip``, or one that says it has none."""
    first = [chip.name, "yes" if chip.target else "no"]
    if not chip.prices:
        yield [*first, "none", "", figures.cost(None)]
    for table in chip.prices:
        spikes = [p.energy_pj for p in table.terms if p.counter.startswith("spike_synops")]
        costs = sorted({p for p in spikes if p is not None})
        span = [figures.cost(p) for p in costs[:1] + costs[-1:] * (len(costs) > 1)]
        yield [*first, table.name, table.kind, " to ".join(span) or figures.cost(None)]


def _chip(chip: Chip) -> Iterable[str]:
    yield from (f"## {chip.name}", "", chip.description, "")
    if chip.target:
        yield from ("### Registers", "", *_rows(_REGISTER, register_rows(chip.target)), "")
    else:
        yield from (NO_TARGET, "")
    if chip.limits:
        yield from ("### Limits", "", *_rows(_FIGURE, map(figure_row, chip.limits)), "")
    layout = layout_rows(chip)
    if layout:
        yield from ("### Layout", "", *_rows(("name", "values", "source"), layout), "")
    if not chip.prices:
        yield from (NO_PRICES, "")
    for table in chip.prices:
        yield from _prices(table)
    if chip.static:
        yield from ("### Static power", "")
        yield from (*_rows(("name", "lowest, mW", "highest, mW", "source"), static_rows(chip)), "")
    if chip.system:
        yield from ("### System figures, never used as prices", "")
        yield from (*_rows(_FIGURE, map(figure_row, chip.system)), "")
    yield from _list("Not priced", chip.not_priced)
    yield from _list("Notes", chip.notes)


def _prices(table: PriceTable) -> Iterable[str]:
    yield from (f"### Prices {table.name}", "", f"{table.description}.", "")
    yield from (*_items(about(table)), "", *_rows(_PRICE, price_rows(table)), "")
    yield from _list("Of single prices", own_remarks(table))


def _list(title: str, items: Sequence[str]) -> list[str]:
    return [f"{title}:", "", *_items(items), ""] if items else []


def _items(items: Iterable[str]) -> list[str]:
    return [f"- {_plain(item)}" for item in items]


def _rows(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *([_plain(cell) for cell in row] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def _plain(text: str) -> str:
    """Keep Markdown from reading ``text`` as anything else."""
    return re.sub(r"([\\\[|*<`])", r"\\\1", text)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
