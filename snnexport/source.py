"""Where a command's input comes from: a data set, a file of integers, or nothing given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwsim.errors import FileError, UnsupportedError
from hwsim.files import map_npy
from hwsim.program import Program
from snnexport.passes.calibration import INPUT_STEP, code_input
from snntrain.data import Dataset, load, parse_selector
from snntrain.encode import direct


@dataclass(frozen=True)
class Source:
    """``data``: NAME:SPLIT, ``spikes``: a .npy file, of which the first ``samples`` are used.

    ``root`` is where data files are.
    """

    data: str | None
    spikes: Path | None
    root: Path | None
    samples: int | None

    @property
    def given(self) -> bool:
        """Say whether there is any input at all."""
        return self.data is not None or self.spikes is not None


@dataclass(frozen=True, eq=False)
class Frames:
    """frames (T, B, *shape), labels (B,) if known, and the name and split they go by.

    frames: messages as a program takes them. images: (B, *shape), what they were coded from.
    """

    frames: np.ndarray
    labels: np.ndarray | None
    name: str
    split: str | None
    images: np.ndarray | None = None


def read(source: Source, program: Program) -> Frames:
    """Return the input that ``source`` names: images coded for ``program``, integers as they are.

    Raises
    ------
    UnsupportedError
        If images would have to be coded for a program that has no period.
    FileError
        If a file cannot be read.
    """
    if source.data is None:
        assert source.spikes is not None
        frames = map_npy(source.spikes)
        if source.samples is not None and frames.ndim > 1:
            frames = frames[:, : source.samples]
        return Frames(frames, None, str(source.spikes), None)
    data = dataset(source.data, source.root)
    images = data.images[: source.samples]
    labels = data.labels[: source.samples]
    return Frames(coded(program, images), labels, data.name, data.split, images)


def dataset(selector: str, root: Path | None) -> Dataset:
    """Return the data set that ``NAME:SPLIT`` names."""
    return load(*parse_selector(selector), root)


def coded(program: Program, images: np.ndarray) -> np.ndarray:
    """Return ``images`` (B, *shape) as the messages (T, B, *shape) that ``program`` reads.

    The same integers in every frame: the images, rounded to multiples of what a message of 1
    stands for.
    """
    if program.frames is None:
        raise UnsupportedError(
            f"program {program.name} has no period, so images cannot be coded for it",
            hint="give frames with --spikes IN.npy",
        )
    messages = code_input(images, input_step(program))
    if images[0].size == np.prod(program.input.shape):  # (C, L) is (C, 1, L) to the machine
        messages = messages.reshape(-1, *program.input.shape)
    return direct(messages, program.frames)


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
