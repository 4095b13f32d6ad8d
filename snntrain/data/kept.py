"""Decoded data that is kept: in memory when small, else in a file of the user's cache."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from hashlib import sha256
from math import prod
from pathlib import Path

import numpy as np

from hwsim.errors import FileError
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
    digest = sha256(repr((how, shape, [_state(path) for path in files])).encode()).hexdigest()
    path = cache() / "decoded" / f"{name}-{digest[:16]}.raw"
    if not path.exists() or path.stat().st_size != prod(shape):
        _write(path, shape, fill)
    return np.memmap(path, np.uint8, "r", shape=shape)


def _state(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise FileError(
            f"{path}: cannot be read: {error.strerror}", hint="get the data set again"
        ) from None
    return str(path), found.st_size, found.st_mtime_ns


def _write(path: Path, shape: tuple[int, ...], fill: Callable[[np.ndarray], None]) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:  # a map of space that is not there would end the process
            os.posix_fallocate(file.fileno(), 0, prod(shape))
        array = np.memmap(part, np.uint8, "r+", shape=shape)
        fill(array)
        array.flush()
        part.replace(path)
    except OSError as error:
        raise FileError(
            f"{path}: decoded data cannot be kept: {error.strerror} ({prod(shape)} bytes)",
            hint="free some space, or set XDG_CACHE_HOME to another place",
        ) from None
    finally:
        with suppress(OSError):
            part.unlink()
