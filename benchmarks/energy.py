"""Compares our counts, energy and time with SANA-FE 2.2.9 on one sample and the same mapping.

    SPIKEPORT_SANAFE_PYTHON=PYTHON python benchmarks/energy.py
        [--json FILE] [--only CASE,...] [--root DATA] [--out DIR]

N1, N2, and two networks of benchmarks/architectures/, trained on MNIST unless they are in DIR
already (benchmarks/architectures.py puts them there); SANA-FE prices with the ``loihi.yaml`` that
comes with it. models/digits-conv is not among them: its second layer's currents decay, and
SANA-FE does not round that. A graded input is sent as spikes, one channel a bit, by both.

SANA-FE has no resets and no latencies: it advances every neuron in every machine step from the
first. So both run the network without resets (formats/sanafe/spiking.py), for its frames and as
many empty ones as the last answer takes; and since without resets a latency says nothing but
which steps are counted, ours is given latencies of 0: what is counted is then every machine step
of every neuron, with nothing left out and nothing added on either side.

Speed is stated four ways, for no single ratio is fair. Pricing is ours from recorded spikes and a
mapping: how the work falls on cores and steps, then the report. It has a target against SANA-FE
from its files to its figures, most of which is loading (the least of two processes). Then: pricing
against SANA-FE's steps alone, which simulate as well; the same for one of 64 samples that are
priced together, where SANA-FE runs one at a time; and our mapping, run and pricing against all of
SANA-FE. Ours are the least of several. Exits 1 if counts differ, energy by over 1 %, time (its
model ``simple``) by over 5 %, or if pricing is not 1,000 times as fast as SANA-FE from files to
figures.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from architectures import checkpoint_of  # beside this file
from networks import NETWORKS, shuffled

from hwsim import Mapping, Program, Run, load_chip, run
from hwsim.energy import Report, price
from hwsim.loads import step_loads
from snnexport import code_input, stages
from snnexport.formats.sanafe.architecture import PRICES
from snnexport.formats.sanafe.spiking import spiking, spiking_frames
from snnexport.formats.sanafe.write import NETWORK, sanafe_mapping, write_sanafe
from snntrain import direct, load

CHIP, TRAINED = load_chip("loihi1"), ("pooled", "spiking-resnet")
PEER, VARIABLE = Path(__file__).parent / "peers" / "sanafe_run.py", "SPIKEPORT_SANAFE_PYTHON"
LARGEST_ENERGY, LARGEST_TIME, LEAST_SPEED = 0.01, 0.05, 1000.0
"""Targets: relative differences, and times as fast."""
REPEATS, PEER_REPEATS = 20, 2
"""Times that ours and SANA-FE are measured; the least counts, both share the machine."""
SAMPLES = 64
"""That are priced together; the first is the one that is compared."""
Done = TypeVar("Done")


@dataclass(frozen=True, eq=False)
class Ours:
    """What we say of a case, and the seconds of each part; together_s: pricing, of a sample."""

    counts: dict[str, int]
    energy: dict[str, float]
    time_us: float
    seconds: dict[str, float]
    together_s: float


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", default=",".join((*NETWORKS, *TRAINED)))
    parser.add_argument("--root", type=Path, help="Where MNIST is; see snntrain.data.mnist.")
    parser.add_argument("--out", type=Path, default=Path("out/architectures"))
    options = parser.parse_args()
    if VARIABLE not in os.environ:
        parser.error(f"{VARIABLE} names no Python; tests/peers/test_sanafe.py says how to make one")
    rows: list[dict[str, Any]] = []
    for name in options.only.split(","):
        program, frames = _shuffled(name) if name in NETWORKS else _trained(name, options)
        rows += _compared(name, *_every_step(program, frames))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if all(row["ok"] for row in rows) else 1


def _shuffled(name: str) -> tuple[Program, np.ndarray]:
    """Return a benchmark network and samples (T, SAMPLES, *shape): its own, its steps shuffled."""
    program, frames = NETWORKS[name]()
    return program, shuffled(frames, SAMPLES)


def _trained(name: str, options: argparse.Namespace) -> tuple[Program, np.ndarray]:
    """Return an exported network and its first test images, (T, SAMPLES, *shape)."""
    checkpoint = checkpoint_of(name, options.out / name, options.root)
    done = stages(checkpoint, CHIP, name=name)
    images = load("mnist", "test", options.root).images[:SAMPLES]
    frames = direct(images, checkpoint.recipe.train.steps)
    return done.program, code_input(frames, done.quantized.step)


def _every_step(program: Program, frames: np.ndarray) -> tuple[Program, np.ndarray]:
    """Return both as SANA-FE runs them, every machine step within the frames."""
    sent = spiking_frames(program, frames)
    empty = np.zeros((program.latency, *sent.shape[1:]), sent.dtype)
    populations = [replace(p, latency=0) for p in program.populations]
    return replace(spiking(program), populations=populations), np.concatenate([sent, empty])


def _compared(name: str, program: Program, frames: np.ndarray) -> list[dict[str, Any]]:
    ours, theirs = _ours(program, frames), _theirs(program, frames[:, :1])
    print(f"{name}: {len(frames)} machine steps")
    rows = [
        _row(name, metric, "", ours.counts[metric], theirs[metric], equal=True)
        for metric in ours.counts
    ]
    rows += [
        _row(name, f"energy {part}", "uJ", value, theirs["energy"][part] * 1e6, LARGEST_ENERGY)
        for part, value in ours.energy.items()
    ]
    seconds = sum(theirs["step_time"])
    rows.append(_row(name, "time", "us", ours.time_us, seconds * 1e6, LARGEST_TIME))
    return rows + _speeds(name, ours, theirs)


def _ours(program: Program, frames: np.ndarray) -> Ours:
    first = frames[:, :1]
    mapping, mapping_s = _timed(lambda: sanafe_mapping(program, CHIP))
    result, run_s = _timed(lambda: run(program, first, record="spikes"))
    report, price_s = _timed(lambda: _priced(mapping, first, result))
    together = run(program, frames, record="spikes")
    _, together_s = _timed(lambda: _priced(mapping, frames, together))
    counts = result.counts
    assert counts is not None
    traffic = mapping.messages(counts.fired)
    found = {
        "fired": counts.spikes + int(np.count_nonzero(first)),
        "synapse_events": counts.synops,
        "messages": sum(int(t.messages.sum()) for t in traffic),
        "hops": sum(t.total_hops for t in traffic),
    }
    seconds = {"mapping": mapping_s, "run": run_s, "pricing": price_s}
    return Ours(found, _energy(report), report.latency[0].low_us, seconds, together_s / SAMPLES)


def _priced(mapping: Mapping, frames: np.ndarray, result: Run) -> Report:
    assert result.counts is not None
    assert result.trace is not None
    loads = step_loads(mapping, frames, result.trace, nonzero=False)
    return price(result.counts, CHIP, prices=[PRICES], mapping=mapping, loads=loads)


def _energy(report: Report) -> dict[str, float]:
    """Return the energy in uJ by SANA-FE's parts: synapses, neurons, messages and hops."""
    table = CHIP.table(PRICES)
    parts = {p.label: "synapse" if "synops" in p.counter else "soma" for p in table.terms}
    parts |= {p.label: "network" for p in table.transport}
    found = dict.fromkeys(("synapse", "soma", "network"), 0.0)
    for term in report.energy.terms:
        assert term.energy_uj is not None
        found[parts[term.term]] += term.energy_uj
    return {**found, "total": sum(found.values())}


