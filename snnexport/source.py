"""Where a command's input comes from: a data set, a file of integers, or nothing given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwsim.errors import UnsupportedError
from hwsim.files import map_npy
from hwsim.program import Program
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
    """frames (T, B, *shape), labels (B,) if known, and the name and split they go by."""

    frames: np.ndarray
    labels: np.ndarray | None
    name: str
    split: str | None


def read(source: Source, program: Program) -> Frames:
    """Return the input that ``source`` names, coded for ``program``.

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
    if program.frames is None:
        raise UnsupportedError(
            f"program {program.name} has no period, so images cannot be coded for it",
            hint="give frames with --spikes IN.npy",
        )
    frames = direct(data.images[: source.samples], program.frames)
    return Frames(frames, data.labels[: source.samples], data.name, data.split)


def dataset(selector: str, root: Path | None) -> Dataset:
    """Return the data set that ``NAME:SPLIT`` names."""
    return load(*parse_selector(selector), root)
