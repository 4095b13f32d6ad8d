"""Comparing hwsim with everything else that computes the same network."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.energy import Agreement
from hwsim.errors import MismatchError, raise_all
from hwsim.program import Program
from hwsim.simulate import Stages, check_input
from snnexport._judges import Answer, Case, Judge, ask, obstacles
from snnexport.golden import Golden

if TYPE_CHECKING:
    from snnexport.trained import Trained

LOG = logging.getLogger("spikeport")
__all__ = ["Judge", "Verdict", "first_difference", "require_agreement", "verify"]


@dataclass(frozen=True)
class Verdict:
    """One judge's agreement, and the first place where the two differ (None if nowhere).

    same_class: share of samples, 0..1, that the judge puts into the class that hwsim puts them
    into. accuracy: the judge's own, None where labels are not known. exact: False if the judge
    computes in reals, so that differences show what quantization changed.
    """

    judge: Judge
    agreement: Agreement
    first: str | None
    same_class: float
    accuracy: float | None = None

    @property
    def exact(self) -> bool:
        """Say whether any difference is a fault."""
        return self.judge is not Judge.TORCH

    @property
    def facts(self) -> dict[str, Any]:
        """Return everything as JSON holds it."""
        others = {"same_class": self.same_class, "accuracy": self.accuracy}
        return {**asdict(self.agreement), "first_difference": self.first, **others}


def verify(  # noqa: PLR0913 -- one parameter a thing that judges need
    program: Program,
    frames: np.ndarray,
    judges: Sequence[Judge],
    *,
    labels: np.ndarray | None = None,
    golden: Golden | None = None,
    lava_folder: Path | None = None,
    netx_file: Path | None = None,
    trained: Trained | None = None,
    timeout_s: float | None = None,
    progress: Stages | None = None,
) -> list[Verdict]:
    """Compare every message of every population with what each judge says.

    hwsim is the engine that :func:`hwsim.run` takes by default. Lava, netx and the reference
    judge see the samples back to back, as a chip would, if they are as long as the program's
    samples: one machine, never restarted, resets at their phases, the program's gap of silent
    frames after each sample. The others see each sample alone, from rest. Of an output that
    never fires the voltage is compared.

    Parameters
    ----------
    program
        The network.
    frames
        Integers (T, B, *input shape).
    judges
        Whom to ask. ``reference`` compares with ``golden`` (what ``frames`` did when the
        program was exported) if given, else with the reference engine. ``native`` compares the
        two engines. ``integer`` is the quantized network, layer by layer without latency, and
        ``torch`` the trained one in reals: they compare the frames of each sample, of the
        populations that they have.
    labels
        Classes (B,), for the accuracy.
    lava_folder, netx_file
        The exported artefacts to run; by default they are written for the occasion.
    trained
        The network for ``torch`` and ``integer``.
    timeout_s
        Time limit for Lava and lava-dl, see :func:`snnexport.lava.run_folder`.
    progress
        Called while machines run; the stage is the judge for whom they do.

    Raises
    ------
    RangeError
        If ``frames`` are not what the program takes.
    CheckError
        Listing why judges cannot be asked, before any is: ``reference`` would compare a run
        with itself; something is not installed; Lava or netx cannot hold the program.
    """
    check_input(program, frames)
    asked: list[str] = []

    def told(done: int, total: int) -> None:
        if progress:
            progress(done, total, asked[-1])

    case = Case(program, frames, golden, lava_folder, netx_file, trained, timeout_s, told)
    found = [problem for judge in judges for problem in obstacles(case, judge)]
    raise_all(
        f"program {program.name} cannot be judged",
        found,
        hint="each line begins with a judge: leave that out of --against",
    )
    verdicts: list[Verdict] = []
    for judge in judges:
        asked.append(judge.value)
        LOG.debug("asking %s about %d samples", judge.value, frames.shape[1])
        verdicts.append(_verdict(case, judge, ask(case, judge), labels))
    return verdicts


def require_agreement(verdicts: Sequence[Verdict]) -> None:
    """Raise MismatchError naming the first place of every disagreement."""
    wrong = [v for v in verdicts if v.agreement.mismatches and v.exact]
    if wrong:
        lines = "; ".join(f"{v.judge.value}: first at {v.first}" for v in wrong)
        raise MismatchError(
            f"hwsim and its judges disagree: {lines}",
            hint="keep the input and report it: this is a bug in spikeport or an edited artefact",
        )


def first_difference(
    ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray], unit: str = "step"
) -> str:
    """Name the earliest ``unit`` of time, then population, sample and neuron that differ."""
    places = []
    for order, (name, a) in enumerate(ours.items()):
        where = np.argwhere(a != theirs[name])
        if len(where):
            places.append((int(where[0][0]), order, name, where[0]))
    step, _, name, index = min(places, key=lambda p: p[:2])
    sample, neuron = int(index[1]), tuple(int(i) for i in index[2:])
    return f"{unit} {step + 1}, population {name}, sample {sample}, neuron {neuron}"


def _verdict(case: Case, judge: Judge, answer: Answer, labels: np.ndarray | None) -> Verdict:
    ours, theirs = answer.ours, answer.theirs
    outputs = case.alone.outputs.shape, answer.outputs.shape
    shapes = [outputs, *((a.shape, theirs[n].shape) for n, a in ours.items() if n in theirs)]
    if ours.keys() != theirs.keys() or any(mine != other for mine, other in shapes):
        raise MismatchError(
            f"{judge.value} answered for {sorted(theirs)}, not for {sorted(ours)} of equal shapes",
            hint="the artefact belongs to another program: export again",
        )
    wrong = sum(int((a != theirs[n]).sum()) for n, a in ours.items())
    first = first_difference(ours, theirs, answer.unit) if wrong else None
    readouts = np.argwhere(case.alone.outputs != answer.outputs)
    if judge is not Judge.TORCH and not wrong and len(readouts):  # as many spikes, other sums
        wrong, first = len(readouts), f"readout of sample {readouts[0][0]}, class {readouts[0][1]}"
    classes = answer.outputs.argmax(axis=1)
    return Verdict(
        judge,
        Agreement(case.frames.shape[1], sum(a.size for a in ours.values()), wrong),
        first,
        float((classes == case.alone.predictions).mean()),
        None if labels is None else float((classes == labels).mean()),
    )
