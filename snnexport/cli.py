"""The one command, ``spikeport``: it parses, calls one public function, prints."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

import hwsim.cli
import snntrain.cli
from hwsim.console import FILE, as_json, choices, names, progress_bar
from hwsim.errors import FileError, MissingExtraError, RangeError, SpikeportError

if TYPE_CHECKING:
    from snnexport.source import Source

_EXTRAS = {"torch": "train", "safetensors": "train", "sklearn": "train"}


class _ErrorShown(click.ClickException):
    """A SpikeportError as the command line shows it: exit 1, message and hint on stderr."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"error: {self.message}", file=file, err=file is None)


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SpikeportError as error:
            raise _ErrorShown(str(error)) from None
        except ModuleNotFoundError as error:
            extra = _EXTRAS.get(error.name or "")
            if extra is None:
                raise
            missing = MissingExtraError(
                f"{error.name} is not installed", hint=f"pip install 'spikeport[{extra}]'"
            )
            raise _ErrorShown(str(missing)) from None
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            where = error.filename or "output"
            failed = FileError(
                f"{where}: {error.strerror}", hint="free some space, or use another place"
            )
            raise _ErrorShown(str(failed)) from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="spikeport")
def main() -> None:
    """Take deep spiking networks from PyTorch to neuromorphic chips, spike for spike."""


for _command in (*hwsim.cli.COMMANDS, *snntrain.cli.COMMANDS):
    main.add_command(_command)


@main.command()
@click.argument("file", type=FILE)
@as_json
def inspect(file: Path, as_json: bool) -> None:
    """Say what FILE is: a checkpoint, a program, or a float network."""
    from snnexport.inspect import describe

    facts = describe(file)
    click.echo(json.dumps(facts.data, indent=1) if as_json else facts.text())


@main.command()
@click.argument("checkpoint", type=FILE)
@click.option("-o", "--out", "folder", type=FILE, required=True, help="Folder to write.")
@click.option("--format", "formats", default="onnx,lava", show_default=True)
@click.option("--chip", "chip_name", default="loihi2", show_default=True, help="Or a .toml file.")
@click.option("--calibrate", metavar="NAME:SPLIT", help="Measure the input range on this data.")
@click.option("--root", type=FILE, help="Where data files are.")
@as_json
def export(
    checkpoint: Path,
    folder: Path,
    formats: str,
    chip_name: str,
    calibrate: str | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Fold, quantize and lower CHECKPOINT, and write the artefacts."""
    from hwsim.chip import load_chip
    from snnexport._export import Format, golden_input, stages
    from snnexport._export import export as write
    from snnexport.passes.quantize import Calibration
    from snnexport.source import dataset
    from snntrain.checkpoint import Checkpoint

    asked, chip = choices(Format, formats, "format"), load_chip(chip_name)
    loaded = Checkpoint.load(checkpoint)
    seen = Calibration.of(dataset(calibrate, root).images) if calibrate is not None else None
    done = stages(loaded, chip, name=_network_name(checkpoint), calibration=seen)
    samples, origin = golden_input(loaded, done.program, root)
    facts = write(done, folder, asked, samples, origin)
    if as_json:
        click.echo(json.dumps(facts, indent=1))
        return
    click.echo(f"{folder}: program {done.program.name} for {chip.name}")
    for line in (f"golden input: {origin}", *done.remarks):
        click.echo(f"  {line}")
    for written in sorted(p.name for p in folder.iterdir()):
        click.echo(f"  {written}")


@main.command()
@click.argument("file", type=FILE)
@click.option("--chip", "chip_name", help="Or a .toml file; by default the program's, or loihi2.")
@as_json
def check(file: Path, chip_name: str | None, as_json: bool) -> None:
    """List everything in FILE, a checkpoint or a program, that the chip cannot hold.

    Exit status 1 if there is anything.
    """
    from hwsim.chip import load_chip
    from snnexport.inspect import chip_of, problems_of

    chip = load_chip(chip_name or chip_of(file))
    found = problems_of(file, chip, _network_name(file))
    if as_json:
        click.echo(json.dumps({"file": str(file), "chip": chip.name, "problems": found}, indent=1))
    else:
        for line in found:
            click.echo(line)
        click.echo(f"{file} on {chip.name}: {len(found) or 'no'} problem(s)", err=True)
    if found:
        click.get_current_context().exit(1)


def _with_source(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say where input comes from; ``command`` gets them as ``source``."""

    @wraps(command)
    def run(
        data: str | None,
        spikes: Path | None,
        root: Path | None,
        samples: int | None,
        **options: Any,
    ) -> None:
        from snnexport.source import Source

        if data is not None and spikes is not None:
            raise click.UsageError("give --data NAME:SPLIT or --spikes IN.npy, not both")
        command(source=Source(data, spikes, root, samples), **options)

    added = (
        click.option("--data", metavar="NAME:SPLIT", help="Run a data set."),
        click.option("--spikes", type=FILE, metavar="IN.npy", help="Run integers (T, B, *shape)."),
        click.option("--root", type=FILE, help="Where data files are."),
        click.option("--samples", type=click.IntRange(1), help="Only the first N samples."),
    )
    wrapped: Callable[..., None] = run
    for option in reversed(added):
        wrapped = option(wrapped)
    return wrapped


@main.command()
@click.argument("program", type=FILE)
@_with_source
@click.option("--steps", type=click.IntRange(1), help="Machine steps; by default T + latency.")
@click.option("--engine", help="native or reference.  [default: SPIKEPORT_ENGINE, else native]")
@click.option("--threads", type=click.IntRange(1), help="Samples side by side; default all cores.")
@click.option("--state", is_flag=True, help="Keep activations and state in the trace.")
@click.option("--trace", type=FILE, metavar="OUT.npz", help="Write every spike.")
@click.option("--report", type=FILE, metavar="OUT.json", help="Write the report.")
@click.option("--html", type=FILE, metavar="OUT.html", help="Write the report as a page.")
@click.option("--chip", "chip_name", help="Chip to price for; by default the program's.")
@click.option("--prices", metavar="A,B", help="Price tables; by default all of the chip.")
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
    as_json: bool,
) -> None:
    """Run PROGRAM on the exact integers of the chip; count, price, report."""
    from hwsim.chip import load_chip
    from hwsim.energy import Context
    from hwsim.program import Program
    from hwsim.reporting import Simulation, simulate_and_report
    from snnexport.source import read

    if not source.given:
        raise click.UsageError("give --data NAME:SPLIT or --spikes IN.npy")
    if state and trace is None:
        raise click.UsageError("--state keeps the state in the trace: give --trace OUT.npz")
    loaded = Program.load(program)
    chip = load_chip(chip_name or loaded.chip)
    given = read(source, loaded)
    context = Context(sha256=_digest(program), data=given.name, split=given.split)
    how = Simulation(engine, steps, state, trace, report, html, chip, names(prices), threads)
    with progress_bar("simulate") as progress:
        _, result = simulate_and_report(
            loaded, given.frames, how, context=context, labels=given.labels, progress=progress
        )
    click.echo(result.to_json() if as_json else result.table())


