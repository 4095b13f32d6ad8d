"""One worker: Lava in a Python 3.10 of its own, with a time limit and a short temporary folder."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hwsim.errors import LavaError, RangeError
from snnexport.lava.group import SHARED_MEMORY, Ended, run_group
from snnexport.lava.python import VARIABLE, clean_environment

LOG = logging.getLogger("spikeport")
TIMEOUT_VARIABLE = "SPIKEPORT_LAVA_TIMEOUT"
DEFAULT_TIMEOUT_S = 300.0
"""A Lava of 800 Processes takes 49 s to start (two cores), lava-nc less than that to install."""

_SOCKET_FOLDER_MAX = 50
"""A Unix socket's path has at most 107 characters; 51 of them are names made below the folder."""


@dataclass(frozen=True)
class Worker:
    """What a worker needs: uv, a Python 3.10, the network.py that names its packages, a limit."""

    uv: Path
    python: Path
    network: Path
    limit_s: float


def run_worker(
    worker: Worker,
    command: Sequence[str | Path],
    result: Path,
    *,
    heard: Callable[[str], None] | None = None,
) -> None:
    """Run a script and its arguments until ``result`` is there; raise LavaError if it never is.

    Packages come from uv's cache if they are there. The environment is uv's, kept by what is in
    it; ``--script`` would keep one a folder.
    """
    LOG.debug(
        "running %s with %s, at most %g s a step", worker.network, worker.python, worker.limit_s
    )
    flags = ["--quiet", "--no-project", "--python", worker.python]
    for network_use in (["--offline"], []):
        requirements = ["--with-requirements", worker.network, *network_use]
        ended = run_group(
            [worker.uv, "run", *flags, *requirements, "python", *command],
            limit_s=worker.limit_s,
            environment=worker_environment(result.parent),
            result=result,
            heard=heard,
        )
        if result.exists():
            return
        python_failed = any(word in ended.stderr for word in ("Traceback", "SyntaxError"))
        if ended.stdout or python_failed or ended.code is None or ended.code < 0:
            by_hand = f"uv run --python {worker.python} --script {worker.network} IN.npy OUT.npz"
            raise failure(ended, worker.limit_s, worker.network, f"run it by hand: {by_hand}")
    raise LavaError(
        f"lava-nc 0.10.0 could not be installed for {worker.python}\n{ended.reason}",
        hint=f"give uv access to a package index once, or set {VARIABLE} to another Python 3.10",
    )


def worker_environment(folder: Path) -> dict[str, str]:
    """Return the environment of a Python that runs Lava and puts its files into ``folder``."""
    return clean_environment() | {"TMPDIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def failure(ended: Ended, limit_s: float, what: Path, hint: str) -> LavaError:
    """Return why there is no result of the Lava that ran ``what``."""
    if ended.code is None:
        return _no_answer(ended, limit_s)
    return LavaError(
        f"{what}: Lava ended with code {ended.code} and without a result\n{ended.reason}",
        hint=hint,
    )


@contextmanager
def work_folder() -> Iterator[Path]:
    """Make a temporary folder whose path is short, since Lava opens a Unix socket there."""
    short = len(tempfile.gettempdir()) <= _SOCKET_FOLDER_MAX
    place = None if short else SHARED_MEMORY
    with tempfile.TemporaryDirectory(prefix="spikeport-", dir=place) as folder:
        yield Path(folder)


def time_limit(timeout_s: float | None) -> float:
    """Return the time limit: the argument, else the environment's, else the default."""
    text = os.environ.get(TIMEOUT_VARIABLE) or str(DEFAULT_TIMEOUT_S)
    try:
        limit_s = float(text) if timeout_s is None else float(timeout_s)
    except ValueError:
        limit_s = 0.0
    if not limit_s > 0:
        raise RangeError(
            f"{TIMEOUT_VARIABLE} = {text if timeout_s is None else timeout_s} is not a time",
            hint="give seconds, more than 0",
        )
    return limit_s


def _no_answer(ended: Ended, limit_s: float) -> LavaError:
    heard = f" ({ended.stdout.splitlines()[-1]})" if ended.stdout else ""
    text = f"\n{ended.reason}" if ended.stderr.strip() else ""
    return LavaError(
        f"Lava did not answer within {limit_s:g} s{heard}{text}",
        hint=f"set {TIMEOUT_VARIABLE} to more seconds; Lava also hangs now and then: run it again",
    )
