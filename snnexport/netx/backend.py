"""Runs a Program as a netx file on lava-dl itself, and returns what hwsim would."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.engines.base import message_type
from hwsim.errors import FileError, RangeError
from hwsim.files import read_npz
from hwsim.program import Program, Readout
from hwsim.simulate import Progress, Record, Run, check_input
from hwsim.trace import Trace
from snnexport.formats.netx.attribute import network_arguments
from snnexport.formats.netx.chain import Link
from snnexport.formats.netx.write import supported_chain, write_netx
from snnexport.lava.backend import as_run, tell
from snnexport.lava.group import run_group
from snnexport.lava.worker import failure, time_limit, work_folder, worker_environment
from snnexport.netx.environment import VARIABLE, obtain_python

_JOB = Path(__file__).with_name("job")


def run(
    program: Program,
    spikes: np.ndarray,
    *,
    file: Path | None = None,
    record: str | Record = "spikes",
    steps: int | None = None,
    timeout_s: float | None = None,
    progress: Progress | None = None,
) -> Run:
    """Run ``program`` on lava-dl 0.6.0: the same Run as :func:`hwsim.run`, without counts.

    Parameters
    ----------
    program, spikes, record, steps, timeout_s, progress
        As for :func:`snnexport.lava.run`: each of the B columns is a network of its own; with a
        ``period``, a stream of samples back to back in one column is far faster.
    file
        The netx file to run, which ``program`` was written to or read from; by default one is
        written for the occasion.

    Raises
    ------
    RangeError
        If ``spikes`` or ``steps`` is not what the program takes.
    FileError
        If there is no ``file``.
    UnsupportedError
        Listing what netx cannot hold.
    LavaError
        If lava-dl cannot be installed, crashes or hangs.
    """
    kept = Record.parse(record)
    check_input(program, spikes)
    if steps is not None and steps < 1:
        raise RangeError(f"steps = {steps} does not fit 1..", hint="leave it out for the default")
    if file is not None and not file.is_file():
        raise FileError(f"{file}: no such file", hint="give a .net file, or leave it out")
    links, limit_s = supported_chain(program), time_limit(timeout_s)
    state = kept is Record.STATE or program.readout is Readout.VOLTAGE
    python = obtain_python(limit_s)
    with work_folder() as work:
        network = work / "network.net" if file is None else file.resolve()
        if file is None:
            write_netx(program, network)
        job = _job(program, links, network, steps or len(spikes) + program.latency, state)
        (work / "job.json").write_text(json.dumps(job))
        np.save(work / "in.npy", spikes, allow_pickle=False)
        result = work / "out.npz"
        ended = run_group(
            [python, _JOB, work / "job.json", work / "in.npy", result],
            limit_s=limit_s,
            environment=worker_environment(work),
            result=result,
            heard=None if progress is None else lambda text: tell(progress, text),
        )
        if not result.exists():
            hint = f"see whether {python} -c 'import lava.lib.dl.netx' works; {VARIABLE} names it"
            raise failure(ended, limit_s, network, hint)
        return as_run(program, _trace(links, read_npz(result)), len(spikes), kept)


def _job(
    program: Program, links: tuple[Link, ...], file: Path, steps: int, state: bool
) -> dict[str, Any]:
    """Return what the script in ``job`` reads."""
    arguments = network_arguments(program, links)
    if links[0].is_input:  # the script feeds input neurons one step late, so all resets are late
        arguments["reset_offset"] += 1
    neurons = [link.population.neuron for link in links]
    return {
        "file": str(file),
        "network": arguments,
        "layers": [(tuple(n.STATE), message_type(n.MESSAGES).__name__) for n in neurons],
        "state": state,
        "steps": steps,
        "probe": str(files("snnexport.formats") / "lava_artefact"),
    }


def _trace(links: tuple[Link, ...], arrays: dict[str, np.ndarray]) -> Trace:
    """Return recordings by layer as those of the populations."""
    found = {}
    for key, array in arrays.items():
        layer, _, kind = key.partition("/")
        found[f"{links[int(layer)].population.name}/{kind}"] = array
    return Trace.of_arrays(found)
