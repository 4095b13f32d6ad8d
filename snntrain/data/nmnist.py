"""N-MNIST: MNIST's digits seen by a moving event camera of 34x34 pixels, about 0.3 s each.

Source: G. Orchard et al., "Converting Static Image Datasets to Spiking Neuromorphic Datasets Using
Saccades", Frontiers in Neuroscience 9, 2015; urls and md5 from tonic 1.7.0 ``datasets.nmnist``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hwsim.errors import FileError
from snntrain.data.base import Store
from snntrain.data.division import divided
from snntrain.data.files import Archive, Official, official_path
from snntrain.events.nmnist import read_nmnist

SHAPE = (2, 34, 34)
URL = "https://data.mendeley.com/public-files/datasets/468j46mzdv/files/"
HINT = "download Train.zip and Test.zip from https://www.garrickorchard.com/datasets/n-mnist"
TRAIN = Official(
    "nmnist",
    ("NMNIST/Train",),
    HINT,
    Archive(
        "NMNIST/Train.zip",
        "20959b8e626244a1b502305a9e6e2031",
        f"{URL}39c25547-014b-4137-a934-9d29fa53c7a0/file_downloaded",
    ),
    into="NMNIST",
)
TEST = Official(
    "nmnist",
    ("NMNIST/Test",),
    HINT,
    Archive(
        "NMNIST/Test.zip",
        "69ca8762b2fe404d9b9bad1103e97832",
        f"{URL}05a4d654-7e03-4c15-bdfa-9bb2bcbea494/file_downloaded",
    ),
    into="NMNIST",
)


def read(split: str, root: Path | None) -> Store:
    """Return the recordings of ``split``, by number: MNIST's own order, which mixes the digits.

    The last tenth of each digit of ``Train`` validates; ``Test`` is the test split. A folder with
    fewer recordings than the official one is taken as it is.
    """
    folder = official_path(TEST if split == "test" else TRAIN, root)
    paths = tuple(sorted(folder.glob("[0-9]/*.bin"), key=lambda path: (path.name, path.parent)))
    if not paths:
        raise FileError(f"{folder}: has no recordings <digit>/<number>.bin", hint=HINT)
    labels = np.array([int(path.parent.name) for path in paths], np.int64)
    return Store(SHAPE, labels, paths, read_nmnist, paths).take(divided(labels, split))
