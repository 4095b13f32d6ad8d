"""Naming the damage of an HDF5 file, for the parsers that run in the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hwsim.errors import FileError

_RAISED = (
    OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, IndexError,
    MemoryError, OverflowError, UnicodeError, NotImplementedError,
)  # fmt: skip
"""What h5py raises, depending on where a file is damaged."""


@contextmanager
def damage_named(hint: str) -> Iterator[None]:
    """Raise FileError with ``hint`` for what h5py raises, while active."""
    try:
        yield
    except _RAISED as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise FileError(f"is damaged or no HDF5 file: {said}", hint=hint) from None
