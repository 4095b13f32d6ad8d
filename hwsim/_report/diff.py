"""Two reports compared: what is not the same about them, and then every figure of both."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from itertools import chain
from math import isfinite
from typing import Any

from hwsim._report.layer_energy import layer_energy
from hwsim._report.report import Report
from hwsim._report.values import UNKNOWN, Bracket, Layer, PerInference, Term

_LAYER = ("neurons", "spikes", "rate", "synops", "neuron_updates", "driven", "cores", "messages")


@dataclass(frozen=True)
class Unlike:
    """What two reports must share for their figures to mean the same, and do not."""

    what: str
    a: str
    b: str


@dataclass(frozen=True)
class Change:
    """A figure of both reports; None, or a range of Nones, is not known and has no ratio.

    ratio: b over a, of ranges their low and their high ends. points: the difference of two
    accuracies in percentage points, None for anything else.
    """

    name: str
    a: float | Bracket | None
    b: float | Bracket | None
    ratio: float | Bracket | None
    points: float | None = None


@dataclass(frozen=True)
class LayerChange:
    """The figures of a layer that both have."""

    name: str
    figures: tuple[Change, ...]


@dataclass(frozen=True)
class TermChange:
    """Energy, uJ per inference, that one price takes in each; None: ``a`` or ``b`` has no such."""

    table: str
    term: str
    a: Bracket | None
    b: Bracket | None
    ratio: Bracket


@dataclass(frozen=True)
class Diff:
    """Design ``b`` beside design ``a``.

    unlike: chips, prices, data and whatever else makes a ratio mean something else. terms: those
    of energy that differ, of the price tables that both use. only_a, only_b: layers that the other
    does not have.
    """

    a: str
    b: str
    unlike: tuple[Unlike, ...]
    figures: tuple[Change, ...]
    layers: tuple[LayerChange, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    terms: tuple[TermChange, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; figures are by their name, as in ``report.json``."""
        plain = asdict(self)
        layers = {layer.name: _by_name(layer.figures) for layer in self.layers}
        return {**plain, "figures": _by_name(self.figures), "layers": layers}

    def to_json(self) -> str:
        """Return ``to_dict`` as indented JSON."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def table(self) -> str:
        """Return the comparison as text tables for a terminal."""
        from hwsim._report.diff_text import diff_text

        return diff_text(self)


def diff(a: Report, b: Report) -> Diff:
    """Compare ``b`` with ``a``: headline figures, layers of the same name, energy terms."""
    of_a, of_b = ({layer.name: layer for layer in r.layers} for r in (a, b))
    return Diff(
        a=a.context.program or "unnamed",
        b=b.context.program or "unnamed",
        unlike=tuple(_unlike(a, b)),
        figures=tuple(_headline(a, b)),
        layers=tuple(
            LayerChange(name, tuple(_layer(a, b, of_a[name], of_b[name])))
            for name in of_a
            if name in of_b
        ),
        only_a=tuple(name for name in of_a if name not in of_b),
        only_b=tuple(name for name in of_b if name not in of_a),
        terms=tuple(_terms(a, b)),
    )


def _unlike(a: Report, b: Report) -> Iterable[Unlike]:
    of_a, of_b = _frame(a), _frame(b)
    for what in of_a:
        if what in of_b and of_a[what] != of_b[what]:
            yield Unlike(what, of_a[what], of_b[what])


def _frame(report: Report) -> dict[str, str]:
    """Return what the figures of a report rest on."""
    context, unpriced = report.context, "not published"
    return {
        "chip": report.chip,
        "price tables": ", ".join(report.energy.tables) or "none",
        **{
            f"price of {t.table} {t.term}, pJ": unpriced if t.price_pj is None else f"{t.price_pj}"
            for t in report.energy.terms
        },
        "data": f"{context.data or 'unnamed'}{f':{context.split}' if context.split else ''}",
        "samples": str(report.samples),
        "frames": str(report.per_inference.steps),
        "energy covers": report.energy.covers,
        "mapped onto cores": "yes" if report.mapping else "no",
    }


def _headline(a: Report, b: Report) -> Iterable[Change]:
    for name in ("accuracy_program", "accuracy_float"):
        x, y = getattr(a.context, name), getattr(b.context, name)
        points = None if x is None or y is None else 100 * (y - x)
        yield _change(name, x, y, points)
    for field in fields(PerInference):
        yield _change(field.name, *(getattr(r.per_inference, field.name) for r in (a, b)))
    yield _change("cores", *(r.mapping and len(r.mapping.cores) for r in (a, b)))
    yield _change("chips", *(r.mapping and r.mapping.chips for r in (a, b)))
    baselines = (a.baseline, b.baseline)
    yield _change("energy_over_conventional", *(one and one.ratio for one in baselines))


def _layer(a: Report, b: Report, x: Layer, y: Layer) -> Iterable[Change]:
    for name in _LAYER:
        yield _change(name, getattr(x, name), getattr(y, name))
    yield _change("energy_uj", layer_energy(a, x), layer_energy(b, y))


def _terms(a: Report, b: Report) -> Iterable[TermChange]:
    of_a, of_b = ({(t.table, t.term): _energy(t) for t in r.energy.terms} for r in (a, b))
    shared = set(a.energy.tables) & set(b.energy.tables)
    for key in dict.fromkeys(chain(of_a, of_b)):
        x, y = of_a.get(key), of_b.get(key)
        if x != y and key[0] in shared:
            yield TermChange(*key, x, y, _ratios(x or UNKNOWN, y or UNKNOWN))


def _energy(term: Term) -> Bracket:
    return Bracket(term.energy_uj, term.energy_high_uj)


def _change(name: str, a: Any, b: Any, points: float | None = None) -> Change:
    ratio = _ratios(a, b) if isinstance(a, Bracket) else _ratio(a, b)
    return Change(name, a, b, ratio, points)


def _ratios(a: Bracket, b: Bracket) -> Bracket:
    return Bracket(_ratio(a.low, b.low), _ratio(a.high, b.high))


def _ratio(a: float | None, b: float | None) -> float | None:
    return b / a if a and b is not None and isfinite(b / a) else None


def _by_name(figures: Iterable[Change]) -> dict[str, Any]:
    """Return each figure's values by its name."""
    plain = (asdict(figure) for figure in figures)
    return {figure.pop("name"): figure for figure in plain}
