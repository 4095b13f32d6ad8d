"""Compares the speed of hwsim with lava-dl 0.6.0 on its N-TIDIGITS network, axonal delays included.

    python benchmarks/netx.py [--json FILE] [--only TOOL,...] [--repeat N] [--lava-steps N]

spikeport runs all 3000 steps of the stored input on one thread, program loaded, the minimum of N
runs, and must give all 242 x 3000 stored outputs. lava-dl runs the first ``--lava-steps`` steps,
its start-up excluded, and must give the same outputs there: all 3000 take it minutes, and a step
of dense matrices takes the same time whatever is sent. Exits 1 if the target is missed.
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

from hwsim import run
from hwsim.engines.base import Job, Recording
from hwsim.engines.native import Native
from snnexport import netx
from snnexport.formats.netx.read import read_netx

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from peers.lava_dl_wheel import lava_dl_data

TOOLS = ("spikeport", "lava-dl")
TARGET = 500.0
"""Least speed, in times lava-dl's."""
CASE, LAYERS = "ntidigits", 5
"""The file's sixth layer is an average, which lava-dl does not load."""
PEER = Path(__file__).parent / "peers" / "netx_steps.py"


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", default=",".join(TOOLS))
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--lava-steps", type=int, default=300)
    options = parser.parse_args()
    folder = lava_dl_data() / "gts" / "ntidigits"
    outputs, step_s, equal = _spikeport(folder, options.repeat)
    rows = [_row("spikeport", step_s, equal)]
    if "lava-dl" in options.only.split(","):
        theirs, lava_step_s = _lava_dl(folder, options.lava_steps)
        equal = bool((theirs == outputs[: len(theirs)]).all())
        rows.append(_row("lava-dl", lava_step_s, equal))
        ratio = lava_step_s / step_s
        print(f"{CASE}: spikeport is {ratio:.0f} times as fast as lava-dl (target {TARGET:.0f})")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    met = len(rows) < 2 or rows[1]["value"] >= TARGET * rows[0]["value"]
    return 0 if met and all(r["equal_results"] for r in rows) else 1


def _row(tool: str, step_s: float, equal: bool) -> dict:
    print(f"{CASE} {tool}: {step_s * 1e6:.2f} us/step, equal results: {equal}")
    row = {"case": CASE, "tool": tool, "metric": "step", "unit": "us"}
    return {**row, "value": step_s * 1e6, "equal_results": equal}


def _spikeport(folder: Path, repeat: int) -> tuple[np.ndarray, float, bool]:
    """Return the outputs (steps, n), the time of a step, and whether they are those stored."""
    program = read_netx(folder / "ntidigits.net", num_layers=LAYERS)
    spikes = np.load(folder / "input.npy").T.astype(np.int8)
    spikes = spikes.reshape(len(spikes), 1, *program.input.shape)
    outputs = run(program, spikes, record="spikes", steps=len(spikes)).trace.spikes["layer4"][:, 0]
    stored = np.load(folder / "output.npy").T  # one step later, as slayer counts
    equal = bool((stored[1:] == outputs[:-1]).all() and not stored[0].any())
    machine, job, best = Native(program), Job(len(spikes), threads=1), float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        machine.run(spikes, job, Recording())
        best = min(best, time.perf_counter() - start)
    return outputs, best / job.steps, equal


def _lava_dl(folder: Path, steps: int) -> tuple[np.ndarray, float]:
    """Return the outputs (steps, n) and the time of a step."""
    with tempfile.TemporaryDirectory() as work:
        source, target = Path(work, "in.npy"), Path(work, "out.npy")
        np.save(source, np.load(folder / "input.npy")[:, :steps])
        python = netx.obtain_python(300)
        command = [python, PEER, folder / "ntidigits.net", source, target, str(LAYERS)]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        return np.load(target).T, json.loads(done.stdout.splitlines()[-1])["step_s"]


if __name__ == "__main__":
    sys.exit(main())
