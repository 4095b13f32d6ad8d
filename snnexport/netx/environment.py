"""The Python 3.10 that has lava-dl: named by the user, or made once in the user's cache."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from hwsim.errors import LavaError
from hwsim.files import write_folder
from snnexport.lava.group import run_group
from snnexport.lava.python import clean_environment, find_uv
from snnexport.lava.python import obtain_python as obtain_bare_python

VARIABLE = "SPIKEPORT_NETX_PYTHON"
_REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_INSTALL_S = 3600.0
"""Seconds that one step of the installation may take; most of it is PyTorch's download."""
_VENV = "venv"


def obtain_python(limit_s: float) -> Path:
    """Return a Python with lava-dl 0.6.0, installing it if there is none.

    ``SPIKEPORT_NETX_PYTHON``, else the one in ``spikeport/netx-0.6.0`` in the user's cache. If it
    is not there it is made, which stderr says: lava-dl imports PyTorch 2.3, in all about 5 GB.
    ``limit_s`` bounds the search for a Python 3.10, not the installation.

    Raises
    ------
    LavaError
        If ``SPIKEPORT_NETX_PYTHON`` is no program, or lava-dl cannot be installed.
    """
    named = os.environ.get(VARIABLE)
    if named:
        found = shutil.which(named)
        if found is None:
            raise LavaError(
                f"{VARIABLE} = {named} is no program",
                hint="give the path of a Python 3.10 with lava-dl, or unset it to have one made",
            )
        return Path(found)
    python = cache() / _VENV / "bin" / "python"
    if not python.exists():
        _install(obtain_bare_python(limit_s))
    return python


def cache() -> Path:
    """Return the folder that holds what is made here, whether it exists or not."""
    place = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(place) / "spikeport" / "netx-0.6.0"


def _install(base: Path) -> None:
    """Make the environment, whole or not at all: it may be moved, since only its Python is run."""
    sys.stderr.write(
        f"spikeport: installing lava-dl 0.6.0 and PyTorch 2.3 into {cache()}, once: about 5 GB\n"
    )
    uv = find_uv()

    def build(stage: Path) -> None:
        python = stage / _VENV / "bin" / "python"
        _step([uv, "venv", "--quiet", "--python", base, stage / _VENV])
        _step([uv, "pip", "install", "--quiet", "--python", python, "-r", _REQUIREMENTS])
        _step([python, "-c", "import lava.lib.dl.netx"])

    write_folder(cache(), build)


def _step(command: list[str | Path]) -> None:
    ended = run_group(command, limit_s=_INSTALL_S, environment=clean_environment())
    if ended.code != 0:
        raise LavaError(
            f"lava-dl 0.6.0 could not be installed: {' '.join(map(str, command))}\n{ended.reason}",
            hint="give uv access to a package index (UV_TORCH_BACKEND=cpu asks for the small "
            f"PyTorch), or set {VARIABLE} to a Python 3.10 that has lava-dl",
        )
