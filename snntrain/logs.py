"""Where the course of a training run is written: a table, and TensorBoard."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from hwsim.errors import FileError, MissingExtraError
from hwsim.files import write_atomic


class Entry(NamedTuple):
    """An update of the weights: its number and that of its epoch, both from 1, and of how many.

    ``values`` holds ``learning_rate``, ``loss``, ``training_accuracy`` (of the batch, before the
    update), ``gradient_norm`` and ``seconds``; after the last update of an epoch also
    ``validation_accuracy``, ``validation_loss`` and, as ``rate/LAYER``, the spikes per neuron and
    step of every layer on the validation split.
    """

    epoch: int
    update: int
    updates: int
    values: dict[str, float]


Log = Callable[[Entry], None]
"""Called after every update of the weights."""
VALUES = ("learning_rate", "loss", "training_accuracy", "gradient_norm", "validation_accuracy",
          "validation_loss")  # fmt: skip


def table(path: Path, layers: Sequence[str]) -> Log:
    """Return a log that adds a row to a CSV file, a column for each value.

    Rows of an earlier run are kept up to the first update that is logged, so that a resumed run
    leaves the table of one that was never interrupted.
    """
    columns = ["epoch", "update", *VALUES, *(f"rate/{name}" for name in layers), "seconds"]
    header = _line(columns)
    begun = False

    def log(entry: Entry) -> None:
        nonlocal begun
        if not begun:
            write_atomic(path, header + _earlier(path, header, entry.update))
            begun = True
        row = {"epoch": entry.epoch, "update": entry.update, **entry.values}
        try:
            with path.open("a", newline="") as file:
                file.write(_line([row.get(name, "") for name in columns]))
        except OSError as error:
            raise FileError(
                f"{path}: cannot be written: {error.strerror}", hint="free some space"
            ) from None

    return log


@contextmanager
def tensorboard(folder: Path) -> Iterator[Log]:
    """Give a log that writes an event file for TensorBoard into ``folder``.

    Raises MissingExtraError where the package tensorboard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise MissingExtraError(
            "TensorBoard logs need tensorboard, which is not installed",
            hint="pip install 'spikeport[tensorboard]'",
        ) from None
    writers: list[SummaryWriter] = []

    def log(entry: Entry) -> None:
        if not writers:
            # hides what an interrupted run wrote beyond this update
            writers.append(SummaryWriter(str(folder), purge_step=entry.update))
        for name, value in entry.values.items():
            writers[0].add_scalar(name, value, entry.update)

    try:
        yield log
    finally:
        for writer in writers:
            writer.close()


def _earlier(path: Path, header: str, update: int) -> str:
    """Return the rows of a table in ``path`` before ``update``, if it has the same ``header``."""
    if update == 1 or not path.is_file():
        return ""
    first, *rows = path.read_bytes().decode(errors="replace").splitlines(keepends=True) or [""]
    kept = [row for row in rows if row.endswith("\n") and _update(row) < update]
    return "".join(kept) if first == header else ""


def _update(row: str) -> float:
    with suppress(ValueError, IndexError):
        return int(row.split(",")[1])
    return math.inf


def _line(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
