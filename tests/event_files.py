"""Event files in the official formats, written by hand for tests of their readers."""

import struct

import numpy as np

from snntrain.events import event_array


def some_events(random, count, width, height, last_us):
    """Random events in order of time, the first at 0 and the last at ``last_us``."""
    t = np.sort(random.integers(0, last_us + 1, count))
    t[0], t[-1] = 0, last_us
    x, y = random.integers(0, width, count), random.integers(0, height, count)
    return event_array(t, x, y, random.integers(0, 2, count))


def nmnist(events):
    rows = [
        (e["x"], e["y"], e["p"] << 7 | e["t"] >> 16, e["t"] >> 8 & 255, e["t"] & 255)
        for e in _numbers(events)
    ]
    return b"".join(bytes(row) for row in rows)


def dat(events, version=2, kind=12, size=8):
    header = f"% Data file containing CD events.\n% Version {version}\n% Height 240\n".encode()
    words = (
        struct.pack("<II", e["t"], e["p"] << 28 | e["y"] << 14 | e["x"]) for e in _numbers(events)
    )
    return header + bytes([kind, size]) + b"".join(words)


def aedat2(events, extra=b""):
    """A DVS128's file whose events, seen upright, are ``events``."""
    header = b"#!AER-DAT2.0\r\n# This is a raw AE data file - do not edit\r\n" + extra
    words = (
        struct.pack(">II", (127 - e["x"]) << 8 | (127 - e["y"]) << 1 | (1 - e["p"]), e["t"])
        for e in _numbers(events)
    )
    return header + b"".join(words)


def aedat3(events, packet=100, overflow=0, valid=1, spare=0):
    """Packets of polarity events with ``spare`` room, and one of special events between them."""
    found = [b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n"]
    for start in range(0, len(events), packet):
        words = [
            struct.pack("<II", e["x"] << 17 | e["y"] << 2 | e["p"] << 1 | valid, e["t"])
            for e in _numbers(events[start : start + packet])
        ]
        sizes = len(words) + spare, len(words), len(words)
        header = struct.pack("<HHIIIIII", 1, 0, 8, 4, overflow, *sizes)
        found.append(header + b"".join(words) + b"\xff" * 8 * spare)
        found.append(struct.pack("<HHIIIIII", 0, 0, 8, 4, 0, 1, 1, 1) + b"\0" * 8)
    return b"".join(found)


def _numbers(events):
    return [dict(zip(events.dtype.names, map(int, event), strict=True)) for event in events]
