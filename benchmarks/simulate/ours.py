"""spikeport's own figures: its native engine on a sample and a batch, on one and two threads."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hwsim import Program
from hwsim.engines.base import Job, Recording
from hwsim.engines.native import Native
from simulate.case import Case, Figure, windows

_AGAIN = 8
"""Repeats of the batch, so that starting threads does not count."""
FRESH = Path(__file__).parents[1] / "peers" / "fresh_run.py"


class Took(NamedTuple):
    """Seconds of CPU and by the clock."""

    cpu_s: float
    wall_s: float


def measure(case: Case, repeat: int) -> list[Figure]:
    """Return one sample and a batch on one thread, then the batch on two; all equally exact."""
    machine, figures = Native(case.program), []
    equal = agreement(case, machine)
    memory_mb = fresh(case.program, case.frames[:, :1]).memory_mb
    for tool, batch, threads in (
        ("spikeport", case.frames.shape[1], 1),
        ("spikeport", 1, 1),
        ("spikeport-2-threads", case.frames.shape[1], 2),
    ):
        (took,) = fastest([running(machine, case.frames[:, :batch], threads)], repeat)
        each = 1e6 / (case.steps * batch)
        cpu_us, wall_us = took.cpu_s * each, took.wall_s * each
        figures.append(Figure(case.name, tool, batch, cpu_us, wall_us, memory_mb, equal))
    return figures


def two_threads(case: Case, repeat: int) -> float:
    """Return how much faster two threads are than one, on a tenth of a second's work or more."""
    machine, frames = Native(case.program), np.concatenate([case.frames] * _AGAIN, axis=1)
    actions = [running(machine, frames, threads) for threads in (1, 2)]
    one, two = (took.wall_s for took in fastest(actions, -(-repeat // 4)))
    return one / two


def agreement(case: Case, machine: Native) -> str:
    """Compare the spikes of the first sample of ``case`` with those expected."""
    job = Job(case.steps + case.program.latency, threads=1)
    recording = Recording.of(case.program, job.steps, 1, state=False)
    machine.run(case.frames[:, :1], job, recording)
    trace = recording.trace()
    assert trace is not None
    return case.agreement(windows(case.program, trace, case.steps))


def exact(case: Case, machine: Native) -> Native:
    """Return ``machine`` if it computes what is expected, else raise SystemExit."""
    if agreement(case, machine) != "yes":
        raise SystemExit(f"{case.name}: variant {machine.variant} has other spikes than expected")
    return machine


def running(machine: Native, frames: np.ndarray, threads: int = 1) -> Callable[[], object]:
    """Return what runs ``frames`` (T, B, *shape) until the last answer."""
    job = Job(len(frames) + machine.program.latency, threads)
    return lambda: machine.run(frames, job, Recording())


def fastest(actions: list[Callable[[], object]], repeat: int) -> list[Took]:
    """Return the least time of each action, all of them tried in turn."""
    best = [Took(float("inf"), float("inf"))] * len(actions)
    for _ in range(repeat):
        for index, action in enumerate(actions):
            cpu, wall = time.process_time(), time.perf_counter()
            action()
            took = Took(time.process_time() - cpu, time.perf_counter() - wall)
            best[index] = Took(*map(min, best[index], took))
    return best


class Fresh(NamedTuple):
    """Of a process of its own: seconds from before the import to the first result, and memory."""

    first_s: float
    memory_mb: float


def fresh(program: Program, frames: np.ndarray) -> Fresh:
    """Run ``frames`` in a new process, the fastest of three."""
    with tempfile.TemporaryDirectory() as folder:
        program.save(Path(folder, "program.onnx"))
        np.save(Path(folder, "frames.npy"), frames)
        command = [sys.executable, FRESH, folder]
        runs = [subprocess.run(command, capture_output=True, check=True) for _ in range(3)]
    return min(Fresh(**json.loads(done.stdout)) for done in runs)
