"""The golden bundle: inputs of a program with the spikes they must cause, kept in its export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from hwsim.errors import FileError, RangeError
from hwsim.files import read_npz
from hwsim.program import Program
from hwsim.simulate import run
from hwsim.trace import Trace

INPUT, OUTPUTS, DIGEST = "input", "outputs", "program_sha256"
_RANDOM = 1 << 27
"""Most values of a random input."""


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
    """Return the arrays of ``golden.npz``: ``frames`` (T, B, *shape) on the reference engine."""
    result = run(program, frames, engine="reference", record="spikes")
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
    golden = Golden(arrays[INPUT], Trace.of_arrays(arrays), arrays[OUTPUTS])
    recorded = [golden.frames, *golden.trace.spikes.values()]
    whole = all(a.dtype.kind in "biu" for a in [*recorded, golden.outputs])
    samples = {golden.outputs.shape[:1], *(a.shape[1:2] for a in recorded)}
    if not whole or golden.outputs.ndim != 2 or len(samples) > 1:
        raise FileError(
            f"{path}: is damaged: its arrays are not integers of the same samples",
            hint="export the program again",
        )
    return golden


def random_frames(program: Program, samples: int, seed: int = 0) -> np.ndarray:
    """Return seeded random input (T, samples, *shape), half of it silent, over the full range.

    Raises RangeError where that would be unreasonably large.
    """
    rng = np.random.default_rng(seed)
    want = program.input
    steps = program.frames or 2 * program.latency + 8
    shape = (steps, samples, *want.shape)
    if prod(shape) > _RANDOM:
        raise RangeError(
            f"program {program.name}: random input of shape {shape} has more than {_RANDOM} values",
            hint="give input with --data or --spikes, or fewer --samples",
        )
    values = rng.integers(want.low, want.high, shape, endpoint=True)
    return values * rng.integers(0, 2, shape)
