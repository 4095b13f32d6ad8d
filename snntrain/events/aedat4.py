"""DV's ``.aedat4`` files, decoded by the package ``aedat``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hwsim.errors import MissingExtraError
from hwsim.files import read_bytes
from snntrain.events.array import damaged, event_array

KIND = "a DV event file, .aedat4"


def read_aedat4(path: Path) -> np.ndarray:
    """Return the events of the first event stream of ``path``; times are of the clock on the wall.

    Raises
    ------
    FileError
        It is not of this kind, or cut off.
    MissingExtraError
        The package ``aedat`` is not installed.
    """
    try:
        import aedat
    except ModuleNotFoundError:
        raise MissingExtraError(
            f"{path}: .aedat4 files need the package aedat, which is not installed",
            hint="pip install 'spikeport[data]'",
        ) from None
    read_bytes(path, KIND)  # a missing file is another error than a damaged one
    try:
        decoder = aedat.Decoder(str(path))
        streams = decoder.id_to_stream()
        events = sorted(i for i, stream in streams.items() if stream["type"] == "events")
        packets = [p["events"] for p in decoder if events and p["stream_id"] == events[0]]
    except BaseException as error:  # a panic of the Rust code is no Exception
        if isinstance(error, KeyboardInterrupt):
            raise
        raise damaged(path, KIND, error) from None
    if not sum(map(len, packets)):
        raise damaged(path, KIND, "has no events")
    t, x, y, on = (
        np.concatenate([packet[i] for packet in packets]) for i in packets[0].dtype.names
    )
    if max(x.max(), y.max()) > np.iinfo(np.int16).max:
        raise damaged(path, KIND, f"an event is at column {x.max()}, row {y.max()} at most")
    return event_array(t.astype(np.int64), x, y, on)
