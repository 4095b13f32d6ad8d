"""What every peer reads and answers in a folder: network.npz in, spikes.npz and report.json out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Layer:
    """LIF neurons behind a dense layer (n, m) or a convolution (C, C_in, k, k) of even weights.

    They fire when v exceeds ``threshold``, in units of the weights, in step f + 1 + ``latency``
    of the machine for frame f; ``recurrent`` (n, n) weighs their spikes of the step before.
    """

    name: str
    weight: np.ndarray
    threshold: int
    latency: int
    shape: tuple[int, ...]
    stride: int = 1
    padding: int = 0
    recurrent: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Network:
    """Layers in a chain, frames (T, B, *shape) of 0 and 1, the leak of v in 1/4096 a step."""

    layers: list[Layer]
    frames: np.ndarray
    decay_v: int


def read(folder: Path) -> Network:
    """Return the network that :func:`write` put into ``folder``."""
    with np.load(folder / "network.npz") as file:
        arrays = dict(file)
    layers = json.loads((folder / "layers.json").read_text())
    for fields in layers:
        fields["shape"] = tuple(fields["shape"])
        fields["weight"] = arrays[f"{fields['name']}.weight"]
        fields["recurrent"] = arrays.get(f"{fields['name']}.recurrent")
    found = [Layer(**fields) for fields in layers]
    return Network(found, arrays["frames"], int(arrays["decay_v"]))


def write(folder: Path, network: Network) -> None:
    """Write ``network`` for a peer of any Python."""
    arrays = {"frames": network.frames, "decay_v": np.array(network.decay_v)}
    layers = []
    for layer in network.layers:
        fields = dict(vars(layer))
        for kind in ("weight", "recurrent"):
            array = fields.pop(kind)
            if array is not None:
                arrays[f"{layer.name}.{kind}"] = array
        layers.append(fields)
    np.savez(folder / "network.npz", **arrays)
    (folder / "layers.json").write_text(json.dumps(layers))


@dataclass(frozen=True)
class Timing:
    """What ``steps`` of ``batch`` samples took; memory_mb: the highest so far."""

    batch: int
    steps: int
    cpu_s: float
    wall_s: float
    memory_mb: float


def timed(work: Callable[[], Any], batch: int, steps: int) -> tuple[Any, Timing]:
    """Return what ``work`` gives and what it took of this process."""
    cpu, wall = time.process_time(), time.perf_counter()
    done = work()
    took = time.process_time() - cpu, time.perf_counter() - wall
    return done, Timing(batch, steps, *took, peak_memory_mb())


def peak_memory_mb() -> float:
    """Return the most memory that this process held; getrusage would count its parent's too."""
    status = Path("/proc/self/status").read_text().split()
    return int(status[status.index("VmHWM:") + 1]) / 1024


def answer(folder: Path, timings: Sequence[Timing], spikes: dict[str, np.ndarray]) -> None:
    """Leave the report; ``spikes``: (T, n) of each layer for the first sample, frame by frame."""
    np.savez(folder / "spikes.npz", **{name: train != 0 for name, train in spikes.items()})
    whole = folder / "report.whole"
    whole.write_text(json.dumps([vars(timing) for timing in timings]))
    whole.rename(folder / "report.json")
