"""The address events of N-MNIST and N-Caltech101: ``.bin`` files of five bytes an event."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hwsim.files import read_bytes
from snntrain.events.array import event_array, records

KIND = "an N-MNIST event file, .bin"
RECORD = np.dtype((np.uint8, 5))
OVERFLOW_ROW, OVERFLOW_US = 240, 1 << 13
"""An event of this row is none: it adds so many microseconds to all times that follow."""


def read_nmnist(path: Path) -> np.ndarray:
    """Return the events of ``path``; FileError when it is not of this kind.

    A byte each for column and row, one bit polarity, 23 bits time in microseconds. Source: G.
    Orchard et al., "Converting Static Image Datasets to Spiking Neuromorphic Datasets Using
    Saccades", 2015, and the authors' reader ``eventvision.py``, read_dataset.
    """
    data = records(read_bytes(path, KIND), RECORD, path, KIND).astype(np.int64)
    x, y, high, middle, low = data.T
    t = (high & 127) << 16 | middle << 8 | low
    overflow = y == OVERFLOW_ROW
    t += OVERFLOW_US * np.cumsum(overflow)
    return event_array(t, x, y, high >> 7)[~overflow]
