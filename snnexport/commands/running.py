"""The commands that run programs: ``simulate``, ``verify`` and ``demo``."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsim.cli import budget_option, html_option
from hwsim.console import LOG, progress_bar
from hwsim.options import (
    FILE,
    WRITTEN,
    as_json,
    chip_option,
    choices,
    command,
    completing,
    names,
    out_option,
    prices_option,
    root_option,
)
from snntrain.cli import data_option

if TYPE_CHECKING:
    from snnexport.source import Source


JUDGES = ("torch", "integer", "reference", "native", "onnxruntime", "lava", "netx")
"""Members of Judge, which would import onnx to be completed."""
_WAYS = "give --data NAME:SPLIT, --spikes IN.npy or --events FILE"


def _with_source(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say where input comes from; ``function`` gets them as ``source``."""

    @wraps(function)
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
        function(source=Source(data, spikes, root, samples, events, bin_ms), **options)

    added = (
        data_option("--data", "Run a data set, coded for PROGRAM."),
        click.option("--spikes", type=FILE, metavar="IN.npy", help="Run messages (T, B, *shape)."),
        click.option(
            "--events", type=FILE, metavar="FILE", help="Run a recording of an event camera."
        ),
        click.option(
            "--bin-ms",
            type=click.FloatRange(0, min_open=True),
            metavar="N",
            help="Milliseconds of --events that a frame counts.",
        ),
        root_option,
        click.option(
            "--samples", type=click.IntRange(1), metavar="N", help="Only the first N samples."
        ),
    )
    wrapped: Callable[..., None] = run
    for option in reversed(added):
        wrapped = option(wrapped)
    return wrapped


def _engines(_: click.Context) -> tuple[str, ...]:
    from hwsim.simulate import ENGINES

    return tuple(ENGINES)


@command(
    "simulate program.onnx --data digits:test --html report.html",
    "simulate program.onnx --spikes in.npy --trace run.npz --state",
    "simulate program.onnx --data mnist:test --samples 100 --budget energy_uj=12,latency_us=2000",
)
@click.argument("program", type=FILE)
@_with_source
@click.option(
    "--steps", type=click.IntRange(1), metavar="N", help="Machine steps; by default T + latency."
)
@click.option(
    "--engine",
    metavar="NAME",
    help="native, reference, torch (on CUDA if there is a device) or torch:DEVICE.  "
    "[default: SPIKEPORT_ENGINE, else native]",
    shell_complete=completing(_engines),
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    metavar="N",
    help="Samples side by side.  [default: all cores]",
)
@click.option("--state", is_flag=True, help="Keep activations and state in the trace.")
@click.option("--trace", type=WRITTEN, metavar="OUT.npz", help="Write every spike.")
@click.option("--report", type=WRITTEN, metavar="OUT.json", help="Write the report.")
@html_option
@chip_option("Chip to price for.  [default: the program's]")
@prices_option
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


@command(
    "verify program.onnx",
    "verify program.onnx --against lava,reference --data digits:test --samples 20",
    "verify program.onnx --checkpoint checkpoint.safetensors",
)
@click.argument("program", type=FILE)
@click.option(
    "--against",
    metavar="A,B",
    help=f"Of {', '.join(JUDGES)}.  "
    "[default: onnxruntime,reference; with --checkpoint also torch,integer]",
    shell_complete=completing(lambda _: JUDGES, several=True),
)
@_with_source
@click.option(
    "--checkpoint", type=FILE, metavar="FILE", help="What was exported, for torch and integer."
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Seconds without a finished step that Lava and lava-dl may take.  "
    "[default: SPIKEPORT_LAVA_TIMEOUT, else 300]",
)
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
    with progress_bar("verify") as progress:
        verdicts = verify_file(program, judges, source, checkpoint, timeout, progress)
    if as_json:
        click.echo(json.dumps({v.judge.value: v.facts for v in verdicts}, indent=1))
    else:
        click.echo(verdict_table(verdicts), nl=False)
    require_agreement(verdicts)


@command("demo", "demo -o out/demo --chip loihi2 --samples 20")
@out_option("DIR", default="out/demo")
@chip_option("Chip to make the program for.", "loihi1")
@click.option(
    "--samples",
    type=click.IntRange(1),
    metavar="N",
    default=120,
    show_default=True,
    help="Only the first N samples are streamed through Lava.",
)
@as_json
def demo(out: Path, chip_name: str, samples: int, as_json: bool) -> None:
    """Export the shipped digits model, simulate it, and compare it with real Lava.

    The whole test split is simulated, and some of it streamed through Lava.
    """
    from hwsim.chip import load_chip
    from snnexport.demo import run_demo

    with progress_bar("simulate") as progress:
        report = run_demo(out, load_chip(chip_name), samples, say=LOG.info, progress=progress)
    click.echo(report.to_json() if as_json else report.table())
    LOG.info("wrote %s and %s", out / "report.json", out / "report.html")


COMMANDS = [simulate, verify, demo]
