"""The bars and curves of a report page as plain numbers: positions are percentages of the width.

The templates in ``page/`` draw them as SVG. Positions in percent, text in pixels: a plot fits
any width and its letters stay readable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hwsim._report.figures import number, percent, tick_label, ticks
from hwsim._report.report import Report
from hwsim._report.values import AtSteps, Baseline, Latency, LayerEnergy, Term

COLOURS = 8
"""Colours in ``page/page.css``; the last one is for what has none of its own."""
OTHERS = "other terms"
ALL_TABLES = "all price tables"


@dataclass(frozen=True)
class Tick:
    """A number on an axis, and where it stands, in percent of the axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Part:
    """A part of a bar: its value, its place in percent of the width, the number of its colour."""

    label: str
    value: float
    left: float
    width: float
    colour: int


@dataclass(frozen=True)
class Bar:
    """One row: its parts make up the low end; a line leads on to the high end."""

    name: str
    parts: tuple[Part, ...]
    low: float
    high: float
    low_at: float
    high_at: float


@dataclass(frozen=True)
class Bars:
    """A bar chart; legend: classes of the style sheet by label."""

    name: str
    unit: str
    ticks: tuple[Tick, ...]
    bars: tuple[Bar, ...]
    legend: Mapping[str, str]


@dataclass(frozen=True)
class Row:
    """What a bar shows: values by label, which add up to its low end, and its high end."""

    name: str
    values: Mapping[str, float]
    high: float


@dataclass(frozen=True)
class Point:
    """Accuracy of one row of the table below the curve, and its place from the top left."""

    x: float
    y: float
    label: str


@dataclass(frozen=True)
class Curve:
    """Accuracy against synaptic operations: axes and points, in percent, y downwards."""

    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    points: tuple[Point, ...]
    text: str


def energy_bars(report: Report) -> list[Bars]:
    """Stack the terms of the price tables that have a figure, then those of each one's layers."""
    colours = _colours_of_terms(report)
    charts = []
    if tables := [t for t in report.energy.by_table if t.energy_uj.low is not None]:
        terms = report.energy.terms
        rows = [
            _energy_row(t.name, [e for e in terms if e.table == t.name], colours) for t in tables
        ]
        charts.append(_bars(ALL_TABLES, "µJ", rows, colours))
    for table in dict.fromkeys(e.table for layer in report.layers for e in layer.energy):
        rows = [
            _energy_row(layer.name, [e for e in layer.energy if e.table == table], colours)
            for layer in report.layers
        ]
        charts.append(_bars(table, "µJ", rows, colours))
    return charts


def legend_of(charts: Sequence[Bars]) -> dict[str, str]:
    """Return the legend of charts that share their colours, in the order of the colours."""
    labels = {label: name for chart in charts for label, name in chart.legend.items()}
    return dict(sorted(labels.items(), key=lambda item: item[1]))


def activity_bars(report: Report) -> list[Bars]:
    """Return spikes, and synaptic operations stacked by kind, of each layer."""
    spikes = [Row(x.name, {"spikes": x.spikes}, x.spikes) for x in report.layers]
    kinds = [x.synops_by_kind or {"synaptic operations": x.synops} for x in report.layers]
    synops = [
        Row(x.name, values, sum(values.values()))
        for x, values in zip(report.layers, kinds, strict=True)
    ]
    colours = _colours(_sums(item for values in kinds for item in values.items()))
    return [
        _bars("spikes", "spikes", spikes, {"spikes": 0}),
        _bars("synaptic operations", "operations", synops, colours),
    ]


def latency_bars(latencies: Sequence[Latency]) -> Bars | None:
    """Stack what the low end of each price table's latency is made of; None without any."""
    colours = {"cores": 0, "barriers": 1}
    rows = [
        Row(
            one.table,
            {"cores": one.cores_us.low or 0.0, "barriers": one.barrier_us.low or 0.0},
            one.high_us,
        )
        for one in latencies
    ]
    return _bars(ALL_TABLES, "µs", rows, colours) if rows else None


def baseline_bars(baseline: Baseline | None) -> Bars | None:
    """Stack the operations of the conventional network and of the spiking one."""
    if baseline is None:
        return None
    names = {"ann": "conventional", "snn": "spiking"}
    colours = _colours(_sums((t.term, t.energy_uj) for t in baseline.terms))
    rows = []
    for network, name in names.items():
        terms = [(t.term, t.energy_uj) for t in baseline.terms if t.network == network]
        values = _sums((_coloured(term, colours), energy) for term, energy in terms)
        rows.append(Row(name, values, sum(values.values())))
    return _bars(baseline.table, "µJ", rows, colours)


