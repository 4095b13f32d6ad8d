"""Compares the speed of hwsim's engines with real Lava on N1 and N2, equal spikes checked first.

    python benchmarks/simulator.py [--json FILE] [--only TOOL,...] [--repeat N]

Prints microseconds per step of one sample and the ratio to Lava, measured in the same run: the
minimum of many runs of the native engine on one thread, program loaded, against Lava's fastest
of three, its start-up excluded and without recorders. Exits 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from networks import NETWORKS, STEPS  # beside this file

from hwsim import Program, run
from hwsim.engines.base import Job, Recording
from hwsim.engines.native import Native
from hwsim.engines.reference import Reference
from snnexport import lava
from snnexport.formats.lava import write_lava
from snnexport.lava.python import find_uv, obtain_python

TOOLS = ("spikeport", "reference", "lava")
TARGETS = {"n1": 200.0}
"""Least speed of the native engine, in times Lava's."""
PEER = Path(__file__).parent / "peers" / "lava_steps.py"


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", default=",".join(TOOLS))
    parser.add_argument("--repeat", type=int, default=200)
    options = parser.parse_args()
    tools, rows = options.only.split(","), []
    for name, build in NETWORKS.items():
        program, spikes = build()
        for tool in tools:
            step_s, equal = MEASURES[tool](program, spikes, options.repeat)
            row = {"case": name, "tool": tool, "metric": "step", "unit": "us"}
            rows.append({**row, "value": step_s * 1e6, "equal_results": equal})
            print(f"{name} {tool}: {step_s * 1e6:.2f} us/step, equal results: {equal}")
    met = [_ratios(rows, name) for name in NETWORKS]
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if all(met) and all(r["equal_results"] for r in rows) else 1


def _ratios(rows: list[dict], name: str) -> bool:
    """Print how many times faster than the others spikeport is; say whether the target is met."""
    by_tool = {r["tool"]: r["value"] for r in rows if r["case"] == name}
    met = True
    for tool in by_tool.keys() - {"spikeport"} if "spikeport" in by_tool else ():
        ratio, target = by_tool[tool] / by_tool["spikeport"], None
        if tool == "lava":
            target = TARGETS.get(name)
            met = target is None or ratio >= target
        wanted = f" (target {target:.0f})" if target else ""
        print(f"{name}: spikeport is {ratio:.0f} times as fast as {tool}{wanted}")
    return met


def _engine(kind: type) -> object:
    def measure(program: Program, spikes: np.ndarray, repeat: int) -> tuple[float, bool]:
        machine = kind(program)
        job = Job(STEPS + program.latency, threads=1)
        best = float("inf")
        for _ in range(repeat if kind is Native else 3):
            start = time.perf_counter()
            machine.run(spikes, job, Recording())
            best = min(best, time.perf_counter() - start)
        name = "native" if kind is Native else "reference"
        ours = run(program, spikes, engine=name, record="spikes").trace
        return best / job.steps, _same(ours.spikes, _expected(program, spikes))

    return measure


def _lava(program: Program, spikes: np.ndarray, _: int) -> tuple[float, bool]:
    equal = _same(lava.run(program, spikes).trace.spikes, _expected(program, spikes))
    flags = ["--quiet", "--no-project", "--python", obtain_python(300), "--with-requirements"]
    with tempfile.TemporaryDirectory() as folder:
        write_lava(program, Path(folder, "net"))
        np.save(Path(folder, "in.npy"), spikes)
        work = [Path(folder, "net"), Path(folder, "in.npy"), str(STEPS)]
        command = [find_uv(), "run", *flags, PEER, "python", PEER, *work]
        runs = [subprocess.run(command, capture_output=True, check=True) for _ in range(3)]
    return min(json.loads(r.stdout)["step_s"] for r in runs), equal


def _expected(program: Program, spikes: np.ndarray) -> dict[str, np.ndarray]:
    return run(program, spikes, engine="reference", record="spikes").trace.spikes


def _same(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> bool:
    return all((ours[name] == theirs[name]).all() for name in theirs)


MEASURES = {"spikeport": _engine(Native), "reference": _engine(Reference), "lava": _lava}

if __name__ == "__main__":
    sys.exit(main())
