"""How a training run is shown on a terminal: bars, warnings, and how to go on with it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

from hwsim.console import LOG, progress_bar
from snntrain import logs
from snntrain._distributed import is_first
from snntrain._resume import NAME
from snntrain._watch import SpikeportWarning
from snntrain.logs import Entry, Log
from snntrain.recipe import Recipe


@contextmanager
def run_logs(plan: Recipe, out: Path, *, tensorboard: bool) -> Iterator[list[Log]]:
    """Give the logs of a run of ``plan``; when it is interrupted, say how it goes on."""
    LOG.debug("training on %s, %d threads", plan.train.device.value, torch.get_num_threads())
    with ExitStack() as stack:
        log = stack.enter_context(_shown(plan.train.epochs)) if is_first() else []
        if tensorboard:
            log.append(stack.enter_context(logs.tensorboard(out / "tensorboard")))
        try:
            yield log
        except KeyboardInterrupt:
            if (out / NAME).exists():
                LOG.info("%s: the same command with --resume goes on", out)
            raise


@contextmanager
def _shown(epochs: int) -> Iterator[list[Log]]:
    """Tell warnings; give logs that draw a bar for all epochs, and one for the batches of each."""
    with warnings_told(), progress_bar("epochs", "epochs") as bar:
        validation = ""

        def draw(entry: Entry) -> None:
            nonlocal validation
            if "validation_accuracy" in entry.values:
                validation = f", validation {100 * entry.values['validation_accuracy']:.1f} %"
            batches = entry.updates // epochs
            done = (entry.update - 1) % batches + 1
            bar(entry.update / batches, epochs, "epochs", f"{entry.epoch} of {epochs}{validation}")
            bar(done, batches, "batches", state(entry), unit="batches")

        yield [draw]


@contextmanager
def warnings_told() -> Iterator[None]:
    """Tell spikeport's own warnings in a line each."""
    show = warnings.showwarning

    def line(message: Any, category: Any, *where: Any) -> None:
        if issubclass(category, SpikeportWarning):
            LOG.warning("%s", message)
        else:
            show(message, category, *where)

    with warnings.catch_warnings():
        warnings.simplefilter("always", SpikeportWarning)
        warnings.showwarning = line
        yield


def state(entry: Entry) -> str:
    """Return what a bar says of the batch that was learned last."""
    return f"loss {entry.values['loss']:.3g}"
