"""The one array that every event file becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hwsim.errors import FileError

EVENT = np.dtype([("t", np.int64), ("x", np.int16), ("y", np.int16), ("p", bool)])
"""An event: time in microseconds, column, row, and whether it got brighter (ON)."""


def event_array(t: Any, x: Any, y: Any, p: Any) -> np.ndarray:
    """Return events (N,) of type ``EVENT`` from four values that broadcast together."""
    columns = np.broadcast_arrays(t, x, y, p)
    events = np.empty(columns[0].shape, EVENT)
    for name, column in zip(EVENT.names or (), columns, strict=True):
        events[name] = column
    return events


def records(data: bytes, dtype: np.dtype, path: Path, kind: str) -> np.ndarray:
    """Return ``data``, the part of ``path`` after its header, as records of one size.

    Raises FileError when there is none, or when the last one is cut off.
    """
    whole, rest = divmod(len(data), dtype.itemsize)
    if rest or not whole:
        wrong = f"its last record has {rest} of {dtype.itemsize} bytes" if rest else "has no events"
        raise damaged(path, kind, wrong)
    return np.frombuffer(data, dtype)


def damaged(path: Path, kind: str, reason: object) -> FileError:
    """Return the error that says why ``path`` is not a readable file of this ``kind``."""
    return FileError(f"{path}: is not {kind}: {reason}", hint="get the file again")
