"""What a dataset is, and how one is found by name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hwsim.errors import SpikeportError
from snntrain.data import digits, mnist

SPLITS = ("train", "validation", "test")
SOURCES = {"digits": digits, "mnist": mnist}
"""Modules with ``LOW``, ``HIGH`` and ``read(split, root) -> (images, labels)``."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels of one split.

    images: (N, *CHW) uint8, raw values in ``low..high``. labels: (N,) int64.
    """

    name: str
    split: str
    images: np.ndarray
    labels: np.ndarray
    low: int
    high: int

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, samples: int) -> Dataset:
        """Return the first ``samples`` only."""
        return replace(self, images=self.images[:samples], labels=self.labels[:samples])

    @property
    def sha256(self) -> str:
        """Return the hash of shape, images and labels, in hexadecimal."""
        digest = hashlib.sha256(str(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images).tobytes())
        digest.update(np.ascontiguousarray(self.labels, np.dtype("<i8")).tobytes())
        return digest.hexdigest()


def load(name: str, split: str, root: Path | None = None) -> Dataset:
    """Return one split of a dataset.

    Parameters
    ----------
    name
        ``"digits"``, see :mod:`snntrain.data.digits`, or ``"mnist"``, :mod:`snntrain.data.mnist`.
    split
        ``"train"``, ``"validation"`` or ``"test"``.
    root
        Where the files of file-based sets are, by default ``$SPIKEPORT_DATA``, else the user's
        cache directory; digits come with scikit-learn and ignore it.

    Raises
    ------
    SpikeportError
        Unknown name or split; the message lists the known ones.
    FileError
        A file is missing, or is not the official one.
    MissingExtraError
        The package that provides the data is not installed.
    """
    if name not in SOURCES:
        raise SpikeportError(
            f"data {name!r} is not known", hint=f"known data: {', '.join(SOURCES)}"
        )
    if split not in SPLITS:
        raise SpikeportError(
            f"{name}: split {split!r} is not known", hint=f"known splits: {', '.join(SPLITS)}"
        )
    source = SOURCES[name]
    images, labels = source.read(split, root)
    return Dataset(name, split, images, labels, source.LOW, source.HIGH)


def parse_selector(selector: str) -> tuple[str, str]:
    """Split ``"digits:test"`` into name and split; :func:`load` says whether they exist."""
    name, colon, split = selector.partition(":")
    if not (name and colon and split) or ":" in split:
        raise SpikeportError(
            f"data selector {selector!r} is not NAME:SPLIT",
            hint=f"for example digits:test; known data: {', '.join(SOURCES)}",
        )
    return name, split
