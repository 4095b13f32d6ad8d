"""Trains a network of every kind on MNIST, exports it at 8 bits, and asks all judges about it.

    python benchmarks/architectures.py [--root DATA] [--out DIR] [--only NAME,...] [--json FILE]

The recipes are in benchmarks/architectures/; a checkpoint that is in DIR already is used as it
is. For each kind: accuracy on all 10,000 test images of the float network and of the program,
and every spike of every population over 20 test images, streamed back to back through real Lava,
and against the layer-synchronous integer network, onnxruntime and the reference engine. Exits 1
if a spike differs or if a network loses more than half a point.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from hwsim import load_chip, run
from snnexport import Choices, Judge, Stages, choices_of, code_input, stages, verify
from snnexport.trained import Trained
from snntrain import Checkpoint, Dataset, Recipe, direct, evaluate, fit, load

RECIPES = Path(__file__).parent / "architectures"
CHIP, SAMPLES, BATCH = "loihi2", 20, 500
LARGEST_LOSS = 0.005
"""Of accuracy by quantization after training, as a fraction."""
JUDGES = [Judge.INTEGER, Judge.LAVA, Judge.ONNXRUNTIME, Judge.NATIVE]


def main() -> int:
    """Train, export, compare, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = sorted(path.stem for path in RECIPES.glob("*.toml"))
    parser.add_argument("--root", type=Path, help="Where MNIST is; see snntrain.data.mnist.")
    parser.add_argument("--out", type=Path, default=Path("out/architectures"))
    parser.add_argument("--only", default=",".join(names))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    test, rows = load("mnist", "test", options.root), []
    for name in options.only.split(","):
        checkpoint = checkpoint_of(name, options.out / name, options.root)
        done = stages(checkpoint, load_chip(CHIP), name=name)
        rows += measure(name, done, checkpoint, test)
        if sums := choices_of(done.quantized).sums:
            copied = Choices(sums=dict.fromkeys(sums, "copies"))
            done = stages(checkpoint, load_chip(CHIP), name=name, choices=copied)
            rows += measure(f"{name}, sums as copies of weights", done, checkpoint, test)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if all(row["ok"] for row in rows) else 1


def checkpoint_of(name: str, folder: Path, root: Path | None) -> Checkpoint:
    """Return the trained network, from ``folder`` if it is there."""
    path = folder / "checkpoint.safetensors"
    if not path.exists():
        recipe = Recipe.load(RECIPES / f"{name}.toml")
        fit(recipe, root=root, out=folder, resume=True).save(path)
    return Checkpoint.load(path)


def measure(name: str, done: Stages, checkpoint: Checkpoint, test: Dataset) -> list[dict]:
    """Return a row for each figure of one network."""
    before, after = evaluate(checkpoint, test).accuracy, accuracy_of(done, checkpoint, test)
    print(f"{name}: {before:.2%} in float, {after:.2%} on {CHIP}, {before - after:+.2%} lost")
    for remark in done.remarks:
        print(f"  {remark}")
    rows = [
        _row(name, "float accuracy", before),
        _row(name, "program accuracy", after),
        _row(name, "accuracy lost", before - after, LARGEST_LOSS),
    ]
    images = test.images[:SAMPLES]
    frames = _frames(done, checkpoint, images)
    shape = checkpoint.recipe.net.input_shape
    trained = Trained(checkpoint.build(), done.quantized, shape, images)
    for verdict in verify(done.program, frames, JUDGES, trained=trained):
        found, compared = verdict.agreement.mismatches, verdict.agreement.compared
        print(f"  {verdict.judge.value}: {compared:,} values compared, {found} mismatches")
        rows.append({**_row(name, f"mismatches {verdict.judge.value}", found, 0), "of": compared})
    return rows


def accuracy_of(done: Stages, checkpoint: Checkpoint, test: Dataset) -> float:
    """Return the accuracy of the program on all of ``test``."""
    right = 0
    for first in range(0, len(test.labels), BATCH):
        part = slice(first, first + BATCH)
        predicted = run(done.program, _frames(done, checkpoint, test.images[part])).predictions
        right += int((predicted == test.labels[part]).sum())
    return right / len(test.labels)


def _frames(done: Stages, checkpoint: Checkpoint, images: np.ndarray) -> np.ndarray:
    return code_input(direct(images, checkpoint.recipe.train.steps), done.quantized.step)


def _row(name: str, metric: str, value: float, target: float | None = None) -> dict:
    met = target is None or value <= target
    return {"name": name, "metric": metric, "value": value, "target": target, "ok": met}


if __name__ == "__main__":
    sys.exit(main())
