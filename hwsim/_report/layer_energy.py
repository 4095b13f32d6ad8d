"""What a layer costs over the price tables of a report."""

from __future__ import annotations

from hwsim._report.report import Report
from hwsim._report.values import UNKNOWN, Bracket, Layer


def layer_energy(report: Report, layer: Layer) -> Bracket:
    """Return the range over the tables, uJ per inference; unknown where the report's own is.

    A table that lacks a price has only a part of the sum, and all-in tables make no range with
    others: the report has no figure then, and neither has a layer.
    """
    if report.per_inference.energy_uj == UNKNOWN or not (layer.energy and report.energy.tables):
        return UNKNOWN
    ends = [
        [getattr(e, end) for e in layer.energy if e.table == table]
        for table in report.energy.tables
        for end in ("energy_uj", "energy_high_uj")
    ]
    sums = [sum(parts) for parts in ends]
    return Bracket(min(sums), max(sums))
