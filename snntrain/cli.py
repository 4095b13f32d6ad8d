"""The commands ``train`` and ``evaluate`` of ``spikeport``."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from hwsim.console import FILE, as_json, progress_bar
from hwsim.errors import MissingExtraError


@click.command()
@click.argument("recipe", type=FILE)
@click.option("--init", type=FILE, help="Checkpoint whose weights to start from.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted run in the same --out.")
@click.option("--out", type=FILE, default=Path("out/train"), show_default=True, help="Folder.")
@click.option("--root", type=FILE, help="Where data files are.")
@as_json
def train(
    recipe: Path, init: Path | None, resume: bool, out: Path, root: Path | None, as_json: bool
) -> None:
    """Train the network of RECIPE (.toml); write checkpoint.safetensors and recipe.toml."""
    _need_torch("train")
    from hwsim.files import write_atomic
    from snntrain import Checkpoint, Recipe, fit

    plan = Recipe.load(recipe)
    start = Checkpoint.load(init) if init else None
    with progress_bar("training") as bar:

        def progress(done: int, total: int, best: dict[str, float]) -> None:
            if bar is not None:
                bar(done, total, f"best validation {100 * best['validation_accuracy']:.1f} %")

        checkpoint = fit(plan, init=start, root=root, out=out, resume=resume, progress=progress)
    path = out / "checkpoint.safetensors"
    checkpoint.save(path)
    write_atomic(out / "recipe.toml", plan.to_text())
    result = {"checkpoint": str(path), "sha256": checkpoint.sha256, **checkpoint.metrics}
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
    dataset = load(name, split, root)
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


COMMANDS = [train, evaluate_command]


def _print(result: dict[str, Any], as_json: bool) -> None:
    """Print ``result`` as JSON, or a line for each entry, accuracies in percent."""
    if as_json:
        click.echo(json.dumps(result))
        return
    for name, value in result.items():
        text = f"{100 * value:.2f} %" if name.endswith("accuracy") else str(value)
        click.echo(f"{name.replace('_', ' ')}: {text}")


def _need_torch(command: str) -> None:
    missing = [name for name in ("torch", "safetensors") if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"`spikeport {command}` needs {' and '.join(missing)}, which is not installed",
            hint="pip install 'spikeport[train]'",
        )
