"""Compares the time and memory of a training step with other libraries, equal outputs first.

    python benchmarks/train.py [--json FILE] [--only TOOL,...] [--cases T1,...] [--rounds N]

Trains the networks T1, T2 and T3 of ``peers/train_networks.py`` with ``spikeport`` and with
eager SpikingJelly, snnTorch and norse, each in a process of its own, in contiguous and in
channels-last layout; a library counts with its faster layout. The Python that has SpikingJelly
and snnTorch is ``SPIKEPORT_COUNTERS_PYTHON``, that of norse ``SPIKEPORT_NORSE_PYTHON``. Prints
the median CPU time of a step on one thread, over runs that take turns, and the highest memory
above that before training. Exits 1 if a step takes longer than SpikingJelly's, or if its
outputs for the first samples are not the same.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PEER = Path(__file__).parent / "peers" / "train_steps.py"
COUNTERS = os.environ.get("SPIKEPORT_COUNTERS_PYTHON", sys.executable)
PYTHONS = {
    "spikeport": sys.executable,
    "spikingjelly": COUNTERS,
    "snntorch": COUNTERS,
    "norse": os.environ.get("SPIKEPORT_NORSE_PYTHON", sys.executable),
}
LAYOUTS = {"T1": ["contiguous"], "T2": ["contiguous", "channels_last"]}
LAYOUTS["T3"] = LAYOUTS["T2"]
STEPS = {"T1": 8, "T2": 4, "T3": 2}
"""Timed steps of a process, after two that warm up."""
RIVAL, TARGET = "spikingjelly", 1.0
"""A step may take this many times as long as the rival's."""


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", default=",".join(PYTHONS))
    parser.add_argument("--cases", default=",".join(LAYOUTS))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    tools, rows, met = options.only.split(","), [], True
    for case in options.cases.split(","):
        found = _measure(case, tools, options.rounds)
        rows += _rows(case, found)
        met &= _compare(case, found)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if met else 1


def _measure(case: str, tools: list[str], rounds: int) -> dict[tuple[str, str], dict]:
    """Return the result by tool and layout; tools take turns, so that all meet the same load."""
    runs = [(tool, layout) for tool in tools for layout in LAYOUTS[case]]
    results = {run: [] for run in runs}
    for _ in range(rounds):
        for run in runs:
            results[run].append(_run(case, *run))
    return {run: _summary(parts) for run, parts in results.items()}


def _run(case: str, tool: str, layout: str) -> dict:
    """Return what the process prints that trains ``case``."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    if tool == "spikeport":
        environment["PYTHONPATH"] = str(ROOT)
    command = [PYTHONS[tool], PEER, tool, case, layout, str(STEPS[case])]
    process = subprocess.run(command, env=environment, capture_output=True, text=True)
    if process.returncode:
        raise SystemExit(f"{tool}: {process.stderr.strip().splitlines()[-1]}")
    return json.loads(process.stdout.splitlines()[-1])


def _summary(parts: list[dict]) -> dict:
    """Return median time, highest memory, and the outputs of several runs of the same."""
    return {
        "step": statistics.median(s for part in parts for s in part["seconds"]) * 1e3,
        "peak": max(part["peak_mib"] for part in parts),
        "outputs": parts[0]["outputs"],
    }


def _rows(case: str, found: dict[tuple[str, str], dict]) -> list[dict]:
    """Print every run and return it as rows."""
    rows = []
    for (tool, layout), result in found.items():
        ours = found.get(("spikeport", layout))
        equal = bool(ours) and ours["outputs"] == result["outputs"]
        row = {"case": f"{case} {layout}", "tool": tool, "equal_results": equal}
        rows.append({**row, "metric": "step", "unit": "ms", "value": result["step"]})
        rows.append({**row, "metric": "peak", "unit": "MiB", "value": result["peak"]})
        print(
            f"{case} {tool}, {layout}: {result['step']:.0f} ms of CPU a step, "
            f"{result['peak']:.0f} MiB, equal outputs: {equal}",
            flush=True,
        )
    return rows


def _compare(case: str, found: dict[tuple[str, str], dict]) -> bool:
    """Print the ratios of spikeport to the others, each in its faster layout; say if met."""
    best: dict[str, tuple[str, dict]] = {}
    for (tool, layout), result in found.items():
        if tool not in best or result["step"] < best[tool][1]["step"]:
            best[tool] = layout, result
    if "spikeport" not in best:
        return True
    layout, ours = best.pop("spikeport")
    met = True
    for tool, (other, theirs) in best.items():
        time, memory = (ours[metric] / theirs[metric] for metric in ("step", "peak"))
        wanted = f" (target {TARGET})" if tool == RIVAL else ""
        print(
            f"{case}: spikeport ({layout}) takes {time:.2f} of the time{wanted} and "
            f"{memory:.2f} of the memory of {tool} ({other})"
        )
        if tool == RIVAL:
            same = found["spikeport", "contiguous"]["outputs"]
            met = time <= TARGET and same == found[RIVAL, "contiguous"]["outputs"]
    return met


if __name__ == "__main__":
    sys.exit(main())
