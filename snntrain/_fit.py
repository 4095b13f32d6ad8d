"""Training: the one loop over epochs and batches, selected on the validation split alone."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hwsim.errors import CheckError, SpikeportError, raise_all
from snntrain import _resume, augment
from snntrain._evaluate import accuracy, sequence_of, summed_outputs
from snntrain._resume import Best
from snntrain.checkpoint import Checkpoint
from snntrain.data import Dataset, load
from snntrain.layers import recorded
from snntrain.losses import LOSSES
from snntrain.recipe import Optimizer, Recipe, Schedule, TrainSettings
from snntrain.rules import Objective

Progress = Callable[[int, int, dict[str, float]], None]
"""Called as ``progress(epochs done, epochs, metrics of the chosen epoch so far)``."""
RISE, FIRST, LAST = 0.3, 1 / 25, 4e-6
"""One-cycle: fraction of the updates that rise; first and last rate over the peak.

Source: Smith and Topin 2017, arXiv 1708.07120; values of torch 2.13 ``OneCycleLR``
(``pct_start``, ``1 / div_factor``, ``1 / (div_factor * final_div_factor)``).
"""
MOMENTUM = 0.9
SETTLED = 0.8
"""Fraction of the epochs after which the validation split chooses. Before, the rate is still high
and a good epoch on a small split is mostly luck."""
LARGE_BATCH = 2048
"""Images at a time when the whole training split is measured."""


def fit(
    recipe: Recipe,
    *,
    init: Checkpoint | None = None,
    root: Path | None = None,
    out: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Checkpoint:
    """Train the network of ``recipe`` and return the best of its last epochs on validation.

    The same recipe gives the same checkpoint, bit for bit, on the same machine and torch; the
    caller's random generators are not touched and the test split is never read.

    Parameters
    ----------
    init
        Start from these weights instead of random ones.
    root
        Where the files of the data are, see :func:`snntrain.load`.
    out
        Folder for the state of the run, written after every epoch.
    resume
        Go on from the state in ``out``, which is then needed, if there is one; the result is
        that of a run that was never interrupted.
    progress
        Called after every epoch.

    Raises
    ------
    CheckError
        The network does not fit the data, or ``init`` does not fit the network.
    SpikeportError
        A weight is no longer finite, or ``resume`` without ``out``.
    FileError
        Data is missing; the state in ``out`` cannot be written, or is not of this run.
    """
    if resume and out is None:
        raise SpikeportError("fit: resume needs a folder", hint="pass out=FOLDER as well")
    train, validation = (load(recipe.data.name, split, root) for split in ("train", "validation"))
    train = train.first(recipe.data.samples or len(train))
    module = _start(recipe, init, train)
    settings = recipe.train
    optimizer = _optimizer(module, settings)
    origin = _origin(recipe, init)
    done, best = _resume.restore(out, origin, module, optimizer) if resume and out else (0, None)
    for epoch in range(done, settings.epochs):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed + epoch)
            _train_epoch(module, optimizer, train, recipe, epoch)
        latest = _measure(module, validation, settings, epoch + 1)
        if best is None or epoch <= SETTLED * settings.epochs or latest.beats(best):
            best = latest
        if out:
            _resume.save(out, origin, epoch + 1, module, optimizer, best)
        if progress:
            progress(epoch + 1, settings.epochs, best.metrics)
    assert best is not None
    return _finish(recipe, best, train)


def _origin(recipe: Recipe, init: Checkpoint | None) -> str:
    """Return a hash of everything a run depends on."""
    start = init.sha256 if init else ""
    return hashlib.sha256(f"{start}\n{recipe.to_text()}".encode()).hexdigest()


def _start(recipe: Recipe, init: Checkpoint | None, train: Dataset) -> nn.Module:
    """Return the network before the first epoch, with random weights or those of ``init``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.train.seed)
        module = recipe.build()
    _check_data(recipe, train)
    raise_all("recipe", recipe.rule.refusals(module), hint="change [rule] or [net]")
    try:
        if init:
            module.load_state_dict(init.state)
    except RuntimeError as error:
        raise CheckError(
            f"init: weights do not fit the network of the recipe: {error}",
            hint="start from a checkpoint with the same [net], or without one",
        ) from None
    return module


def _check_data(recipe: Recipe, train: Dataset) -> None:
    """Raise CheckError listing every setting that does not fit the training data."""
    shape, classes = list(train.images.shape[1:]), int(train.labels.max()) + 1
    problems = []
    if list(recipe.net.input_shape) != shape:
        problems.append(f"net.input_shape = {list(recipe.net.input_shape)} is not {shape}")
    if recipe.net.classes < classes:
        problems.append(f"net.classes = {recipe.net.classes} is below {classes}")
    if recipe.data.samples > len(train):
        problems.append(f"data.samples = {recipe.data.samples} is above {len(train)}")
    if recipe.train.batch_size > len(train):
        problems.append(f"train.batch_size = {recipe.train.batch_size} is above {len(train)}")
    hint = f"{train.name} has {len(train)} training images of shape {shape}, {classes} classes"
    raise_all("recipe", problems, hint=hint)


