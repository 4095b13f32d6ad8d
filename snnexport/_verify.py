"""Comparing hwsim with real Lava, with onnxruntime, and with what it did before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np

from hwsim.energy import Agreement
from hwsim.errors import MismatchError, UnsupportedError
from hwsim.program import Program
from hwsim.simulate import Run, run
from hwsim.trace import Trace
from snnexport import lava, oracle
from snnexport.golden import Golden


class Judge(Enum):
    """Who hwsim is compared with."""

    LAVA = "lava"
    ONNXRUNTIME = "onnxruntime"
    REFERENCE = "reference"


@dataclass(frozen=True)
class Verdict:
    """One judge's agreement, and the first place where the two differ (None if nowhere)."""

    judge: Judge
    agreement: Agreement
    first: str | None


def verify(
    program: Program,
    frames: np.ndarray,
    judges: Sequence[Judge],
    *,
    golden: Golden | None = None,
    lava_folder: Path | None = None,
    timeout_s: float | None = None,
) -> list[Verdict]:
    """Compare every message of every population over all machine steps.

    Lava and the reference judge see the samples back to back, as a chip would, if they are as
    long as the program's samples: one machine, never restarted, resets at their phases, the
    program's gap of silent frames after each sample. ``onnxruntime`` sees each alone, from rest.

    Parameters
    ----------
    program
        The network.
    frames
        Integers (T, B, *input shape).
    judges
        Whom to ask. ``reference`` compares with ``golden`` (what ``frames`` did when the
        program was exported) if given, else the stream with each sample alone.
    lava_folder
        The exported artefact to run; by default one is written for the occasion.
    timeout_s
        Time limit for Lava, see :func:`snnexport.lava.run_folder`.

    Raises
    ------
    UnsupportedError
        If ``reference`` would compare a run with itself: without ``golden`` it needs two
        samples of exactly as many frames as the program's have.
    """
    if Judge.REFERENCE in judges and golden is None and not _streams(program, frames):
        raise UnsupportedError(
            f"reference: nothing to compare: {frames.shape[1]} sample(s) of {len(frames)} steps",
            hint=f"give two or more samples of {program.frames} steps, or leave the input out",
        )
    alone = run(program, frames, record="spikes")
    stream = _stream(program, frames)
    return [
        _verdict(judge, program, frames, _Case(alone, stream, golden, lava_folder, timeout_s))
        for judge in judges
    ]


def require_agreement(verdicts: Sequence[Verdict]) -> None:
    """Raise MismatchError naming the first place of every disagreement."""
    wrong = [v for v in verdicts if v.agreement.mismatches]
    if wrong:
        lines = "; ".join(f"{v.judge.value}: first at {v.first}" for v in wrong)
        raise MismatchError(
            f"hwsim and its judges disagree: {lines}",
            hint="keep the input and report it: this is a bug in spikeport or an edited artefact",
        )


def first_difference(ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> str:
    """Name the earliest step, then population, sample and neuron where two traces differ."""
    places = []
    for order, (name, a) in enumerate(ours.items()):
        where = np.argwhere(a != theirs[name])
        if len(where):
            places.append((int(where[0][0]), order, name, where[0]))
    step, _, name, index = min(places, key=lambda p: p[:2])
    sample, neuron = int(index[1]), tuple(int(i) for i in index[2:])
    return f"step {step + 1}, population {name}, sample {sample}, neuron {neuron}"


@dataclass(frozen=True, eq=False)
class _Case:
    alone: Run
    stream: np.ndarray
    golden: Golden | None
    lava_folder: Path | None
    timeout_s: float | None


def _verdict(judge: Judge, program: Program, frames: np.ndarray, case: _Case) -> Verdict:
    ours, theirs = _both_sides(judge, program, frames, case)
    if ours.keys() != theirs.keys() or any(a.shape != theirs[n].shape for n, a in ours.items()):
        raise MismatchError(
            f"{judge.value} answered for {sorted(theirs)}, not for {sorted(ours)} of equal shapes",
            hint="the artefact belongs to another program: export again",
        )
    wrong = sum(int((a != theirs[n]).sum()) for n, a in ours.items())
    compared = sum(a.size for a in ours.values())
    first = first_difference(ours, theirs) if wrong else None
    if judge is Judge.REFERENCE and case.golden is not None:
        readouts = np.argwhere(case.alone.outputs != case.golden.outputs)
        wrong += len(readouts)
        if len(readouts) and first is None:
            first = f"readout of sample {readouts[0][0]}, class {readouts[0][1]}"
    agreement = Agreement(samples=frames.shape[1], compared=compared, mismatches=wrong)
    return Verdict(judge, agreement, first)


def _both_sides(
    judge: Judge, program: Program, frames: np.ndarray, case: _Case
) -> tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]]:
    """Return hwsim's messages by population, and the judge's."""
    alone = _recorded(case.alone).spikes
    if judge is Judge.ONNXRUNTIME:
        return alone, oracle.run(program, frames).spikes
    whole = _recorded(run(program, case.stream, record="spikes")).spikes
    if judge is Judge.LAVA:
        return whole, _lava(program, case).spikes
    if case.golden is not None:
        return alone, case.golden.trace.spikes
    steps, samples = frames.shape[:2]
    assert program.period is not None
    stream = _windows(program, whole, program.period * samples)
    side_by_side = {name: s[:steps] for name, s in _samples(stream, samples).items()}
    return _windows(program, alone, steps), side_by_side


def _lava(program: Program, case: _Case) -> Trace:
    if case.lava_folder is not None:
        return lava.run_folder(case.lava_folder, case.stream, timeout_s=case.timeout_s)
    trace = lava.run(program, case.stream, record="spikes", timeout_s=case.timeout_s).trace
    assert trace is not None
    return trace


def _stream(program: Program, frames: np.ndarray) -> np.ndarray:
    """Return the samples back to back, ((T + gap) * B, 1, ...), if T is that of the program."""
    if not _streams(program, frames):
        return frames
    padded = np.concatenate([frames, np.zeros((program.gap, *frames.shape[1:]), frames.dtype)])
    return padded.swapaxes(0, 1).reshape(-1, 1, *frames.shape[2:])


def _streams(program: Program, frames: np.ndarray) -> bool:
    return program.frames == len(frames) and frames.shape[1] > 1


def _windows(
    program: Program, spikes: Mapping[str, np.ndarray], steps: int
) -> dict[str, np.ndarray]:
    """Cut out each population's own window of ``steps`` steps."""
    return {p.name: spikes[p.name][p.latency : p.latency + steps] for p in program.populations}


def _samples(stream: Mapping[str, np.ndarray], samples: int) -> dict[str, np.ndarray]:
    """Put the samples of a stream (samples * P, 1, *shape) side by side: (P, samples, *shape)."""
    return {name: s.reshape(samples, -1, *s.shape[2:]).swapaxes(0, 1) for name, s in stream.items()}


def _recorded(result: Run) -> Trace:
    assert result.trace is not None
    return result.trace
