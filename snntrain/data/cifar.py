"""CIFAR-10 and CIFAR-100: 60,000 photographs of 32x32 pixels, three channels of 0..255.

Read from the binary version: the usual one is a pickle, which may run code. Source: A.
Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; layout and md5 from
https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hwsim.errors import FileError
from hwsim.files import read_bytes
from snntrain.data.division import divided
from snntrain.data.files import Archive, Official, official_path

HIGH = 255
SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32
BATCHES = 5
URL = "https://www.cs.toronto.edu/~kriz/"
CIFAR10 = Official(
    "cifar10",
    ("cifar-10-batches-bin",),
    f"download {URL}cifar-10-binary.tar.gz",
    Archive(
        "cifar-10-binary.tar.gz",
        "c32a1d4ab5d03f1284b67883e8d87530",
        f"{URL}cifar-10-binary.tar.gz",
    ),
)
CIFAR100 = Official(
    "cifar100",
    ("cifar-100-binary",),
    f"download {URL}cifar-100-binary.tar.gz",
    Archive(
        "cifar-100-binary.tar.gz",
        "03b5dce01913d631647c71ecec9e9cb8",
        f"{URL}cifar-100-binary.tar.gz",
    ),
)


def read10(split: str, root: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 3, 32, 32) uint8 and labels (N,) int64 of 10 classes.

    A folder may hold the first of the five training files only: those are the training set then.
    The last tenth of each class validates.
    """
    folder = official_path(CIFAR10, root)
    files = [folder / f"data_batch_{number}.bin" for number in range(1, BATCHES + 1)]
    if split == "test":
        files = [folder / "test_batch.bin"]
    elif files[0].exists():
        missing = [path.exists() for path in files].count(False)
        files = files[: BATCHES - missing]  # of a gap, the last one is found missing when read
    return _read(files, split, label_bytes=1, classes=10)


def read100(split: str, root: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 3, 32, 32) uint8 and fine labels (N,) int64 of 100 classes."""
    file = official_path(CIFAR100, root) / ("test.bin" if split == "test" else "train.bin")
    return _read([file], split, label_bytes=2, classes=100)


def _read(
    files: list[Path], split: str, *, label_bytes: int, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the records of ``files``: ``label_bytes``, of which the last counts, then planes."""
    size, parts = label_bytes + PIXELS, []
    for path in files:
        data = read_bytes(path, "a binary file of CIFAR")
        if not data or len(data) % size:
            raise FileError(
                f"{path}: {len(data)} bytes are no whole records of {size}",
                hint="get the file again",
            )
        parts.append(np.frombuffer(data, np.uint8).reshape(-1, size))
        worst = int(parts[-1][:, label_bytes - 1].max())
        if worst >= classes:
            raise FileError(
                f"{path}: label {worst} is not below {classes}",
                hint="is it a file of another set? CIFAR-100's records are a byte longer",
            )
    records = np.concatenate(parts)
    labels = records[:, label_bytes - 1].astype(np.int64)
    rows = divided(labels, split)
    return records[rows, label_bytes:].reshape(-1, *SHAPE), labels[rows]
