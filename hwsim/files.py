"""Reading and writing files so that errors are clear and nothing is ever half-written."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from hwsim.errors import FileError

_DAMAGED = (
    OSError, ValueError, EOFError, KeyError, SyntaxError, RuntimeError, NotImplementedError,
    MemoryError, OverflowError, zipfile.BadZipFile, zlib.error, tokenize.TokenError,
)  # fmt: skip
"""What NumPy raises, depending on where a file is damaged."""


def read_bytes(path: Path, kind: str) -> bytes:
    """Return the content of ``path``; ``kind`` says in errors what was expected."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileError(f"{path}: no such file", hint=f"give the path of {kind}") from None
    except OSError as error:
        raise FileError(
            f"{path}: cannot be read: {error.strerror}", hint=f"give the path of {kind}"
        ) from None


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write ``content`` beside ``path`` and rename it: the file is whole or it is not there."""
    data = content.encode() if isinstance(content, str) else content
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise FileError(
            f"{path}: cannot be written: {error.strerror} ({len(data)} bytes)",
            hint=_write_hint(error, path),
        ) from None


def _write_hint(error: OSError, path: Path) -> str:
    if path.is_dir():
        return "that is a folder: give the path of a file"
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    way = "free some space" if full else "choose a place that can be written"
    return f"{way}; nothing was changed"


def read_npy(path: Path) -> np.ndarray:
    """Return the array in a ``.npy`` file."""
    loaded = _load_numpy(path, "a .npy file with one array")
    if isinstance(loaded, dict):
        raise FileError(f"{path}: holds {len(loaded)} arrays", hint="give a .npy file with one")
    return loaded


def map_npy(path: Path) -> np.ndarray:
    """Return the array in a ``.npy`` file, read from the disk as it is used."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except _DAMAGED:
        return read_npy(path)  # what cannot be mapped: an empty array, or none at all


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays in a ``.npz`` file."""
    loaded = _load_numpy(path, "a .npz file")
    if not isinstance(loaded, dict):
        raise FileError(f"{path}: holds a single array", hint="give the path of a .npz file")
    return loaded


def _load_numpy(path: Path, kind: str) -> np.ndarray | dict[str, np.ndarray]:
    hint = f"give the path of {kind}"
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            return {name: loaded[name] for name in loaded.files}
    except FileNotFoundError:
        raise FileError(f"{path}: no such file", hint=hint) from None
    except _DAMAGED as error:
        raise FileError(f"{path}: is not {kind}: {error}", hint=hint) from None


def write_folder(folder: Path, build: Callable[[Path], None]) -> None:
    """Let ``build`` write into a hidden folder inside ``folder``, then move its entries up.

    Entries of ``folder`` with other names stay. If anything fails, or if another call is
    writing there, ``folder`` is as it was.
    """
    folder = folder.resolve()
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _only_writer(folder), _stage(folder) as stage:
            build(stage)
            _move_up(stage, folder)
    except FileError as error:
        _remove_if(made, folder)
        message = re.sub(r"/\.[0-9]+\.part", "", error.message)
        raise FileError(message, hint=error.hint) from None
    except OSError as error:
        _remove_if(made, folder)
        raise FileError(
            f"{folder}: cannot be written: {error.strerror}",
            hint="choose a folder that can be written, with some space left",
        ) from None


@contextmanager
def _only_writer(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; FileError if another process holds it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise FileError(
            f"{folder}: another process is writing there", hint="wait for it, or use another folder"
        ) from None
    finally:
        os.close(handle)


@contextmanager
def _stage(folder: Path) -> Iterator[Path]:
    stage = folder / f".{os.getpid()}.part"
    try:
        stage.mkdir()
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _move_up(stage: Path, folder: Path) -> None:
    """Move every entry of ``stage`` into ``folder``; put the old ones back on any error."""
    names = sorted(entry.name for entry in stage.iterdir())
    old = stage / ".old"
    old.mkdir()
    moved: list[str] = []
    try:
        for name in names:
            if (folder / name).exists() or (folder / name).is_symlink():
                (folder / name).rename(old / name)
            moved.append(name)
            (stage / name).rename(folder / name)
    except OSError:
        for name in moved:
            if (folder / name).exists():
                (folder / name).rename(stage / name)
            if (old / name).exists():
                (old / name).rename(folder / name)
        raise


def _remove_if(made: bool, folder: Path) -> None:
    if made:
        shutil.rmtree(folder, ignore_errors=True)
