"""Official files of a dataset: where they are looked for, downloaded to, and that they are them."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from hashlib import file_digest, md5
from pathlib import Path

from hwsim.errors import FileError
from hwsim.files import read_bytes, write_folder
from snntrain.data.download import download


@dataclass(frozen=True)
class Archive:
    """An official archive: its file name, its official md5, and where it can be downloaded.

    Without ``url`` a person has to get it.
    """

    file: str
    md5: str
    url: str = ""


@dataclass(frozen=True)
class Official:
    """A dataset, or a part of it, that is a folder or a large file.

    ``places``: where under the root it may be, the first that is there wins. ``archive`` is
    unpacked into ``into`` under the root, and then the first of ``places`` is there.
    """

    name: str
    places: tuple[str, ...]
    hint: str
    archive: Archive | None = None
    into: str = "."


def official_path(wanted: Official, root: Path | None) -> Path:
    """Return the folder or file that is a dataset, unpacked or downloaded first where need be.

    ``root`` is where to look; None is ``$SPIKEPORT_DATA``, or the user's cache where that is not
    set. An archive is downloaded to the cache alone. Of several processes one unpacks, the others
    wait. Raises FileError as :func:`read_official`.
    """
    base, archive = root or default_root(), wanted.archive
    places = [base / place for place in wanted.places]
    found = next((place for place in places if place.exists()), None)
    if found is not None:
        return found
    if archive and archive.url and _is_cache(root) and not (base / archive.file).is_file():
        download(archive.url, archive.md5, base / archive.file)
    if archive is None or not (base / archive.file).is_file():
        looked = ", ".join(map(str, places))
        raise FileError(
            f"data {wanted.name!r}: found in none of {looked}"
            + (f", nor {archive.file} in {base}" if archive else ""),
            hint=f"{wanted.hint}, and say where with --root or SPIKEPORT_DATA",
        )
    with (base / archive.file).open("rb") as file:
        flock(file, LOCK_EX)
        if not places[0].exists():
            digest = file_digest(file, lambda: md5(usedforsecurity=False))
            _check(base / archive.file, digest.hexdigest(), (archive.md5,), wanted.hint)
            _unpack(base / archive.file, base / wanted.into)
    return places[0]


def read_official(
    name: str,
    wanted: Mapping[str, tuple[str, ...]],
    root: Path | None,
    *,
    folders: tuple[str, ...],
    url: str,
) -> list[bytes]:
    """Return the content of the files ``wanted``, in order.

    Parameters
    ----------
    name
        The dataset, for messages.
    wanted
        File name -> the md5 of its official versions, in hexadecimal.
    root
        Where to look; None is ``$SPIKEPORT_DATA``, or the user's cache where that is not set.
    folders
        Where under ``root`` each file may be, the first one that has it wins.
    url
        What to download missing files from, followed by their names; to the cache alone.

    Raises
    ------
    FileError
        Naming all missing files, or the first that is not the official one.
    """
    base = root or default_root()
    found = {file: _first(file, base, folders) for file in wanted}
    missing = [file for file, path in found.items() if path is None]
    if missing and _is_cache(root):
        for file in missing:
            found[file] = base / folders[0] / file
            download(url + file, wanted[file][0], base / folders[0] / file)
    elif missing:
        looked = ", ".join(str(base / folder) for folder in folders)
        raise FileError(
            f"data {name!r}: {', '.join(missing)} not found; looked in {looked}",
            hint=f"download it from {url}, and say where with --root or SPIKEPORT_DATA",
        )
    contents = []
    for file, path in found.items():
        assert path is not None
        contents.append(read_bytes(path, f"a file of {name}"))
        _check(path, md5(contents[-1], usedforsecurity=False).hexdigest(), wanted[file], url)
    return contents


def default_root() -> Path:
    """Return ``$SPIKEPORT_DATA``, else :func:`cache`."""
    given = os.environ.get("SPIKEPORT_DATA")
    return Path(given) if given else cache()


def cache() -> Path:
    """Return ``spikeport`` in the user's cache directory."""
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "spikeport"


def _is_cache(root: Path | None) -> bool:
    """Say whether data is looked for in the cache, which may be added to."""
    return root is None and not os.environ.get("SPIKEPORT_DATA")


def _first(file: str, base: Path, folders: tuple[str, ...]) -> Path | None:
    places = (base / folder / file for folder in folders)
    return next((path for path in places if path.is_file()), None)


def _check(path: Path, digest: str, official: tuple[str, ...], where: str) -> None:
    if digest not in official:
        raise FileError(
            f"{path}: is not the official file: its md5 is {digest}, not {' or '.join(official)}",
            hint=f"download it from {where}" if where.startswith("http") else where,
        )


def _unpack(path: Path, into: Path) -> None:
    """Unpack a ``.zip`` or a compressed ``.tar`` into ``into``, whole or not at all."""

    def build(stage: Path) -> None:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                archive.extractall(stage)
        else:
            with tarfile.open(path) as archive:
                archive.extractall(stage, filter="data")
        shutil.rmtree(stage / "__MACOSX", ignore_errors=True)

    write_folder(into, build)
