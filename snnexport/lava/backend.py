"""Runs a Program, or the folder written for it, on real Lava, and returns what hwsim would."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import numpy as np

from hwsim.errors import FileError, RangeError
from hwsim.files import read_npz
from hwsim.program import Program, Readout
from hwsim.simulate import Progress, Record, Run, check_input
from hwsim.trace import Trace
from snnexport.formats.lava import write_lava
from snnexport.lava.python import find_uv, obtain_python
from snnexport.lava.worker import Worker, run_worker, time_limit, work_folder


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
        Listing what Lava would compute differently.
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
    return as_run(program, trace, len(spikes), kept)


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

    Arguments and errors are those of :func:`run`; ``state`` adds activations and states.
    Nothing is written into ``folder``.
    """
    network = folder.resolve() / "network.py"
    if not network.is_file():
        raise FileError(
            f"{network}: no such file", hint="give a folder that snnexport's lava format wrote"
        )
    if steps is not None and steps < 1:
        raise RangeError(f"steps = {steps} does not fit 1..", hint="leave it out for the default")
    limit_s = time_limit(timeout_s)
    python = obtain_python(limit_s)
    with work_folder() as work:
        source, result = work / "in.npy", work / "out.npz"
        np.save(source, spikes, allow_pickle=False)
        options = ["--state"] * state + ([f"--steps={steps}"] if steps is not None else [])
        run_worker(
            Worker(find_uv(), python, network, limit_s),
            [network, source, result, *options],
            result,
            heard=None if progress is None else lambda text: tell(progress, text),
        )
        return Trace.of_arrays(read_npz(result))


def tell(progress: Progress, text: str) -> None:
    """Pass on the last ``step 12 of 832`` that the worker printed."""
    said = re.findall(r"^step (\d+) of (\d+)$", text, flags=re.MULTILINE)
    if said:
        progress(int(said[-1][0]), int(said[-1][1]))


def as_run(program: Program, trace: Trace, frames: int, kept: Record) -> Run:
    """Return what was recorded of ``frames`` as the Run that hwsim gives, without counts."""
    kinds = {Record.NONE: None, Record.SPIKES: Trace(trace.spikes), Record.STATE: trace}
    return Run(_outputs(program, trace, frames), None, kinds[kept])


def _outputs(program: Program, trace: Trace, frames: int) -> np.ndarray:
    """Sum messages or v of the output population over its window: (B, n) int64."""
    read = trace.spikes if program.readout is Readout.COUNT else trace.state["v"]
    start = program.population(program.output).latency
    window = read[program.output][start : start + frames]
    return window.sum(axis=0, dtype=np.int64).reshape(window.shape[1], -1)
