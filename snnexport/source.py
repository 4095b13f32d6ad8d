"""Where a command's input comes from: a data set, a file of integers, or nothing given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwsim.errors import FileError, RangeError, UnsupportedError
from hwsim.files import map_npy
from hwsim.program import Program
from snnexport.passes.calibration import ENCODER, INPUT_STEP, code_input
from snntrain.data import Dataset, load, parse_selector
from snntrain.encode import LONGEST_US, direct, frames_of_length
from snntrain.events import read_events


@dataclass(frozen=True)
class Source:
    """``data``: NAME:SPLIT, ``spikes``: a .npy file, of which the first ``samples`` are used.

    ``root`` is where data files are. ``events``: a recording that is counted in frames of
    ``bin_ms`` milliseconds.
    """

    data: str | None
    spikes: Path | None
    root: Path | None
    samples: int | None
    events: Path | None = None
    bin_ms: float | None = None

    @property
    def given(self) -> bool:
        """Say whether there is any input at all."""
        return any(way is not None for way in (self.data, self.spikes, self.events))


@dataclass(frozen=True, eq=False)
class Frames:
    """frames (T, B, *shape), labels (B,) if known, and the name and split they go by.

    frames: messages as a program takes them. images: (B, *shape), what they were coded from, if
    that is the same in every step.
    """

    frames: np.ndarray
    labels: np.ndarray | None
    name: str
    split: str | None
    images: np.ndarray | None = None


def read(source: Source, program: Program) -> Frames:
    """Return the input that ``source`` names: data coded for ``program``, integers as they are.

    Raises
    ------
    UnsupportedError
        If data would have to be coded for a program that has no period.
    FileError
        If a file cannot be read.
    """
    if source.events is not None:
        assert source.bin_ms is not None
        frames = recorded(program, source.events, source.bin_ms)[:, : source.samples]
        return Frames(messages(program, frames), None, str(source.events), None)
    if source.data is None:
        assert source.spikes is not None
        frames = map_npy(source.spikes)
        if source.samples is not None and frames.ndim > 1:
            frames = frames[:, : source.samples]
        return Frames(frames, None, str(source.spikes), None)
    data = dataset(source.data, source.root, program.metadata.get(ENCODER, ""))
    data = data if source.samples is None else data.first(source.samples)
    sequence = data.sequences(slice(None), _frames(program))
    images = sequence[0] if _is_still(sequence) else None
    return Frames(messages(program, sequence), data.labels, data.name, data.split, images)


def recorded(program: Program, path: Path, bin_ms: float) -> np.ndarray:
    """Return the events of a file as frames (T, B, *input shape) of ``bin_ms`` milliseconds.

    A sample is as many frames as the program has of one, the next one follows; the last is
    filled up with silence. All frames are one sample where a program has no period.
    """
    if not bin_ms <= LONGEST_US / 1000:  # nan as well
        raise RangeError(
            f"--bin-ms {bin_ms}: exceeds {LONGEST_US / 1000}", hint="give milliseconds a frame"
        )
    shape = program.input.shape
    frames = frames_of_length(read_events(path), shape, round(1000 * bin_ms))
    length = program.frames or len(frames)
    samples = -(-len(frames) // length)
    whole = np.zeros((samples * length, *shape), frames.dtype)
    whole[: len(frames)] = frames
    return whole.reshape(samples, length, *shape).swapaxes(0, 1)


def dataset(selector: str, root: Path | None, encoder: str = "") -> Dataset:
    """Return the data set that ``NAME:SPLIT`` names, as a network of this ``encoder`` reads it."""
    return load(*parse_selector(selector), root, encoder)


def coded(program: Program, images: np.ndarray) -> np.ndarray:
    """Return ``images`` (B, *shape) as the messages (T, B, *shape), the same in every frame."""
    return messages(program, direct(images, _frames(program)))


def messages(program: Program, sequence: np.ndarray) -> np.ndarray:
    """Return integers (T, B, *shape) as the messages that ``program`` reads.

    They are rounded to multiples of what a message of 1 stands for; what is the same in every
    step is so once, and a view.
    """
    if _is_still(sequence):
        return direct(messages(program, sequence[:1].copy())[0], len(sequence))
    step = input_step(program)
    sent = sequence if step == 1 else code_input(sequence, step)
    shape = program.input.shape  # (C, L) is (C, 1, L) to the machine
    fits = np.prod(sequence.shape[2:]) == np.prod(shape)
    return sent.reshape(*sequence.shape[:2], *shape) if fits else sent


def _is_still(sequence: np.ndarray) -> bool:
    """Say whether ``sequence`` is one array seen in every step, as :func:`direct` gives it."""
    return sequence.strides[0] == 0


def _frames(program: Program) -> int:
    """Return how many frames a sample of ``program`` has."""
    if program.frames is None:
        raise UnsupportedError(
            f"program {program.name} has no period, so images cannot be coded for it",
            hint="give frames with --spikes IN.npy",
        )
    return program.frames


def input_step(program: Program) -> float:
    """Return how much of the trained network's input a message of 1 stands for."""
    text = program.metadata.get(INPUT_STEP, "1.0")
    try:
        step = float(text)
    except ValueError:
        step = 0.0
    if not 0 < step < float("inf"):
        raise FileError(
            f"program {program.name}: its metadata says {INPUT_STEP} = {text!r}, not a number > 0",
            hint="export the program again",
        )
    return step
