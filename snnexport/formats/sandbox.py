"""Runs a parser of untrusted files in a process of its own, with limits on its time and memory.

A few flipped bits make HDF5 loop for ever or crash, which no check of ours could prevent and
no ``except`` catches. The process takes the file on stdin and answers with a ``.npz`` file.
"""

from __future__ import annotations

import importlib
import io
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.errors import FileError

_SECONDS, _BYTES_A_SECOND = 10, 20e6
"""Processor time that a file may take: a fixed part, and one by its size."""
_MEMORY = 2 << 30
"""Address space that the file may take, beside four times its size."""
_ERROR = "error"


def parsed(path: Path, content: bytes, parser: str, *, hint: str) -> dict[str, np.ndarray]:
    """Return the arrays that ``packed(content)`` of the module ``parser`` gives.

    Raises
    ------
    FileError
        Naming ``path``, if the parser raises one, crashes, or takes too much time or memory.
    """
    seconds = int(_SECONDS + len(content) / _BYTES_A_SECOND)
    limits = [str(seconds), str(_MEMORY + 4 * len(content))]
    command = [sys.executable, "-m", "snnexport.formats.sandbox", parser, *limits]
    found = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    how: dict[str, Any] = {"timeout": 10 * seconds, "check": False, "env": found}
    try:
        done = subprocess.run(command, input=content, capture_output=True, **how)
    except subprocess.TimeoutExpired:
        raise FileError(f"{path}: was not read in {10 * seconds} s", hint=hint) from None
    if done.returncode:
        raise FileError(
            f"{path}: is damaged: reading it crashed, or took over {seconds} s or {limits[1]} "
            f"bytes (exit {done.returncode})",
            hint=hint,
        )
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as answer:
        if _ERROR in answer:
            raise FileError(f"{path}: {answer[_ERROR].item()}", hint=hint)
        return dict(answer)


def _main(parser: str, seconds: str, memory: str) -> None:
    """Answer with what ``parser`` finds in the file on stdin, or with what is wrong with it."""
    packed = importlib.import_module(parser).packed
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = {"RLIMIT_AS": used + int(memory), "RLIMIT_CPU": int(seconds), "RLIMIT_CORE": 0}
    for name, limit in most.items():
        resource.setrlimit(getattr(resource, name), (limit, limit))
    try:
        answer = packed(sys.stdin.buffer.read())
    except FileError as error:
        answer = {_ERROR: np.array(error.message)}
    held = io.BytesIO()
    np.savez(held, **answer)  # pyright: ignore[reportArgumentType] -- keyword arrays
    sys.stdout.buffer.write(held.getvalue())


if __name__ == "__main__":
    _main(*sys.argv[1:])
