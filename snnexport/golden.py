"""The golden bundle: inputs of a program with the spikes they must cause, kept in its export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwsim.errors import FileError
from hwsim.files import read_npz
from hwsim.program import Program
from hwsim.simulate import run
from hwsim.trace import Trace

INPUT, OUTPUTS, DIGEST = "input", "outputs", "program_sha256"


@dataclass(frozen=True, eq=False)
class Golden:
    """frames (T, B, *shape), what every population must do with them, and the readout (B, n)."""

    frames: np.ndarray
    trace: Trace
    outputs: np.ndarray

    def first(self, samples: int | None) -> Golden:
        """Return the first ``samples`` of it; all for None."""
        spikes = {name: a[:, :samples] for name, a in self.trace.spikes.items()}
        return Golden(self.frames[:, :samples], Trace(spikes), self.outputs[:samples])


def bundle(program: Program, frames: np.ndarray, digest: str) -> dict[str, np.ndarray]:
    """Run ``frames`` (T, B, *shape) and return the arrays of ``golden.npz``."""
    result = run(program, frames, record="spikes")
    assert result.trace is not None
    named = {INPUT: frames, OUTPUTS: result.outputs, DIGEST: np.array(digest)}
    return {**named, **result.trace.arrays}


def load_golden(path: Path, digest: str) -> Golden:
    """Read ``golden.npz``; raise FileError if it belongs to another program."""
    arrays: Mapping[str, np.ndarray] = read_npz(path)
    missing = [name for name in (INPUT, OUTPUTS, DIGEST) if name not in arrays]
    if missing:
        raise FileError(
            f"{path}: is not a golden bundle: {', '.join(missing)} missing",
            hint="export the program again",
        )
    if str(arrays[DIGEST]) != digest:
        raise FileError(
            f"{path}: was made for another program (sha256 {str(arrays[DIGEST])[:12]}, "
            f"not {digest[:12]})",
            hint="export the program again, or give input with --data or --spikes",
        )
    return Golden(arrays[INPUT], Trace.of_arrays(arrays), arrays[OUTPUTS])


def random_frames(program: Program, samples: int, seed: int = 0) -> np.ndarray:
    """Return seeded random input (T, samples, *shape), half of it silent, over the full range."""
    rng = np.random.default_rng(seed)
    want = program.input
    steps = program.frames or 2 * program.latency + 8
    shape = (steps, samples, *want.shape)
    values = rng.integers(want.low, want.high, shape, endpoint=True)
    return values * rng.integers(0, 2, shape)
