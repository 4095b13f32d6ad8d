"""Budgets: figures of a report that must not be exceeded, for a team's own pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from math import isfinite

from hwsim._report.report import Report
from hwsim._report.values import Bracket, PerInference
from hwsim.errors import BudgetError, listed, raise_all

FIGURES = tuple(f.name for f in fields(PerInference))
"""What may have a budget: the keys of ``per_inference`` in ``report.json``, units in the name."""


_LESS = (
    "make the network smaller or its spikes fewer (spikeport diff shows which layer takes more "
    "than before), or allow more"
)
_OTHER_PRICES = "guard a figure that is known, or choose a chip or --prices for which this one is"


def parse_budget(text: str) -> dict[str, float]:
    """Return the budgets in ``NAME=MOST,NAME=MOST,...`` by figure.

    Raises CheckError listing every unknown or repeated figure and every value that is no
    number from 0 up.
    """
    found: dict[str, float] = {}
    problems = []
    for part in text.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        problems += _problems(name, value, found)
        found[name] = _number(value)
    raise_all(f"budget {text!r}", problems, hint=f"figures: {', '.join(FIGURES)}")
    return found


def require_within(report: Report, budget: Mapping[str, float]) -> None:
    """Raise BudgetError naming every figure of ``report`` above its budget, or not known.

    Of a range its high end counts; a figure equal to its budget is within.
    """
    problems = [line for name, most in budget.items() if (line := _excess(report, name, most))]
    if problems:
        unknown = [name for name in budget if _value(report, name) is None]
        where = f"budget of {report.context.program or 'the program'} on {report.chip}"
        raise BudgetError(
            listed(where, problems),
            hint=_LESS if len(unknown) < len(problems) else _OTHER_PRICES,
        )


def _problems(name: str, value: str, found: Mapping[str, float]) -> list[str]:
    """List what is wrong with one part of a budget."""
    if not name and not value:
        return ["a part is empty; write NAME=MOST"]
    problems = []
    if name not in FIGURES:
        problems.append(f"{name!r} is not a figure of per_inference")
    if name in found:
        problems.append(f"{name} is given twice")
    if not _number(value) >= 0 or not isfinite(_number(value)):
        problems.append(f"{name} = {value!r} is not a number from 0 up")
    return problems


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return float("nan")


def _excess(report: Report, name: str, most: float) -> str:
    """Say that the figure ``name`` exceeds ``most`` or cannot be guarded, else nothing."""
    figure, value = getattr(report.per_inference, name), _value(report, name)
    if value is None:
        return f"{name} is not known and cannot be guarded: {_why(report, name)}"
    if value <= most:
        return ""
    end = " at its high end" if isinstance(figure, Bracket) and figure.low != value else ""
    over = f", {value / most:.3g} times the budget" if most else ""
    return f"{name} = {value:.12g}{end} exceeds {most:.12g}{over}"


def _value(report: Report, name: str) -> float | None:
    figure = getattr(report.per_inference, name)
    return figure.high if isinstance(figure, Bracket) else figure


def _why(report: Report, name: str) -> str:
    """Return why a figure of ``report`` is not known."""
    energy = f"the energy covers {report.energy.covers} (energy.missing in the JSON names it)"
    latency = f"no price table used of {report.chip} has the time of every operation"
    reasons = {"energy_uj": energy, "latency_us": latency, "edp_uj_us": f"{energy}; or {latency}"}
    if name in reasons:
        return reasons[name]
    if name == "spikes_per_synapse":
        return "the synapses were not counted"
    return f"the run has no mapping onto cores of {report.chip}"
