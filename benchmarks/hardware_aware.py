"""Trains MNIST in reals, then in the chip's integers, and says what export costs either way.

    python benchmarks/hardware_aware.py [--root DATA] [--out DIR] [--seeds 0,1,2] [--bits 8,4,3]
        [--split validation] [--json FILE]

For each seed one network of reals (benchmarks/hardware_aware/float.toml) is quantized after
training, and trained on as integers (integer.toml), with weights of each number of bits; and, for
comparison, trained on as long in reals. Accuracy is that of the exported program on the simulator.
Exits 1 if 8 bits lose more than 0.2 points, on the mean over seeds, or if a program answers
otherwise than the network that was trained. A checkpoint that is in DIR already is used as it is.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from hwsim import load_chip, run
from hwsim.program import Program
from snnexport import Choices, LayerChoice, harden, stages
from snnexport.source import coded
from snntrain import Checkpoint, Dataset, Recipe, evaluate, fit, load

RECIPES = Path(__file__).parent / "hardware_aware"
CHIP, BATCH, LAYERS = "loihi1", 500, ("spike1", "output")
LARGEST_LOSS = 0.002
"""Of accuracy by training in 8-bit integers and exporting, as a fraction."""


def main() -> int:
    """Train, export, run, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, help="Where MNIST is; see snntrain.data.mnist.")
    parser.add_argument("--out", type=Path, default=Path("out/hardware_aware"))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--bits", default="8,4,3")
    parser.add_argument("--split", default="test")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    data = load("mnist", options.split, options.root)
    seeds, widths = (tuple(map(int, text.split(","))) for text in (options.seeds, options.bits))
    rows = [
        row
        for seed in seeds
        for row in measured(seed, widths, data, options.out / str(seed), options.root)
    ]
    rows += means(rows)
    for row in rows:
        print(f"{row['name']}: {row['metric']} {row['value']:.6g}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if all(row["ok"] for row in rows) else 1


def measured(
    seed: int, widths: tuple[int, ...], data: Dataset, folder: Path, root: Path | None
) -> list[dict]:
    """Return the rows of one seed: the network of reals, and both programs at each width."""
    real = trained("float", folder / "float", seed, 8, None, root)
    before = evaluate(real, data).accuracy
    longer = evaluate(trained("integer", folder / "longer", seed, 0, real, root), data).accuracy
    rows = [
        _row(f"seed {seed}", "float accuracy", before),
        _row(f"seed {seed}", "lost by training on in reals", before - longer),
    ]
    for bits in widths:
        name = f"seed {seed}, {bits} bits"
        choices = Choices(layers={layer: LayerChoice(weight_bits=bits) for layer in LAYERS})
        after = outputs_of(real, data, choices).argmax(axis=1)
        rows.append(_row(name, "lost by quantizing", before - _accuracy(after, data)))
        integer = trained("integer", folder / f"integer{bits}", seed, bits, real, root)
        outputs = outputs_of(integer, data)
        lost = before - _accuracy(outputs.argmax(axis=1), data)
        differing = int((outputs != evaluate(integer, data).outputs).sum())
        rows += [
            _row(name, "lost by training in integers", lost),
            _row(name, "spikes compared at last", integer.metrics["compared_spikes"]),
            _row(name, "outputs unlike those in training", differing, 0),
        ]
    return rows


def trained(
    name: str, folder: Path, seed: int, bits: int, init: Checkpoint | None, root: Path | None
) -> Checkpoint:
    """Return the network of recipe ``name``, from ``folder`` if it is there; 0 bits are reals."""
    path = folder / "checkpoint.safetensors"
    if not path.exists():
        text = (RECIPES / f"{name}.toml").read_text()
        text = text.replace("seed = 0", f"seed = {seed}")
        text = text.replace("weight_bits = 8", f"weight_bits = {bits}")
        recipe = Recipe.from_text(text if bits else text.partition("[hardware]")[0], name)
        fit(recipe, init=init, target=harden, root=root, out=folder, resume=True).save(path)
    return Checkpoint.load(path)


def outputs_of(checkpoint: Checkpoint, data: Dataset, choices: Choices | None = None) -> np.ndarray:
    """Return the sums (N, classes) of what the exported program sends on ``data``."""
    program = stages(checkpoint, load_chip(CHIP), name="mnist", choices=choices).program
    return np.concatenate([_part(program, data, first) for first in range(0, len(data), BATCH)])


def means(rows: list[dict]) -> list[dict]:
    """Return the mean over seeds of every accuracy and loss."""
    found: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if row["metric"].startswith(("float", "lost")):
            _, _, width = row["name"].partition(", ")
            found.setdefault((f"mean{', ' * bool(width)}{width}", row["metric"]), []).append(
                row["value"]
            )
    targets = {("mean, 8 bits", "lost by training in integers"): LARGEST_LOSS}
    return [_row(*key, float(np.mean(values)), targets.get(key)) for key, values in found.items()]


def _part(program: Program, data: Dataset, first: int) -> np.ndarray:
    return run(program, coded(program, data.images[first : first + BATCH])).outputs


def _accuracy(predictions: np.ndarray, data: Dataset) -> float:
    return float((predictions == data.labels).mean())


def _row(name: str, metric: str, value: float, target: float | None = None) -> dict:
    ok = target is None or value <= target
    return {"name": name, "metric": metric, "value": value, "target": target, "ok": ok}


if __name__ == "__main__":
    sys.exit(main())
