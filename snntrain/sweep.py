"""Trying many settings of a recipe: a search that several processes share and any may resume."""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from hwsim.errors import CheckError, FileError, MissingExtraError, raise_all
from hwsim.files import toml_table
from snntrain._fit import fit
from snntrain._watch import DivergedError
from snntrain.recipe import SECTIONS, Recipe, read_text

if TYPE_CHECKING:
    from optuna import Study, Trial

    from hwsim.simulate import Progress
    from snntrain.checkpoint import Checkpoint
    from snntrain.hardware import Target
    from snntrain.logs import Entry, Log

HINT = "a space is a recipe of ranges: [train] with learning_rate = {low = 0.001, high = 0.1}"
ANOTHER = "use another --out, or the recipe, space and aims that the study began with"
AIMS = ("validation_accuracy", "rate")
"""What a trial is worth; the second, spikes per neuron and step, in frugal studies alone."""
Space = Mapping[tuple[str, str], dict[str, Any]]
"""For each (section, key) of a recipe what is tried: ``{low, high}`` with ``log = true`` for a
scale of magnitudes, whole numbers if both ends are; or ``{choices}``, a list of unlike values."""


def load_space(path: Path, recipe: Recipe) -> Space:
    """Read a TOML file that holds a :data:`Space`, a table for each section.

    Raises CheckError listing every entry that is no range, and every end that ``recipe`` cannot
    hold.
    """
    table = toml_table(read_text(path, "a space, a .toml file", HINT), str(path), hint=HINT)
    sections = {name: keys for name, keys in table.items() if isinstance(keys, dict)}
    problems = [f"{name} is not a section of a recipe" for name in table if name not in SECTIONS]
    space = {(name, key): entry for name, keys in sections.items() for key, entry in keys.items()}
    problems += [f"{a}.{b} = {e!r} is no range" for (a, b), e in space.items() if not _is_range(e)]
    raise_all(f"{path}", problems or ["holds nothing to try"] * (not space), hint=HINT)
    for (section, key), entry in space.items():
        for end in _ends(entry):
            try:
                _with(recipe, {(section, key): end})
            except CheckError as error:
                problems += error.problems
    raise_all(f"{path}", problems, hint=HINT)
    return space


def open_study(storage: str, name: str, *, frugal: bool = False) -> Study:
    """Return the study ``name`` in ``storage``, which is made if it is not there.

    Parameters
    ----------
    storage
        A journal file, which processes share on any file system, or a database's URL such as
        ``sqlite:///sweep.db``.
    frugal
        Besides the highest accuracy on validation, search the fewest spikes per neuron and step;
        such a study stops no trial early.

    Raises
    ------
    FileError
        ``storage`` cannot be used, or holds a study of that name with other aims.
    """
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError:
        raise MissingExtraError(
            "a sweep needs optuna, which is not installed", hint="pip install 'spikeport[sweep]'"
        ) from None
    up, down = optuna.study.StudyDirection.MAXIMIZE, optuna.study.StudyDirection.MINIMIZE
    directions = [up, down] if frugal else [up]
    kept: Any = storage
    try:
        if "://" not in storage:
            Path(storage).parent.mkdir(parents=True, exist_ok=True)
            kept = JournalStorage(JournalFileBackend(storage))
        study = optuna.create_study(
            storage=kept, study_name=name, directions=directions, load_if_exists=True
        )
    except (OSError, ValueError, SQLAlchemyError) as error:
        raise FileError(
            f"{storage}: cannot hold a study: {error}",
            hint="give the path of a journal, or a URL such as sqlite:///sweep.db",
        ) from None
    if study.directions != directions:
        raise FileError(f"{storage}: its study {name!r} has other aims", hint=ANOTHER)
    return study


