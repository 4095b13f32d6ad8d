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
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from hwsim import load_chip, run
from hwsim._report.figures import tick_label, ticks
from hwsim.counts import Kind
from hwsim.synapses import Form
from snnexport import Choices, LayerChoice, harden, stages
from snnexport.source import coded
from snntrain import Checkpoint, Dataset, Recipe, fit, load
from snntrain.layers import Population

RECIPES = Path(__file__).parent / "synops_curve"
CHIP, BATCH, BITS, BUDGET_PENALTY, TOLERANCE = "loihi1", 500, 8, 100.0, 1.1
WIDTH, HEIGHT, MARGIN = 640, 400, 60
"""Of the drawing, in pixels."""


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
    for path, text in (
        (options.json, json.dumps(points, indent=1) + "\n"),
        (options.svg, drawing(points, options.data)),
    ):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
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
        for i, line in enumerate(lines):
            name = line.partition(" = ")[0]
            if name in changes:
                lines[i] = f"{name} = {changes[name]:{'.0f' if name == 'steps' else ''}}"
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


def drawing(points: list[dict], data: str) -> str:
    """Return the points as SVG, a line through the penalties: operations right, accuracy up."""
    across = ticks(0.0, max(p["synops"] for p in points))
    up = ticks(*_span([100 * p["accuracy"] for p in points]))

    def place(x: float, y: float) -> tuple[float, float]:
        right = (x - across[0]) / (across[-1] - across[0]) * (WIDTH - 2 * MARGIN)
        high = (y - up[0]) / (up[-1] - up[0]) * (HEIGHT - 2 * MARGIN)
        return MARGIN + right, HEIGHT - MARGIN - high

    lines = [_text(*place(x, up[0]), tick_label(x), dy=18) for x in across]
    lines += [_text(*place(across[0], y), f"{y:g} %", dx=-28, dy=4) for y in up]
    curve = []
    for p in points:
        x, y = place(p["synops"], 100 * p["accuracy"])
        priced = p["name"].startswith("penalty")
        curve += [f"{x:.1f},{y:.1f}"] * priced
        name = _text(x, y, p["name"], dy=-10 if priced else 18)
        lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/>{name}')
    left, bottom = place(across[0], up[0])
    lines.append(
        f'<path d="M{left},{MARGIN} V{bottom} H{WIDTH - MARGIN}" fill="none" stroke="black"/>'
    )
    lines.insert(0, f'<polyline points="{" ".join(curve)}" fill="none" stroke="silver"/>')
    lines.append(_text(WIDTH / 2, 24, f"Accuracy on {data} of the exported program"))
    lines.append(_text(WIDTH / 2, HEIGHT - 16, "synaptic operations of spikes per inference"))
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    style = 'font-family="sans-serif" font-size="12" text-anchor="middle"'
    body = "\n".join(lines)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{body}\n</svg>\n'


def _span(values: list[float]) -> tuple[float, float]:
    return min(values), max(max(values), min(values) + 0.1)


def _text(x: float, y: float, text: str, dx: float = 0, dy: float = 0) -> str:
    return f'<text x="{x + dx:.1f}" y="{y + dy:.1f}">{text}</text>'


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(",") if part)


if __name__ == "__main__":
    sys.exit(main())
