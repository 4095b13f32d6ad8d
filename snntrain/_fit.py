"""Training a recipe: what is needed before the loop, what is chosen in it, what comes after."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from hwsim.errors import SpikeportError, raise_all
from snntrain import _resume, _watch, logs
from snntrain._deploy import bound_for_chip
from snntrain._distributed import Ranks, joined, share_statistics
from snntrain._evaluate import Measured, accuracy, measure
from snntrain._loop import Run, prepare, train_epoch
from snntrain._optim import optimizer_of
from snntrain._resume import Best, Position, Saved
from snntrain.checkpoint import Checkpoint
from snntrain.data import Dataset, load
from snntrain.hardware import Target
from snntrain.layers import spiking_layers
from snntrain.logs import Entry, Log
from snntrain.losses import LOSSES
from snntrain.recipe import Recipe, TrainSettings
from snntrain.rules import Rule
from snntrain.start import Start, keep, kept

Progress = Callable[[int, int, dict[str, float]], None]
"""Called as ``progress(epochs done, epochs, metrics of the chosen epoch so far)``."""
SETTLED = 0.8
"""Fraction of the epochs after which the validation split chooses. Before, the rate is still high
and a good epoch on a small split is mostly luck."""
MEASURED = ("validation_accuracy", "validation_loss")
LARGE_BATCH = 2048
"""Samples at a time, at most, when the whole training split is measured."""


def fit(  # noqa: PLR0913 -- one parameter an option
    recipe: Recipe,
    *,
    init: Checkpoint | Start | None = None,
    target: Target | None = None,
    root: Path | None = None,
    out: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    log: Collection[Log] = (),
) -> Checkpoint:
    """Train the network of ``recipe`` and return the best of its last epochs on validation.

    The same recipe gives the same checkpoint, bit for bit, on the same machine with the same
    torch and number of threads; the caller's random generators are not touched and the test split
    is never read. Under
    ``torchrun`` each process learns from its share of every batch, and all return the checkpoint.

    Parameters
    ----------
    init
        Start from these weights instead of random ones. A resumed run goes on without, from
        what is in ``out``.
    target
        The way to the chip of the recipe's ``[hardware]``: the module ``snnexport.harden``.
    root
        Where the files of the data are, see :func:`snntrain.load`.
    out
        Folder for the state of the run and its table ``metrics.csv``, see ``snntrain.logs``.
    resume
        Go on from the state in ``out``, which is then needed, if there is one; the result is
        that of a run that was never interrupted.
    progress
        Called after every epoch.
    log
        Called after every update of the weights; of several processes, only on the first.

    Raises
    ------
    CheckError
        The network does not fit the data, its rule, its penalties or the chip, or ``init`` does
        not fit the network. A spike of a network of integers is not that of hwsim.
    DivergedError
        A loss, gradient or weight is not finite.
    SpikeportError
        ``resume`` without ``out``, or the device is missing.
    FileError
        Data is missing; the state in ``out`` cannot be written, or is not of this run.

    Warns
    -----
    SpikeportWarning
        A layer never fires, or always, in the first batch or after the first epoch.
    """
    if resume and out is None:
        raise SpikeportError("fit: resume needs a folder", hint="pass out=FOLDER as well")
    settings, chosen = recipe.train, recipe.data
    with joined(settings.device) as ranks:
        train, validation = (
            load(chosen.name, split, root, chosen.encoder) for split in ("train", "validation")
        )
        start = _given(init, out, resume)
        run = _start(recipe, start, train.first(chosen.samples or len(train)), ranks, target)
        origin, begun = _origin(recipe, start, ranks), Saved()
        if out:
            begun = _begun(run, start, origin, out, resume)
        ranks.require_equal(run.module.state_dict(), begun.position)
        if out:
            log = [*log, logs.table(out / "metrics.csv", list(spiking_layers(run.module)))]
        best = begun.best
        for entry, saved in _updates(run, validation, begun):
            best = saved.best
            if ranks.first:
                for write in log:
                    write(entry)
                if out and _due(saved.position, settings):
                    state = run.module.state_dict()
                    _watch.require_finite(state, f"update {entry.update}", settings.learning_rate)
                    _resume.save(out, origin, saved, run.module, run.optimizer)
                if progress and best and not saved.position.batch:
                    progress(saved.position.epoch, settings.epochs, best.metrics)
        assert best is not None
        done = _finish(run, best, validation)
        return replace(done, metrics={**done.metrics, **start.metrics}) if start else done


def _given(init: Checkpoint | Start | None, out: Path | None, resume: bool) -> Start | None:
    """Return the weights to start from; None for random ones."""
    if init is None and out and resume:
        return kept(out)
    return Start.of(init) if isinstance(init, Checkpoint) else init


def _begun(run: Run, start: Start | None, origin: str, out: Path, resume: bool) -> Saved:
    """Return where a run in ``out`` goes on; a new one leaves no state that is not its own."""
    if resume:
        return _resume.restore(out, origin, run.module, run.optimizer)
    if run.ranks.first:
        keep(out, start)  # before: what a kill leaves in between does not fit together
        _resume.discard(out)
    return Saved()


def _origin(recipe: Recipe, start: Start | None, ranks: Ranks) -> str:
    """Return a hash of everything a run depends on."""
    text = f"{start.sha256 if start else ''}\n{recipe.to_text()}\n{ranks.size}"
    return hashlib.sha256(text.encode()).hexdigest()


def _start(
    recipe: Recipe, start: Start | None, train: Dataset, ranks: Ranks, target: Target | None
) -> Run:
    """Return a run before its first epoch, with random weights or those of ``start``."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(recipe.train.seed)
        module = recipe.build()
    _check_data(recipe, train, ranks)
    problems = recipe.rule.refusals(module) + _unspent(recipe.train, module)
    raise_all("recipe", problems, hint="change [rule], [net] or [train]")
    if start:
        start.fill(module)
    module, chip = bound_for_chip(recipe, module, start, train, target)
    module.to(ranks.device)
    if recipe.train.channels_last:
        module.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] -- torch's
    share_statistics(module, ranks)
    optimizer = optimizer_of(module.parameters(), recipe.train)
    run = Run(recipe, ranks, module, optimizer, train, chip)
    prepare(run)
    return run


