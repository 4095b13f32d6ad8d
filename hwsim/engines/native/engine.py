"""Running a laid-out Program: columns on threads, time in blocks, the main thread keeping watch."""

from __future__ import annotations

import logging
import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from importlib import import_module
from math import prod
from typing import Any

import numpy as np

from hwsim.engines.base import Job, PopulationTally, Recording, Tally
from hwsim.engines.native import plan
from hwsim.errors import UnsupportedError
from hwsim.program import Program

LOG = logging.getLogger("spikeport")
_VARIANT = "SPIKEPORT_NATIVE_VARIANT"
_BLOCK_CELLS = 1 << 22
"""Neurons times steps of a block, at least one step: bounds the events that a thread keeps."""
_BLOCK_STEPS_MAX = 256
_QUICK = 1 << 27
"""Synapses times steps of a block that pass in a fraction of a second: not worth a thread."""
_TICK_SECONDS = 0.1
_TEAM = 4
"""Columns that a thread advances together ..."""
_NEAR_BYTES = 1 << 19
"""... if a layer's rows do not stay near it: more than half of a usual second cache."""
_COPIED_BYTES = 1 << 26
"""Input that the kernels cannot read in place is copied as a whole up to here, else in blocks."""


class Native:
    """Runs a Program in compiled code; see :class:`hwsim.engines.base.Engine`.

    Parameters
    ----------
    program
        The network.
    variant
        ``"icelake"`` (AVX-512 with VBMI2 and VNNI), ``"v4"`` (AVX-512), ``"v3"`` (AVX2) or
        ``"baseline"``; by default what the environment
        variable SPIKEPORT_NATIVE_VARIANT says, else the best that the processor runs. Results
        do not depend on it.

    Raises
    ------
    UnsupportedError
        If the extension is not installed, the processor does not run the variant, or a neuron
        is not compiled in.
    """

    def __init__(self, program: Program, variant: str | None = None) -> None:
        self.program = program
        self._native = _extension()
        self.variant = _chosen(self._native, variant)
        _refuse_unknown(self._native, program)
        self._layout = plan.lay_out(self._native, program, self.variant)
        self._team = _TEAM if self._layout.rows_bytes > _NEAR_BYTES else 1
        self._outputs = prod(program.shape_of(program.output))
        self._neurons = sum(prod(p.shape) for p in program.populations)
        self._work = self._neurons + sum(_work(program, c) for c in program.connections)

    def run(self, spikes: np.ndarray, job: Job, recording: Recording) -> Tally:
        """Run ``spikes`` (T, B, *shape), each column from rest, for ``job.steps`` steps."""
        columns = spikes.shape[1]
        block = job.block_steps or max(1, min(_BLOCK_STEPS_MAX, _BLOCK_CELLS // self._neurons))
        block = min(block, job.steps)
        outputs = np.zeros((columns, self._outputs), np.int64)
        task = self._native.Job(self._layout, job.steps, block, outputs)
        self._listen(task, spikes, job.steps)
        self._record(task, recording)
        threads = min(job.threads or _processors(), columns)
        LOG.debug(
            "variant %s: %d samples, %d steps, %d threads",
            self.variant,
            columns,
            job.steps,
            threads,
        )
        team = min(self._team, -(-columns // threads))
        workers = [self._native.Worker(self._layout, team) for _ in range(threads)]
        if threads == 1 and self._work * block <= _QUICK:
            done, more = 0, True
            while more:
                more = workers[0].work(task, _TICK_SECONDS)
                done = _tell(task, job, done)
        else:
            _watch(workers, task, job)
        return Tally(outputs, self._tallies(workers))

    def _listen(self, task: Any, spikes: np.ndarray, steps: int) -> None:
        """Give ``task`` what the input and the blank line send."""
        program, first = self.program, self.program.frame_sent_in(1)
        if program.blank is not None:
            task.blanks(np.array([program.blanks_in(t + 1) for t in range(steps)], np.uint8))
        frames = _in_place(spikes)
        if frames is not None:
            task.frames(frames, first)
        else:
            task.fetched(
                lambda b, t, n: _copied(spikes[t : t + n, b]).reshape(n, -1), len(spikes), first
            )

    def _record(self, task: Any, recording: Recording) -> None:
        for i, p in enumerate(self.program.populations):
            for kind, array in recording.arrays.get(p.name, {}).items():
                kinds = ("spikes", "a", *p.neuron.STATE)
                task.record(i, kinds.index(kind), array.reshape(*array.shape[:2], -1))

    def _tallies(self, workers: list[Any]) -> dict[str, PopulationTally]:
        found = {}
        for i, p in enumerate(self.program.populations):
            fired = np.zeros(p.shape, np.int64)
            sums = [w.tally(i, fired) for w in workers]
            found[p.name] = PopulationTally(fired, *map(sum, zip(*sums, strict=True)))
        return found


def variant() -> str:
    """Return the variant that is used here by default; UnsupportedError if there is none."""
    return _chosen(_extension(), None)


def _tell(task: Any, job: Job, told: int) -> int:
    """Tick for the steps done since ``told``; return how many are done in all."""
    done: int = task.done
    job.tick(done - told)
    return done


def _watch(workers: list[Any], task: Any, job: Job) -> None:
    """Run every worker in a thread of its own; what ``job.tick`` raises stops them all."""
    told = 0
    with ThreadPoolExecutor(len(workers)) as pool:
        pending: set[Future[bool]] = {pool.submit(w.work, task, float("inf")) for w in workers}
        try:
            while pending:
                finished, pending = wait(pending, _TICK_SECONDS, FIRST_COMPLETED)
                for future in finished:
                    future.result()
                told = _tell(task, job, told)
        except BaseException:
            task.stop()
            raise


def _in_place(spikes: np.ndarray) -> np.ndarray | None:
    """Return ``spikes`` (T, B, n) as the kernels read them, None if that takes too large a copy."""
    readable = spikes.dtype in (bool, np.uint8, np.int8, np.int32) and spikes.dtype.isnative
    whole = not any(stride % spikes.itemsize for stride in spikes.strides)
    if not (readable and whole and spikes[0, 0].flags.c_contiguous):
        if spikes.size * np.dtype(np.int32).itemsize > _COPIED_BYTES:
            return None
        spikes = _copied(spikes)
    values = spikes.view(np.uint8) if spikes.dtype == bool else spikes
    return values.reshape(*values.shape[:2], -1)  # a view: what is within a frame is contiguous


def _copied(frames: np.ndarray) -> np.ndarray:
    """Return ``frames`` contiguous, in a type that the kernels read."""
    kept = frames.dtype in (np.uint8, np.int8, np.int32)
    kind = np.uint8 if frames.dtype == bool else frames.dtype if kept else np.int32
    return np.ascontiguousarray(frames, np.dtype(kind).newbyteorder("="))


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _work(program: Program, connection: Any) -> int:
    """Return the synapses that ``connection`` has if every neuron fires."""
    shape = program.shape_of(connection.source)
    return int(np.sum(connection.synapse.fan_out(shape), dtype=np.int64))


def _extension() -> Any:
    try:
        return import_module("hwsim.engines.native._native")
    except ImportError as error:
        raise UnsupportedError(
            "engine 'native': the compiled engine is not installed: there was no C++ compiler "
            f"when spikeport was installed, or it was built for another Python ({error})",
            hint="install a C++17 compiler (on Debian: apt install g++) and run "
            "`pip install --force-reinstall --no-deps` again as spikeport was installed, "
            'or use engine="reference", which computes the same, slowly',
        ) from error


def _refuse_unknown(native: Any, program: Program) -> None:
    for p in program.populations:
        kind = type(p.neuron).__name__
        if kind not in native.neurons():
            raise UnsupportedError(
                f"{p.name}: neuron {kind} is not compiled into engine 'native'",
                hint='use engine="reference", or `make generate` and install again',
            )


def _chosen(native: Any, variant: str | None) -> str:
    known: list[str] = native.variants()
    wanted = variant or os.environ.get(_VARIANT) or known[0]
    if wanted not in known:
        raise UnsupportedError(
            f"engine 'native': this processor does not run variant {wanted!r}",
            hint=f"use one of {', '.join(map(repr, known))} for variant= or {_VARIANT}",
        )
    return wanted
