"""Reading and writing files so that errors are clear and nothing is ever half-written."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hwsim.errors import FileError


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
            hint="free some space, or write to another place; nothing was changed",
        ) from None


def read_npy(path: Path) -> np.ndarray:
    """Return the array in a ``.npy`` file."""
    loaded = _load_numpy(path, "a .npy file with one array")
    if isinstance(loaded, dict):
        raise FileError(f"{path}: holds {len(loaded)} arrays", hint="give a .npy file with one")
    return loaded


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
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise FileError(f"{path}: is not {kind}: {error}", hint=hint) from None


def write_folder(folder: Path, build: Callable[[Path], None]) -> None:
    """Let ``build`` write into a folder beside ``folder``, then move its entries over.

    Entries of ``folder`` with other names stay. If ``build`` fails, nothing was changed.
    """
    folder = folder.resolve()
    stage = folder.with_name(f".{folder.name or 'export'}.{os.getpid()}.part")
    try:
        stage.mkdir(parents=True)
        build(stage)
        folder.mkdir(exist_ok=True)
        for entry in sorted(stage.iterdir()):
            target = folder / entry.name
            if target.is_dir() and not target.is_symlink():
                target.rename(stage / f"{entry.name}.old")
            entry.replace(target)
    except FileError as error:
        message = error.message.replace(str(stage), str(folder))
        raise FileError(message, hint=error.hint) from None
    except OSError as error:
        raise FileError(
            f"{folder}: cannot be written: {error.strerror}",
            hint="free some space, or write to another place",
        ) from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)
