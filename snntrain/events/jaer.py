"""jAER's and cAER's ``.aedat`` files: versions 2 and 3.1."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hwsim.errors import UnsupportedError
from hwsim.files import read_bytes
from snntrain.events.aedat4 import read_aedat4
from snntrain.events.array import EVENT, damaged, event_array, records

KIND = "an event file, .aedat"
RECORD2 = np.dtype([("address", ">u4"), ("t", ">u4")])
LAST = 127
"""Column and row numbers of a DVS128 count down from here."""
SPECIAL = 1 << 15
"""Address bit of what is not a change of brightness."""
HEADER3 = struct.Struct("<HHIIIIII")
"""Of a packet: type, source, size of an event, time offset, overflow, capacity, number, valid."""
POLARITY = 1


def read_aedat(path: Path) -> np.ndarray:
    """Return the events of ``path``, whose first line says which version it is.

    Raises
    ------
    FileError
        It is not of this kind, or cut off.
    UnsupportedError
        It is of a version, or from a chip, that is not read.
    """
    data = read_bytes(path, KIND)
    first = re.match(rb"#!AER-DAT(\d\.\d)", data)
    if first is None:
        raise damaged(path, KIND, "its first line is not #!AER-DAT and a version")
    version = first.group(1).decode()
    if version == "4.0":
        return read_aedat4(path)
    readers = {"2.0": _events2, "3.1": _events3}
    if version not in readers:
        known = ", ".join([*readers, "4.0"])
        raise UnsupportedError(
            f"{path}: version {version} of .aedat is not read", hint=f"versions {known} are"
        )
    return readers[version](data, path)


def _events2(data: bytes, path: Path) -> np.ndarray:
    """Return the events of a DVS128: big-endian address and time, 32 bits each.

    Address, from the lowest bit: polarity (0 is ON), 7 bits column, 7 bits row, both from the
    right and the bottom. Upright as in CIFAR10-DVS. Source: jAER's AEDAT-2.0 specification; the
    orientation of spikingjelly 2.0.0 ``cifar10_dvs._load_origin_data``.
    """
    header = re.match(rb"(?:#[^\n]*+\n)*+", data)
    assert header is not None
    if b"davis" in header.group().lower():
        raise UnsupportedError(
            f"{path}: addresses of a DAVIS are not read", hint="convert it to .aedat4 with dv"
        )
    events = records(data[header.end() :], RECORD2, path, KIND)
    events = events[events["address"] & SPECIAL == 0]
    address = events["address"].astype(np.int64)
    row, column = LAST - (address >> 1 & 127), LAST - (address >> 8 & 127)
    return event_array(events["t"], column, row, ~address & 1)


def _events3(data: bytes, path: Path) -> np.ndarray:
    """Return the valid polarity events of all packets, other packets are passed over.

    Little-endian address, from the lowest bit: valid, polarity, 15 bits row, 15 bits column; and
    31 bits of time. Source: iniVation's AEDAT-3.1 specification.
    """
    end = re.search(rb"#!END-HEADER\r?\n", data)
    if end is None:
        raise damaged(path, KIND, "its header has no end")
    found = [packet for packet in _packets3(data, end.end(), path) if packet.size]
    if not found:
        raise damaged(path, KIND, "has no events")
    return np.concatenate(found)


def _packets3(data: bytes, start: int, path: Path) -> Iterator[np.ndarray]:
    while start < len(data):
        if len(data) - start < HEADER3.size:
            raise damaged(path, KIND, f"its last packet has {len(data) - start} bytes")
        kind, _, size, _, overflow, capacity, number, _ = HEADER3.unpack_from(data, start)
        start += HEADER3.size
        body = data[start : start + size * capacity]
        start += size * capacity
        if len(body) < size * capacity or number > capacity or size < 8:
            raise damaged(
                path, KIND, f"a packet of {capacity} events of {size} bytes has {len(body)}"
            )
        filled = body[: size * number]
        yield _polarity(filled, size, overflow) if kind == POLARITY else np.empty(0, EVENT)


def _polarity(body: bytes, size: int, overflow: int) -> np.ndarray:
    """Return the valid events of a packet of events of ``size`` bytes."""
    words = np.frombuffer(body, np.uint8).reshape(-1, size)[:, :8].copy().view("<u4")
    address, t = words.astype(np.int64).T
    events = event_array(t | overflow << 31, address >> 17, address >> 2 & 0x7FFF, address >> 1 & 1)
    return events[address & 1 == 1]
