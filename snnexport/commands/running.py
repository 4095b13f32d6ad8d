"""The commands that run programs: ``simulate``, ``verify`` and ``demo``."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsim.cli import budget_option
from hwsim.console import FILE, as_json, choices, names, progress_bar

if TYPE_CHECKING:
    from snnexport.source import Source


_WAYS = "give --data NAME:SPLIT, --spikes IN.npy or --events FILE"


def _with_source(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say where input comes from; ``command`` gets them as ``source``."""

    @wraps(command)
    def run(
        data: str | None,
        spikes: Path | None,
        events: Path | None,
        bin_ms: float | None,
        root: Path | None,
        samples: int | None,
        **options: Any,
    ) -> None:
        from snnexport.source import Source

        if sum(way is not None for way in (data, spikes, events)) > 1:
            raise click.UsageError(f"{_WAYS}: one of them")
        if (events is None) != (bin_ms is None):
            raise click.UsageError("--events FILE and --bin-ms N belong together")
        command(source=Source(data, spikes, root, samples, events, bin_ms), **options)

    added = (
        click.option("--data", metavar="NAME:SPLIT", help="Run a data set, coded for PROGRAM."),
        click.option("--spikes", type=FILE, metavar="IN.npy", help="Run messages (T, B, *shape)."),
        click.option("--events", type=FILE, help="Run a recording of an event camera."),
        click.option(
            "--bin-ms",
            type=click.FloatRange(0, min_open=True),
            metavar="N",
            help="Milliseconds of --events that a frame counts.",
        ),
        click.option("--root", type=FILE, help="Where data files are."),
        click.option("--samples", type=click.IntRange(1), help="Only the first N samples."),
    )
    wrapped: Callable[..., None] = run
    for option in reversed(added):
        wrapped = option(wrapped)
    return wrapped


@click.command()
@click.argument("program", type=FILE)
@_with_source
@click.option("--steps", type=click.IntRange(1), help="Machine steps; by default T + latency.")
@click.option(
    "--engine",
    help="native, reference, torch (on CUDA if there is a device) or torch:DEVICE.  "
    "[default: SPIKEPORT_ENGINE, else native]",
)
@click.option("--threads", type=click.IntRange(1), help="Samples side by side; default all cores.")
@click.option("--state", is_flag=True, help="Keep activations and state in the trace.")
@click.option("--trace", type=FILE, metavar="OUT.npz", help="Write every spike.")
@click.option("--report", type=FILE, metavar="OUT.json", help="Write the report.")
@click.option("--html", type=FILE, metavar="OUT.html", help="Write the report as a page.")
@click.option("--chip", "chip_name", help="Chip to price for; by default the program's.")
@click.option("--prices", metavar="A,B", help="Price tables; by default all of the chip.")
@budget_option
@as_json
def simulate(  # noqa: PLR0913 -- one parameter an option
    program: Path,
    source: Source,
    steps: int | None,
    engine: str | None,
    threads: int | None,
    state: bool,
    trace: Path | None,
    report: Path | None,
    html: Path | None,
    chip_name: str | None,
    prices: str | None,
    budget: dict[str, float],
    as_json: bool,
) -> None:
    """Run PROGRAM on the exact integers of the chip; count, price, report."""
    from hwsim.budget import require_within
    from hwsim.chip import load_chip
    from hwsim.energy import Context
    from hwsim.program import Program
    from hwsim.reporting import Simulation, simulate_and_report
    from snnexport.exported import digest
    from snnexport.source import read

    if not source.given:
        raise click.UsageError(_WAYS)
    if state and trace is None:
        raise click.UsageError("--state keeps the state in the trace: give --trace OUT.npz")
    loaded = Program.load(program)
    chip = load_chip(loaded.chip if chip_name is None else chip_name)
    given = read(source, loaded)
    context = Context(sha256=digest(program), data=given.name, split=given.split)
    how = Simulation(engine, steps, state, trace, report, html, chip, names(prices), threads)
    with progress_bar("simulate") as progress:
        _, result = simulate_and_report(
            loaded, given.frames, how, context=context, labels=given.labels, progress=progress
        )
    click.echo(result.to_json() if as_json else result.table())
    require_within(result, budget)


@click.command()
@click.argument("program", type=FILE)
@click.option(
    "--against",
    metavar="A,B",
    help="Of torch, integer, reference, native, onnxruntime, lava, netx.  "
    "[default: onnxruntime,reference; with --checkpoint also torch,integer]",
)
@_with_source
@click.option("--checkpoint", type=FILE, help="What was exported, for torch and integer.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), help="Seconds for Lava.")
@as_json
def verify(
    program: Path,
    against: str | None,
    source: Source,
    checkpoint: Path | None,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Compare every spike of PROGRAM with what its judges say.

    "torch" is the trained network in reals, "integer" the quantized one layer by layer,
    "reference" the golden.npz beside PROGRAM or else the reference engine, "native" the compiled
    engine; onnxruntime runs PROGRAM itself, Lava and netx what was exported beside it.

    Without input it replays the golden.npz beside PROGRAM, else seeded random input.
    """
    from snnexport._verify import Judge, require_agreement
    from snnexport.table import verdict_table
    from snnexport.verifying import verify_file

    usual = "onnxruntime,reference" + ",torch,integer" * (checkpoint is not None)
    judges = choices(Judge, against or usual, "judge")
    verdicts = verify_file(program, judges, source, checkpoint, timeout)
    if as_json:
        click.echo(json.dumps({v.judge.value: v.facts for v in verdicts}, indent=1))
    else:
        click.echo(verdict_table(verdicts), nl=False)
    require_agreement(verdicts)


@click.command()
@click.option("--out", type=FILE, default=Path("out/demo"), show_default=True)
@click.option("--chip", "chip_name", default="loihi1", show_default=True)
@click.option("--samples", type=click.IntRange(1), default=120, show_default=True)
@as_json
def demo(out: Path, chip_name: str, samples: int, as_json: bool) -> None:
    """Export the shipped digits model, simulate it, and compare it with real Lava.

    The whole test split is simulated; SAMPLES of it are streamed through Lava.
    """
    from hwsim.chip import load_chip
    from snnexport.demo import run_demo

    with progress_bar("demo") as progress:
        report = run_demo(out, load_chip(chip_name), samples, say=_say, progress=progress)
    click.echo(report.to_json() if as_json else report.table())
    _say(f"wrote {out / 'report.json'} and {out / 'report.html'}")


def _say(text: str) -> None:
    click.echo(text, err=True)


COMMANDS = [simulate, verify, demo]
