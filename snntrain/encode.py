"""How images and events become sequences of integers that a spiking network reads."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from hwsim.errors import RangeError

MOST_COUNTED = 31
"""Largest count in a frame of events; what is above is cut to it. So frames fit five bits, which
with weights of eight fit the chip's registers (DESIGN section 6), whatever a hot pixel does."""

LONGEST_US = 1 << 42
"""Of a recording, 51 days: no times of damaged files, and no overflow when multiplied."""
MOST_CELLS = 1 << 28
"""Cells of all frames of a recording together; counting takes eight bytes each."""


def direct(images: np.ndarray, steps: int) -> np.ndarray:
    """Repeat the same integers in every step: (B, *shape) -> (steps, B, *shape), a view.

    Direct coding hands the raw values to the first layer as graded messages; nothing is
    rescaled, so the machine reads exactly what training read.

    Raises RangeError when ``images`` are not integers or ``steps`` is below 1.
    """
    _check("direct", images, steps)
    return np.broadcast_to(images, (steps, *images.shape))


def rate(
    images: np.ndarray, steps: int, span: tuple[int, int], random: np.random.Generator
) -> np.ndarray:
    """Draw a spike in each step with the probability of the value's place in ``span``.

    (B, *shape) -> (steps, B, *shape) uint8 of 0 and 1: never at the low end of ``span``, always
    at the high one. Source: Bernoulli spikes as in P. U. Diehl and M. Cook 2015, section 2.5.
    """
    _check("rate", images, steps)
    drawn = random.random((steps, *images.shape), np.float32)
    return (drawn < _place(images, span).astype(np.float32)).astype(np.uint8)


def latency(images: np.ndarray, steps: int, span: tuple[int, int]) -> np.ndarray:
    """Spike once, the sooner the larger the value: (B, *shape) -> (steps, B, *shape) uint8.

    The high end of ``span`` spikes in the first step, values just above the low end in the
    last, the low end never. Source: time to first spike, S. Thorpe, A. Delorme and R. Van Rullen
    2001, section 3; linear in the value.
    """
    _check("latency", images, steps)
    place = _place(images, span)
    step = np.where(place > 0, np.rint((1 - place) * (steps - 1)).astype(np.int64), steps)
    return (np.arange(steps).reshape(-1, *[1] * images.ndim) == step).astype(np.uint8)


def delta(sequence: np.ndarray, threshold: int, start: int = 0) -> np.ndarray:
    """Spike up or down when a signal has moved by ``threshold``: (T, ...) -> (T, ...) int8.

    A receiver that begins at ``start`` and adds ``threshold`` for each spike (-1, 0 or 1) follows
    the signal, at most one spike a step. A picture that stands still thus becomes a burst whose
    length is its value. Source: send-on-delta, M. Miskowicz 2006, Sensors 6(1), section 2.

    Raises RangeError when ``sequence`` is not of integers or ``threshold`` is below 1.
    """
    _check("delta", sequence, len(sequence))
    if threshold < 1:
        raise RangeError(f"delta: threshold = {threshold} is below 1", hint="use at least 1")
    spikes = np.zeros(sequence.shape, np.int8)
    followed = np.full(sequence.shape[1:], start, np.int64)
    for step, value in enumerate(sequence):
        distance = value - followed
        spikes[step] = np.sign(distance) * (abs(distance) >= threshold)
        followed = followed + threshold * spikes[step].astype(np.int64)
    return spikes


