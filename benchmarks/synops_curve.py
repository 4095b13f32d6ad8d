"""Trains MNIST under several prices of synaptic operations: accuracy against operations.

    python benchmarks/synops_curve.py [--root DATA] [--out DIR] [--penalties 0,0.3,1,10]
        [--budgets 50000] [--prune 0.5,0.8] [--split validation] [--json FILE] [--svg FILE]

One network of benchmarks/synops_curve/recipe.toml a penalty; one a budget (operations of spikes
per inference), with a penalty of 100 on what exceeds it; one a share of pruned weights. Each is
exported to 8 bits, and both figures are those of the exported program on the simulator: spikes
times fan-out, without those of the graded input, which no training changes. Exits 1 if the
operations do not fall as the penalty rises, or if a budget is exceeded by more than a tenth. A
checkpoint that is in DIR already is used as it is.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import pairwise
from pathlib import Path

from hwsim import load_chip, run
from hwsim._report.figures import tick_label, ticks
from hwsim.counts import Kind
from hwsim.synapses import Form
from snnexport import harden, stages
from snnexport.source import coded
from snntrain import Checkpoint, Dataset, Recipe, fit, load

RECIPE = Path(__file__).parent / "synops_curve" / "recipe.toml"
CHIP, BATCH, BUDGET_PENALTY, TOLERANCE = "loihi1", 500, 100.0, 1.1
WIDTH, HEIGHT, MARGIN = 640, 400, 60
"""Of the drawing, in pixels."""


def main() -> int:
    """Train, export, run, print, draw, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, help="Where MNIST is; see snntrain.data.mnist.")
    parser.add_argument("--out", type=Path, default=Path("out/synops_curve"))
    parser.add_argument("--penalties", type=_numbers, default="0,0.3,1,10")
    parser.add_argument("--budgets", type=_numbers, default="50000")
    parser.add_argument("--prune", type=_numbers, default="0.5,0.8")
    parser.add_argument("--split", default="test")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path, default=Path("out/synops_curve/curve.svg"))
    options = parser.parse_args()
    data = load("mnist", options.split, options.root)
    cases = [(f"penalty {p:g}", {"synops_penalty": p}) for p in options.penalties]
    cases += [
        (f"budget {b:g}", {"synops_penalty": BUDGET_PENALTY, "synops_budget": b})
        for b in options.budgets
    ]
    cases += [(f"pruned {share:g}", {"prune": share}) for share in options.prune]
    points = []
    for name, changes in cases:
        checkpoint = trained(changes, options.out / name.replace(" ", "-"), options.root)
        points.append({"name": name, **changes, **measured(checkpoint, data)})
        print(", ".join(f"{key} {value}" for key, value in points[-1].items()))
    problems = unmet(points)
    print("\n".join(problems))
    if options.json:
        options.json.write_text(json.dumps(points, indent=1) + "\n")
    options.svg.parent.mkdir(parents=True, exist_ok=True)
    options.svg.write_text(drawing(points))
    return 1 if problems else 0


def trained(changes: dict[str, float], folder: Path, root: Path | None) -> Checkpoint:
    """Return the network of the recipe with ``changes``, from ``folder`` if it is there."""
    path = folder / "checkpoint.safetensors"
    if not path.exists():
        text = RECIPE.read_text()
        for name, value in changes.items():
            text = text.replace(f"{name} = 0.0", f"{name} = {value}")
        recipe = Recipe.from_text(text, folder.name)
        fit(recipe, target=harden, root=root, out=folder, resume=True).save(path)
    return Checkpoint.load(path)


def measured(checkpoint: Checkpoint, data: Dataset) -> dict[str, float]:
    """Return accuracy of the exported program, and what it has and does per inference."""
    program = stages(checkpoint, load_chip(CHIP), name="mnist").program
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


def drawing(points: list[dict]) -> str:
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
    lines.append(_text(WIDTH / 2, 24, "Accuracy on MNIST of the 8-bit program"))
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
