"""The commands ``train``, ``evaluate`` and ``sweep`` of ``spikeport``."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsim.console import FILE, as_json, progress_bar
from hwsim.errors import MissingExtraError

if TYPE_CHECKING:
    from snntrain import Dataset, Recipe
    from snntrain.hardware import Target
    from snntrain.logs import Entry, Log
    from snntrain.start import Start


@dataclass(frozen=True)
class Above:
    """What the package above offers these commands; the ``obj`` of their context.

    target: the way to a chip, for :func:`snntrain.fit`. start: reads a file to start from, see
    :func:`snnexport.starting.read_start`.
    """

    target: Callable[[], Target]
    start: Callable[..., Start]


@click.command()
@click.argument("recipe", type=FILE)
@click.option("--init", type=FILE, help="Checkpoint or NIR file whose weights to start from.")
@click.option("--profile", help="How the neurons of a NIR file run, as for convert.")
@click.option("--repair", is_flag=True, help="Fill in what a NIR file leaves out.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted run in the same --out.")
@click.option("--out", type=FILE, default=Path("out/train"), show_default=True, help="Folder.")
@click.option("--root", type=FILE, help="Where data files are.")
@click.option("--tensorboard", is_flag=True, help="Write OUT/tensorboard besides OUT/metrics.csv.")
@as_json
@click.pass_obj
def train(  # noqa: PLR0913 -- one a flag
    above: Above,
    recipe: Path,
    init: Path | None,
    profile: str | None,
    repair: bool,
    resume: bool,
    out: Path,
    root: Path | None,
    tensorboard: bool,
    as_json: bool,
) -> None:
    """Train the network of RECIPE (.toml); write checkpoint.safetensors and recipe.toml.

    With --init, also print the accuracy on the test split of the network in that file, of the
    recipe's network with its weights, and of what training makes of it.

    On several processors or devices: torchrun --nproc-per-node=2 -m snnexport.cli train RECIPE.
    """
    _need_torch("train")
    from hwsim.files import write_atomic
    from snntrain import Recipe, evaluate, fit, logs
    from snntrain._distributed import is_first
    from snntrain.start import ACCURACY

    if init and resume:
        raise click.UsageError("--resume goes on with what --init began; give one of them")
    if (profile or repair) and (init is None or init.suffix != ".nir"):
        raise click.UsageError("--profile and --repair say how to read --init FILE.nir")
    plan, start = Recipe.load(recipe), None
    if init:
        judge = _test_split(plan, root) if is_first() else None
        start = above.start(init, plan, judge, profile=profile, repair=repair)
    with ExitStack() as stack:
        log = stack.enter_context(_shown("training")) if is_first() else []
        if tensorboard:
            log.append(stack.enter_context(logs.tensorboard(out / "tensorboard")))
        way = above.target() if plan.hardware else None
        checkpoint = fit(plan, init=start, target=way, root=root, out=out, resume=resume, log=log)
    if not is_first():
        return
    path = out / "checkpoint.safetensors"
    checkpoint.save(path)
    write_atomic(out / "recipe.toml", plan.to_text())
    result = {"checkpoint": str(path), "sha256": checkpoint.sha256, **checkpoint.metrics}
    if ACCURACY in result:
        result["test_accuracy"] = evaluate(checkpoint, _test_split(plan, root)).accuracy
    _print(result, as_json)


@click.command("evaluate")
@click.argument("checkpoint", type=FILE)
@click.option("--data", help="NAME:SPLIT; the test split of the recipe's data by default.")
@click.option("--root", type=FILE, help="Where data files are.")
@as_json
def evaluate_command(checkpoint: Path, data: str | None, root: Path | None, as_json: bool) -> None:
    """Print the accuracy of CHECKPOINT, computed in floats, on a split of a dataset."""
    _need_torch("evaluate")
    from snntrain import Checkpoint, evaluate, load, parse_selector

    trained = Checkpoint.load(checkpoint)
    name, split = parse_selector(data) if data else (trained.recipe.data.name, "test")
    chosen = trained.recipe.data
    dataset = load(name, split, root, chosen.encoder if name == chosen.name else "")
    evaluation = evaluate(trained, dataset)
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


@click.command("sweep")
@click.argument("recipe", type=FILE)
@click.option("--space", type=FILE, required=True, help="What to try: a recipe of ranges (.toml).")
@click.option("--trials", type=click.IntRange(1), default=20, show_default=True, help="In all.")
@click.option("--out", type=FILE, default=Path("out/sweep"), show_default=True, help="Folder.")
@click.option("--storage", help="URL of a database to share instead of OUT/sweep.journal.")
@click.option("--frugal", is_flag=True, help="Weigh accuracy against spikes.")
@click.option("--root", type=FILE, help="Where data files are.")
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

    plan = Recipe.load(recipe)
    ranges = sweep.load_space(space, plan)
    study = sweep.open_study(storage or str(out / "sweep.journal"), recipe.stem, frugal=frugal)
    with _shown("sweep"):
        way = above.target() if plan.hardware else None
        sweep.sweep(plan, ranges, study, trials=trials, root=root, target=way)
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


def _test_split(plan: Recipe, root: Path | None) -> Dataset:
    """Return the test split of the data of ``plan``."""
    from snntrain import load

    return load(plan.data.name, "test", root, plan.data.encoder)


COMMANDS = [train, evaluate_command, sweep_command]


@contextmanager
def _shown(title: str) -> Iterator[list[Log]]:
    """Show warnings as a line on stderr; give logs that draw a progress bar, on a terminal."""
    from snntrain._watch import SpikeportWarning

    show = warnings.showwarning

    def line(message: Any, category: Any, *where: Any) -> None:
        if issubclass(category, SpikeportWarning):
            click.echo(f"warning: {message}", err=True)
        else:
            show(message, category, *where)

    with warnings.catch_warnings(), progress_bar(title) as bar:
        warnings.simplefilter("always", SpikeportWarning)
        warnings.showwarning = line
        validation = ""

        def draw(entry: Entry) -> None:
            nonlocal validation
            if "validation_accuracy" in entry.values:
                validation = f", validation {100 * entry.values['validation_accuracy']:.1f} %"
            if bar is not None:
                state = f"epoch {entry.epoch}, loss {entry.values['loss']:.3g}{validation}"
                bar(entry.update, entry.updates, state)

        yield [draw]


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
