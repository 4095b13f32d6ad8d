"""The judges of ``verify``: what hwsim did and what each of them says it should have done."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.errors import SpikeportError
from hwsim.program import Program, Readout
from hwsim.simulate import ENGINE_VARIABLE, Progress, Run, run
from hwsim.trace import Trace
from snnexport import lava, netx, oracle
from snnexport.formats.lava.write import unsupported as lava_unsupported
from snnexport.formats.netx.write import unsupported as netx_unsupported
from snnexport.golden import Golden

if TYPE_CHECKING:
    from snnexport.trained import Trained

Messages = Mapping[str, np.ndarray]
"""By population (steps, B, *shape): what it sent, or of a silent output its voltage."""


class Judge(Enum):
    """Who hwsim is compared with."""

    TORCH = "torch"
    INTEGER = "integer"
    REFERENCE = "reference"
    NATIVE = "native"
    ONNXRUNTIME = "onnxruntime"
    LAVA = "lava"
    NETX = "netx"


@dataclass(frozen=True, eq=False)
class Answer:
    """ours: what hwsim sent. theirs: what the judge sent. outputs: the judge's readout (B, n).

    unit: what axis 0 of both counts, machine steps or frames without latency.
    """

    ours: Messages
    theirs: Messages
    outputs: np.ndarray
    unit: str = "step"


@dataclass(frozen=True, eq=False)
class Case:
    """A program on its input, and what a judge may need beside it; see ``verify``."""

    program: Program
    frames: np.ndarray
    golden: Golden | None = None
    lava_folder: Path | None = None
    netx_file: Path | None = None
    trained: Trained | None = None
    timeout_s: float | None = None
    progress: Progress | None = None

    @cached_property
    def alone(self) -> Run:
        """What hwsim does, each sample from rest."""
        return self.run(self.frames)

    @cached_property
    def oracle(self) -> Run:
        """What its reference engine does, each sample from rest."""
        return self.run(self.frames, "reference")

    @cached_property
    def streamed(self) -> Run:
        """What hwsim does, samples back to back."""
        return self.run(self.stream)

    def run(self, frames: np.ndarray, engine: str | None = None) -> Run:
        """Run hwsim and keep what is compared."""
        return run(self.program, frames, engine=engine, record=self.record, progress=self.progress)

    @property
    def record(self) -> str:
        """What must be recorded: a silent output is compared by its voltage."""
        return "state" if self.program.readout is Readout.VOLTAGE else "spikes"

    @property
    def streams(self) -> bool:
        """Say whether the samples can be put back to back on one machine."""
        several = self.program.frames == len(self.frames) and self.frames.shape[1] > 1
        return several and self.program.streamed

    @property
    def stream(self) -> np.ndarray:
        """The samples back to back, (samples * period, 1, *shape), if they can be."""
        if not self.streams:
            return self.frames
        gap = np.zeros((self.program.gap, *self.frames.shape[1:]), self.frames.dtype)
        padded = np.concatenate([self.frames, gap])
        return padded.swapaxes(0, 1).reshape(-1, 1, *self.frames.shape[2:])

    def messages(self, trace: Trace | None) -> Messages:
        """Return what is compared of a recording."""
        assert trace is not None
        if self.program.readout is Readout.COUNT:
            return trace.spikes
        return {**trace.spikes, self.program.output: trace.v[self.program.output]}

    def windows(self, messages: Messages) -> Messages:
        """Cut the frames of each sample out of each population's messages, (T, B, *shape)."""
        streamed = self.streams and next(iter(messages.values())).shape[1] == 1
        steps, samples = self.frames.shape[:2]
        length = (self.program.period or 0) * samples if streamed else steps
        found = {}
        for p in self.program.populations:
            window = messages[p.name][p.latency : p.latency + length]
            if streamed:
                window = window.reshape(samples, -1, *p.shape).swapaxes(0, 1)[:steps]
            found[p.name] = window
        return found

    def readout(self, windows: Messages) -> np.ndarray:
        """Return the sum (B, n) of what the output population sent in its window."""
        window = windows[self.program.output]
        return window.sum(axis=0, dtype=np.int64).reshape(window.shape[1], -1)

    def answer(self, ours: Run, theirs: Trace | None) -> Answer:
        """Return two recordings of the same machine steps."""
        said = self.messages(theirs)
        return Answer(self.messages(ours.trace), said, self.readout(self.windows(said)))

    def in_frames(self) -> Messages:
        """Return what hwsim sent on each sample, without latency."""
        return self.windows(self.messages(self.alone.trace))


