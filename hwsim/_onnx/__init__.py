"""Program files: save and load, byte for byte reproducible (docs/formats.md)."""

from __future__ import annotations

from pathlib import Path

from hwsim._onnx.read import program_of
from hwsim._onnx.write import model_of
from hwsim.files import read_bytes, write_atomic
from hwsim.program import Program


def save_program(program: Program, path: Path) -> None:
    """Write ``program``; the same program gives the same bytes."""
    write_atomic(path, program_bytes(program))


def program_bytes(program: Program) -> bytes:
    """Return the file of ``program``."""
    return model_of(program).SerializeToString(deterministic=True)


def load_program(path: Path) -> Program:
    """Read a program; raise FileError if ``path`` is not one."""
    return program_of(read_bytes(path, "a program.onnx"), str(path))
