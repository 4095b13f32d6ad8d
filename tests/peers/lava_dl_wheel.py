"""The trained networks and the ground truth that lie in lava-dl 0.6.0's wheel, fetched once."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from hashlib import sha256
from pathlib import Path

WHEEL_VARIABLE = "SPIKEPORT_LAVA_DL_WHEEL"
WHEEL = "lava_dl-0.6.0-py3-none-any.whl"
SHA256 = "bcb448f2bb85dc0da4b4dbbbae16543d2a978c1da7279acc522ad621fc68c437"
INSIDE = "tests/lava/lib/dl/netx/"


def lava_dl_data() -> Path:
    """Return the folder with ``tiny.net``, ``mnist.net`` and ``gts/``; 68 MB the first time.

    Raises OSError, saying why, if the wheel cannot be had.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "spikeport", "lava_dl")
    data = cache / INSIDE
    if not data.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as stage:
            with zipfile.ZipFile(_wheel(Path(stage))) as wheel:
                names = [n for n in wheel.namelist() if n.startswith(INSIDE)]
                wheel.extractall(stage, names)
            data.parent.mkdir(parents=True, exist_ok=True)
            Path(stage, INSIDE).rename(data)
    return data


def _wheel(folder: Path) -> Path:
    """Return the wheel: where the environment says, else downloaded into ``folder``."""
    if given := os.environ.get(WHEEL_VARIABLE):
        found = Path(given)
    else:
        flags = ["--no-deps", "--python-version=3.10", "--only-binary=:all:", "--quiet"]
        command = [sys.executable, "-m", "pip", "download", *flags, "lava-dl==0.6.0"]
        done = subprocess.run([*command, "-d", folder], capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"lava-dl 0.6.0 cannot be downloaded: {done.stderr.strip()[-200:]}")
        found = folder / WHEEL
    if sha256(found.read_bytes()).hexdigest() != SHA256:
        raise OSError(f"{found} is not the wheel of lava-dl 0.6.0")
    return found
