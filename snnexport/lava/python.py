"""Finds the Python 3.10 that lava-nc needs, and the uv that gives it lava-nc."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from hwsim.errors import LavaError, MissingExtraError
from snnexport.lava.group import Ended, run_group

VARIABLE = "SPIKEPORT_LAVA_PYTHON"
_PROBE_S = 10.0
_PROBE = "import sys; print('Python', *sys.version_info[:2])"


def find_python(limit_s: float = _PROBE_S) -> Path | None:
    """Return a Python 3.10 that really runs, or None if only uv can bring one.

    ``SPIKEPORT_LAVA_PYTHON``, else a ``python3.10`` on PATH, else the newest of pyenv's.
    Each candidate may take ``limit_s`` seconds, and not more than ten, to say its version.

    Raises
    ------
    LavaError
        If ``SPIKEPORT_LAVA_PYTHON`` is set to something else.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return next((p for p in _candidates() if _probe(p, limit_s) is None), None)
    python = Path(shutil.which(named) or named)
    problem = _probe(python, limit_s)
    if problem is not None:
        raise LavaError(
            f"{VARIABLE} = {named} is not a working Python 3.10: {problem}",
            hint="give the path of a Python 3.10, or unset it to have one searched for",
        )
    return python


def obtain_python(limit_s: float) -> Path:
    """Return a Python 3.10, downloaded by uv if there is none here; else raise LavaError."""
    found = find_python(limit_s)
    if found is not None:
        return found
    print_path = "import sys; print(sys.executable)"
    flags = ["--quiet", "--no-project", "--managed-python", "--python", "3.10"]
    ended = run_group(
        [find_uv(), "run", *flags, "python", "-c", print_path],
        limit_s=limit_s,
        environment=clean_environment(),
    )
    if ended.code != 0:
        raise LavaError(
            f"no Python 3.10 to be had, which Lava needs: none is on PATH or in pyenv, and uv "
            f"could not download one\n{ended.reason}",
            hint=f"set {VARIABLE} to a Python 3.10, install python3.10, or let uv download it",
        )
    return Path(ended.stdout.strip())


def find_uv() -> Path:
    """Return the uv program, or raise MissingExtraError."""
    try:
        import uv

        return Path(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
    if found is None:
        raise MissingExtraError(
            "running real Lava needs uv, which is not installed",
            hint="pip install 'spikeport[export]'",
        )
    return Path(found)


def clean_environment() -> dict[str, str]:
    """Return our environment without what would point another Python at our packages."""
    ours = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
    return {k: v for k, v in os.environ.items() if k not in ours}


def _candidates() -> Iterator[Path]:
    """Yield what may be a Python 3.10, best first; a pyenv shim may be among them."""
    for folder in os.get_exec_path():
        if os.access(python := Path(folder, "python3.10"), os.X_OK):
            yield python
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = root.glob("versions/3.10*/bin/python3.10")
    yield from sorted(found, key=lambda p: _numbers(p.parts[-3]), reverse=True)


def _numbers(version: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", version)]


def _probe(python: Path, limit_s: float) -> str | None:
    """Return why ``python`` is not a Python 3.10 that runs, or None if it is."""
    limit_s = min(limit_s, _PROBE_S)
    try:
        ended = run_group([python, "-c", _PROBE], limit_s=limit_s, environment=clean_environment())
    except OSError as error:
        return error.strerror or "it cannot be run"
    if ended.stdout.strip() == "Python 3 10":
        return None
    return _failure(ended, limit_s)


def _failure(ended: Ended, limit_s: float) -> str:
    if ended.code is None:
        return f"it did not answer within {limit_s:g} s"
    if ended.code == 0:
        return f"it says {ended.stdout.strip()[:80]!r}"
    return f"it ended with code {ended.code}\n{ended.reason}"
