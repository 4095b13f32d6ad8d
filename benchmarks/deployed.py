"""Accuracy and cost of a checkpoint as an 8-bit program on hwsim, over the whole test split."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from hwsim import load_chip
from hwsim.console import progress_bar
from hwsim.reporting import Simulation, simulate_and_report
from snnexport import stages
from snnexport.source import messages
from snntrain import Checkpoint, evaluate, load


@dataclass(frozen=True)
class Figures:
    """Accuracies, 0..1, and what an inference takes; energy is None where a price is missing."""

    samples: int
    chip: str
    priced: str
    accuracy_float: float
    accuracy: float
    steps: int
    spikes: float
    synops: float
    energy_low_uj: float | None
    energy_high_uj: float | None


def deployed(
    checkpoint: Checkpoint, chip_name: str, name: str, root: Path | None, priced: str | None = None
) -> Figures:
    """Export ``checkpoint`` with the choices that export makes by itself, and run all of its test.

    ``priced`` is the chip whose prices are taken, by default the same. Raises FileError when the
    files of its data are not there, and what export raises.
    """
    data, chip, priced = checkpoint.recipe.data, load_chip(chip_name), priced or chip_name
    test = load(data.name, "test", root, data.encoder)
    program = stages(checkpoint, chip, name=name).program
    frames = messages(program, test.sequences(slice(None), checkpoint.recipe.train.steps))
    with progress_bar(name) as progress:
        _, report = simulate_and_report(
            program,
            frames,
            Simulation(chip=load_chip(priced)),
            labels=test.labels,
            progress=progress,
        )
    facts = json.loads(report.to_json())
    per = facts["per_inference"]
    energy = per["energy_uj"] or {"low": None, "high": None}
    return Figures(
        len(test),
        chip_name,
        priced,
        evaluate(checkpoint, test).accuracy,
        facts["accuracy"]["program"],
        per["steps"],
        per["spikes"],
        per["synops"],
        energy["low"],
        energy["high"],
    )


def energy_text(figures: Figures) -> str:
    """Return the range of the energy of an inference."""
    low, high = figures.energy_low_uj, figures.energy_high_uj
    if low is None or high is None:
        return "no price for all of it"
    texts = (f"{energy:,.0f}" if energy >= 100 else f"{energy:.3g}" for energy in (low, high))
    return f"{' to '.join(texts)} uJ (prices of {figures.priced})"
