"""Commands about the machine: chips, report and diff; snnexport/cli.py joins them into one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from hwsim.errors import FileError, SpikeportError
from hwsim.options import (
    CHIPS,
    FILE,
    WRITTEN,
    as_json,
    chip_option,
    command,
    names,
    prices_option,
)


def _budget(context: click.Context, option: click.Parameter, text: str | None) -> Any:
    """Return the budgets by figure; a usage error lists all that is wrong before anything runs."""
    from hwsim.budget import parse_budget

    try:
        return {} if text is None else parse_budget(text)
    except SpikeportError as error:
        raise click.BadParameter(str(error), context, option) from None


budget_option = click.option(
    "--budget",
    callback=_budget,
    metavar="FIGURE=MOST,...",
    help="Exit 1 if a figure of per_inference is more: energy_uj=12,latency_us=500,synops=2e5.",
)
html_option = click.option(
    "--html", type=WRITTEN, metavar="OUT.html", help="Also write the report as a page."
)


@command("chips", "chips loihi1", "chips mine.toml --json")
@click.argument("name", required=False, shell_complete=CHIPS)
@as_json
def chips(name: str | None, as_json: bool) -> None:
    """List the chips, or print the limits and prices of chip NAME (or a .toml file)."""
    from hwsim._report.table import chip_text
    from hwsim.chip import chip_names, load_chip

    found = [load_chip(n) for n in (chip_names() if name is None else [name])]
    if as_json:
        plain = [asdict(chip) for chip in found]
        click.echo(json.dumps({"chips": plain} if name is None else plain[0], indent=2))
    elif name is not None:
        click.echo(chip_text(found[0]))
    else:
        for chip in found:
            tables = ", ".join(t.name for t in chip.prices) or "none"
            click.echo(f"{chip.name}: {chip.description}; price tables: {tables}")


@command(
    "report out/demo/report.json",
    "report out/demo/report.json --html report.html --budget energy_uj=12",
    "report program.onnx --trace run.npz --chip loihi1",
)
@click.argument("file", type=FILE)
@click.option(
    "--trace", type=FILE, metavar="RUN.npz", help="For a program: what simulate --trace wrote."
)
@chip_option("For a program: chip whose prices to use.  [default: loihi1]")
@prices_option
@html_option
@budget_option
@as_json
def report(
    file: Path,
    trace: Path | None,
    chip_name: str | None,
    prices: str | None,
    html: Path | None,
    budget: dict[str, float],
    as_json: bool,
) -> None:
    """Print spikes, synaptic operations and energy of FILE.

    FILE is a report.json that simulate or the demo wrote, or a program (.onnx) with the trace
    of a run.
    """
    from hwsim.budget import require_within
    from hwsim.energy import Report
    from hwsim.reporting import report_of_trace

    if trace is None:
        if chip_name is not None or prices is not None or file.suffix == ".onnx":
            raise click.UsageError("a program, --chip and --prices need --trace RUN.npz")
        result = Report.load(file)
    else:
        chip = "loihi1" if chip_name is None else chip_name
        result = report_of_trace(file, trace, chip=chip, prices=names(prices))
    if html is not None:
        result.save(html)
    click.echo(result.to_json() if as_json else result.table())
    require_within(result, budget)


@command("diff before.json after.json")
@click.argument("a", type=FILE)
@click.argument("b", type=FILE)
@as_json
def diff(a: Path, b: Path, as_json: bool) -> None:
    """Compare two designs: the report B (.json) beside the report A.

    What is not the same about them comes first: chip, prices, data.
    """
    from hwsim._report.diff import diff as compare
    from hwsim.energy import Report

    loaded, errors = [], []
    for path in (a, b):
        try:
            loaded.append(Report.load(path))
        except FileError as error:
            errors.append(error)
    if errors:
        raise FileError("\n".join(dict.fromkeys(e.message for e in errors)), hint=errors[0].hint)
    result = compare(*loaded)
    click.echo(result.to_json() if as_json else result.table())


COMMANDS = [chips, report, diff]
"""What snnexport/cli.py adds to the group ``spikeport``."""
