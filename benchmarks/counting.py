"""Measures what counting costs: the native engine on N1 and N2, with and without its counters.

    python benchmarks/counting.py [--json FILE] [--repeat N]

Compiles two scratch copies of the engine, one of them without the lines that count, checks that
both compute the same, and prints the ratio of their times: the minimum of many runs of one
sample, interleaved, on one thread. ``sums`` is the same ratio for a whole ``hwsim.run``, of what
turns the engine's tallies into ``Counts``, ``both`` their product. Exits 1 if a ratio is above
1.10. Before that it prints the synaptic operations of both by three rules (docs/counting.md).
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from math import prod
from pathlib import Path
from typing import Any
from unittest.mock import patch

import nanobind
import numpy as np
from networks import NETWORKS, STEPS  # beside this file

from hwsim import Program, run
from hwsim.counts import connection_counts, population_counts
from hwsim.engines.base import Job, Recording
from hwsim.engines.native import Native, engine

MOST = 1.10
ROOT = Path(__file__).parents[1]
SOURCES = Path("hwsim", "engines", "native", "src")
COUNTING = {
    "steps.h": (r"if \(counted\) \{", "if (false) {"),
    "column.cpp": (r".*(count_bits|\+\+tally\.(steps|fired)).*\n", ""),
}
"""What counts, by file, and what takes its place; what only it needs the compiler leaves out."""


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--repeat", type=int, default=500)
    options = parser.parse_args()
    rows = []
    for case, build in NETWORKS.items():
        print(f"{case} synaptic operations: {_by_three_rules(*build())}")
    with tempfile.TemporaryDirectory() as folder:
        builds = [_built(Path(folder, name), counts=name == "counting") for name in BUILDS]
        for case, build in NETWORKS.items():
            rows += _measured(case, *build(), builds, options.repeat)
    for row in rows:
        same = f", equal results: {row['equal_results']}"
        print(f"{row['case']} {row['metric']}: {row['value']:.3f} of plain (at most {MOST}){same}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if all(row["value"] <= MOST and row["equal_results"] for row in rows) else 1


def _by_three_rules(program: Program, spikes: np.ndarray) -> str:
    """Return what is counted, the same without zero weights, and mean rate times all synapses."""
    counts, mean = run(program, spikes).counts, 0.0
    assert counts is not None
    for of, c in zip(counts.connections, program.connections, strict=True):
        shape = program.shape_of(c.source)
        mean += of.messages / prod(shape) * int(c.synapse.fan_out(shape).sum())
    nonzero = sum(c.nonzero_synops for c in counts.connections)
    return f"{counts.synops:,}; nonzero weights {nonzero:,}; mean rate x dense {mean:,.0f}"


BUILDS = ("counting", "plain")


def _built(folder: Path, *, counts: bool) -> Any:
    """Return the extension module, compiled in ``folder``; ``counts``: as it is."""
    shutil.copytree(ROOT / SOURCES, folder / SOURCES)
    for name, (pattern, instead) in {} if counts else COUNTING.items():
        path = folder / SOURCES / name
        kept, places = re.subn(pattern, instead, path.read_text())
        assert places, f"nothing counts in {name}"
        path.write_text(kept)
    # types of a domain of its own: both modules live in this process
    text = (ROOT / "CMakeLists.txt").read_text()
    marked = text.replace("module(_native ", f"module(_native NB_DOMAIN {folder.name} ")
    (folder / "CMakeLists.txt").write_text(marked)
    flags = [
        "-DCMAKE_BUILD_TYPE=Release",
        "-DCMAKE_CXX_FLAGS=-w",
        f"-DPython_EXECUTABLE={sys.executable}",
        f"-Dnanobind_DIR={nanobind.cmake_dir()}",
    ]
    build = folder / "build"
    configure = ["cmake", "-S", folder, "-B", build, *flags]
    for command in (configure, ["cmake", "--build", build]):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (library,) = build.glob("_native*")
    spec = spec_from_file_location("_native", library)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _measured(
    case: str, program: Program, spikes: np.ndarray, builds: list[Any], repeat: int
) -> list[dict]:
    job, machines = Job(STEPS + program.latency, threads=1), []
    for module in builds:
        with patch.object(engine, "_extension", lambda module=module: module):
            machines.append(Native(program))
    counted, plain = (m.run(spikes, job, Recording()) for m in machines)
    equal = bool((counted.outputs == plain.outputs).all())
    tallies, whole = counted.populations, run(program, spikes, threads=1).counts
    assert whole is not None

    def sums() -> None:
        for p in program.populations:
            population_counts(p, tallies[p.name])
        connection_counts(program, whole.fired)

    actions = [lambda m=m: m.run(spikes, job, Recording()) for m in machines]
    with_s, without_s = _fastest(actions, repeat)
    run_s, sums_s = _fastest([lambda: run(program, spikes, threads=1), sums], repeat // 10 + 1)
    ratios = {"engine": with_s / without_s, "sums": run_s / (run_s - sums_s)}
    ratios["both"] = ratios["engine"] * ratios["sums"]
    row = {"case": case, "tool": "spikeport", "unit": "ratio", "equal_results": equal}
    return [{**row, "metric": metric, "value": value} for metric, value in ratios.items()]


def _fastest(actions: list[Callable[[], object]], repeat: int) -> list[float]:
    """Return the shortest time of each action in seconds, all of them tried in turn."""
    best = [float("inf")] * len(actions)
    for _ in range(repeat):
        for index, action in enumerate(actions):
            start = time.perf_counter()
            action()
            best[index] = min(best[index], time.perf_counter() - start)
    return best


if __name__ == "__main__":
    sys.exit(main())