def sweep(  # noqa: PLR0913 -- one parameter an option
    recipe: Recipe,
    space: Space,
    study: Study,
    *,
    trials: int,
    root: Path | None = None,
    target: Target | None = None,
    progress: Progress | None = None,
    log: Collection[Log] = (),
) -> None:
    """Train ``recipe`` with settings from ``space`` until ``study`` has ended so many ``trials``.

    A trial is worth the best accuracy on validation; one whose accuracy stays below the median of
    the others is stopped after the epoch that shows it, one that diverges has failed. The test
    split is never read. Trials of other processes on the same study count; each process ends the
    trial it is in. ``root``, ``target`` and ``log`` are those of :func:`snntrain.fit`;
    ``progress`` is called with the trials that have ended, and ``trials``.

    Raises FileError when the study began with another recipe or space.
    """
    from optuna.trial import TrialState

    text = json.dumps([recipe.to_text(), sorted((*key, entry) for key, entry in space.items())])
    origin = hashlib.sha256(text.encode()).hexdigest()
    if study.user_attrs.get("origin", origin) != origin:
        raise FileError(
            f"study {study.study_name!r} began with another recipe or space", hint=ANOTHER
        )
    study.set_user_attr("origin", origin)

    def learn(chosen: Recipe, report: Log) -> Checkpoint:
        return fit(chosen, root=root, target=target, log=[report, *log])

    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    while (ended := len(study.get_trials(deepcopy=False, states=states))) < trials:
        if progress:
            progress(ended, trials)
        trial = study.ask()
        try:
            study.tell(trial, _worth(recipe, space, trial, study, learn))
        except _Hopeless:
            study.tell(trial, state=TrialState.PRUNED)
        except BaseException as error:  # also when interrupted, no trial stays open
            study.tell(trial, state=TrialState.FAIL)
            if not isinstance(error, DivergedError):
                raise


def recipe_of(recipe: Recipe, params: Mapping[str, Any], space: Space) -> Recipe:
    """Return ``recipe`` with the settings of a trial, its ``params``."""
    chosen = {}
    for (section, key), entry in space.items():
        value = params[f"{section}.{key}"]
        chosen[section, key] = json.loads(value) if "choices" in entry else value
    return _with(recipe, chosen)


class _Hopeless(Exception):
    """A trial is stopped early."""


def _worth(
    recipe: Recipe, space: Space, trial: Trial, study: Study, learn: Callable[..., Checkpoint]
) -> list[float]:
    """Return accuracy, and the mean rate of all layers if the study asks for it, of a trial."""
    for (section, key), entry in space.items():
        _suggest(trial, f"{section}.{key}", entry)
    frugal = len(study.directions) == 2

    def report(entry: Entry) -> None:
        accuracy = entry.values.get("validation_accuracy")
        if accuracy is None or frugal:  # optuna stops no trial of two aims
            return
        trial.report(accuracy, entry.epoch)
        if trial.should_prune():
            raise _Hopeless

    done = learn(recipe_of(recipe, trial.params, space), report)
    accuracy = done.metrics["validation_accuracy"]
    rates = done.calibration["rates"].values() or [0.0]
    return [accuracy, fmean(rates)] if frugal else [accuracy]


def _suggest(trial: Trial, name: str, entry: dict[str, Any]) -> None:
    if "choices" in entry:
        trial.suggest_categorical(name, [json.dumps(value) for value in entry["choices"]])
        return
    low, high = _ends(entry)
    whole = isinstance(low, int) and isinstance(high, int)
    suggest = trial.suggest_int if whole else trial.suggest_float
    suggest(name, low, high, log=entry.get("log", False))


def _ends(entry: dict[str, Any]) -> list[Any]:
    """Return all choices, or both ends of a range."""
    return entry["choices"] if "choices" in entry else [entry["low"], entry["high"]]


def _is_range(entry: Any) -> bool:
    """Say whether an entry of a space is a range of numbers or a list of choices."""
    if not isinstance(entry, dict):
        return False
    if set(entry) == {"choices"}:
        choices = entry["choices"]
        plain = isinstance(choices, list) and bool(choices) and all(map(_is_plain, choices))
        return plain and len({json.dumps(value) for value in choices}) == len(choices)
    if not {"low", "high"} <= set(entry) <= {"low", "high", "log"}:
        return False
    low, high, log = entry["low"], entry["high"], entry.get("log", False)
    numbers = {type(low), type(high)} <= {int, float}
    return (
        numbers and -math.inf < low < high < math.inf and type(log) is bool and (low > 0 or not log)
    )


def _is_plain(value: Any) -> bool:
    """Say whether a choice is what a recipe holds: a text, a number, or a list of them."""
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def _with(recipe: Recipe, values: Mapping[tuple[str, str], Any]) -> Recipe:
    """Return ``recipe`` with other values."""
    table = tomllib.loads(recipe.to_text())
    for (section, key), value in values.items():
        table.setdefault(section, {})[key] = value
    # what a recipe holds, numbers, texts and lists of them, is written alike in JSON and TOML
    lines = [
        line
        for section, entries in table.items()
        for line in (f"[{section}]", *(f"{k} = {json.dumps(v)}" for k, v in entries.items()), "")
    ]
    return Recipe.from_text("\n".join(lines), "recipe of a sweep")
