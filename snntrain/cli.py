"""The commands ``train``, ``evaluate`` and ``sweep`` of ``spikeport``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsim.console import progress_bar
from hwsim.errors import FileError, MissingExtraError
from hwsim.options import FILE, Option, as_json, command, completing, out_option, root_option

if TYPE_CHECKING:
    from snntrain import Dataset, Recipe
    from snntrain.hardware import Target
    from snntrain.logs import Entry
    from snntrain.start import Start


CHECKPOINT, RECIPE = "checkpoint.safetensors", "recipe.toml"


@dataclass(frozen=True)
class Above:
    """What the package above offers these commands; the ``obj`` of their context.

    target: the way to a chip, for :func:`snntrain.fit`. start: reads a file to start from, see
    :func:`snnexport.starting.read_start`. profiles: names of how a NIR file can be read.
    """

    target: Callable[[], Target]
    start: Callable[..., Start]
    profiles: Callable[[], Iterable[str]]


def _splits(_: click.Context) -> list[str]:
    from snntrain.data.sources import SOURCES, SPLITS

    return [f"{name}:{split}" for name in SOURCES for split in SPLITS]


def data_option(name: str, purpose: str) -> Option:
    """Return the option ``name`` for a split of a data set."""
    return click.option(
        name, metavar="NAME:SPLIT", help=purpose, shell_complete=completing(_splits)
    )


def profile_option(purpose: str) -> Option:
    """Return ``--profile``, how the neurons of a NIR file run; its names are known above."""

    def known(context: click.Context) -> Iterable[str]:
        above = context.find_object(Above)
        return above.profiles() if above else ()

    return click.option("--profile", metavar="NAME", help=purpose, shell_complete=completing(known))


@command(
    "train recipe.toml --out out/mine",
    "train recipe.toml --out out/mine --resume",
    "train recipe.toml --out out/tuned --init out/mine/checkpoint.safetensors",
)
@click.argument("recipe", type=FILE)
@out_option("DIR", default="out/train")
@click.option(
    "--init", type=FILE, metavar="FILE", help="Start from the weights in a checkpoint or NIR file."
)
@profile_option("[nir] As which framework --init FILE is read, as for convert.")
@click.option("--repair", is_flag=True, help="[nir] Fill in what has only one reading.")
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@click.option("--overwrite", is_flag=True, help="Begin anew where --out holds a run.")
@click.option("--tensorboard", is_flag=True, help="Also write DIR/tensorboard.")
@root_option
@as_json
@click.pass_obj
def train(  # noqa: PLR0913 -- one a flag
    above: Above,
    recipe: Path,
    init: Path | None,
    profile: str | None,
    repair: bool,
    resume: bool,
    overwrite: bool,
    out: Path,
    root: Path | None,
    tensorboard: bool,
    as_json: bool,
) -> None:
    """Train the network of RECIPE (.toml); write checkpoint.safetensors and recipe.toml.

    A run that --out holds already is kept, unless --resume or --overwrite is given.

    With --init, also print the accuracy on the test split of the network in that file, of the
    recipe's network with its weights, and of what training makes of it.

    On several processors or devices: torchrun --nproc-per-node=2 -m snnexport.cli train RECIPE.
    """
    _need_torch("train")
    from hwsim.files import write_atomic
    from snntrain import Recipe, evaluate, fit
    from snntrain._distributed import is_first
    from snntrain._shown import run_logs
    from snntrain.start import ACCURACY

    _refuse_contradictions(init, resume, overwrite, bool(profile or repair))
    plan, start = Recipe.load(recipe), None
    if not overwrite and is_first():
        _require_kept(out, plan, resume)
    if init:
        judge = _test_split(plan, root) if is_first() else None
        start = above.start(init, plan, judge, profile=profile, repair=repair)
    way = above.target() if plan.hardware else None
    with run_logs(plan, out, tensorboard=tensorboard) as log:
        checkpoint = fit(plan, init=start, target=way, root=root, out=out, resume=resume, log=log)
    if not is_first():
        return
    path = out / CHECKPOINT
    checkpoint.save(path)
    write_atomic(out / RECIPE, plan.to_text())
    result = {"checkpoint": str(path), "sha256": checkpoint.sha256, **checkpoint.metrics}
    if ACCURACY in result:
        result["test_accuracy"] = evaluate(checkpoint, _test_split(plan, root)).accuracy
    _print(result, as_json)


def _refuse_contradictions(init: Path | None, resume: bool, overwrite: bool, nir: bool) -> None:
    """Raise UsageError for options of ``train`` that do not go together."""
    if init and resume:
        raise click.UsageError("--resume goes on with what --init began; give one of them")
    if resume and overwrite:
        raise click.UsageError("--resume keeps the run that --overwrite removes; give one of them")
    if nir and (init is None or init.suffix != ".nir"):
        raise click.UsageError("--profile and --repair say how to read --init FILE.nir")


@command("evaluate checkpoint.safetensors --data digits:validation", name="evaluate")
@click.argument("checkpoint", type=FILE)
@data_option("--data", "Split to use.  [default: the test split of the recipe's data]")
@root_option
@as_json
def evaluate_command(checkpoint: Path, data: str | None, root: Path | None, as_json: bool) -> None:
    """Print the accuracy of CHECKPOINT, computed in floats, on a split of a dataset."""
    _need_torch("evaluate")
    from snntrain import Checkpoint, evaluate, load, parse_selector

    trained = Checkpoint.load(checkpoint)
    name, split = parse_selector(data) if data else (trained.recipe.data.name, "test")
    chosen = trained.recipe.data
    dataset = load(name, split, root, chosen.encoder if name == chosen.name else "")
    with progress_bar("evaluate", "samples") as progress:
        evaluation = evaluate(trained, dataset, progress=progress)
    result = {
        "checkpoint": str(checkpoint),
        "sha256": trained.sha256,
        "data": f"{name}:{split}",
        "data_sha256": dataset.sha256,
        "samples": len(dataset),
        "steps": trained.recipe.train.steps,
        "accuracy": evaluation.accuracy,
    }
    _print(result, as_json)


@command("sweep recipe.toml --space space.toml --trials 20", name="sweep")
@click.argument("recipe", type=FILE)
@click.option(
    "--space", type=FILE, required=True, metavar="FILE.toml", help="A recipe of ranges to try."
)
@out_option("DIR", default="out/sweep")
@click.option(
    "--trials", type=click.IntRange(1), metavar="N", default=20, show_default=True, help="In all."
)
@click.option("--storage", metavar="URL", help="A database to share instead of DIR/sweep.journal.")
@click.option("--frugal", is_flag=True, help="Weigh accuracy against spikes.")
@root_option
@as_json
@click.pass_obj
def sweep_command(  # noqa: PLR0913 -- one a flag
    above: Above,
    recipe: Path,
    space: Path,
    trials: int,
    out: Path,
    storage: str | None,
    frugal: bool,
    root: Path | None,
    as_json: bool,
) -> None:
    """Search settings for RECIPE (.toml), judged on validation; write OUT/best.toml.

    The same command goes on with an interrupted search, and may run several times at once.
    """
    _need_torch("sweep")
    from hwsim.files import write_atomic
    from snntrain import Recipe, sweep
    from snntrain._shown import state, warnings_told

    plan = Recipe.load(recipe)
    ranges = sweep.load_space(space, plan)
    study = sweep.open_study(storage or str(out / "sweep.journal"), recipe.stem, frugal=frugal)
    way = above.target() if plan.hardware else None
    with warnings_told(), progress_bar("trials", "trials") as bar:

        def draw(entry: Entry) -> None:
            bar(entry.update, entry.updates, "this trial", state(entry), unit="batches")

        sweep.sweep(
            plan, ranges, study, trials=trials, root=root, target=way, progress=bar, log=[draw]
        )
    best = [
        {"trial": trial.number, **dict(zip(sweep.AIMS, trial.values, strict=False)), **trial.params}
        for trial in study.best_trials
    ]
    if best:
        chosen = sweep.recipe_of(plan, study.best_trials[0].params, ranges)
        write_atomic(out / "best.toml", chosen.to_text())
    if as_json:
        click.echo(json.dumps({"trials": len(study.trials), "best": best}))
        return
    for found in best:
        _print(found, as_json)


def _require_kept(out: Path, plan: Recipe, resume: bool) -> None:
    """Raise FileError where training would replace what is in ``out``: it may be hours of work."""
    from snntrain._resume import NAME

    found = [name for name in (CHECKPOINT, NAME) if (out / name).exists()]
    if found and not resume:
        raise FileError(
            f"{out}: holds a run already ({', '.join(found)})",
            hint="--resume goes on with it, --overwrite begins anew, or give another --out",
        )
    if found == [CHECKPOINT]:
        raise FileError(
            f"{out}: holds {CHECKPOINT}, but no {NAME} to go on with",
            hint="--overwrite begins anew, or give another --out",
        )
    written = out / RECIPE
    if not found and written.is_file() and written.read_bytes() != plan.to_text().encode():
        raise FileError(
            f"{out}: holds another {RECIPE}, which would be replaced",
            hint="--overwrite replaces it, or give another --out",
        )


def _test_split(plan: Recipe, root: Path | None) -> Dataset:
    """Return the test split of the data of ``plan``."""
    from snntrain import load

    return load(plan.data.name, "test", root, plan.data.encoder)


COMMANDS = [train, evaluate_command, sweep_command]


def _print(result: dict[str, Any], as_json: bool) -> None:
    """Print ``result`` as JSON, or a line for each value, accuracies in percent."""
    if as_json:
        click.echo(json.dumps(result))
        return
    for name, value in result.items():
        is_accuracy = name.endswith(("accuracy", "reset_to_zero"))
        for part in value if isinstance(value, list) else [value]:
            text = f"{100 * part:.2f} %" if is_accuracy else str(part)
            click.echo(f"{name.replace('_', ' ')}: {text}")


def _need_torch(command: str) -> None:
    missing = [name for name in ("torch", "safetensors") if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"`spikeport {command}` needs {' and '.join(missing)}, which is not installed",
            hint="pip install 'spikeport[train]'",
        )
