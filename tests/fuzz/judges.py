"""Who runs a network, and how their traces are compared with the reference engine's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from draw import Network

from hwsim import Counts, Run, run
from hwsim.errors import SpikeportError, UnsupportedError
from hwsim.trace import Trace
from snnexport import lava, oracle
from snnexport._verify import first_difference
from snnexport.formats.lava import unsupported

Answer = Trace | Exception
Judge = Callable[[Sequence[Network], int], list[Answer]]
"""Runs networks, on so many processes if it can, and answers for each in order."""


def _native(networks: Sequence[Network], workers: int) -> list[Answer]:
    return [_answer(lambda n=n: _native_trace(n)) for n in networks]


def _native_trace(network: Network) -> Trace:
    """Return the states of a run that records them, and the spikes of one that does not.

    Where no state is asked for the engine goes other ways; its counts must be the same.
    """
    kept = _run(network, "native")
    fast = run(network.program, network.frames, engine="native", record="spikes")
    if fast.counts != kept.counts or not np.array_equal(fast.outputs, kept.outputs):
        raise AssertionError("counts or outputs differ between runs with and without states")
    return Trace(_trace(fast).spikes, _trace(kept).state)


def _run(network: Network, engine: str) -> Run:
    return run(network.program, network.frames, engine=engine, record="state")


def _trace(found: Run) -> Trace:
    assert found.trace is not None
    return found.trace


def _onnxruntime(networks: Sequence[Network], workers: int) -> list[Answer]:
    return [_answer(lambda n=n: oracle.run(n.program, n.frames)) for n in networks]


def _lava(networks: Sequence[Network], workers: int) -> list[Answer]:
    refusals = [unsupported(n.program) for n in networks]
    jobs = [(n.program, n.frames) for n, no in zip(networks, refusals, strict=True) if not no]
    ran = iter(lava.run_many(jobs, record="state", workers=workers) if jobs else [])
    return [UnsupportedError("; ".join(no)) if no else next(ran) for no in refusals]


def _lava_processes(networks: Sequence[Network], workers: int) -> list[Answer]:
    return [
        _answer(lambda n=n: _trace(lava.run(n.program, n.frames, record="state"))) for n in networks
    ]


def _answer(ask: Callable[[], Trace]) -> Answer:
    try:
        return ask()
    except Exception as error:  # whatever goes wrong in a judge is what the fuzzer looks for
        return error


DEFAULT: dict[str, Judge] = {"native": _native, "onnxruntime": _onnxruntime, "lava": _lava}
JUDGES: dict[str, Judge] = {**DEFAULT, "lava-processes": _lava_processes}
"""Those that are compared with the reference engine, which always runs. ``lava`` runs Lava's
actors as threads of one process, ``lava-processes`` as Lava does: several times slower."""


@dataclass
class Verdict:
    """What came out for one network.

    failure: ``judge: what kind``, by which shrinking knows it again; text: where; counts: of the
    reference engine.
    """

    counts: Counts
    compared: int = 0
    mismatches: int = 0
    failure: str = ""
    text: str = ""

    def fail(self, failure: str, text: str, mismatches: int = 1) -> None:
        """Note a failure; the first one names the verdict."""
        self.mismatches += mismatches
        self.failure = self.failure or failure
        self.text = f"{self.text}\n{text}".strip()


def judge(networks: Sequence[Network], names: Sequence[str], workers: int = 1) -> list[Verdict]:
    """Ask the judges ``names`` about ``networks``, and the reference engine always.

    Lava's Processes run while the others compute; an interrupt reaches them at once.
    """
    with ThreadPoolExecutor(1) as executor:
        reference = executor.submit(lambda: [_run(n, "reference") for n in networks])
        local = [name for name in names if name != "lava"]
        waiting = {name: executor.submit(JUDGES[name], networks, workers) for name in local}
        answers = {"lava": JUDGES["lava"](networks, workers)} if "lava" in names else {}
        answers |= {name: future.result() for name, future in waiting.items()}
    verdicts = []
    for index, ours in enumerate(reference.result()):
        assert ours.counts is not None
        verdicts.append(Verdict(ours.counts))
        for name, theirs in answers.items():
            _compare(verdicts[-1], name, _trace(ours), theirs[index])
    return verdicts


def _compare(verdict: Verdict, name: str, ours: Trace, theirs: Answer) -> None:
    if isinstance(theirs, Exception):
        verdict.fail(f"{name}: {type(theirs).__name__}", f"{name}: {_words(theirs)}")
    else:
        _compare_traces(verdict, name, ours.arrays, theirs.arrays)


def _compare_traces(
    verdict: Verdict, name: str, ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]
) -> None:
    odd = sorted(k for k in {*ours, *theirs} if _kind(ours, k) != _kind(theirs, k))
    if odd:
        pairs = [f"{k} {_kind(ours, k)} and {_kind(theirs, k)}" for k in odd]
        verdict.fail(f"{name}: recordings", f"{name}: {'; '.join(pairs)}")
        return
    verdict.compared += sum(a.size for a in ours.values())
    wrong = sum(int(np.count_nonzero(a != theirs[k])) for k, a in ours.items())
    if wrong:
        place = first_difference(ours, theirs)
        verdict.fail(f"{name}: values", f"{name}: {wrong} values differ, first: {place}", wrong)


def _kind(arrays: dict[str, np.ndarray], key: str) -> tuple | None:
    return (arrays[key].shape, arrays[key].dtype.name) if key in arrays else None


def _words(error: Exception) -> str:
    text = error.message if isinstance(error, SpikeportError) else str(error)
    return f"{type(error).__name__}: {text}"
