"""Free Spoken Digits: 3,000 recordings of ten digits by six speakers, as spikes of 32 channels.

Source: Z. Jackson et al., https://github.com/Jakobovski/free-spoken-digit-dataset, v1.0.10.
"""

from __future__ import annotations

import re
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hwsim.errors import FileError
from snntrain.data.base import Store
from snntrain.data.files import Official, official_path
from snntrain.events.sound import CHANNELS, sound_events

RATE = 8000
TAKES = {"test": range(5), "validation": range(5, 10), "train": range(10, 1 << 31)}
"""Which takes of each digit and speaker a split has. Official are 0..4 to test and the others to
train (README, "Usage"); of those the first five validate. Speakers are the same in all."""
SPEAKERS = {
    "test": ("yweweler",),
    "validation": ("theo",),
    "train": ("george", "jackson", "lucas", "nicolas"),
}
"""Who is heard in each split of ``fsdd-speakers``: nobody in two. By name, in order."""
OFFICIAL = Official(
    "fsdd",
    (
        "fsdd/recordings",
        "free-spoken-digit-dataset/recordings",
        "free-spoken-digit-dataset-1.0.10/recordings",
    ),
    "git clone https://github.com/Jakobovski/free-spoken-digit-dataset",
)


def read(split: str, root: Path | None) -> Store:
    """Return the recordings of ``split``, in order of take, digit and speaker."""
    return _store(split, root, lambda _, take: take in TAKES[split])


def read_speakers(split: str, root: Path | None) -> Store:
    """Return the recordings of the speakers of ``split``, whom no other split has."""
    return _store(split, root, lambda speaker, _: speaker in SPEAKERS[split])


def _store(split: str, root: Path | None, chosen: Callable[[str, int], bool]) -> Store:
    """Return the recordings of which ``chosen(speaker, take)`` is true."""
    folder = official_path(OFFICIAL, root)
    found = []
    for path in folder.glob("*.wav"):
        name = re.fullmatch(r"(\d)_([a-z]+)_(\d{1,6})", path.stem)
        if name is None:
            raise FileError(
                f"{path}: is not named <digit>_<speaker>_<take>.wav", hint=OFFICIAL.hint
            )
        digit, speaker, take = int(name[1]), name[2], int(name[3])
        if chosen(speaker, take):
            found.append((take, digit, speaker, path))
    if not found:
        raise FileError(f"{folder}: has no recordings to {split}", hint=OFFICIAL.hint)
    found.sort()
    paths = tuple(path for *_, path in found)
    labels = np.array([digit for _, digit, _, _ in found], np.int64)
    return Store((CHANNELS,), labels, paths, _spikes, paths)


def _spikes(path: Path) -> np.ndarray:
    try:
        with wave.open(str(path)) as file:
            given = file.getnchannels(), file.getsampwidth(), file.getframerate()
            samples = file.getnframes()
            data = file.readframes(samples)
    except (OSError, EOFError, RuntimeError, wave.Error) as error:
        raise FileError(f"{path}: is not a .wav file: {error}", hint=OFFICIAL.hint) from None
    if given != (1, 2, RATE):
        raise FileError(
            f"{path}: has {given[0]} channels of {given[1]} bytes at {given[2]} Hz, "
            f"not one of 2 at {RATE} Hz",
            hint=OFFICIAL.hint,
        )
    if not data or len(data) != 2 * samples:
        raise FileError(
            f"{path}: has {len(data)} of {2 * samples} bytes of sound", hint=OFFICIAL.hint
        )
    return sound_events(np.frombuffer(data, "<i2"), RATE)
