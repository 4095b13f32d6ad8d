"""What ``export`` left beside a program.onnx, checked to belong to that very file."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from hwsim.errors import FileError, RangeError
from hwsim.files import read_bytes
from snnexport.golden import Golden, load_golden

GOLDEN, FACTS, CHOICES = "golden.npz", "export.json", "quantize.toml"
LAVA, NETX, NIR, FLOAT = "lava", "network.net", "network.nir", "float/network.onnx"
_HINT = "export both again into the same folder"


def digest(path: Path) -> str:
    """Return the sha256 of the file at ``path``, in hexadecimal."""
    return sha256(read_bytes(path, "a program.onnx")).hexdigest()


def golden_beside(program: Path) -> Golden | None:
    """Return the golden bundle beside ``program``, None if there is none."""
    stored = program.with_name(GOLDEN)
    return load_golden(stored, digest(program)) if stored.exists() else None


def lava_beside(program: Path) -> Path | None:
    """Return the ``lava/`` folder beside ``program``, None if there is none.

    Raises RangeError if it was exported from another program.
    """
    folder = program.with_name(LAVA)
    if not folder.exists():
        return None
    network = folder / "network.py"
    mark = f"PROGRAM_SHA256 = {digest(program)!r}".encode()
    _require(network.is_file() and mark in network.read_bytes(), folder, program)
    return folder


def netx_beside(program: Path) -> Path | None:
    """Return ``network.net`` beside ``program``, None if there is none.

    Raises RangeError if the export.json beside it names another program.
    """
    network = program.with_name(NETX)
    if not network.exists():
        return None
    _require(_exported_sha256(program.with_name(FACTS)) == digest(program), network, program)
    return network


def _require(belongs: bool, artefact: Path, program: Path) -> None:
    if not belongs:
        raise RangeError(f"{artefact} was exported from another program than {program}", hint=_HINT)


def _exported_sha256(facts: Path) -> str:
    """Return the sha256 of the program that ``export.json`` was written for."""
    content = read_bytes(facts, "the export.json of this export")
    try:
        return str(json.loads(content)["program"]["sha256"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise FileError(f"{facts}: is not an export.json", hint=_HINT) from None
