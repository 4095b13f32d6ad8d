"""A raster of one sample: when some neurons of each layer fired, and how many of all did."""

from __future__ import annotations

import numpy as np

from hwsim._report.values import Raster, RasterLayer
from hwsim.errors import RangeError
from hwsim.program import Program
from hwsim.trace import Trace

NEURONS_SHOWN = 64
"""Of a layer, at most."""
MOST_EVENTS = 20_000
"""Of all layers together: what a page of a report can still hold."""


def raster_of(
    program: Program, trace: Trace, sample: int = 0, inputs: np.ndarray | None = None
) -> Raster:
    """Return the spikes of ``sample`` over all machine steps, counted from 1.

    Neurons are chosen evenly over a layer, as many of each layer, and every spike of those is
    there; where that would be more than ``MOST_EVENTS`` in all, fewer neurons are chosen.
    With ``inputs`` (T, B, *shape) the input comes first, in the steps in which it is sent.

    Raises
    ------
    RangeError
        If there is no such sample.
    """
    steps, samples = trace.spikes[program.output].shape[:2]
    if not 0 <= sample < samples:
        raise RangeError(
            f"sample = {sample} is not one of the {samples} of the trace",
            hint=f"choose one of 0..{samples - 1}",
        )
    fired = {} if inputs is None else {program.input.name: _sent(program, inputs, sample, steps)}
    for p in program.populations:
        fired[p.name] = trace.spikes[p.name][:, sample].reshape(steps, -1) != 0
    most = NEURONS_SHOWN
    while sum(np.count_nonzero(f[:, _chosen(f, most)]) for f in fired.values()) > MOST_EVENTS:
        most //= 2
    return Raster(
        sample=sample,
        steps=steps,
        layers=tuple(_layer(name, f, _chosen(f, most)) for name, f in fired.items()),
        rates={name: tuple(f.mean(axis=1).tolist()) for name, f in fired.items()},
    )


def _sent(program: Program, inputs: np.ndarray, sample: int, steps: int) -> np.ndarray:
    """Return where the input sent a message, (steps, neurons)."""
    frames = inputs[: program.frames_sent(steps), sample].reshape(-1, inputs[0, 0].size) != 0
    before = min(program.gap, steps)
    return np.pad(frames, ((before, steps - before - len(frames)), (0, 0)))


def _chosen(fired: np.ndarray, most: int) -> np.ndarray:
    """Return the indices of up to ``most`` neurons of (steps, neurons), first and last included.

    Their distance is no divisor of the layer's size, or they all were in one column of a plane.
    """
    neurons = fired.shape[1]
    shown = min(most, neurons)
    return np.arange(shown) * (neurons - 1) // max(shown - 1, 1)


def _layer(name: str, fired: np.ndarray, chosen: np.ndarray) -> RasterLayer:
    events = np.argwhere(fired[:, chosen]).tolist()
    return RasterLayer(
        name=name,
        neurons=fired.shape[1],
        neurons_shown=tuple(chosen.tolist()),
        events=tuple((index + 1, row) for index, row in events),
    )