def _check_data(recipe: Recipe, train: Dataset, ranks: Ranks) -> None:
    """Raise CheckError listing every setting that does not fit the training data."""
    shape, classes, settings = list(train.shape), int(train.labels.max()) + 1, recipe.train
    problems = []
    if list(recipe.net.input_shape) != shape:
        problems.append(f"net.input_shape = {list(recipe.net.input_shape)} is not {shape}")
    if recipe.net.classes < classes:
        problems.append(f"net.classes = {recipe.net.classes} is below {classes}")
    if recipe.data.samples > len(train):
        problems.append(f"data.samples = {recipe.data.samples} is above {len(train)}")
    if settings.batch_size > len(train):
        problems.append(f"train.batch_size = {settings.batch_size} is above {len(train)}")
    if settings.batch_size % ranks.size:
        problems.append(
            f"train.batch_size = {settings.batch_size} is no multiple of {ranks.size} processes"
        )
    if settings.flip and len(shape) != 3:
        problems.append(f"train.flip = true mirrors images, which {train.name} has not")
    hint = f"{train.name} has {len(train)} training samples of shape {shape}, {classes} classes"
    raise_all("recipe", problems, hint=hint)


def _unspent(settings: TrainSettings, module: nn.Module) -> list[str]:
    """List the penalties on spikes that a network without any cannot pay."""
    asked = [name for name in ("rate_penalty", "synops_penalty") if getattr(settings, name)]
    lacking = [] if spiking_layers(module) else asked
    return [f"train.{name} is set, but no layer of the network spikes" for name in lacking]


def _due(position: Position, settings: TrainSettings) -> bool:
    """Say whether the state of a run is saved at ``position``."""
    return not position.batch or bool(
        settings.save_every and position.batch % settings.save_every == 0
    )


def _updates(run: Run, validation: Dataset, saved: Saved) -> Iterator[tuple[Entry, Saved]]:
    """Train from ``saved`` on; after every update, yield its entry and how far the run is."""
    epochs, best, before = run.recipe.train.epochs, saved.best, time.perf_counter()
    for epoch in range(saved.position.epoch, epochs):
        for position, values in train_epoch(run, saved.position):
            update = epoch * run.batches + position.batch
            if position.batch == run.batches:
                latest, rates = _validate(run, validation, epoch + 1)
                if best is None or epoch <= SETTLED * epochs or latest.beats(best):
                    best = latest
                position = Position(epoch + 1)
                values |= {name: latest.metrics[name] for name in MEASURED} | rates
            now = time.perf_counter()
            values["seconds"], before = now - before, now
            saved = Saved(position, best)
            yield Entry(epoch + 1, update, run.updates, values), saved


def _validate(run: Run, validation: Dataset, epoch: int) -> tuple[Best, dict[str, float]]:
    """Return the network after ``epoch`` epochs, how it does on validation, ``rate/LAYER``."""
    settings, rule, module = run.recipe.train, run.recipe.rule, run.module
    state = {name: t.detach().cpu().clone() for name, t in module.state_dict().items()}
    _watch.require_finite(state, f"epoch {epoch}", settings.learning_rate)
    steps = rule.steps(settings.steps)
    with rule.learning(module.eval()):
        measured = measure(module, validation, steps, run.ranks, loss=LOSSES[settings.loss])
    if epoch == 1 and run.ranks.first:
        _watch.warn_of_idle(measured.rates, "validation after epoch 1")
    metrics = {"best_epoch": epoch, **_metrics(measured, validation)}
    return Best(state, metrics), {f"rate/{name}": rate for name, rate in measured.rates.items()}


def _metrics(measured: Measured, validation: Dataset) -> dict[str, float]:
    values = accuracy(measured.outputs, validation), measured.loss
    return dict(zip(MEASURED, values, strict=True))


def _finish(run: Run, best: Best, validation: Dataset) -> Checkpoint:
    """Return the best epoch with what later stages want to know about the training data."""
    recipe, train, steps = run.recipe, run.train, run.recipe.train.steps
    module = Checkpoint(recipe, best.state, {}, {}).build().to(run.ranks.device)
    measured = measure(module, train, steps, run.ranks, batch_size=LARGE_BATCH)
    metrics = {**best.metrics, "train_accuracy": accuracy(measured.outputs, train)}
    if type(recipe.rule).learning is not Rule.learning:  # what was selected is not what runs
        metrics["learning_accuracy"] = metrics["validation_accuracy"]
        loss = LOSSES[recipe.train.loss]
        deployed = measure(module, validation, steps, run.ranks, loss=loss)
        metrics |= _metrics(deployed, validation)
    if run.chip.compare:
        sequence = torch.tensor(validation.sequences(slice(0, 64), steps), dtype=torch.float32)
        metrics["compared_spikes"] = run.chip.compare(module, sequence.to(run.ranks.device))
    calibration = {"input": list(train.extent(steps)), "rates": measured.rates}
    return Checkpoint(recipe, best.state, metrics, calibration)