@main.command()
@click.argument("program", type=FILE)
@click.option("--against", default="onnxruntime,reference", show_default=True)
@_with_source
@click.option("--timeout", type=click.FloatRange(0, min_open=True), help="Seconds for Lava.")
@as_json
def verify(
    program: Path,
    against: str,
    source: Source,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Compare every spike of PROGRAM with real Lava, onnxruntime, or its own golden bundle.

    Without input it replays the golden.npz beside PROGRAM, else seeded random input. Against
    "reference" means: the stored golden spikes; or, with other input, samples streamed back to
    back on one machine against each sample alone.
    """
    from hwsim.program import Program
    from snnexport._verify import Judge, require_agreement
    from snnexport._verify import verify as run_verify
    from snnexport.golden import load_golden, random_frames
    from snnexport.source import read
    from snnexport.table import verdict_table

    judges, loaded = choices(Judge, against, "judge"), Program.load(program)
    stored, golden = program.with_name("golden.npz"), None
    if source.given:
        frames = read(source, loaded).frames
    elif stored.exists():
        golden = load_golden(stored, _digest(program)).first(source.samples)
        frames = golden.frames
    else:
        frames = random_frames(loaded, source.samples or 8)
    folder = _matching_lava(program) if Judge.LAVA in judges else None
    verdicts = run_verify(
        loaded, frames, judges, golden=golden, lava_folder=folder, timeout_s=timeout
    )
    if as_json:
        rows = {v.judge.value: {**vars(v.agreement), "first_difference": v.first} for v in verdicts}
        click.echo(json.dumps(rows, indent=1))
    else:
        click.echo(verdict_table(verdicts), nl=False)
    require_agreement(verdicts)


@main.command()
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


def _network_name(path: Path) -> str:
    """Return what to call the network in ``path``: its folder in a zoo, else the file."""
    return path.resolve().parent.name if path.stem == "checkpoint" else path.stem


def _digest(path: Path) -> str:
    from hashlib import sha256

    from hwsim.files import read_bytes

    return sha256(read_bytes(path, "a program.onnx")).hexdigest()


def _matching_lava(program: Path) -> Path | None:
    """Return the lava/ folder beside ``program`` if it was exported from this very file."""
    folder = program.with_name("lava")
    if not folder.exists():
        return None
    mark = f"PROGRAM_SHA256 = {_digest(program)!r}"
    network = folder / "network.py"
    if not network.is_file() or mark not in network.read_text():
        raise RangeError(
            f"{folder} was exported from another program than {program}",
            hint="export both again into the same folder",
        )
    return folder