def accuracy_curve(over_steps: Sequence[AtSteps]) -> Curve | None:
    """Place accuracy against synaptic operations; None with fewer than two known accuracies."""
    known = [(o, o.accuracy) for o in over_steps if o.accuracy is not None]
    if len(known) < 2:
        return None
    x = ticks(0, max(o.synops for o, _ in known) or 1)
    lowest, highest = min(a for _, a in known), max(a for _, a in known)
    y = ticks(lowest, highest if highest > lowest else lowest + max(0.01, lowest))
    points = []
    labelled = (200.0, 200.0)
    for o, accuracy in reversed(known):
        at = (100 * o.synops / x[-1], 100 * (y[-1] - accuracy) / (y[-1] - y[0]))
        # nearer to each other than that, labels of points would overlap
        apart = abs(at[0] - labelled[0]) > 14 or abs(at[1] - labelled[1]) > 8
        labelled = at if apart else labelled
        points.append(Point(*at, f"T = {o.steps}" if apart else ""))
    first, last = known[0], known[-1]
    return Curve(
        _axis(x),
        tuple(Tick(100 * (y[-1] - a) / (y[-1] - y[0]), f"{100 * a:.10g} %") for a in y),
        tuple(points),
        f"Accuracy against synaptic operations per inference: from {percent(first[1])} at "
        f"{number(first[0].synops)} (T = {first[0].steps}) to {percent(last[1])} at "
        f"{number(last[0].synops)} (T = {last[0].steps}); all points are in the table.",
    )


def _energy_row(name: str, terms: Sequence[LayerEnergy | Term], colours: Mapping[str, int]) -> Row:
    values = _sums((_coloured(_group(t.term), colours), t.energy_uj or 0.0) for t in terms)
    return Row(name, values, sum(t.energy_high_uj or 0.0 for t in terms))


def _colours_of_terms(report: Report) -> dict[str, int]:
    """Give every group of terms its colour, the same in all charts of energy."""
    parts = [e for layer in report.layers for e in layer.energy] + list(report.energy.terms)
    return _colours(_sums((_group(e.term), e.energy_high_uj or 0.0) for e in parts))


def _group(term: str) -> str:
    """Return what several prices of one thing have in common: the label up to its comma."""
    return term.split(",")[0]


def _colours(sizes: Mapping[str, float]) -> dict[str, int]:
    """Number the labels; where there are too many, the smallest share the last colour."""
    if len(sizes) <= COLOURS:
        return {label: colour for colour, label in enumerate(sizes)}
    largest = sorted(sizes, key=lambda label: -sizes[label])[: COLOURS - 1]
    kept = [label for label in sizes if label in largest]
    return {label: colour for colour, label in enumerate([*kept, OTHERS])}


def _coloured(label: str, colours: Mapping[str, int]) -> str:
    return label if label in colours else OTHERS


def _sums(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for label, value in pairs:
        sums[label] = sums.get(label, 0.0) + value
    return sums


def _bars(name: str, unit: str, rows: Sequence[Row], colours: Mapping[str, int]) -> Bars:
    """Lay the rows out on one axis from 0; only labels that occur are in the legend."""
    axis = ticks(0, max((row.high for row in rows), default=0) or 1, most=4)
    bars = []
    for row in rows:
        parts, left = [], 0.0
        for label, colour in colours.items():
            value = row.values.get(label, 0.0)
            if value:
                parts.append(Part(label, value, left, 100 * value / axis[-1], colour))
                left += parts[-1].width
        low = sum(row.values.values())
        bars.append(Bar(row.name, tuple(parts), low, row.high, left, 100 * row.high / axis[-1]))
    used = {part.label for bar in bars for part in bar.parts}
    legend = {label: f"c{colour}" for label, colour in colours.items() if label in used}
    return Bars(name, unit, _axis(axis), tuple(bars), legend)


def _axis(values: Sequence[float]) -> tuple[Tick, ...]:
    """Place numbers that start at 0 on an axis."""
    return tuple(Tick(100 * value / values[-1], tick_label(value)) for value in values)
