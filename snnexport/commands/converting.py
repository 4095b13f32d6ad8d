"""The command that makes programs of other tools' files: ``convert``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsim.options import FILE, as_json, chip_option, command, completing, out_option, root_option
from snntrain.cli import data_option, profile_option

if TYPE_CHECKING:
    from snnexport.convert import Conversion

_NETX = ("input_shape", "layers")
_NIR = (
    "profile", "dt", "reset", "current", "most", "alone", "repair", "approximate", "chip_name",
    "calibrate", "chosen", "root",
)  # fmt: skip
_OPTIONS = {"chosen": "quantize", "chip_name": "chip"}
"""Parameters that are called otherwise on the command line."""


def _integers(context: click.Context, option: click.Parameter, text: str | None) -> Any:
    """Return the integers in ``A,B,...``, None for None."""
    del context
    try:
        return None if text is None else tuple(int(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not of integers A,B,...", param=option) from None


def _reading(name: str, values: str, purpose: str) -> Any:
    """Return an option of how a NIR file is read; ``values``: what is offered, A|B."""
    offered = completing(lambda _: values.split("|"))
    return click.option(name, metavar=values, help=f"[nir] {purpose}", shell_complete=offered)


@command(
    "convert network.net -o network.onnx --period 8",
    "convert network.nir -o network.onnx --profile snntorch --period 5",
)
@click.argument("file", type=FILE)
@out_option("FILE.onnx")
@click.option(
    "--period", type=click.IntRange(1), metavar="N", help="Steps of a sample; by default no reset."
)
@click.option("--input-range", callback=_integers, metavar="LOW,HIGH", help="Values of the input.")
@click.option("--input-shape", callback=_integers, metavar="C,H,W", help="[netx] If not in FILE.")
@click.option(
    "--layers", type=click.IntRange(1), metavar="N", help="[netx] Only the first N layers."
)
@profile_option("[nir] As which framework (docs/nir.md).")
@click.option(
    "--dt",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="[nir] Seconds a step; by default the profile's.",
)
@_reading("--reset", "zero|subtract|subtract-late", "Instead of the profile's.")
@_reading("--current", "new|old", "Which current a CubaLIF's voltage hears.")
@click.option(
    "--most",
    type=click.IntRange(1, 255),
    metavar="N",
    help="[nir] Most spikes a step, of a profile that sends several.",
)
@click.option("--alone", is_flag=True, help="[nir] Every sample begins on a machine at rest.")
@click.option("--repair", is_flag=True, help="[nir] Fill in what has only one reading.")
@_reading("--approximate", "threshold", "Accept, and measure, a threshold that is not reached.")
@chip_option("[nir] Chip to make the program for.  [default: loihi2]")
@data_option("--calibrate", "[nir] Measure the network on this data.")
@click.option("--quantize", "chosen", type=FILE, metavar="FILE.toml", help="[nir] An edited file.")
@root_option
@as_json
@click.pass_context
def convert(context: click.Context, file: Path, out: Path, as_json: bool, **given: Any) -> None:
    """Write the network in FILE, a netx (.net) or NIR file (.nir), as a program (.onnx).

    Of a NIR file, what was assumed or lost is printed and kept in the program.
    """
    from snnexport.convert import NIR
    from snnexport.inspect import describe

    is_nir = file.suffix == NIR
    for name in _NETX if is_nir else _NIR:
        if given[name] not in (None, False):
            option, kind = _OPTIONS.get(name, name).replace("_", "-"), "NIR" if is_nir else "netx"
            raise click.UsageError(f"--{option} is not for {kind} files", context)
    if given["input_range"] is not None and len(given["input_range"]) != 2:
        raise click.BadParameter("give --input-range LOW,HIGH")
    lines = _from_nir(file, out, given) if is_nir else _from_netx(file, out, given)
    facts = describe(out)
    if as_json:
        click.echo(json.dumps({**facts.data, "assumed": lines}, indent=1))
        return
    click.echo(facts.text())
    for line in lines:
        click.echo(f"  {line}")


def _from_netx(file: Path, out: Path, given: dict[str, Any]) -> list[str]:
    from snnexport.convert import convert as write

    write(
        file,
        out,
        period=given["period"],
        input_range=given["input_range"],
        input_shape=given["input_shape"],
        num_layers=given["layers"],
    )
    return []


def _from_nir(file: Path, out: Path, given: dict[str, Any]) -> list[str]:
    from snnexport.convert import convert_nir

    _, lines = convert_nir(file, out, _conversion(given))
    return lines


def _conversion(given: dict[str, Any]) -> Conversion:
    """Return how the options say to read a NIR file."""
    from hwsim.chip import load_chip
    from snnexport.convert import Approximation, Conversion
    from snnexport.formats.nir.profiles import Current, Reset, profile_of
    from snnexport.passes.calibration import Calibration
    from snnexport.passes.choices import Choices
    from snnexport.source import dataset

    named = given["profile"]
    overrides = {
        "reset": _choice(Reset, given["reset"], "--reset"),
        "hears": _choice(Current, given["current"], "--current"),
        "most": given["most"],
    }
    if any(value is not None for value in overrides.values()):
        if named is None:
            raise click.UsageError("--reset, --current and --most change a --profile; give one")
        named = profile_of(named).with_choices(**overrides)
    data, span = given["calibrate"], given["input_range"]
    if data is not None and span is not None:
        raise click.UsageError("--calibrate measures the range: leave --input-range out")
    if given["root"] is not None and data is None:
        raise click.UsageError("--root is for --calibrate")
    approximate = _choice(Approximation, given["approximate"], "--approximate")
    return Conversion(
        None if given["chip_name"] is None else load_chip(given["chip_name"]),
        named,
        given["dt"],
        given["period"],
        not given["alone"],
        given["repair"],
        Calibration(*span) if span else None if data is None else dataset(data, given["root"]),
        None if given["chosen"] is None else Choices.load(given["chosen"]),
        () if approximate is None else (approximate,),
    )


def _choice(kind: Any, text: str | None, option: str) -> Any:
    if text is None:
        return None
    known = [value.value for value in kind]
    if text not in known:
        raise click.BadParameter(f"{option} {text!r} is not one of {', '.join(known)}")
    return kind(text)


COMMANDS = [convert]
