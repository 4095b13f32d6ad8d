"""Runs many small networks on real Lava in few worker processes; one that fails harms no other."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Event

import numpy as np

from hwsim.errors import LavaError, RangeError
from hwsim.files import read_npz
from hwsim.program import Program
from hwsim.simulate import Record, check_input
from hwsim.trace import Trace
from snnexport.formats.lava import write_lava
from snnexport.lava.python import find_uv, obtain_python
from snnexport.lava.worker import Worker, run_worker, time_limit, work_folder

_BATCH = Path(__file__).with_name("batch")
_NETWORKS_A_WORKER = 200
"""Lava keeps every Process it ever made, so a worker is replaced now and then."""
_TIMEOUT_S = 60.0


def run_many(
    cases: Sequence[tuple[Program, np.ndarray]],
    *,
    record: str = "state",
    steps: int | None = None,
    timeout_s: float = _TIMEOUT_S,
    workers: int = 1,
) -> list[Trace | LavaError]:
    """Run each Program on its spikes (T, B, *shape); Python and Lava start once for many.

    Lava's models, compiler and runtime are those of :func:`snnexport.lava.run`; its actors are
    threads here, not processes, which makes a small network several times cheaper.

    Parameters
    ----------
    cases
        Programs, each with its input.
    record
        ``"spikes"`` or ``"state"``, as for :func:`hwsim.run`.
    steps
        Machine steps to run, for all; by default T plus the network's latency.
    timeout_s
        Seconds without a finished step after which a network is given up.
    workers
        Processes that share the work.

    Returns
    -------
    list[Trace | LavaError]
        In the order of ``cases``: what was recorded, or why Lava failed, naming the Program.

    Raises
    ------
    RangeError, UnsupportedError
        If a Program or its input cannot be run on Lava at all.
    LavaError
        If there is no Python 3.10.
    """
    state = Record.parse(record) is Record.STATE
    if workers < 1 or (steps is not None and steps < 1):
        raise RangeError(f"workers = {workers}, steps = {steps}: at least 1", hint="leave them out")
    limit_s = time_limit(timeout_s)
    with tempfile.TemporaryDirectory(prefix="spikeport-") as folder:
        for number, (program, spikes) in enumerate(cases):
            check_input(program, spikes)
            write_lava(program, Path(folder, str(number)))
            np.save(Path(folder, str(number), "in.npy"), spikes, allow_pickle=False)
        worker = Worker(find_uv(), obtain_python(limit_s), Path(), limit_s)
        batch = _Batch(Path(folder), worker, (str(int(state)), str(steps or 0)))
        size = min(_NETWORKS_A_WORKER, -(-len(cases) // workers)) or 1
        numbers = [range(i, min(i + size, len(cases))) for i in range(0, len(cases), size)]
        with ThreadPoolExecutor(workers) as pool:
            try:
                failed = {k: e for part in pool.map(batch.run, numbers) for k, e in part.items()}
            finally:
                batch.stopped.set()  # an interrupt ends the workers, too
        return [
            _named(program, failed[number]) if number in failed else batch.trace(number)
            for number, (program, _) in enumerate(cases)
        ]


@dataclass(frozen=True)
class _Batch:
    """Artefacts in ``folder`` by number, and how to run them; options are those of ``batch``."""

    folder: Path
    worker: Worker
    options: tuple[str, str]
    stopped: Event = field(default_factory=Event)

    def run(self, numbers: Sequence[int]) -> dict[int, LavaError]:
        """Run some in one worker, or more if networks fail; return the failures."""
        failed: dict[int, LavaError] = {}
        while left := [n for n in self._without_result(numbers) if n not in failed]:
            if self.stopped.is_set():
                break
            network = self.folder / str(left[0]) / "network.py"
            worker = replace(self.worker, network=network)
            said: list[str] = []  # all of stdout so far
            with work_folder() as work:
                done = work / "done"
                command = [_BATCH, done, self.folder, *self.options, *map(str, left)]
                try:
                    run_worker(worker, command, done, heard=partial(self._hear, said))
                except LavaError as error:
                    if "network" not in "".join(said):
                        raise  # Lava never started
                    failed |= dict.fromkeys(self._without_result(left)[:1], error)
        return failed

    def _hear(self, said: list[str], text: str) -> None:
        if self.stopped.is_set():
            raise LavaError("interrupted", hint="run it again")
        said[:] = [text]

    def _without_result(self, numbers: Sequence[int]) -> list[int]:
        return [n for n in numbers if not self._result(n).exists()]

    def trace(self, number: int) -> Trace:
        """Return what one recorded."""
        return Trace.of_arrays(read_npz(self._result(number)))

    def _result(self, number: int) -> Path:
        return self.folder / str(number) / "out.npz"


def _named(program: Program, error: LavaError) -> LavaError:
    hint = "run it alone with snnexport.lava.run; Lava also hangs now and then: run it again"
    return LavaError(f"program {program.name}: {error.message}", hint=hint)
