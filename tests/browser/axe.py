"""axe-core, the accessibility checker: fetched once by npm, known by its hash."""

from __future__ import annotations

import subprocess
import tarfile
from hashlib import sha256
from pathlib import Path

PACKAGE = "axe-core@4.14.1"
SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"


def fetch_axe(folder: Path) -> str:
    """Return the text of ``axe.min.js``; raise OSError, saying why, if it cannot be had."""
    command = ["npm", "pack", "--silent", PACKAGE]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    except (FileNotFoundError, subprocess.SubprocessError) as error:
        raise OSError(f"{PACKAGE} is not to be had: {error}") from error
    (package,) = folder.glob("*.tgz")
    with tarfile.open(package) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        content = member.read()
    assert sha256(content).hexdigest() == SHA256
    return content.decode()
