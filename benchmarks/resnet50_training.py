"""Trains a spiking ResNet-50 on CIFAR-100 for some updates and watches its gradients over depth.

    python benchmarks/resnet50_training.py [--root DATA] [--updates 200] [--batch 4]
        [--device cuda] [--out DIR] [--json FILE]

The network is that of resnet50_training.toml, its surrogate calibrated on the first samples.
DIR/updates.csv holds a line an update: its number and loss, and in every tenth the first spiking
layer's gradient over the last's, and the root mean square of the gradient of each. A run that
was stopped goes on where DIR has its state. Exits 1 unless the loss falls and the gradients stay
balanced.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import resource
import sys
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snntrain import Recipe, load
from snntrain.losses import LOSSES
from snntrain.rules import Batch
from snntrain.rules.base import backpropagate
from snntrain.rules.calibrate import (
    calibrate_surrogate,
    current_gradients,
    first_over_last,
    root_mean_squares,
    set_slope,
)

RECIPE = Path(__file__).with_suffix(".toml")
CALIBRATED = 2
"""Samples of the first batch that calibrate the surrogate."""
COMPARED = 20
"""Updates at both ends whose mean losses are compared."""
FALL = 0.1
"""By which the loss has to fall at least; it begins near ``log(100) = 4.6``."""
BALANCE = 10.0
"""Largest ratio of first to last gradient, or inverse of it, as the geometric mean of a run."""
WATCHED_EVERY = 10
"""Gradients are watched in every so many updates: neurons are then stepped, which is slower."""
KEPT_EVERY = 5


def main() -> int:
    """Train, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, help="Where CIFAR-100 is; see snntrain.load.")
    parser.add_argument("--updates", type=int, default=200)
    parser.add_argument("--batch", type=int, help="Samples an update; those of the recipe without.")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path("out/resnet50-training"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    options.out.mkdir(parents=True, exist_ok=True)
    run = Run(Recipe.load(RECIPE), options)
    while run.done < options.updates:
        run.update()
    rows = _rows(options.out / "updates.csv", options.updates)
    for row in rows:
        print(row)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if all(row["ok"] for row in rows) else 1


class Run:
    """A network, its optimizer, and how many updates it has had."""

    def __init__(self, recipe: Recipe, options: argparse.Namespace) -> None:
        self.settings, self.options = recipe.train, options
        self.batch_size = options.batch or recipe.train.batch_size
        data = load(recipe.data.name, "train", options.root)
        self.data = data.first(recipe.data.samples or len(data))
        torch.manual_seed(self.settings.seed)
        self.module = recipe.build().to(options.device).train()
        self.optimizer = torch.optim.AdamW(
            self.module.parameters(), weight_decay=self.settings.weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, self.settings.learning_rate, total_steps=options.updates
        )
        self.state, self.csv = options.out / "state.pt", options.out / "updates.csv"
        if self.state.exists():
            self._restore()
        else:
            self._begin()

    def update(self) -> None:
        """Update the weights once and write a line."""
        start = time.perf_counter()
        self.optimizer.zero_grad()
        watched = self.done % WATCHED_EVERY == 0
        with current_gradients(self.module) if watched else nullcontext({}) as squares:
            loss = backpropagate(self.module, self._batch(self.done), self._objective).loss.item()
        self.optimizer.step()
        self.schedule.step()
        self.done += 1
        rms = root_mean_squares(squares)
        ratio = [first_over_last(rms)] if watched else []
        with self.csv.open("a", newline="") as file:
            values = [self.done, loss, *ratio, *rms.values()]
            csv.writer(file).writerow([f"{value:.6g}" for value in values])
        seconds, peak = time.perf_counter() - start, _peak_gigabytes()
        shown = "".join(f", ratio {value:.3g}" for value in ratio)
        print(f"{self.done}: loss {loss:.4f}{shown}, {seconds:.1f} s, {peak:.1f} GB", flush=True)
        if self.done % KEPT_EVERY == 0 or self.done == self.options.updates:
            self._keep()

    def _begin(self) -> None:
        """Calibrate the surrogate and write the head of the table."""
        sequence, labels = self._batch(0)
        batch = sequence[:, :CALIBRATED], labels[:CALIBRATED]
        found = calibrate_surrogate(self.module, batch, self._objective)
        print(f"slope {found.slope:.4g}, ratio {found.ratio:.3g}", flush=True)
        self.done, self.slope = 0, found.slope
        self.csv.write_text(",".join(["update", "loss", "ratio", *found.rms]) + "\n")

    def _restore(self) -> None:
        state = torch.load(self.state, map_location=self.options.device, weights_only=True)
        updates = state["schedule"]["total_steps"]
        if updates != self.options.updates:
            sys.exit(f"{self.state} is of a run of {updates} updates: give another --out")
        self.done, self.slope = state["done"], state["slope"]
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        set_slope(self.module, self.slope)
        written = self.csv.read_text().splitlines(keepends=True)
        self.csv.write_text("".join(written[: 1 + self.done]))

    def _keep(self) -> None:
        parts = {name: getattr(self, name) for name in ("module", "optimizer", "schedule")}
        state = {name: part.state_dict() for name, part in parts.items()}
        partial = self.state.with_suffix(".partial")
        torch.save({**state, "done": self.done, "slope": self.slope}, partial)
        os.replace(partial, self.state)

    def _batch(self, number: int) -> Batch:
        """Return the samples of an update, drawn anew for each."""
        random = np.random.default_rng([self.settings.seed, number])
        index = random.choice(len(self.data), self.batch_size, replace=False)
        frames = self.data.sequences(index, self.settings.steps, random)
        labels = torch.from_numpy(self.data.labels[index])
        sequence = torch.tensor(frames, dtype=torch.float32)
        return sequence.to(self.options.device), labels.to(self.options.device)

    def _objective(self, outputs: Tensor, labels: Tensor, _spikes: Mapping[str, Tensor]) -> Tensor:
        return LOSSES[self.settings.loss.value](outputs, labels)


def _rows(path: Path, updates: int) -> list[dict[str, Any]]:
    """Return what is asked of the run, from its table."""
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))[:updates]
    losses = [float(line["loss"]) for line in lines]
    first, last = (float(np.mean(part)) for part in (losses[:COMPARED], losses[-COMPARED:]))
    mean = math.exp(np.mean([math.log(float(line["ratio"])) for line in lines if line["ratio"]]))
    found = [
        ("loss, first updates", first, None, True),
        ("loss, last updates", last, first - FALL, last <= first - FALL),
        ("gradient, first over last layer", mean, BALANCE, 1 / BALANCE <= mean <= BALANCE),
    ]
    keys = ("name", "metric", "value", "target", "ok")
    return [dict(zip(keys, ("resnet50 training", *row), strict=True)) for row in found]


def _peak_gigabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    sys.exit(main())
