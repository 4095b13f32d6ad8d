"""The loop over the batches of an epoch, and what one update of the weights is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from snntrain import _watch, augment, penalties, pruning
from snntrain._deploy import OnChip
from snntrain._distributed import Ranks
from snntrain._forward import computed
from snntrain._optim import SCHEDULES
from snntrain._resume import Position
from snntrain.data import Dataset, Images
from snntrain.delays import sharpen_delays
from snntrain.layers import recorded, spiking_layers
from snntrain.losses import LOSSES
from snntrain.norms import CurrentNorm
from snntrain.recipe import Recipe, TrainSettings
from snntrain.rules import Batch, Objective


@dataclass(frozen=True, eq=False)
class Run:
    """What a training run works with; ``train`` is the split that is learned.

    chip: what is known of the chip that the network is bound for.
    """

    recipe: Recipe
    ranks: Ranks
    module: nn.Module
    optimizer: torch.optim.Optimizer
    train: Dataset
    chip: OnChip = field(default_factory=OnChip)

    @property
    def check_every(self) -> int:
        """Updates from one comparison with hwsim to the next."""
        return self.recipe.hardware.check_every if self.recipe.hardware else 1

    @property
    def batches(self) -> int:
        """Updates in an epoch, one for each whole batch."""
        return len(self.train) // self.recipe.train.batch_size

    @property
    def updates(self) -> int:
        """Updates in all epochs."""
        return self.batches * self.recipe.train.epochs


def prepare(run: Run) -> None:
    """Let the rule set up the network on the whole first batch, the same on every process.

    A resumed run does it again before its state is restored: what a rule sets up need not be
    among the weights.
    """
    with _seeded(run, run.recipe.train.seed):
        _, batch = next(_batches(run, Position()))
        run.recipe.rule.prepare(run.module.train(), batch, objective(run.recipe.train, run.chip))


def train_epoch(run: Run, start: Position) -> Iterator[tuple[Position, dict[str, float]]]:
    """Update the network once a batch, over the whole batches after ``start``.

    After every update comes how far the run is, and the values of a :class:`snntrain.logs.Entry`.
    Learned delays are narrowest in the last epoch.
    """
    sharpen_delays(run.module, start.epoch / max(run.recipe.train.epochs - 1, 1))
    for position, (sequence, labels) in _batches(run, start):
        share = run.ranks.share(len(labels))
        number = start.epoch * run.batches + position.batch - 1
        # the state of torch's generators is a function of the update, and need not be saved
        with _seeded(run, [run.recipe.train.seed, number, run.ranks.rank]):
            values = _compared(run, sequence[:, share], number)
            values |= _update(run, (sequence[:, share], labels[share]), number)
        yield position, values


def objective(settings: TrainSettings, chip: OnChip = OnChip()) -> Objective:  # noqa: B008 -- frozen
    """Return what a recipe lowers: its loss and its penalties on spikes and what they cause."""
    loss = LOSSES[settings.loss]

    def lowered(outputs: Tensor, labels: Tensor, spikes: Mapping[str, Tensor]) -> Tensor:
        total = loss(outputs, labels)
        if settings.rate_penalty:
            total = total + settings.rate_penalty * penalties.rate(spikes)
        if settings.synops_penalty:
            learned = len(outputs) / settings.steps  # of an inference; a rule may need fewer steps
            operations = penalties.excess_operations(
                spikes, chip.fan_outs, len(labels), settings.synops_budget * learned
            )
            total = total + settings.synops_penalty * operations
        return total

    return lowered


def _batches(run: Run, start: Position) -> Iterator[tuple[Position, Batch]]:
    """Yield the batches of an epoch after ``start``, in an order of the epoch's own.

    With each comes the position after it.
    """
    settings, device = run.recipe.train, run.ranks.device
    random = np.random.default_rng([settings.seed, start.epoch])
    order = random.permutation(len(run.train))
    if start.random is not None:
        random.bit_generator.state = start.random
    for number in range(start.batch, run.batches):
        rows = order[number * settings.batch_size :][: settings.batch_size]
        sequence = _sequence(run, rows, random)
        labels = torch.from_numpy(run.train.labels[rows])
        after = Position(start.epoch, number + 1, dict(random.bit_generator.state))
        yield after, (sequence.to(device), labels.to(device))


def _sequence(run: Run, rows: np.ndarray, random: np.random.Generator) -> Tensor:
    """Return the training samples at ``rows``, changed, as a sequence (T, B, *shape)."""
    settings, samples = run.recipe.train, run.train
    steps = run.recipe.rule.steps(settings.steps)
    if isinstance(samples, Images):  # before they are encoded
        changed = _changed(samples.images[rows], settings, samples.span[0], random)
        samples, rows = replace(samples, pixels=changed), np.arange(len(rows))
        sequence = samples.sequences(rows, steps, random)
    else:
        sequence = samples.sequences(rows, steps, random)
        sequence = np.moveaxis(_changed(np.moveaxis(sequence, 0, 1), settings, 0, random), 1, 0)
    return torch.tensor(sequence, dtype=torch.float32)


def _changed(
    frames: np.ndarray, settings: TrainSettings, low: int, random: np.random.Generator
) -> np.ndarray:
    """Return samples (B, ..., H, W) as the recipe changes them; ``low`` is what is nothing."""
    frames = augment.shift(frames, settings.shift, low, random)
    if settings.flip:
        frames = augment.flip(frames, random)
    return augment.erase(frames, settings.erase, low, random)


def _compared(run: Run, sequence: Tensor, number: int) -> dict[str, float]:
    """Return how many spikes were compared with hwsim before update ``number``, if any."""
    if run.chip.compare is None or number % run.check_every:
        return {}
    return {"compared_spikes": run.chip.compare(run.module.train(), sequence)}


def _update(run: Run, batch: Batch, number: int) -> dict[str, float]:
    """Learn from this process's share of a batch, in update ``number`` of all, from 0.

    Raises DivergedError, before the weights change, when a number is not finite.
    """
    module, settings, rule = run.module.train(), run.recipe.train, run.recipe.rule
    rate = settings.learning_rate * SCHEDULES[settings.schedule](number / run.updates)
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    run.optimizer.zero_grad()
    watched = nullcontext({}) if number else recorded(module)
    with watched as spikes, computed(module, settings, run.ranks.device):
        step = rule.backward(module, batch, objective(settings, run.chip))
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    hits = (step.outputs.sum(dim=0).argmax(dim=1) == batch[1]).float().mean()
    loss = step.loss.detach().float().clone()
    run.ranks.average([*gradients, loss, hits])
    norm = get_total_norm(gradients)
    if not (loss.isfinite() and norm.isfinite()):
        when = f"update {number + 1} (epoch {number // run.batches + 1})"
        raise _watch.diverged(when, _watch.culprit(module, batch[0]), settings.learning_rate)
    _watch.warn_of_idle(_rates(module, spikes, run.ranks), "update 1")
    if settings.clip_norm:
        clip_grads_with_norm_(module.parameters(), settings.clip_norm, norm)
    gone = pruning.pruned(module) if settings.prune else []
    run.optimizer.step()
    if settings.prune:
        pruning.prune(module, gone, pruning.sparsity(settings.prune, number / run.updates))
    rule.after_step(module)
    return {
        "learning_rate": rate,
        "loss": loss.item(),
        "training_accuracy": hits.item(),
        "gradient_norm": norm.item(),
    }


def _rates(module: nn.Module, spikes: Mapping[str, Tensor], ranks: Ranks) -> dict[str, float]:
    """Return the spikes per neuron and step of each layer, on the first process alone.

    Those whose gain is all zero, as at the end of an identity branch, begin idle on purpose.
    """
    means = {name: ranks.mean(s.detach().mean()).item() for name, s in spikes.items()}
    norms = {name: layer.norm for name, layer in spiking_layers(module).items()}
    batch = {name: norm for name, norm in norms.items() if isinstance(norm, CurrentNorm)}
    meant = {name for name, norm in batch.items() if not norm.weight.any()}
    return {name: mean for name, mean in means.items() if ranks.first and name not in meant}


@contextmanager
def _seeded(run: Run, seed: int | list[int]) -> Iterator[None]:
    """Seed torch's generators while active, and leave the caller's as they were."""
    device = run.ranks.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        state = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])
        torch.default_generator.manual_seed(state)  # torch.manual_seed sets every device's
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(state)
        yield
