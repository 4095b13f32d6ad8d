"""Trains 784-200-10 on MNIST by each learning rule, and runs each as an 8-bit program on hwsim.

    python benchmarks/rules.py [--root DATA] [--out DIR] [--only RULE,...] [--json FILE]

The recipes are in benchmarks/rules/; a checkpoint that is in DIR already is used as it is. Prints
a table: accuracy of the exported program on the 10,000 test images, time steps, synaptic
operations and energy of an inference at the prices of loihi1, and processor time of the training.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from deployed import deployed, energy_text

from snntrain import Checkpoint, Recipe, fit

RECIPES = Path(__file__).parent / "rules"
RULES = ("surrogate", "membrane", "spike-train", "soft-lif", "neighborhood")
CHIP, PRICED = "loihi2", "loihi1"
"""The first has every reset, by subtraction too; the second has prices for all that is counted."""


def main() -> int:
    """Train, run, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, help="Where MNIST is; see snntrain.data.mnist.")
    parser.add_argument("--out", type=Path, default=Path("out/rules"))
    parser.add_argument("--only", default=",".join(RULES))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    print("| rule | float, % | program, % | T | synaptic operations | energy | training, s |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for rule in options.only.split(","):
        checkpoint, seconds = trained(rule, options.out / rule, options.root)
        figures = deployed(checkpoint, CHIP, rule, options.root, PRICED)
        rows.append({"rule": rule, "training_seconds": seconds, **asdict(figures)})
        accuracies = f"{100 * figures.accuracy_float:.2f} | {100 * figures.accuracy:.2f}"
        cost = f"{figures.steps} | {figures.synops:,.0f} | {energy_text(figures)} | {seconds:.0f}"
        print(f"| {rule} | {accuracies} | {cost} |", flush=True)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


def trained(rule: str, folder: Path, root: Path | None) -> tuple[Checkpoint, float]:
    """Return the network and the seconds of processor time that its training took."""
    path, spent = folder / "checkpoint.safetensors", folder / "seconds"
    if not path.exists():
        before = time.process_time()
        checkpoint = fit(Recipe.load(RECIPES / f"{rule}.toml"), root=root, out=folder)
        spent.write_text(f"{time.process_time() - before:.1f}\n")
        checkpoint.save(path)
    return Checkpoint.load(path), float(spent.read_text())


if __name__ == "__main__":
    sys.exit(main())