def frames_by_time(events: np.ndarray, shape: tuple[int, ...], steps: int) -> np.ndarray:
    """Count events in ``steps`` frames of equal time, from the first event to the last.

    Parameters
    ----------
    events
        (N,) of ``snntrain.events.EVENT``.
    shape
        Of a frame: (2, H, W) with OFF before ON, (1, H, W) without polarity, or (C,), where an
        event's column is its channel.
    steps
        How many frames.

    Returns
    -------
    (steps, *shape) uint8, at most ``MOST_COUNTED``.

    Raises
    ------
    RangeError
        An event lies outside ``shape``, or ``steps`` is below 1.
    """
    first, last = _time_span(events)
    return _counted(events, shape, steps, (events["t"] - first) * steps // (last - first + 1))


def frames_by_count(events: np.ndarray, shape: tuple[int, ...], steps: int) -> np.ndarray:
    """Count events, in their order, in ``steps`` frames of equally many; else as by time."""
    return _counted(events, shape, steps, np.arange(len(events)) * steps // max(len(events), 1))


def frames_of_length(events: np.ndarray, shape: tuple[int, ...], length_us: int) -> np.ndarray:
    """Count events in as many frames of ``length_us`` as there are, else as by time."""
    if length_us < 1:
        raise RangeError(f"frames of {length_us} us are too short", hint="use 1 us or more")
    first, last = _time_span(events)
    steps = (last - first) // length_us + 1
    if steps * prod(shape) > MOST_CELLS:
        raise RangeError(
            f"{last - first} us of events are {steps} frames of {length_us} us, too many to keep",
            hint="use longer frames, or cut the recording",
        )
    return _counted(events, shape, steps, (events["t"] - first) // length_us)


EVENT_ENCODERS: dict[str, Callable[[np.ndarray, tuple[int, ...], int], np.ndarray]] = {
    "time": frames_by_time,
    "count": frames_by_count,
}
"""How events become a number of frames, by the name that a recipe gives; the first by default."""


def _time_span(events: np.ndarray) -> tuple[int, int]:
    """Return the earliest and latest time in microseconds; both 0 without events."""
    times = events["t"]
    first, last = (int(times.min()), int(times.max())) if times.size else (0, 0)
    if last - first > LONGEST_US:
        raise RangeError(
            f"frames: {last - first} us from the first event to the last exceed {LONGEST_US}",
            hint="is the file damaged? Get it again, or cut the recording",
        )
    return first, last


def _counted(
    events: np.ndarray, shape: tuple[int, ...], steps: int, frame: np.ndarray
) -> np.ndarray:
    """Return how many events each cell of each of ``steps`` frames has; ``frame``: (N,)."""
    if steps < 1:
        raise RangeError(f"frames: steps = {steps} is below 1", hint="use at least one step")
    if len(shape) not in (1, 3) or (len(shape) == 3 and shape[0] > 2):
        raise RangeError(
            f"frames: events do not fit a frame of shape {shape}",
            hint="frames are (2, H, W), (1, H, W) or (C,)",
        )
    x, y = events["x"].astype(np.int64), events["y"].astype(np.int64)
    polarity = events["p"] if shape[0] == 2 else np.zeros(len(events), bool)
    places = (polarity, y, x) if len(shape) == 3 else (x,)
    for place, size, name in zip(places[::-1], shape[::-1], ("x", "y", "p"), strict=False):
        if place.size and not 0 <= place.min() <= place.max() < size:
            raise RangeError(
                f"frames: {name} = {place.min()}..{place.max()} of events does not fit {shape}",
                hint="give a frame of the sensor that the events are of",
            )
    cell = np.ravel_multi_index((frame, *places), (steps, *shape))
    counts = np.bincount(cell, minlength=steps * prod(shape))
    return np.minimum(counts, MOST_COUNTED).astype(np.uint8).reshape(steps, *shape)


def _check(name: str, values: np.ndarray, steps: int) -> None:
    if not np.issubdtype(values.dtype, np.integer):
        raise RangeError(
            f"{name}: images are {values.dtype}, not integers",
            hint="hand over the raw pixel values of the dataset",
        )
    if steps < 1:
        raise RangeError(f"{name}: steps = {steps} is below 1", hint="use at least one step")


def _place(images: np.ndarray, span: tuple[int, int]) -> np.ndarray:
    """Return where in ``span`` values lie, as 0..1; RangeError when one lies outside."""
    low, high = span
    if images.size and not low <= images.min() <= images.max() <= high:
        raise RangeError(
            f"images of {images.min()}..{images.max()} do not fit {low}..{high}",
            hint="give the range of the dataset",
        )
    return (images.astype(np.float64) - low) / (high - low)