def obstacles(case: Case, judge: Judge) -> list[str]:
    """List why ``judge`` cannot be asked, as far as is known before it is."""
    found: list[str] = []
    if judge in (Judge.TORCH, Judge.INTEGER) and case.trained is None:
        found = ["needs the network that was trained: give --checkpoint FILE"]
    elif judge is Judge.REFERENCE and _would_repeat(case):
        found = [
            f"nothing to compare: {case.frames.shape[1]} sample(s) of {len(case.frames)} steps; "
            f"give two or more of {case.program.frames} steps, or leave the input out"
        ]
    elif judge is Judge.NATIVE:
        found = _native_problems(case.program)
    elif judge is Judge.ONNXRUNTIME and find_spec("onnxruntime") is None:
        found = ["onnxruntime is not installed: pip install 'spikeport[export]'"]
    elif judge is Judge.LAVA and case.lava_folder is None:
        found = lava_unsupported(case.program)
    elif judge is Judge.NETX:
        found = netx_unsupported(case.program)
    return [f"{judge.value}: {problem}" for problem in found]


def ask(case: Case, judge: Judge) -> Answer:
    """Return what hwsim and ``judge`` did."""
    return _JUDGES[judge](case)


def _would_repeat(case: Case) -> bool:
    """Say whether the reference engine alone would be compared with itself."""
    ours = os.environ.get(ENGINE_VARIABLE) or "native"
    return case.golden is None and not case.streams and ours == "reference"


def _native_problems(program: Program) -> list[str]:
    from hwsim.engines.native import Native

    try:
        Native(program)
    except SpikeportError as error:
        return [error.message]
    return []


def _torch(case: Case) -> Answer:
    assert case.trained is not None
    theirs, outputs = case.trained.spikes(case.program, case.frames)
    ours = case.in_frames()
    return Answer({name: ours[name] for name in theirs}, theirs, outputs, "frame")


def _integer(case: Case) -> Answer:
    assert case.trained is not None
    theirs = case.trained.integers(case.frames)
    ours = case.in_frames()
    ours = {n: ours[n] for n in theirs if n in ours}
    return Answer(ours, theirs, case.readout(theirs), "frame")


def _reference(case: Case) -> Answer:
    if case.golden is not None:
        assert case.alone.trace is not None
        return Answer(case.alone.trace.spikes, case.golden.trace.spikes, case.golden.outputs)
    if not case.streams:
        return case.answer(case.alone, case.oracle.trace)
    theirs = case.windows(case.messages(case.run(case.stream, "reference").trace))
    return Answer(case.in_frames(), theirs, case.readout(theirs), "frame")


def _native(case: Case) -> Answer:
    return case.answer(case.oracle, case.run(case.frames, "native").trace)


def _onnxruntime(case: Case) -> Answer:
    return case.answer(case.alone, oracle.run(case.program, case.frames))


def _lava(case: Case) -> Answer:
    how: dict[str, Any] = {"timeout_s": case.timeout_s, "progress": case.progress}
    if case.lava_folder is not None:
        state = case.record == "state"
        trace = lava.run_folder(case.lava_folder, case.stream, state=state, **how)
    else:
        trace = lava.run(case.program, case.stream, record=case.record, **how).trace
    return case.answer(case.streamed, trace)


def _netx(case: Case) -> Answer:
    how: dict[str, Any] = {"file": case.netx_file, "record": case.record}
    how |= {"timeout_s": case.timeout_s, "progress": case.progress}
    return case.answer(case.streamed, netx.run(case.program, case.stream, **how).trace)


_JUDGES: Mapping[Judge, Callable[[Case], Answer]] = {
    Judge.TORCH: _torch,
    Judge.INTEGER: _integer,
    Judge.REFERENCE: _reference,
    Judge.NATIVE: _native,
    Judge.ONNXRUNTIME: _onnxruntime,
    Judge.LAVA: _lava,
    Judge.NETX: _netx,
}
