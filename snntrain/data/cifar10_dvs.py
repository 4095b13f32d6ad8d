"""CIFAR10-DVS: 10,000 pictures of CIFAR-10 moving before an event camera of 128x128 pixels.

Source: H. Li, H. Liu, X. Ji, G. Li, L. Shi, "CIFAR10-DVS: An Event-Stream Dataset for Object
Classification", Frontiers in Neuroscience 11, 2017; urls and md5 from spikingjelly 2.0.0
``CIFAR10DVS.resource_url_md5``.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from hwsim.errors import FileError
from snntrain.data.base import Store
from snntrain.data.division import divided
from snntrain.data.files import Archive, Official, official_path
from snntrain.events.jaer import read_aedat

SHAPE = (2, 128, 128)
TEST = 100
"""Recordings of each class below this number test: the set has no division of its own; this is
the one of C. Duan et al. 2022 (TEBN), as spikingjelly's ``CIFAR10DVSTEBNSplit``."""
URL = "https://ndownloader.figshare.com/files/"
HINT = (
    "download the ten .zip files from https://doi.org/10.6084/m9.figshare.4724671 and unpack them"
)
CLASSES = {
    "airplane": ("7712788", "0afd5c4bf9ae06af762a77b180354fdd"),
    "automobile": ("7712791", "8438dfeba3bc970c94962d995b1b9bdd"),
    "bird": ("7712794", "a9c207c91c55b9dc2002dc21c684d785"),
    "cat": ("7712812", "52c63c677c2b15fa5146a8daf4d56687"),
    "deer": ("7712815", "b6bf21f6c04d21ba4e23fc3e36c8a4a3"),
    "dog": ("7712818", "f379ebdf6703d16e0a690782e62639c3"),
    "frog": ("7712842", "cad6ed91214b1c7388a5f6ee56d08803"),
    "horse": ("7712851", "e7cbbf77bec584ffbf913f00e682782a"),
    "ship": ("7712836", "41c7bd7d6b251be82557c6cce9a7d5c9"),
    "truck": ("7712839", "89f3922fd147d9aeff89e76a2b0b70a7"),
}
"""Class -> number of its file at figshare, md5. A label is a place in this list."""


def read(split: str, root: Path | None) -> Store:
    """Return the recordings of ``split``, by number and then by class.

    They are ``CIFAR10DVS/<class>/cifar10_<class>_<number>.aedat``. Of those that do not test,
    the last tenth of each class validates.
    """
    found: list[tuple[int, int, Path]] = []
    for label, (name, (number, md5)) in enumerate(CLASSES.items()):
        file = f"CIFAR10DVS/{name}.zip"
        archive = Archive(file, md5, f"{URL}{number}")
        where = Official("cifar10-dvs", (f"CIFAR10DVS/{name}",), HINT, archive, "CIFAR10DVS")
        folder = official_path(where, root)
        numbered = [(_number(path), label, path) for path in folder.glob("*.aedat")]
        if not numbered:
            raise FileError(f"{folder}: has no recordings .aedat", hint=HINT)
        found += numbered
    found = sorted(item for item in found if (item[0] < TEST) == (split == "test"))
    labels = np.array([label for _, label, _ in found], np.int64)
    paths = tuple(path for _, _, path in found)
    return Store(SHAPE, labels, paths, read_aedat, paths).take(divided(labels, split))


def _number(path: Path) -> int:
    found = re.search(r"_(\d+)$", path.stem)
    if found is None:
        raise FileError(f"{path}: is not named cifar10_<class>_<number>.aedat", hint=HINT)
    return int(found.group(1))
