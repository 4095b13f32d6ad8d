"""Official files of a dataset: where they are looked for, and the check that they are them."""

from __future__ import annotations

import os
from hashlib import md5
from pathlib import Path

from hwsim.errors import FileError
from hwsim.files import read_bytes


def read_official(
    name: str, wanted: dict[str, str], root: Path | None, *, folders: tuple[str, ...], hint: str
) -> list[bytes]:
    """Return the content of the files ``wanted``, in order.

    Parameters
    ----------
    name
        The dataset, for messages.
    wanted
        File name -> its official md5, in hexadecimal.
    root
        Where to look; None is ``$SPIKEPORT_DATA``, or the user's cache where that is not set.
    folders
        Where under ``root`` each file may be, the first one that has it wins.
    hint
        How to get the files.

    Raises
    ------
    FileError
        Naming all missing files, or the first that is not the official one.
    """
    base = root or default_root()
    found = {file: _first(file, base, folders) for file in wanted}
    missing = [file for file, path in found.items() if path is None]
    if missing:
        looked = ", ".join(str(base / folder) for folder in folders)
        raise FileError(
            f"data {name!r}: {', '.join(missing)} not found; looked in {looked}",
            hint=f"{hint}, and say where with --root or SPIKEPORT_DATA",
        )
    contents = []
    for file, path in found.items():
        assert path is not None
        contents.append(read_bytes(path, f"a file of {name}"))
        digest = md5(contents[-1], usedforsecurity=False).hexdigest()
        if digest != wanted[file]:
            raise FileError(
                f"{path}: is not the official file: its md5 is {digest}, not {wanted[file]}",
                hint=hint,
            )
    return contents


def default_root() -> Path:
    """Return ``$SPIKEPORT_DATA``, else ``spikeport`` in the user's cache directory."""
    given = os.environ.get("SPIKEPORT_DATA")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(given) if given else Path(cache) / "spikeport"


def _first(file: str, base: Path, folders: tuple[str, ...]) -> Path | None:
    places = (base / folder / file for folder in folders)
    return next((path for path in places if path.is_file()), None)