def _train_epoch(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    train: Dataset,
    recipe: Recipe,
    epoch: int,
) -> None:
    """Update ``module`` once a batch, over all whole batches in an order of the epoch's own.

    Dropout draws from torch's global generator, which the caller seeds.
    """
    settings, rule, lowered = recipe.train, recipe.rule, objective(recipe.train)
    random = np.random.default_rng([settings.seed, epoch])
    batches = len(train) // settings.batch_size
    order = random.permutation(len(train))
    rate = SCHEDULES[settings.schedule]
    module.train()
    for number in range(batches):
        index = order[number * settings.batch_size :][: settings.batch_size]
        images = augment.shift(train.images[index], settings.shift, train.low, random)
        batch = sequence_of(images, settings.steps), torch.from_numpy(train.labels[index])
        fraction = (epoch * batches + number) / (settings.epochs * batches)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * rate(fraction)
        optimizer.zero_grad()
        if epoch == number == 0:
            rule.prepare(module, batch, lowered)
        rule.backward(module, batch, lowered)
        optimizer.step()
        rule.after_step(module)


def _optimizer(module: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """Return the optimizer of a recipe over all parameters; the rate is set in every update."""
    parameters, decay = list(module.parameters()), settings.weight_decay
    if settings.optimizer is Optimizer.SGD:
        return torch.optim.SGD(parameters, momentum=MOMENTUM, weight_decay=decay)
    kind = torch.optim.AdamW if settings.optimizer is Optimizer.ADAMW else torch.optim.Adam
    return kind(parameters, weight_decay=decay)


def objective(settings: TrainSettings) -> Objective:
    """Return what a recipe lowers: its loss and its penalty on the spikes per neuron and step."""
    loss = LOSSES[settings.loss.value]

    def lowered(outputs: Tensor, labels: Tensor, spikes: Mapping[str, Tensor]) -> Tensor:
        activity = torch.stack([s.mean() for s in spikes.values()]).mean()
        return loss(outputs, labels) + settings.rate_penalty * activity

    return lowered


def one_cycle(fraction: float) -> float:
    """Return the learning rate over its peak after ``fraction`` (0..1) of all updates.

    A function and not torch's scheduler, so that a resumed run has no state to restore.
    """
    if fraction < RISE:
        return _cosine(FIRST, 1.0, fraction / RISE)
    return _cosine(1.0, LAST, (fraction - RISE) / (1 - RISE))


def cosine(fraction: float) -> float:
    """Return the rate over its peak after ``fraction`` (0..1) of all updates: from 1 to 0."""
    return _cosine(1.0, 0.0, fraction)


SCHEDULES: dict[Schedule, Callable[[float], float]] = {
    Schedule.ONE_CYCLE: one_cycle,
    Schedule.COSINE: cosine,
    Schedule.CONSTANT: lambda _: 1.0,
}


def _cosine(start: float, end: float, fraction: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * fraction)) / 2


def _measure(module: nn.Module, validation: Dataset, settings: TrainSettings, epoch: int) -> Best:
    """Return the state of ``module`` after ``epoch`` epochs and how it does on validation."""
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    broken = [name for name, tensor in state.items() if not tensor.isfinite().all()]
    if broken:
        raise SpikeportError(
            f"training diverged in epoch {epoch}: {broken[0]} is no longer finite",
            hint=f"use a learning_rate below {settings.learning_rate}",
        )
    outputs = summed_outputs(module.eval(), validation.images, settings.steps)
    lowest = LOSSES[settings.loss.value]
    rates = torch.from_numpy(outputs / settings.steps).unsqueeze(0)
    metrics = {
        "best_epoch": epoch,
        "validation_accuracy": accuracy(outputs, validation),
        "validation_loss": lowest(rates, torch.from_numpy(validation.labels)).item(),
    }
    return Best(state, metrics)


def _finish(recipe: Recipe, best: Best, train: Dataset) -> Checkpoint:
    """Return the best epoch with what later stages want to know about the training data."""
    module = Checkpoint(recipe, best.state, {}, {}).build()
    outputs, spikes, neurons = [], Counter(), Counter()
    for start in range(0, len(train), LARGE_BATCH):
        images = train.images[start : start + LARGE_BATCH]
        with recorded(module) as sent:
            outputs.append(summed_outputs(module, images, recipe.train.steps, LARGE_BATCH))
        spikes.update({name: s.double().sum().item() for name, s in sent.items()})
        neurons.update({name: s.numel() for name, s in sent.items()})
    calibration = {
        "input": [int(train.images.min()), int(train.images.max())],
        "rates": {name: spikes[name] / neurons[name] for name in spikes},
    }
    metrics = {**best.metrics, "train_accuracy": accuracy(np.concatenate(outputs), train)}
    return Checkpoint(recipe, best.state, metrics, calibration)
