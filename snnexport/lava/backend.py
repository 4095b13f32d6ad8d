"""Runs a Program, or the folder written for it, on real Lava, and returns what hwsim would."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import numpy as np

from hwsim.errors import FileError, LavaError, RangeError
from hwsim.files import read_npz
from hwsim.program import Program, Readout
from hwsim.simulate import Progress, Record, Run, check_input
from hwsim.trace import Trace
from snnexport.formats.lava import write_lava
from snnexport.lava.group import SHARED_MEMORY, Ended, run_group
from snnexport.lava.python import VARIABLE, clean_environment, find_uv, obtain_python

TIMEOUT_VARIABLE = "SPIKEPORT_LAVA_TIMEOUT"
DEFAULT_TIMEOUT_S = 300.0
"""A Lava of 800 Processes takes 49 s to start (two cores), lava-nc less than that to install."""

_SOCKET_FOLDER_MAX = 50
"""A Unix socket's path has at most 107 characters; 51 of them are names made below the folder."""


def run(
    program: Program,
    spikes: np.ndarray,
    *,
    record: str = "spikes",
    steps: int | None = None,
    timeout_s: float | None = None,
    progress: Progress | None = None,
) -> Run:
    """Run ``program`` on real Lava: the same Run as :func:`hwsim.run`, without counts.

    Parameters
    ----------
    program, spikes, record, steps
        As for :func:`hwsim.run`. Each of the B columns of ``spikes`` is a Lava of its own,
        built and run after the other; with a ``period``, a stream of samples back to back
        in one column, (N * period, 1, ...), is far faster.
    timeout_s
        Seconds without a finished step after which Lava is given up; by default
        ``SPIKEPORT_LAVA_TIMEOUT``, else 300.
    progress
        Called now and then as ``progress(done, total)``, in steps of all columns.

    Raises
    ------
    RangeError
        If ``spikes`` or ``steps`` is not what the program takes.
    UnsupportedError
        Listing what stock Lava would compute differently.
    LavaError
        If there is no Python 3.10 or no lava-nc, or Lava crashes or hangs.
    """
    kept = Record.parse(record)
    check_input(program, spikes)
    state = kept is Record.STATE or program.readout is Readout.VOLTAGE
    with tempfile.TemporaryDirectory(prefix="spikeport-") as folder:
        write_lava(program, Path(folder))
        trace = run_folder(
            Path(folder), spikes, state=state, steps=steps, timeout_s=timeout_s, progress=progress
        )
    kinds = {Record.NONE: None, Record.SPIKES: Trace(trace.spikes), Record.STATE: trace}
    return Run(_outputs(program, trace, len(spikes)), None, kinds[kept])


def run_folder(
    folder: Path,
    spikes: np.ndarray,
    *,
    state: bool = False,
    steps: int | None = None,
    timeout_s: float | None = None,
    progress: Progress | None = None,
) -> Trace:
    """Run the artefact in ``folder`` on ``spikes`` (T, B, *shape) and return its recordings.

    Arguments and errors are those of :func:`run`; ``state`` adds u and v. Nothing is written
    into ``folder``.
    """
    network = folder.resolve() / "network.py"
    if not network.is_file():
        raise FileError(
            f"{network}: no such file", hint="give a folder that snnexport's lava format wrote"
        )
    if steps is not None and steps < 1:
        raise RangeError(f"steps = {steps} does not fit 1..", hint="leave it out for the default")
    limit_s = _limit(timeout_s)
    python = obtain_python(limit_s)
    with tempfile.TemporaryDirectory(prefix="spikeport-", dir=_short_folder()) as work:
        source, result = Path(work, "in.npy"), Path(work, "out.npz")
        np.save(source, spikes, allow_pickle=False)
        options = ["--state"] * state + ([f"--steps={steps}"] if steps is not None else [])
        command = ["python", network, source, result, *options]
        _run_worker(python, network, command, result, limit_s, progress)
        return Trace.of_arrays(read_npz(result))


def _run_worker(
    python: Path,
    network: Path,
    command: list[str | Path],
    result: Path,
    limit_s: float,
    progress: Progress | None,
) -> None:
    """Run ``command`` under ``python`` with what network.py names installed, from the cache or not.

    The environment is uv's, kept by what is in it; ``--script`` would keep one a folder.
    """
    environment = clean_environment() | {
        "TMPDIR": str(result.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    flags = ["--quiet", "--no-project", "--python", python, "--with-requirements", network]
    for network_use in (["--offline"], []):
        ended = run_group(
            [find_uv(), "run", *flags, *network_use, *command],
            limit_s=limit_s,
            environment=environment,
            result=result,
            heard=None if progress is None else lambda text: _tell(progress, text),
        )
        if result.exists():
            return
        if ended.code is None:
            raise _no_answer(ended, limit_s)
        python_failed = any(word in ended.stderr for word in ("Traceback", "SyntaxError"))
        if ended.stdout or python_failed or ended.code < 0:
            raise LavaError(
                f"{network}: Lava ended with code {ended.code} and without a result\n"
                f"{ended.reason}",
                hint=f"run it by hand: uv run --python {python} --script {network} IN.npy OUT.npz",
            )
    raise LavaError(
        f"lava-nc 0.10.0 could not be installed for {python}\n{ended.reason}",
        hint=f"give uv access to a package index once, or set {VARIABLE} to another Python 3.10",
    )


def _short_folder() -> str | None:
    """Return where temporary files go: Lava opens a Unix socket there, which limits the path."""
    return None if len(tempfile.gettempdir()) <= _SOCKET_FOLDER_MAX else SHARED_MEMORY


def _no_answer(ended: Ended, limit_s: float) -> LavaError:
    heard = f" ({ended.stdout.splitlines()[-1]})" if ended.stdout else ""
    text = f"\n{ended.reason}" if ended.stderr.strip() else ""
    return LavaError(
        f"Lava did not answer within {limit_s:g} s{heard}{text}",
        hint=f"set {TIMEOUT_VARIABLE} to more seconds; Lava also hangs now and then: run it again",
    )


def _limit(timeout_s: float | None) -> float:
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


def _tell(progress: Progress, text: str) -> None:
    """Pass on the last ``step 12 of 832`` that the worker printed."""
    said = re.findall(r"^step (\d+) of (\d+)$", text, flags=re.MULTILINE)
    if said:
        progress(int(said[-1][0]), int(said[-1][1]))


def _outputs(program: Program, trace: Trace, frames: int) -> np.ndarray:
    """Sum spikes or v of the output population over its window: (B, n) int64."""
    read = trace.spikes if program.readout is Readout.COUNT else trace.v
    start = program.population(program.output).latency
    window = read[program.output][start : start + frames]
    return window.sum(axis=0, dtype=np.int64).reshape(window.shape[1], -1)
