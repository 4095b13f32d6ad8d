"""Evaluates every network in models/ again: in floats, and as an 8-bit program on hwsim.

    python benchmarks/zoo.py [--root DATA] [--only NAME,...] [--json FILE] [--cards]

Each checkpoint is exported with the choices that export makes by itself for its chip, and runs on
the whole test split of its data. ``--cards`` writes the figures into the cards, between the marks.
Exits 1 if a network is below the accuracy that was asked of it, or its data is not there.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from deployed import Figures, deployed, energy_text
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hwsim.errors import FileError, known_hint
from snntrain import Checkpoint, load

MODELS = Path(__file__).parent.parent / "models"
REGULARISATIONS = (0.001, 0.01, 0.1, 1.0, 10.0)
"""Of the linear classifier: C of scikit-learn, from which the validation split chooses."""
BEGIN, END = "<!-- figures: make zoo -->", "<!-- end of figures -->"


@dataclass(frozen=True)
class Asked:
    """What is asked of a network: the chip it is exported for, and the accuracy there, 0..1.

    ``priced`` is the chip whose prices are taken, by default the same. With ``above_linear``, at
    least the accuracy of a linear readout, which adds up the same frames.
    """

    chip: str = "loihi1"
    accuracy: float | None = None
    priced: str | None = None
    above_linear: bool = False


ASKED = {
    "mnist-conv": Asked(accuracy=0.993),
    "fashion-mnist-conv": Asked("loihi2", 0.92, priced="loihi1"),
    "nmnist-conv": Asked(accuracy=0.94),
    "fsdd-recurrent": Asked(above_linear=True),
}
"""By name; the others are asked for nothing."""


def main() -> int:
    """Evaluate, print, write, and return the exit status."""
    known = sorted(path.parent.name for path in MODELS.glob("*/checkpoint.safetensors"))
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, help="Where the data is; see snntrain.load.")
    parser.add_argument("--only", default=",".join(known))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--cards", action="store_true")
    options = parser.parse_args()
    rows, unknown = [], sorted(set(options.only.split(",")) - set(known))
    if unknown:
        parser.error(f"no network {', '.join(unknown)}; {known_hint(known, unknown[0])}")
    for name in options.only.split(","):
        found, card = rows_of(name, options.root)
        rows += found
        print("\n".join(f"{r['name']}: {r['metric']} {r['value']}" for r in found), flush=True)
        if options.cards and card:
            write_card(MODELS / name / "README.md", card)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if all(row["ok"] for row in rows) else 1


def rows_of(name: str, root: Path | None) -> tuple[list[dict[str, Any]], str]:
    """Return a row a figure of the network ``name``, and the same for its card."""
    checkpoint = Checkpoint.load(MODELS / name / "checkpoint.safetensors")
    asked = ASKED.get(name, Asked())
    try:
        figures = deployed(checkpoint, asked.chip, name, root, asked.priced)
    except FileError as error:
        print(f"{error.message}\n  hint: {error.hint}", file=sys.stderr, flush=True)
        return [_row(name, "not run: its files are not there", None, False)], ""
    rows = [_row(name, metric, value) for metric, value in asdict(figures).items()]
    target = asked.accuracy
    if asked.above_linear:
        frames = [frames_of(checkpoint, split, root) for split in ("train", "validation", "test")]
        target = linear_accuracy([(each.sum(axis=1), labels) for each, labels in frames])
        unrolled = linear_accuracy([(each.reshape(len(each), -1), y) for each, y in frames])
        rows.append(_row(name, "accuracy of a linear readout", target))
        rows.append(_row(name, "accuracy of a linear classifier of all frames at once", unrolled))
    for row in rows:
        if row["metric"] == "accuracy" and target is not None:
            row |= {"target": target, "ok": row["value"] >= target}
    return rows, card_of(figures)


def frames_of(
    checkpoint: Checkpoint, split: str, root: Path | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return what the network reads of a split (N, T, *shape), and the labels (N,)."""
    data = checkpoint.recipe.data
    samples = load(data.name, split, root, data.encoder)
    frames = samples.sequences(slice(None), checkpoint.recipe.train.steps)
    return np.moveaxis(frames, 0, 1), samples.labels


def linear_accuracy(splits: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return the test accuracy of a logistic regression on features of train, validation, test.

    Its regularisation is chosen on the validation split.
    """
    train, validation, test = splits
    tried = [
        make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000)).fit(*train)
        for strength in REGULARISATIONS
    ]
    return float(max(tried, key=lambda model: model.score(*validation)).score(*test))


def card_of(figures: Figures) -> str:
    """Return the figures as a table of Markdown."""
    lines = {
        f"accuracy in floats, {figures.samples:,} test samples": f"{figures.accuracy_float:.2%}",
        f"accuracy on hwsim, 8 bits, `{figures.chip}`": f"{figures.accuracy:.2%}",
        "time steps": f"{figures.steps}",
        "spikes": f"{figures.spikes:,.0f}",
        "synaptic operations": f"{figures.synops:,.0f}",
        "energy": energy_text(figures),
    }
    rows = "\n".join(f"| {name} | {value} |" for name, value in lines.items())
    return f"| per inference | |\n|---|---|\n{rows}"


def write_card(path: Path, table: str) -> None:
    """Put ``table`` between the marks of the card at ``path``."""
    before, _, rest = path.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


def _row(name: str, metric: str, value: float | None, ok: bool = True) -> dict[str, Any]:
    return {"name": name, "metric": metric, "value": value, "target": None, "ok": ok}


if __name__ == "__main__":
    sys.exit(main())
