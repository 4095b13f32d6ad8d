"""Which samples of a training set validate."""

from __future__ import annotations

import numpy as np

PART = 10
"""One sample in so many of each class validates."""


def divided(labels: np.ndarray, split: str) -> np.ndarray:
    """Return the sorted rows of ``split``: the last tenth of each class is ``"validation"``.

    At least one sample of a class validates. ``"train"`` is the others, ``"test"`` all: the test
    sets are sets of their own.
    """
    if split == "test":
        return np.arange(len(labels))
    validates = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        validates[rows[-max(1, len(rows) // PART) :]] = True
    return np.flatnonzero(validates == (split == "validation"))
