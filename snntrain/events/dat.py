"""Prophesee's ``.dat`` files, version 2: N-CARS, Gen1 automotive detection."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from hwsim.errors import UnsupportedError
from hwsim.files import read_bytes
from snntrain.events.array import damaged, event_array, records

KIND = "a Prophesee event file, .dat"
RECORD = np.dtype([("t", "<u4"), ("address", "<u4")])
TYPES = (0, 12)
"""Event types of changes of brightness: 2D events of older files, and CD events."""


def read_dat(path: Path) -> np.ndarray:
    """Return the events of ``path``.

    Header lines that begin with ``%``; a byte event type, a byte event size; then 32 bits time
    in microseconds, and from the lowest bit 14 bits column, 14 bits row, 4 bits polarity.
    Source: Prophesee, Metavision SDK documentation, "DAT File Format".

    Raises
    ------
    FileError
        It is not of this kind, or cut off.
    UnsupportedError
        It is of another version, or holds other events.
    """
    data = read_bytes(path, KIND)
    header = re.match(rb"(?:%[^\n]*+\n)*+", data)
    assert header is not None  # it matches nothing at all as well
    version = re.search(rb"% *Version (\S+)", header.group())
    body = data[header.end() :]
    if version is None or len(body) < 2:
        raise damaged(path, KIND, "its header is not complete, or names no version")
    stated = version.group(1).decode("ascii", "replace")
    if stated != "2" or body[0] not in TYPES or body[1] != RECORD.itemsize:
        raise UnsupportedError(
            f"{path}: version {stated}, event type {body[0]}, {body[1]} bytes an event",
            hint=f"version 2, types {TYPES} and {RECORD.itemsize} bytes an event are read",
        )
    events = records(body[2:], RECORD, path, KIND)
    address = events["address"]
    return event_array(events["t"], address & 0x3FFF, address >> 14 & 0x3FFF, address >> 28)
