"""Downloads that are whole and checked, or not there."""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import md5
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from hwsim.console import progress_bar
from hwsim.errors import FileError

TIMEOUT = 60
"""Seconds without an answer."""


def download(url: str, official: str, path: Path) -> None:
    """Write what ``url`` holds to ``path``; FileError unless its md5 is ``official``.

    A bar shows how far it is when stderr is a terminal.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    digest = md5(usedforsecurity=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            urlopen(url, timeout=TIMEOUT) as answer,
            part.open("wb") as file,
            progress_bar(f"download {path.name}", "MB") as bar,
        ):
            total = int(answer.headers.get("Content-Length") or 0)
            while block := answer.read(1 << 20):
                file.write(block)
                digest.update(block)
                bar(file.tell() / 1e6, total / 1e6)
        if digest.hexdigest() != official:
            raise FileError(
                f"{url}: is not the official file: its md5 is {digest.hexdigest()}, not {official}",
                hint="try again; if it stays so, get the file elsewhere and use --root",
            )
        part.replace(path)
    except (OSError, HTTPException, ValueError) as error:
        raise FileError(
            f"{path}: is not there, and {url} cannot be downloaded: {error}",
            hint="get it on a machine with a network, and say where it is with --root "
            "or SPIKEPORT_DATA",
        ) from None
    finally:
        with suppress(OSError):
            part.unlink()
