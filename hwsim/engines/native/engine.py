"""Running a laid-out Program: columns on threads, time in blocks, the main thread keeping watch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from importlib import import_module
from math import prod
from typing import Any

import numpy as np

from hwsim.engines.base import Job, PopulationTally, Recording, Tally
from hwsim.engines.native import layout, plan
from hwsim.errors import UnsupportedError
from hwsim.program import Program

_VARIANT = "SPIKEPORT_NATIVE_VARIANT"
_BLOCK_CELLS = 1 << 22
"""Neurons times steps of a block, at least one step: bounds the events that a thread keeps."""
_BLOCK_STEPS_MAX = 256
_SHORT = 1 << 27
"""Synapses times steps of a block that pass in a fraction of a second: not worth a thread."""
_TICK_SECONDS = 0.1


class Native:
    """Runs a Program in compiled code; see :class:`hwsim.engines.base.Engine`.

    Parameters
    ----------
    program
        The network.
    variant
        ``"v4"`` (AVX-512), ``"v3"`` (AVX2) or ``"baseline"``; by default what the environment
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
        self._neurons = sum(prod(p.shape) for p in program.populations)
        self._synapses = self._neurons + sum(_work(program, c) for c in program.connections)

    def run(self, spikes: np.ndarray, job: Job, recording: Recording) -> Tally:
        """Run ``spikes`` (T, B, *shape), each column from rest, for ``job.steps`` steps."""
        columns = spikes.shape[1]
        block = job.block_steps or max(1, min(_BLOCK_STEPS_MAX, _BLOCK_CELLS // self._neurons))
        block = min(block, job.steps)
        shape = self.program.shape_of(self.program.output)
        outputs = np.zeros((columns, prod(shape)), np.int64)
        task = _Task(self, spikes, job.steps, block, recording, outputs)
        threads = min(job.threads or _processors(), columns)
        if threads == 1 and self._synapses * block <= _SHORT:
            workers = [_Worker(task, iter(range(columns)))]
            for done in workers[0].blocks():
                job.tick(done)
        else:
            todo = iter(range(columns))  # shared: each column goes to one worker
            workers = [_Worker(task, todo) for _ in range(threads)]
            _watch(workers, job, task.stop)
        return Tally(outputs[:, layout.kept_position(shape)], self._tallies(workers))

    def _tallies(self, workers: list[_Worker]) -> dict[str, PopulationTally]:
        found = {}
        for i, p in enumerate(self.program.populations):
            kept = np.zeros(prod(p.shape), np.int64)
            sums = np.sum([w.column.tally(i, kept) for w in workers], axis=0).tolist()
            found[p.name] = PopulationTally(layout.from_kept(kept, p.shape), *sums)
        return found


class _Task:
    """What all workers of a run share."""

    def __init__(
        self, engine: Native, spikes: np.ndarray, steps: int, block: int, recording: Recording,
        outputs: np.ndarray,
    ) -> None:  # fmt: skip
        self.program = engine.program
        self.native, self.layout = engine._native, engine._layout
        self.spikes, self.steps, self.block = spikes, steps, block
        self.recording, self.outputs = recording, outputs
        self.stop = self.native.Stop()
        self.stopped = False

    def lines(self, column: int, first: int, steps: int) -> list[np.ndarray]:
        """Return what the input and the blank line send in ``steps`` steps from ``first`` on."""
        frame = self.program.frame_sent_in(first)
        sent = _frames(self.spikes[max(frame, 0) : max(frame + steps, 0), column])
        if frame < 0:
            silent = np.zeros((min(-frame, steps), sent.shape[1]), sent.dtype)
            sent = np.concatenate([silent, sent])
        found = [sent]
        if self.program.blank is not None:
            blanks = [[self.program.blanks_in(step)] for step in range(first, first + steps)]
            found.append(np.array(blanks, np.uint8))
        return found


class _Worker:
    """Runs columns one after the other in one thread."""

    def __init__(self, task: _Task, columns: Iterator[int]) -> None:
        self.task, self.columns = task, columns
        self.column = task.native.Worker(task.layout, task.stop)
        self.done = 0

    def blocks(self) -> Iterator[int]:
        """Run until no column is left or the task is stopped, yielding the steps just done."""
        task = self.task
        for b in self.columns:
            self.column.begin(len(task.spikes))
            self._record(b)
            for first in range(1, task.steps + 1, task.block):
                steps = min(task.block, task.steps + 1 - first)
                self.column.advance(first, steps, task.lines(b, first, steps))
                if task.stopped:
                    return
                yield steps
            self.column.read(task.outputs[b])

    def work(self) -> None:
        """Run all blocks, adding up the steps for whoever watches."""
        for steps in self.blocks():
            self.done += steps

    def _record(self, b: int) -> None:
        program = self.task.program
        for name, arrays in self.task.recording.arrays.items():
            index = [p.name for p in program.populations].index(name)
            kinds = ("spikes", "a", *program.population(name).neuron.STATE)
            for kind, array in arrays.items():
                self.column.record(index, kinds.index(kind), array[:, b].reshape(len(array), -1))


def _watch(workers: list[_Worker], job: Job, stop: Any) -> None:
    """Run every worker in a thread of its own; what ``job.tick`` raises stops them all."""
    told = 0

    def tell() -> None:
        nonlocal told
        done = sum(w.done for w in workers)
        job.tick(done - told)
        told = done

    with ThreadPoolExecutor(len(workers)) as pool:
        pending: set[Future[None]] = {pool.submit(w.work) for w in workers}
        try:
            while pending:
                finished, pending = wait(pending, _TICK_SECONDS, FIRST_COMPLETED)
                for future in finished:
                    future.result()
                tell()
        except BaseException:
            workers[0].task.stopped = True
            stop.set()
            raise


def _frames(rows: np.ndarray) -> np.ndarray:
    """Return frames (steps, n) contiguous, in a type that the kernels read."""
    flat = rows.reshape(len(rows), prod(rows.shape[1:]))
    if flat.dtype == bool:
        return np.ascontiguousarray(flat).view(np.uint8)
    kept = flat.dtype in (np.uint8, np.int8, np.int32)
    return np.ascontiguousarray(flat, flat.dtype if kept else np.int32)


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
