"""MNIST and Fashion-MNIST: 70,000 real images of ten classes, 28x28 pixels of 0..255.

Source: Y. LeCun, C. Cortes, C. Burges, the MNIST database of handwritten digits, 1998; H. Xiao, K.
Rasul, R. Vollgraf, "Fashion-MNIST", 2017, arXiv 1708.07747.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snntrain.data.files import read_official

HIGH = 255
VALIDATION = 6000
"""The last images of the 60,000 official training images; those before are for training."""


@dataclass(frozen=True)
class IdxSet:
    """The official files of a set: image and label file -> md5, and where they may be."""

    name: str
    train: Mapping[str, tuple[str, ...]]
    test: Mapping[str, tuple[str, ...]]
    folders: tuple[str, ...]
    url: str


MNIST = IdxSet(
    "mnist",
    train={
        "train-images-idx3-ubyte.gz": ("f68b3c2dcbeaaa9fbdd348bbdeb94873",),
        "train-labels-idx1-ubyte.gz": ("d53e105ee54ea40749a09fcbcd1e9432",),
    },
    test={
        "t10k-images-idx3-ubyte.gz": ("9fb629c4189551a2d022fa330f9573f3",),
        "t10k-labels-idx1-ubyte.gz": ("ec29112dd5afa0611ce80d1b7f02629c",),
    },
    folders=("MNIST/raw", "MNIST", "."),
    url="https://ossci-datasets.s3.amazonaws.com/mnist/",
)
"""Source of the md5: torchvision 0.28 ``MNIST.resources``."""
FASHION = IdxSet(
    "fashion-mnist",
    train={
        "train-images-idx3-ubyte.gz": (
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "cf8536b0aa1a6ac5fa3f23001093305c",
        ),
        "train-labels-idx1-ubyte.gz": (
            "25c81989df183df01b3e8a0aad5dffbe",
            "10bea18fdb374794d4bb42e356e600c9",
        ),
    },
    test={
        "t10k-images-idx3-ubyte.gz": (
            "bef4ecab320f06d8554ea6380940ec79",
            "f78720b4224f21cce2f2ccf2d7a94c9a",
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "bb300cfdad3c16e7a12a480ee83cd310",
            "0d30e22e447f3c33dab9ed536400ac01",
        ),
    },
    folders=(
        "FashionMNIST/raw",
        "FashionMNIST",
        "fashion-mnist",
        "/usr/share/datasets/fashion-mnist",
    ),
    url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
"""md5 of the authors' files, from torchvision 0.28 ``FashionMNIST.resources``, then of Debian's.

The package ``dataset-fashion-mnist`` 0.0~git20200523 has them compressed again, and puts them in
the last folder.
"""


def read(split: str, root: Path | None, wanted: IdxSet = MNIST) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 1, 28, 28) uint8 and labels (N,) int64 of ``split``.

    The four official ``.gz`` files are looked for where torchvision keeps them and in the other
    ``folders``, see :func:`snntrain.data.files.read_official`.
    """
    files = wanted.test if split == "test" else wanted.train
    contents = read_official(wanted.name, files, root, folders=wanted.folders, url=wanted.url)
    images, labels = (idx(gzip.decompress(content)) for content in contents)
    images, labels = np.expand_dims(images, 1), labels.astype(np.int64)
    part = {"train": slice(None, -VALIDATION), "validation": slice(-VALIDATION, None)}
    rows = part.get(split, slice(None))
    return images[rows], labels[rows]


def read_fashion(split: str, root: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Return Fashion-MNIST as :func:`read` returns MNIST."""
    return read(split, root, FASHION)


def idx(data: bytes) -> np.ndarray:
    """Return the array in an idx file of unsigned bytes.

    Four bytes (0, 0, 8 for uint8, number of axes), one big-endian int32 an axis, the values.
    Source: the file format section of the MNIST page, LeCun et al. 1998.
    """
    axes = data[3]
    shape = np.frombuffer(data, ">i4", axes, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)
