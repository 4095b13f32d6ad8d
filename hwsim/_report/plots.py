"""The plots of a report page, drawn by matplotlib as SVG text to put into HTML."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hwsim._report.report import Report, Term

_INK = "#1d2733"
_COLOURS = ("#2f6f9f", "#d98032", "#5b9a68", "#8a6bb1", "#7d7d7d")
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "spikeport",
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": "#9aa5b1",
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def layers_svg(report: Report) -> str:
    """Draw spikes and synaptic operations of each layer, per inference, side by side."""
    names = [layer.name for layer in report.layers]
    series = (
        ("spikes per inference", [layer.spikes for layer in report.layers]),
        ("synaptic operations per inference", [layer.synops for layer in report.layers]),
    )
    with _figure(0.8 + 0.36 * len(names), columns=2) as (figure, panels):
        for axes, colour, (label, values) in zip(panels, _COLOURS, series, strict=False):
            axes.barh(range(len(names)), values, height=0.6, color=colour)
            axes.set_xlabel(label, fontsize=9)
            axes.locator_params(axis="x", nbins=4)
            axes.xaxis.set_major_formatter(lambda x, _: f"{x / 1000:g}k" if x >= 1000 else f"{x:g}")
        panels[0].set_yticks(range(len(names)), labels=names)
        panels[0].invert_yaxis()
        return _svg(figure)


def energy_svg(report: Report) -> str:
    """Draw the energy of each price table, its terms stacked; a line spans the uncertain part."""
    tables = [t for t in report.energy.by_table if t.energy_uj.low is not None]
    if not tables:
        return ""
    groups = list(dict.fromkeys(map(_group, report.energy.terms)))
    with _figure(0.8 + 0.5 * len(tables) + 0.22 * len(groups)) as (figure, axes):
        left = [0.0] * len(tables)
        for group, colour in zip(groups, _COLOURS * len(groups), strict=False):
            parts = [_energy(report, table.name, group) for table in tables]
            axes.barh(range(len(tables)), parts, left=left, height=0.5, color=colour, label=group)
            left = [a + b for a, b in zip(left, parts, strict=True)]
        for row, table in enumerate(tables):
            ends = (table.energy_uj.low, table.energy_uj.high)
            axes.plot(ends, (row, row), color=_INK, marker="|", markersize=9, linewidth=1.2)
        axes.set_yticks(range(len(tables)), labels=[t.name for t in tables])
        axes.set_ylim(len(tables) - 0.5, -0.5)
        axes.set_xlim(left=0)
        axes.set_xlabel(
            "uJ per inference (bars: lower bounds, line: to the upper bound)", fontsize=9
        )
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False, fontsize=9)
        return _svg(figure)


def _group(term: Term) -> str:
    """Return what several prices of one thing have in common: the label up to its comma."""
    return term.term.split(",")[0]


def _energy(report: Report, table: str, group: str) -> float:
    terms = [t for t in report.energy.terms if t.table == table and _group(t) == group]
    return sum(t.energy_uj or 0.0 for t in terms)


@contextmanager
def _figure(height: float, columns: int = 1) -> Iterator[tuple[Any, Any]]:
    """Give a figure of the page's width and its axes, in the page's style."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(5.6, height), layout="constrained")
        yield figure, figure.subplots(1, columns, sharey=True)


def _svg(figure: Any) -> str:
    """Return the ``<svg>`` element alone: no prologue, no metadata, no outside address."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=nothing, transparent=True)
    text = buffer.getvalue()
    return re.sub(r' xmlns(:xlink)?="[^"]*"', "", text[text.index("<svg") :])
