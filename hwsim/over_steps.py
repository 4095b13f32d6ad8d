"""Accuracy and work of a network that is stopped early: what fewer frames would do."""

from __future__ import annotations

import numpy as np

from hwsim._report.values import AtSteps
from hwsim.errors import RangeError
from hwsim.program import Program
from hwsim.simulate import Progress, run


def over_steps(  # noqa: PLR0913 -- one parameter an option
    program: Program,
    inputs: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    points: int = 8,
    samples: int | None = None,
    engine: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[AtSteps, ...]:
    """Run the first t of the T frames, for up to ``points`` values of t spread over 1..T.

    Each is a run of its own, for t frames and the latency, as if T had been t: populations
    answer in windows of t steps, and no reset or blank of a next sample falls into these.
    Together they cost about as much as ``points / 2`` runs of all frames.

    Parameters
    ----------
    program
        The network.
    inputs
        Integers (T, B, *shape), one sample a column.
    labels
        Classes (B,), for the accuracy; None where not known.
    points
        How many t at most; all if T is not larger.
    samples
        Use this many samples, the first; all if None.
    engine, threads
        See :func:`hwsim.run`.
    progress
        Called with the frames that have run, summed over samples, and how many will.

    Raises
    ------
    RangeError
        If a column holds more than one sample, or ``points`` or ``samples`` is below 1.
    """
    wrong = {"points": points, "samples": 1 if samples is None else samples}
    for name, value in wrong.items():
        if value < 1:
            raise RangeError(f"{name} = {value} is below 1", hint="leave it out for the default")
    if program.frames is not None and len(inputs) > program.frames:
        raise RangeError(
            f"inputs have {len(inputs)} frames, a sample of {program.name} has {program.frames}",
            hint="give one sample a column: (T, B, *shape)",
        )
    used = inputs[:, :samples]
    known = None if labels is None else np.asarray(labels)[:samples]
    found: list[AtSteps] = []
    lengths = _spread(len(inputs), points)
    for steps in lengths:
        if progress:
            progress(used.shape[1] * sum(lengths[: len(found)]), used.shape[1] * sum(lengths))
        result = run(program, used[:steps], engine=engine, threads=threads)
        assert result.counts is not None
        n = result.counts.samples
        found.append(
            AtSteps(
                steps=steps,
                samples=n,
                accuracy=None if known is None else float(np.mean(result.predictions == known)),
                synops=result.counts.synops / n,
                spikes=result.counts.spikes / n,
            )
        )
    return tuple(found)


def _spread(steps: int, points: int) -> list[int]:
    """Return up to ``points`` numbers of 1..``steps``, evenly spread, the last included."""
    return sorted({-(-steps * i // points) for i in range(1, points + 1)})
