"""A report as one self-contained HTML page: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from hwsim._report import figures
from hwsim._report.core_map import mapping_view
from hwsim._report.plots import (
    ALL_TABLES,
    accuracy_curve,
    activity_bars,
    baseline_bars,
    energy_bars,
    latency_bars,
    legend_of,
)
from hwsim._report.report import Report
from hwsim._report.strips import strips


def report_html(report: Report) -> str:
    """Fill the page's templates with ``report``.

    Every name from a file passes ``_visible`` and then the escaping of HTML; the templates hold
    all the markup there is.
    """
    environment = Environment(
        loader=PackageLoader("hwsim", "_report/page"),
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    energy = energy_bars(report)
    environment.filters.update(
        number=figures.number,
        percent=figures.percent,
        bracket=figures.bracket,
        cost=figures.cost,
        place=lambda percentage: f"{percentage:.5g}",
    )
    return environment.get_template("report.html.j2").render(
        report=report,
        title=f"{report.context.program or 'Run'} on {report.chip}",
        source=figures.source_of(report),
        agreement=figures.agreement(report.context),
        count_range=figures.count_range,
        all_tables=ALL_TABLES,
        energy_bars=energy,
        energy_legend=legend_of(energy),
        activity_bars=activity_bars(report),
        latency_bars=latency_bars(report.latency),
        mapping=mapping_view(report.mapping),
        strips=strips(report.raster),
        curve=accuracy_curve(report.over_steps),
        baseline_bars=baseline_bars(report.baseline),
    )


def _visible(value: Any) -> Any:
    """Return text with its invisible characters written out, and a macro's markup as it is."""
    return figures.visible(value) if type(value) is str else value
