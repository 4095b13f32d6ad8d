"""Draws, judges, shrinks and stores: what one run of the fuzzer does."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from draw import Network, Seeded, network
from draw_features import features, run_features

from fuzz.judges import Verdict, judge
from fuzz.results import Results, Row, row, summary
from fuzz.shrink import shrink
from hwsim.errors import SpikeportError
from hwsim.files import write_atomic

BATCH = 25
"""Networks that a worker gets at once: a Lava process starts in seconds, and may hang."""
_TRIES = {False: 1000, True: 240}
"""Simpler networks to ask about, without and with Lava."""


@dataclass(frozen=True)
class Plan:
    """What to run; failures are stored under ``out``'s folder."""

    seed: int
    count: int
    judges: Sequence[str]
    out: Path
    workers: int = 1


def fuzz(plan: Plan, progress: Callable[[int, int], None] | None = None) -> tuple[bool, str]:
    """Run every network that ``plan.out`` does not hold yet; return (all fine, summary).

    An interrupted run has lost no more than the batch it was at.
    """
    start, results = time.monotonic(), Results.load(plan.out)
    missing = results.missing(plan.seed, plan.count, plan.judges)
    size, done = BATCH * plan.workers, plan.count - len(missing)
    for first in range(0, len(missing), size):
        batch = missing[first : first + size]
        results.save(_judged(plan, batch))
        done += len(batch)
        if progress is not None:
            progress(done, plan.count)
    rows = [results.rows[plan.seed, index] for index in range(plan.count)]
    text = summary(rows, time.monotonic() - start, len(missing))
    return all(r["ok"] for r in rows), text


def draw_network(seed: int, index: int) -> Network:
    """Return network ``index`` of ``seed``, the same everywhere."""
    return network(Seeded.of(seed, index), lava_ready=True, name=f"fuzz-{seed}-{index}")


def _judged(plan: Plan, indices: Sequence[int]) -> list[Row]:
    networks = [draw_network(plan.seed, index) for index in indices]
    verdicts = judge(networks, plan.judges, plan.workers)
    rows = []
    for index, net, verdict in zip(indices, networks, verdicts, strict=True):
        if verdict.failure:
            _keep_failure(plan, f"seed-{plan.seed}-network-{index}", net, verdict)
        seen = features(net.program) | run_features(verdict.counts, net.frames)
        rows.append(row(plan.seed, index, net.program, verdict, plan.judges, seen))
    return rows


def _keep_failure(plan: Plan, name: str, net: Network, verdict: Verdict) -> None:
    """Shrink ``net`` and store it as ``failures/<name>/`` with what differed."""
    small = smallest(net, verdict.failure)
    found = judge([small], [_guilty(verdict.failure)])[0]
    folder = plan.out.with_suffix("") / "failures" / name
    text = f"{verdict.text}\n\nshrunk:\n{found.text or 'the failure does not come again'}\n"
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "input.npy", small.frames)
    try:
        small.program.save(folder / "program.onnx")
    except SpikeportError as error:  # the format itself may be what fails
        text += f"\nno program.onnx: {error.message}\n"
    write_atomic(folder / "difference.txt", text)


def smallest(net: Network, failure: str) -> Network:
    """Return the smallest network found that has the same failure as ``net``."""
    guilty = _guilty(failure)

    def failing(asked: Sequence[Network]) -> list[bool]:
        return [verdict.failure == failure for verdict in judge(asked, [guilty])]

    with_lava = guilty.startswith("lava")
    return shrink(net, failing, tries=_TRIES[with_lava], at_once=12 if with_lava else 1)


def _guilty(failure: str) -> str:
    return failure.partition(":")[0]