def _timed(work: Callable[[], Done]) -> tuple[Done, float]:
    """Return what ``work`` gives, and its least time in seconds."""
    times, done = [], work()
    for _ in range(REPEATS):
        start = time.perf_counter()
        done = work()
        times.append(time.perf_counter() - start)
    return done, min(times)


def _theirs(program: Program, frames: np.ndarray) -> dict[str, Any]:
    """Run SANA-FE on the files that we export."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        write_sanafe(sanafe_mapping(program, CHIP), frames[:, 0], Path(folder))
        network, steps = Path(folder) / NETWORK, str(len(frames))
        command = [os.environ[VARIABLE], PEER, "loihi", network, steps, result]
        found = []
        for _ in range(PEER_REPEATS):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            found.append(json.loads(result.read_text()))
    return min(found, key=lambda run: run["load_s"] + run["run_s"])


def _speeds(name: str, ours: Ours, theirs: dict[str, Any]) -> list[dict[str, Any]]:
    files, steps = theirs["load_s"] + theirs["run_s"], theirs["run_s"]
    alone, together = ours.seconds["pricing"], ours.together_s
    parts = ", ".join(f"{part} {seconds:.4f}" for part, seconds in ours.seconds.items())
    print(
        f"  seconds: SANA-FE {files:.2f}, its steps alone {steps:.3f}; ours: {parts}, "
        f"pricing one of {SAMPLES} samples together {together:.5f}"
    )
    speeds = {
        "SANA-FE, files to figures / pricing": (files / alone, LEAST_SPEED),
        "SANA-FE's steps alone / pricing": (steps / alone, None),
        f"SANA-FE's steps alone / pricing one of {SAMPLES}": (steps / together, None),
        "SANA-FE / mapping, run and pricing": (files / sum(ours.seconds.values()), None),
    }
    found = []
    for metric, (ratio, target) in speeds.items():
        wanted = f" (target {target:.0f})" if target else ""
        print(f"  {metric}: {ratio:.0f} times as fast{wanted}")
        row = {"case": name, "tool": "spikeport", "metric": metric, "unit": "ratio of seconds"}
        met = target is None or ratio >= target
        found.append({**row, "value": ratio, "equal_results": None, "ok": met})
    return found


def _row(
    name: str,
    metric: str,
    unit: str,
    ours: float,
    theirs: float,
    most: float | None = None,
    *,
    equal: bool = False,
) -> dict[str, Any]:
    """Print and return a figure of both: equal, or no further apart than the fraction ``most``."""
    same = ours == theirs
    met = same if equal else abs(ours - theirs) <= (most or 0.0) * theirs
    ratio = f"ratio {ours / theirs:.5f}" if theirs else ""
    verdict = ("equal" if same else "DIFFERENT") if equal else ratio
    figures = f"{ours:>16,.4f} {theirs:>16,.4f}" if not equal else f"{ours:>16,} {theirs:>16,}"
    print(f"  {metric:<16} {unit:<2} {figures}  {verdict}")
    row = {"case": name, "tool": "spikeport", "metric": metric, "unit": unit, "value": ours}
    return {**row, "peer": theirs, "equal_results": same if equal else None, "ok": met}


if __name__ == "__main__":
    sys.exit(main())
