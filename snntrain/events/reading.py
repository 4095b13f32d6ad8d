"""Which reader a file of events needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from hwsim.errors import UnsupportedError
from snntrain.events.aedat4 import read_aedat4
from snntrain.events.dat import read_dat
from snntrain.events.jaer import read_aedat
from snntrain.events.nmnist import read_nmnist
from snntrain.events.stmnist import read_stmnist

READERS: dict[str, Callable[[Path], np.ndarray]] = {
    ".bin": read_nmnist,
    ".dat": read_dat,
    ".aedat": read_aedat,
    ".aedat4": read_aedat4,
    ".mat": read_stmnist,
}
"""By the ending of a file's name."""


def read_events(path: Path) -> np.ndarray:
    """Return the events of ``path`` (N,), of type ``EVENT``, as its reader says.

    Raises
    ------
    UnsupportedError
        No reader is known for its ending.
    FileError
        It is missing, damaged, or of another kind.
    """
    if path.suffix not in READERS:
        raise UnsupportedError(
            f"{path}: no reader of events is known for the ending {path.suffix!r}",
            hint=f"known endings: {', '.join(READERS)}",
        )
    return READERS[path.suffix](path)
