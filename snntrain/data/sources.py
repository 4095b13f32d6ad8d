"""The datasets by name, and how one is loaded."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hwsim.errors import FileError, SpikeportError, known_hint
from snntrain.data import (
    cifar,
    cifar10_dvs,
    digits,
    dvs_gesture,
    fsdd,
    imagenette,
    mnist,
    nmnist,
    shd,
)
from snntrain.data.base import IMAGE_ENCODERS, Dataset, Images, Recordings, Store
from snntrain.encode import EVENT_ENCODERS

LOG = logging.getLogger("spikeport")
SPLITS = ("train", "validation", "test")
ReadImages = Callable[[str, Path | None], tuple[np.ndarray, np.ndarray]]
ReadRecordings = Callable[[str, Path | None], Store]
IMAGES: dict[str, tuple[ReadImages, int]] = {
    "digits": (digits.read, digits.HIGH),
    "mnist": (mnist.read, mnist.HIGH),
    "fashion-mnist": (mnist.read_fashion, mnist.HIGH),
    "cifar10": (cifar.read10, cifar.HIGH),
    "cifar100": (cifar.read100, cifar.HIGH),
    "imagenette": (imagenette.read, imagenette.HIGH),
}
"""Sets of pictures: ``read(split, root)`` -> (images, labels), and the highest pixel value."""
RECORDINGS: dict[str, ReadRecordings] = {
    "nmnist": nmnist.read,
    "dvs-gesture": dvs_gesture.read,
    "cifar10-dvs": cifar10_dvs.read,
    "shd": shd.read,
    "fsdd": fsdd.read,
    "fsdd-speakers": fsdd.read_speakers,
}
"""Sets of recordings: ``read(split, root)`` -> Store."""
SOURCES = (*IMAGES, *RECORDINGS)
"""The names of all datasets."""


def encoders_of(name: str) -> tuple[str, ...]:
    """Return the encoders that dataset ``name`` can be loaded with, its default first."""
    return tuple(IMAGE_ENCODERS if name in IMAGES else EVENT_ENCODERS)


def load(name: str, split: str, root: Path | None = None, encoder: str = "") -> Dataset:
    """Return one split of a dataset.

    Parameters
    ----------
    name
        One of ``SOURCES``; the module of a set says where its files are and how it is split.
    split
        ``"train"``, ``"validation"`` or ``"test"``.
    root
        Where the files of file-based sets are, by default ``$SPIKEPORT_DATA``, else the user's
        cache directory, which sets are downloaded to; digits come with scikit-learn.
    encoder
        How samples become sequences, one of ``encoders_of``; by default the first.

    Raises
    ------
    SpikeportError
        Unknown name, split or encoder; the message lists the known ones.
    FileError
        A file is missing, or is not the official one; or there are no samples of the split.
    MissingExtraError
        The package that reads or provides the data is not installed.
    """
    if name not in SOURCES:
        raise SpikeportError(f"there is no data {name!r}", hint=known_hint(SOURCES, name))
    encoders = encoders_of(name)
    chosen = encoder or encoders[0]
    for kind, value, known in (("split", split, SPLITS), ("encoder", chosen, encoders)):
        if value not in known:
            hint = known_hint(known, value)
            raise SpikeportError(f"data {name} has no {kind} {value!r}", hint=hint)
    data = _read(name, split, root, chosen)
    LOG.debug("read data %s:%s, %d samples of shape %s", name, split, len(data), data.shape)
    if not len(data):
        raise FileError(
            f"{name}:{split}: has no samples in the files that are there", hint="get more of them"
        )
    return data


def _read(name: str, split: str, root: Path | None, encoder: str) -> Dataset:
    if name in RECORDINGS:
        store = RECORDINGS[name](split, root)
        return Recordings(name, split, store.labels, store, encoder)
    read, high = IMAGES[name]
    images, labels = read(split, root)
    return Images(name, split, labels, images, (0, high), encoder)


def parse_selector(selector: str) -> tuple[str, str]:
    """Split ``"digits:test"`` into name and split; :func:`load` says whether they exist."""
    name, colon, split = selector.partition(":")
    if not (name and colon and split) or ":" in split:
        raise SpikeportError(
            f"data selector {selector!r} is not NAME:SPLIT",
            hint=f"for example digits:test; {known_hint(SOURCES, name)}",
        )
    return name, split
