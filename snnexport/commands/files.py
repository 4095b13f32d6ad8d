"""The commands that make and describe files: ``export``, ``check``, ``inspect``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsim.console import LOG, progress_bar
from hwsim.options import (
    FILE,
    as_json,
    chip_option,
    choices,
    command,
    completing,
    out_option,
    root_option,
)
from snntrain.cli import data_option

if TYPE_CHECKING:
    from hwsim.mapping import Mapping

FORMATS = ("onnx", "lava", "netx", "nir", "sanafe")
METHODS = ("minmax", "percentile", "mse")
"""Members of Format and Method, which would import torch to be completed."""
_LARGE = 1 << 20
"""Bytes of a file from which on looking at it takes more than a few seconds."""


@command("inspect checkpoint.safetensors", "inspect program.onnx --json")
@click.argument("file", type=FILE)
@as_json
def inspect(file: Path, as_json: bool) -> None:
    """Say what FILE is: a checkpoint, a program, a float network, a netx or a NIR file."""
    from snnexport.inspect import describe

    facts = describe(file)
    click.echo(json.dumps(facts.data, indent=1) if as_json else facts.text())


@command(
    "export checkpoint.safetensors -o out/net --chip loihi1",
    "export checkpoint.safetensors -o out/net --format onnx,lava,nir --calibrate digits:train",
    "export checkpoint.safetensors -o out/net --quantize quantize.toml",
)
@click.argument("checkpoint", type=FILE)
@out_option("DIR")
@click.option(
    "--format",
    "formats",
    metavar="A,B",
    default="onnx,lava",
    show_default=True,
    help=f"Of {', '.join(FORMATS)}.",
    shell_complete=completing(lambda _: FORMATS, several=True),
)
@chip_option("Chip to make the program for.", "loihi2")
@data_option("--calibrate", "Measure the network on this data.")
@click.option(
    "--method",
    metavar="|".join(METHODS),
    default="minmax",
    show_default=True,
    help="How far weights and measured ranges are kept.",
    shell_complete=completing(lambda _: METHODS),
)
@click.option(
    "--quantize", "chosen", type=FILE, metavar="FILE.toml", help="An edited quantize.toml."
)
@root_option
@as_json
def export(  # noqa: PLR0913 -- one parameter an option
    checkpoint: Path,
    out: Path,
    formats: str,
    chip_name: str,
    calibrate: str | None,
    method: str,
    chosen: Path | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Fold, quantize and lower CHECKPOINT, and write the artefacts.

    Every choice of the quantization is written to quantize.toml, which --quantize takes back.
    With --calibrate the error of each layer is measured too.
    """
    from hwsim.chip import load_chip
    from snnexport._export import Format, golden_input
    from snnexport._export import export as write
    from snnexport._stages import layer_errors, stages
    from snnexport.formats.netx.layout import BIAS_EXPONENT
    from snnexport.passes.calibration import Method
    from snnexport.passes.choices import Choices
    from snnexport.passes.errors import error_table
    from snnexport.source import dataset
    from snntrain.checkpoint import Checkpoint

    asked, chip = choices(Format, formats, "format"), load_chip(chip_name)
    how, *more = choices(Method, method, "method")
    if more:
        raise click.BadParameter(f"--method {method}: give one")
    given = None if chosen is None else Choices.load(chosen)
    loaded = Checkpoint.load(checkpoint)
    encoder = loaded.recipe.data.encoder
    data = None if calibrate is None else dataset(calibrate, root, encoder)
    with progress_bar("calibrate", "samples") as progress:
        done = stages(
            loaded,
            chip,
            name=_name(checkpoint),
            calibration=data,
            choices=given,
            method=how,
            bias_step=1 << BIAS_EXPONENT if Format.NETX in asked else 1,  # netx holds no others
            progress=progress,
        )
    samples, origin = golden_input(loaded, done.program, root)
    errors = [] if data is None else layer_errors(done, data)
    facts = write(done, out, asked, samples, origin, errors)
    if as_json:
        click.echo(json.dumps(facts, indent=1))
        return
    click.echo(f"{out}: program {done.program.name} for {chip.name}")
    for line in (f"golden input: {origin}", *done.remarks):
        click.echo(f"  {line}")
    for written in sorted(p.name for p in out.iterdir()):
        click.echo(f"  {written}")
    if errors:
        click.echo(error_table(errors), nl=False)


@command("check checkpoint.safetensors --chip loihi1", "check program.onnx")
@click.argument("file", type=FILE)
@chip_option("Chip to hold it.  [default: the program's, or loihi2]")
@as_json
def check(file: Path, chip_name: str | None, as_json: bool) -> None:
    """List everything in FILE that the chip cannot hold: a checkpoint, a program or a netx file.

    That is its registers, and what a core has of neurons, synapse memory, axons and profiles, if
    the chip file says so. Exit status 1 if there is anything.
    """
    from hwsim._report.figures import visible
    from hwsim.chip import load_chip
    from snnexport._fitting import has_cores
    from snnexport.inspect import chip_of, fit_of

    chip = load_chip(chip_of(file) if chip_name is None else chip_name)
    if has_cores(chip) and file.is_file() and file.stat().st_size > _LARGE:
        LOG.info("%s: mapping it onto cores of %s, up to a minute", file, chip.name)
    fit = fit_of(file, chip)
    found, mapped = fit.problems, None if fit.mapping is None else _cores(fit.mapping)
    if as_json:
        facts = {"file": str(file), "chip": chip.name, "problems": found, "mapping": mapped}
        click.echo(json.dumps(facts, indent=1))
    else:
        for line in found:
            click.echo(visible(line))
    fitting = f", fits on {mapped['cores']} cores of {mapped['chips']} chip(s)" if mapped else ""
    LOG.info("%s on %s: %s problem(s)%s", file, chip.name, len(found) or "no", fitting)
    if found:
        click.get_current_context().exit(1)


def _cores(mapping: Mapping) -> dict[str, Any]:
    """Return how many cores and chips a mapping takes, their use, and what one core has."""
    return {
        "cores": len(mapping.cores),
        "chips": mapping.chips,
        "used": asdict(mapping.used),
        "limits": asdict(mapping.limits),
    }


def _name(path: Path) -> str:
    """Return what to call the network in ``path``: its folder in a zoo, else the file."""
    return path.resolve().parent.name if path.stem == "checkpoint" else path.stem


COMMANDS = [inspect, export, check]
