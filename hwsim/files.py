"""Reading and writing files so that errors are clear and nothing is ever half-written."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import re
import shutil
import tokenize
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from hwsim.errors import FileError

LOG = logging.getLogger("spikeport")
_DAMAGED = (
    OSError, ValueError, TypeError, EOFError, KeyError, SyntaxError, RuntimeError, MemoryError,
    NotImplementedError, OverflowError, zipfile.BadZipFile, zlib.error, tokenize.TokenError,
)  # fmt: skip
"""What NumPy raises, depending on where a file is damaged."""

Loaded = TypeVar("Loaded")
_DOTS = 64
_KEY = r"""(?:"[^"\n]*+"|'[^'\n]*+'|[\w-]++)"""
_DOTTED = re.compile(rf"(?<![\w-]){_KEY}(?:[ \t]*+\.[ \t]*+{_KEY})++")
"""A dotted key of TOML. tomllib takes quadratic time and memory for its dots."""


def read_bytes(path: Path, kind: str) -> bytes:
    """Return the content of ``path``; ``kind`` says in errors what was expected."""
    LOG.debug("reading %s", path)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileError(f"{path}: no such file", hint=f"give the path of {kind}") from None
    except OSError as error:
        raise FileError(
            f"{path}: cannot be read: {error.strerror}", hint=f"give the path of {kind}"
        ) from None


def toml_table(text: str, where: str, *, hint: str) -> dict[str, Any]:
    """Return the table that TOML ``text`` holds; FileError naming ``where`` if it is none."""
    if any(key.group().count(".") > _DOTS for key in _DOTTED.finditer(text)):
        raise FileError(f"{where}: has a key of more than {_DOTS} dots", hint=hint)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{where}: is not valid TOML: {error}", hint=hint) from None


def json_object(text: str | bytes, where: str, *, hint: str) -> dict[str, Any]:
    """Return the object that JSON ``text`` holds; FileError naming ``where`` if it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{where}: is not valid JSON: {error}", hint=hint) from None
    if not isinstance(found, dict):
        raise FileError(f"{where}: is a {type(found).__name__}, not an object", hint=hint)
    return found


def require_writable(path: Path, *, folder: bool = False) -> None:
    """Raise FileError where ``path`` surely cannot be written, before hours of work for it."""
    if is_device(path):
        return
    if path.exists() and path.is_dir() != folder:
        kinds = ("file", "folder") if folder else ("folder", "file")
        raise FileError(
            f"{path}: cannot be written: it is a {kinds[0]}", hint=f"give the path of a {kinds[1]}"
        )
    around = path.absolute().parents
    place = next(p for p in ((path, *around) if folder else around) if p.exists())
    if not (place.is_dir() and os.access(place, os.W_OK)):
        why = "may not be written to" if place.is_dir() else "is not a folder"
        raise FileError(
            f"{path}: cannot be written: {place} {why}", hint="choose a place that can be written"
        )


def is_device(path: Path) -> bool:
    """Say whether ``path`` is a device or a pipe, which is written into, and by several."""
    return path.exists() and not (path.is_file() or path.is_dir())


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write ``content`` beside ``path`` and rename it: the file is whole or it is not there.

    Of a link, what it points to is replaced; into a pipe or a device it is written.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        if is_device(path):
            path.write_bytes(data)
        else:
            _replace(path.resolve() if path.is_symlink() else path, data)
    except OSError as error:
        raise FileError(
            f"{path}: cannot be written: {error.strerror} ({len(data)} bytes)",
            hint=_write_hint(error, path),
        ) from None
    LOG.debug("wrote %s, %d bytes", _shown(path), len(data))


def _replace(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write_hint(error: OSError, path: Path) -> str:
    if path.is_dir():
        return "that is a folder: give the path of a file"
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    way = "free some space" if full else "choose a place that can be written"
    return f"{way}; nothing was changed"


def read_npy(path: Path) -> np.ndarray:
    """Return the array in a ``.npy`` file."""
    return _load_numpy(path, "a .npy file with one array", _array)


def map_npy(path: Path) -> np.ndarray:
    """Return the array in a ``.npy`` file, read from the disk as it is used."""
    try:
        return _array(np.lib.format.open_memmap(path, mode="r"))
    except _DAMAGED:
        return read_npy(path)  # what cannot be mapped: an empty array, or none at all


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays in a ``.npz`` file."""
    return _load_numpy(path, "a .npz file", _arrays)


def _load_numpy(path: Path, kind: str, taken: Callable[[Any], Loaded]) -> Loaded:
    hint = f"give the path of {kind}"
    LOG.debug("reading %s", path)
    try:
        with path.open("rb") as file:
            return taken(np.load(file, allow_pickle=False))
    except FileNotFoundError:
        raise FileError(f"{path}: no such file", hint=hint) from None
    except _DAMAGED as error:
        # NumPy takes what it does not know for a pickle, and advises to load that unsafely
        said = getattr(error, "strerror", None) or error
        reason = "it is none, or holds objects" if "pickle" in str(error) else said
        raise FileError(f"{path}: is not {kind}: {reason}", hint=hint) from None


def _array(loaded: Any) -> np.ndarray:
    """Return what NumPy loaded if it is one array; ValueError if not."""
    if not isinstance(loaded, np.ndarray):
        raise ValueError("it does not hold a single array")
    if not loaded.dtype.itemsize:
        raise ValueError(f"values of type {loaded.dtype} have no size")
    return loaded


def _arrays(loaded: Any) -> dict[str, np.ndarray]:
    """Return the arrays of an archive; ValueError if it is none, or would fill the memory."""
    if isinstance(loaded, np.ndarray):
        raise ValueError("it holds a single array")
    size = sum(member.file_size for member in loaded.zip.infolist())
    if size > _memory() // 2:
        raise ValueError(f"its arrays of {size} bytes do not fit into half of the memory")
    return {name: _array(loaded[name]) for name in loaded.files}


def _memory() -> int:
    """Return the bytes of this machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


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
        raise FileError(_shown(error.message), hint=error.hint) from None
    except OSError as error:
        _remove_if(made, folder)
        raise FileError(
            f"{folder}: cannot be written: {error.strerror}",
            hint="choose a folder that can be written, with some space left",
        ) from None
    except BaseException:
        _remove_if(made, folder)
        raise


def _shown(text: object) -> str:
    """Return a text without the hidden folders that :func:`write_folder` has written to."""
    return re.sub(r"/\.[0-9]+\.part", "", str(text))


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
