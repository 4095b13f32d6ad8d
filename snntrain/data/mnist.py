"""MNIST: 70,000 real handwritten digits, 28x28 pixels with values 0..255.

Source: Y. LeCun, C. Cortes, C. Burges, the MNIST database of handwritten digits, 1998.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from snntrain.data.files import read_official

LOW, HIGH = 0, 255
VALIDATION = 6000
"""The last images of the 60,000 official training images; those before are for training."""
TRAIN = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
}
TEST = {
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
"""File -> md5. Source: ``torchvision.datasets.MNIST.resources``."""
FOLDERS = ("MNIST/raw", "MNIST", ".")
HINT = (
    "download it from https://ossci-datasets.s3.amazonaws.com/mnist/, or with "
    "torchvision.datasets.MNIST(FOLDER, download=True)"
)


def read(split: str, root: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 1, 28, 28) uint8 and labels (N,) int64 of ``split``.

    The four official ``.gz`` files are looked for in ``MNIST/raw`` (as torchvision keeps them),
    ``MNIST`` and the folder itself, see :func:`snntrain.data.files.read_official`.
    """
    files = TEST if split == "test" else TRAIN
    contents = read_official("mnist", files, root, folders=FOLDERS, hint=HINT)
    images, labels = (idx(gzip.decompress(content)) for content in contents)
    images, labels = np.expand_dims(images, 1), labels.astype(np.int64)
    part = {"train": slice(None, -VALIDATION), "validation": slice(-VALIDATION, None)}
    rows = part.get(split, slice(None))
    return images[rows], labels[rows]


def idx(data: bytes) -> np.ndarray:
    """Return the array in an idx file of unsigned bytes.

    Four bytes (0, 0, 8 for uint8, number of axes), one big-endian int32 an axis, the values.
    Source: the file format section of the MNIST page, LeCun et al. 1998.
    """
    axes = data[3]
    shape = np.frombuffer(data, ">i4", axes, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)
