"""The least time that this processor could take: synapses and neurons at its own peak rates."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from simulate.case import Case

SOURCE = Path(__file__).parents[1] / "peak.cpp"
FLAGS = ("-O3", "-march=native", "-std=c++17", "-w")


class Rates(NamedTuple):
    """Of the best loop: 1e9 synapses added and 1e9 neurons updated a second, on one core."""

    add: float
    update: float

    def bound_us(self, case: Case) -> float:
        """Return the microseconds that a step of ``case`` takes at these rates."""
        return (case.synops / self.add + case.updates / self.update) / 1e3


def measure() -> Rates:
    """Compile the peak loops with g++, run them, print each, and return the best."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "peak")
        subprocess.run(["g++", *FLAGS, SOURCE, "-o", program], check=True)
        done = subprocess.run([program], check=True, capture_output=True)
    loops = json.loads(done.stdout)
    for kind, rates in loops.items():
        print(
            f"peak {kind}: " + ", ".join(f"{name} {rate:.1f} G/s" for name, rate in rates.items())
        )
    return Rates(*(max(loops[kind].values()) for kind in ("add", "update")))
