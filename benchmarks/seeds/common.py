"""What the experiments share: recipes by seed, accuracy on the test split, rows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from hwsim.errors import FileError
from snntrain import Checkpoint, Recipe, evaluate, fit, load

FOLDER = Path(__file__).parent


def recipe(name: str, seed: int, changes: dict[str, str] | None = None) -> Recipe:
    """Return the recipe ``name``.toml of this folder with another seed.

    ``changes`` maps text of the file to what stands there instead; each must be found once.
    """
    text = (FOLDER / f"{name}.toml").read_text()
    for before, after in {"\nseed = 0\n": f"\nseed = {seed}\n", **(changes or {})}.items():
        if text.count(before) != 1:
            raise ValueError(f"{name}.toml holds {before!r} {text.count(before)} times, not once")
        text = text.replace(before, after)
    return Recipe.from_text(text, name)


def trained(
    name: str, seed: int, root: Path | None, changes: dict[str, str] | None = None
) -> Checkpoint:
    """Train the recipe ``name`` with ``seed``."""
    return fit(recipe(name, seed, changes), root=root)


def accuracy_on_test(checkpoint: Checkpoint, root: Path | None, samples: int = 0) -> float:
    """Return the accuracy, 0..1, on the test split, or on its first ``samples``."""
    data = checkpoint.recipe.data
    test = load(data.name, "test", root, data.encoder)
    return evaluate(checkpoint, test.first(samples or len(test))).accuracy


def mean(values: Iterable[float]) -> float:
    """Return the mean over seeds."""
    found = list(values)
    return sum(found) / len(found)


def at_least(name: str, metric: str, value: float, target: float) -> dict[str, Any]:
    """Return a row that is fine from ``target`` on."""
    return _row(name, metric, value, target, value >= target)


def at_most(name: str, metric: str, value: float, target: float) -> dict[str, Any]:
    """Return a row that is fine up to ``target``."""
    return _row(name, metric, value, target, value <= target)


def noted(name: str, metric: str, value: float) -> dict[str, Any]:
    """Return a row without a target: a figure to know."""
    return _row(name, metric, value, None, True)


def where_found(
    data: str, root: Path | None, measure: Callable[[], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Return the rows of ``measure``, or one that says that the files of ``data`` are missing."""
    try:
        load(data, "test", root)
    except FileError as error:
        print(f"{error.message}\n  hint: {error.hint}", file=sys.stderr, flush=True)
        return [_row(data, "not run: its files are not there", None, None, True)]
    return measure()


def _row(
    name: str, metric: str, value: float | None, target: float | None, ok: bool
) -> dict[str, Any]:
    return {"name": name, "metric": metric, "value": value, "target": target, "ok": bool(ok)}
