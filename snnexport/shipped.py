"""Where the models that come with spikeport are, installed or in a source tree."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from hwsim.errors import FileError


def shipped_checkpoint(name: str) -> Path:
    """Return the path of the checkpoint of the shipped model ``name``."""
    installed = Path(str(files("snnexport"))) / "_models"
    source = Path(__file__).resolve().parent.parent / "models"
    for folder in (installed, source):
        path = folder / name / "checkpoint.safetensors"
        if path.exists():
            return path
    raise FileError(
        f"no shipped model {name}", hint="reinstall spikeport, or train it from its recipe"
    )
