"""Commands about the machine: chips and report; snnexport/cli.py joins them into one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from hwsim.console import FILE, as_json, names


@click.command()
@click.argument("name", required=False)
@as_json
def chips(name: str | None, as_json: bool) -> None:
    """List the chips, or print the limits and prices of chip NAME (or a .toml file)."""
    from hwsim._report.table import chip_text
    from hwsim.chip import chip_names, load_chip

    found = [load_chip(n) for n in ([name] if name else chip_names())]
    if as_json:
        click.echo(json.dumps(asdict(found[0]) if name else [asdict(c) for c in found], indent=2))
    elif name:
        click.echo(chip_text(found[0]))
    else:
        for chip in found:
            tables = ", ".join(t.name for t in chip.prices) or "none"
            click.echo(f"{chip.name}: {chip.description}; price tables: {tables}")


@click.command()
@click.argument("file", type=FILE)
@click.option("--trace", type=FILE, help="For a program: what simulate --trace wrote.")
@click.option("--chip", help="For a program: chip whose prices to use.  [default: loihi1]")
@click.option("--prices", help="For a program: price tables, A,B; all of the chip's if left out.")
@click.option("--html", type=FILE, help="Also write the report as an HTML page.")
@as_json
def report(
    file: Path,
    trace: Path | None,
    chip: str | None,
    prices: str | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Print spikes, synaptic operations and energy of FILE.

    FILE is a report.json that simulate or the demo wrote, or a program (.onnx) with the trace
    of a run.
    """
    from hwsim.energy import Report
    from hwsim.reporting import report_of_trace

    if trace is None:
        if chip or prices or file.suffix == ".onnx":
            raise click.UsageError("a program, --chip and --prices need --trace OUT.npz")
        result = Report.load(file)
    else:
        result = report_of_trace(file, trace, chip=chip or "loihi1", prices=names(prices))
    if html is not None:
        result.save(html)
    click.echo(result.to_json() if as_json else result.table())


COMMANDS = [chips, report]
"""What snnexport/cli.py adds to the group ``spikeport``."""
