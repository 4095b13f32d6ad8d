"""Trains MNIST or CIFAR-10 under several prices of synaptic operations: what accuracy is left.

    python benchmarks/synops_curve.py [--data mnist|cifar10] [--root DATA] [--out DIR]
        [--penalties 0,0.3,1,10] [--budgets 50000] [--prune 0.5,0.8] [--steps 1,2,8] [--bits 4,3,2]
        [--split validation] [--json FILE] [--svg FILE]

One network of benchmarks/synops_curve/DATA.toml a penalty; one a budget (operations of spikes
per inference), with a penalty of 100 on what exceeds it; one a share of pruned weights; one a
number of time steps; and the first of all exported with fewer bits a weight. Each is exported, to
8 bits but for the last, and both figures are those of the exported program on the simulator:
spikes times fan-out, without those of the graded input, which no training changes. Exits 1 if the
operations do not fall as the penalty rises, or if a budget is exceeded by more than a tenth. A
checkpoint that is in DIR already is used as it is.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from hwsim import load_chip, run
from hwsim.counts import Kind
from hwsim.synapses import Form
from snnexport import Choices, LayerChoice, harden, stages
from snnexport.source import coded
from snntrain import Checkpoint, Dataset, Recipe, fit, load
from snntrain.layers import Population

RECIPES = Path(__file__).parent / "synops_curve"
CHIP, BATCH, BITS, BUDGET_PENALTY, TOLERANCE = "loihi1", 500, 8, 100.0, 1.1
SHOWN = 16
"""Points of accuracy below the best that the drawing shows."""


def main() -> int:
    """Train, export, run, print, draw, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", default="mnist", choices=[p.stem for p in RECIPES.glob("*.toml")])
    parser.add_argument("--root", type=Path, help="Where the data is; see snntrain.load.")
    parser.add_argument("--out", type=Path, default=Path("out/synops_curve"))
    parser.add_argument("--penalties", type=_numbers, default="0,0.3,1,10")
    parser.add_argument("--budgets", type=_numbers, default="50000")
    parser.add_argument("--prune", type=_numbers, default="0.5,0.8")
    parser.add_argument("--steps", type=_numbers, default="1,2,8")
    parser.add_argument("--bits", type=_numbers, default="4,3,2")
    parser.add_argument("--split", default="test")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    data, points = load(options.data, options.split, options.root), []
    for name, changes, bits in cases(options):
        folder = options.out / options.data / "-".join(f"{k}-{v:g}" for k, v in changes.items())
        checkpoint = trained(options.data, changes, folder, options.root)
        figures = {"bits": bits, **measured(checkpoint, data, bits)}
        points.append({"name": name, **changes, **figures})
        print(", ".join(f"{key} {value}" for key, value in points[-1].items()), flush=True)
    problems = unmet(points)
    print("\n".join(problems))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(points, indent=1) + "\n")
    if options.svg:
        draw(points, options.data, options.svg)
    return 1 if problems else 0


def cases(options: Any) -> Iterator[tuple[str, dict[str, float], int]]:
    """Yield the name of each point, what its recipe changes, and the bits of its weights."""
    for penalty in options.penalties:
        yield f"penalty {penalty:g}", {"synops_penalty": penalty}, BITS
    for budget in options.budgets:
        priced = {"synops_penalty": BUDGET_PENALTY, "synops_budget": budget}
        yield f"budget {budget:g}", priced, BITS
    for share in options.prune:
        yield f"pruned {share:g}", {"prune": share}, BITS
    for steps in options.steps:
        yield f"T = {steps:g}", {"steps": steps}, BITS
    for bits in options.bits:
        yield f"{bits:g} bits", {"synops_penalty": options.penalties[0]}, int(bits)


def trained(data: str, changes: dict[str, float], folder: Path, root: Path | None) -> Checkpoint:
    """Return the network of the recipe with ``changes``, from ``folder`` if it is there."""
    path = folder / "checkpoint.safetensors"
    if not path.exists():
        lines = (RECIPES / f"{data}.toml").read_text().splitlines()
        places = {line.partition(" = ")[0]: i for i, line in enumerate(lines)}
        for name, value in changes.items():
            lines[places[name]] = f"{name} = {value:{'.0f' if name == 'steps' else ''}}"
        recipe = Recipe.from_text("\n".join(lines), folder.name)
        fit(recipe, target=harden, root=root, out=folder, resume=True).save(path)
    return Checkpoint.load(path)


def measured(checkpoint: Checkpoint, data: Dataset, bits: int) -> dict[str, float]:
    """Return accuracy of the exported program, and what it has and does per inference."""
    layers = [n for n, m in checkpoint.build().named_modules() if isinstance(m, Population)]
    choices = Choices(layers={layer: LayerChoice(weight_bits=bits) for layer in layers})
    program = stages(checkpoint, load_chip(CHIP), name=data.name, choices=choices).program
    hits = operations = nonzero = 0
    for first in range(0, len(data), BATCH):
        part = slice(first, first + BATCH)
        result = run(program, coded(program, data.images[part]))
        assert result.counts is not None
        hits += int((result.predictions == data.labels[part]).sum())
        spiking = [c for c in result.counts.connections if c.kind is not Kind.ANALOGUE]
        operations += sum(c.synops for c in spiking)
        nonzero += sum(c.nonzero_synops for c in spiking)
    sparse = [c.name for c in program.connections if c.synapse.FORM is Form.SPARSE]
    return {
        "accuracy": hits / len(data),
        "synops": operations / len(data),
        "nonzero_synops": nonzero / len(data),
        "sparse_connections": len(sparse),
    }


def unmet(points: list[dict]) -> list[str]:
    """List penalties that save nothing, and budgets that are exceeded."""
    priced = [p for p in points if p["name"].startswith("penalty")]
    found = [
        f"{b['name']}: {b['synops']:.0f} operations, not below the {a['synops']:.0f} of {a['name']}"
        for a, b in pairwise(priced)
        if b["synops"] >= a["synops"]
    ]
    return found + [
        f"{p['name']}: {p['synops']:.0f} operations"
        for p in points
        if p["name"].startswith("budget") and p["synops"] > TOLERANCE * p["synops_budget"]
    ]


def draw(points: list[dict], data: str, path: Path) -> None:
    """Draw the points, a colour for each kind of change; those far below the best are left out."""
    figure, axes = plt.subplots(figsize=(7, 4.5), constrained_layout=True)
    kinds: dict[str, list[dict]] = {}
    for point in points:
        kinds.setdefault(re.sub(r"[\d.]+|=", "", point["name"]).strip(), []).append(point)
    for kind, found in kinds.items():
        across, up = [p["synops"] for p in found], [100 * p["accuracy"] for p in found]
        axes.plot(across, up, "o-" if len(found) > 1 else "o", label=kind)
        for point, x, y in zip(found, across, up, strict=True):
            value = re.sub(r"[^\d.]", "", point["name"])
            axes.annotate(value, (x, y), (4, 4), textcoords="offset points", clip_on=True)
    best = max(100 * p["accuracy"] for p in points)
    axes.set(xscale="log", ylim=(best - SHOWN, best + 1))
    axes.set(xlabel="synaptic operations of spikes per inference", ylabel="accuracy, %")
    axes.set_title(f"{data}, the exported program on hwsim")
    axes.legend()
    figure.savefig(path, metadata={"Date": None})


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(",") if part)


if __name__ == "__main__":
    sys.exit(main())
