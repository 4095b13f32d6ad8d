"""DVS-Gesture: eleven hand and arm gestures of 29 people before an event camera, 128x128 pixels.

Source: A. Amir et al., "A Low Power, Fully Event-Based Gesture Recognition System", CVPR 2017; md5
from spikingjelly 2.0.0 ``DVS128Gesture.resource_url_md5``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import numpy as np

from hwsim.errors import FileError
from hwsim.files import read_bytes
from snntrain.data.base import Store
from snntrain.data.files import Archive, Official, official_path
from snntrain.events.jaer import read_aedat

SHAPE = (2, 128, 128)
CLASSES = 11
VALIDATION_USERS = 3
"""People of the training trials who validate, the last by name: people who test are others too."""
HINT = (
    "download DvsGesture.tar.gz by hand from "
    "https://ibm.ent.box.com/s/3hiq58ww1pbbjrinh367ykfdf60xsfm8/folder/50167556794"
)
OFFICIAL = Official(
    "dvs-gesture",
    ("DvsGesture",),
    HINT,
    Archive("DvsGesture.tar.gz", "8a5c71fb11e24e5ca5b11866ca6c00a1"),
)


def read(split: str, root: Path | None) -> Store:
    """Return the gestures of ``split``, in order of the official list of trials.

    A trial is a recording ``userNN_light.aedat`` of several gestures, and ``_labels.csv`` says
    from when to when which one was made: each is a sample, its label one less than the number
    there.
    """
    folder = official_path(OFFICIAL, root)
    trials = _trials(folder / f"trials_to_{'test' if split == 'test' else 'train'}.txt")
    users = sorted({trial.split("_")[0] for trial in trials})
    validating = users[-VALIDATION_USERS:]
    if split != "test":
        chosen = split == "validation"
        trials = [t for t in trials if (t.split("_")[0] in validating) == chosen]
    keys, labels = [], []
    for trial in trials:
        for label, start, end in _gestures((folder / trial).with_suffix("")):
            keys.append((folder / trial, start, end))
            labels.append(label - 1)
    last_read = lru_cache(maxsize=1)(read_aedat)  # the gestures of a recording follow each other

    def gesture(key: tuple[Path, int, int]) -> np.ndarray:
        path, start, end = key
        events = last_read(path)
        return events[(events["t"] >= start) & (events["t"] < end)]

    files = tuple(folder / trial for trial in trials)
    return Store(SHAPE, np.array(labels, np.int64), keys, gesture, files)


def _trials(path: Path) -> list[str]:
    """Return the names of recordings that a list of trials names."""
    lines = read_bytes(path, "the list of trials of DVS-Gesture").decode("utf-8", "replace")
    names = lines.split()
    wrong = [name for name in names if not re.fullmatch(r"[\w-]+\.aedat", name)]
    if wrong:
        raise FileError(f"{path}: {wrong[0]!r} is not the name of a recording", hint=HINT)
    return names


def _gestures(stem: Path) -> list[tuple[int, int, int]]:
    """Return number, start and end in microseconds of each gesture of a recording."""
    path = stem.with_name(f"{stem.name}_labels.csv")
    lines = read_bytes(path, "the labels of a recording").decode("utf-8", "replace").splitlines()
    try:
        rows = [tuple(int(value) for value in line.split(",")) for line in lines[1:] if line]
        found = [(label, start, end) for label, start, end in rows]
    except ValueError as error:
        raise FileError(f"{path}: is no list of class, start, end: {error}", hint=HINT) from None
    for label, start, end in found:
        if not (1 <= label <= CLASSES and start < end):
            raise FileError(
                f"{path}: class {label} from {start} to {end} us should be of 1..{CLASSES}, "
                "and end after its start",
                hint=HINT,
            )
    return found
