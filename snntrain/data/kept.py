"""Decoded data that is kept: in memory when small, else in a file of the user's cache."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from hashlib import sha256
from math import prod
from pathlib import Path

import numpy as np

from hwsim.errors import FileError
from hwsim.files import map_npy
from snntrain.data.files import cache

SMALL = 1 << 26
"""Bytes up to which decoding again costs less than a file."""


def kept(
    name: str,
    shape: tuple[int, ...],
    how: str,
    files: Iterable[Path],
    fill: Callable[[np.ndarray], None],
) -> np.ndarray:
    """Return an array (shape) uint8 that ``fill`` writes, or wrote in an earlier run.

    Parameters
    ----------
    name
        What the file's name begins with.
    shape
        Of the array; up to ``SMALL`` bytes stay in memory, more are mapped from a file.
    how
        Everything that decides the content, ``files`` aside.
    files
        What it is decoded from: a file with another size or date is decoded again.
    fill
        Writes the whole array; the file is there afterwards, or not at all.
    """
    if prod(shape) <= SMALL:
        array = np.zeros(shape, np.uint8)
        fill(array)
        return array
    stats = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    digest = sha256(repr((how, shape, stats)).encode()).hexdigest()[:16]
    path = cache() / "decoded" / f"{name}-{digest}.npy"
    if not path.exists():
        _write(path, shape, fill)
    return map_npy(path)


def _write(path: Path, shape: tuple[int, ...], fill: Callable[[np.ndarray], None]) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        array = np.lib.format.open_memmap(part, "w+", np.uint8, shape)
        fill(array)
        array.flush()
        part.replace(path)
    except OSError as error:
        raise FileError(
            f"{path}: decoded data cannot be kept: {error.strerror} ({prod(shape)} bytes)",
            hint="free some space, or set XDG_CACHE_HOME to another place",
        ) from None
    finally:
        part.unlink(missing_ok=True)
