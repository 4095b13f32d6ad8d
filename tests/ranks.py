"""What one of several training processes does, in a module that all of them can import."""

import warnings
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from snnexport.cli import main
from snntrain import Recipe, fit
from snntrain._watch import SpikeportWarning


@dataclass
class Answers:
    """What a process says: the hash of each checkpoint, and what the command printed."""

    hashes: dict[str, str]
    printed: str


def train_all(folder: Path) -> Answers:
    """Train the recipes of ``folder`` as one of several processes, ``clipped`` by the command."""
    warnings.simplefilter("ignore", SpikeportWarning)
    recipes = sorted(folder.glob("*.toml"))
    hashes = {p.stem: fit(Recipe.load(p), out=p.with_suffix("")).sha256 for p in recipes}
    command = ["train", str(folder / "clipped.toml"), "--out", str(folder / "command"), "--json"]
    return Answers(hashes, CliRunner().invoke(main, command, catch_exceptions=False).stdout)


def search(recipe, space, storage, trials):
    """Go on with the study ``tiny`` until it has ``trials``."""
    from snntrain import sweep

    sweep.sweep(recipe, space, sweep.open_study(storage, "tiny"), trials=trials)
