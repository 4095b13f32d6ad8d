"""A report as one self-contained HTML page: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from importlib.resources import files

from hwsim._report import figures
from hwsim._report.report import Report


def report_html(report: Report) -> str:
    """Fill the page's template with ``report``."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    from hwsim._report.plots import energy_svg, layers_svg

    source = files("hwsim").joinpath("_report/report.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        number=figures.number,
        percent=figures.percent,
        bracket=figures.bracket,
        cost=figures.cost,
    )
    return environment.from_string(source).render(
        report=report,
        title=f"{report.context.program or 'Run'} on {report.chip}",
        source=figures.source_of(report),
        agreement=figures.agreement(report.context),
        count_range=figures.count_range,
        layers_plot=Markup(layers_svg(report)),
        energy_plot=Markup(energy_svg(report)),
    )
