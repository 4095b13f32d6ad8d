"""What a dataset is: samples with labels that become sequences of integers."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.errors import UnsupportedError
from snntrain.data.kept import kept
from snntrain.encode import EVENT_ENCODERS, MOST_COUNTED, delta, direct, latency, rate

Index = np.ndarray | slice
"""Which samples: their numbers, or a range of them."""
IMAGE_ENCODERS = {"direct": None, "rate": (0, 1), "latency": (0, 1), "delta": (-1, 1)}
"""How images become sequences, by the name that a recipe gives, the first by default; and the
lowest and highest message, None: those of the pixels. See :mod:`snntrain.encode`."""
EVALUATION_SEED = 0
"""With a sample's number, the seed of what is drawn for it when no generator is given."""


@dataclass(frozen=True, eq=False)
class Dataset(ABC):
    """The samples of one split; labels: (N,) int64."""

    name: str
    split: str
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of a sample in one step: (C, H, W) or (C,)."""

    @property
    @abstractmethod
    def low(self) -> int:
        """The lowest message of a sequence."""

    @property
    @abstractmethod
    def high(self) -> int:
        """The highest message of a sequence."""

    @abstractmethod
    def extent(self, steps: int) -> tuple[int, int]:
        """Return the lowest and the highest message that occur in sequences of ``steps``."""

    @property
    @abstractmethod
    def sha256(self) -> str:
        """The hash of samples and labels, in hexadecimal."""

    @property
    def images(self) -> np.ndarray:
        """The pictures of an image set (N, C, H, W) uint8, which others do not have."""
        raise UnsupportedError(
            f"data {self.name!r}: has recordings, not images", hint="read its sequences"
        )

    @abstractmethod
    def first(self, samples: int) -> Dataset:
        """Return the first ``samples`` only."""

    @abstractmethod
    def sequences(
        self, index: Index, steps: int, random: np.random.Generator | None = None
    ) -> np.ndarray:
        """Return the samples at ``index`` as integers (steps, B, *shape), maybe a view.

        ``random`` draws what the encoder leaves to chance; without it every sample is always
        drawn the same.
        """


@dataclass(frozen=True, eq=False)
class Images(Dataset):
    """Pictures that stand still.

    pixels: (N, C, H, W) uint8, raw values within ``span``. encoder: of ``IMAGE_ENCODERS``.
    """

    pixels: np.ndarray
    span: tuple[int, int]
    encoder: str = "direct"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a picture."""
        return self.pixels.shape[1:]

    @property
    def low(self) -> int:
        """The lowest message of a sequence."""
        return (IMAGE_ENCODERS[self.encoder] or self.span)[0]

    @property
    def high(self) -> int:
        """The highest message of a sequence."""
        return (IMAGE_ENCODERS[self.encoder] or self.span)[1]

    @property
    def images(self) -> np.ndarray:
        """The pictures (N, C, H, W) uint8."""
        return self.pixels

    def extent(self, steps: int) -> tuple[int, int]:  # noqa: ARG002
        """Return the range of the pixels as they are, or that of what they are encoded into."""
        direct_span = int(self.pixels.min()), int(self.pixels.max())
        return IMAGE_ENCODERS[self.encoder] or direct_span

    @property
    def sha256(self) -> str:
        """The hash of shape, pictures and labels, in hexadecimal."""
        digest = hashlib.sha256(str(self.pixels.shape).encode())
        digest.update(np.ascontiguousarray(self.pixels).tobytes())
        digest.update(np.ascontiguousarray(self.labels, np.dtype("<i8")).tobytes())
        return digest.hexdigest()

    def first(self, samples: int) -> Images:
        """Return the first ``samples`` only."""
        return replace(self, pixels=self.pixels[:samples], labels=self.labels[:samples])

    def sequences(
        self, index: Index, steps: int, random: np.random.Generator | None = None
    ) -> np.ndarray:
        """Return the pictures at ``index``, encoded: (steps, B, *shape)."""
        pixels = self.pixels[index]
        if self.encoder == "direct":
            return direct(pixels, steps)
        if self.encoder == "latency":
            return latency(pixels, steps, self.span)
        if self.encoder == "delta":  # so many levels that the last step reaches the high end
            low, high = self.span
            return delta(direct(pixels, steps), max(1, -(-(high - low) // steps)), low)
        if random is not None:
            return rate(pixels, steps, self.span, random)
        numbers = np.arange(len(self))[index]
        drawn = [
            rate(pixels[i : i + 1], steps, self.span, _random_of(number))
            for i, number in enumerate(numbers.tolist())
        ]
        return np.concatenate(drawn, axis=1)


def _random_of(sample: int) -> np.random.Generator:
    return np.random.default_rng([EVALUATION_SEED, sample])


@dataclass(frozen=True, eq=False)
class Store:
    """Recordings that are read one by one.

    shape: of a frame. labels: (N,) int64. keys: what ``read`` takes, one a recording, with a
    ``repr`` that tells them apart. read: gives the events (n,) of one. files: what they are in.
    """

    shape: tuple[int, ...]
    labels: np.ndarray
    keys: Sequence[Any]
    read: Callable[[Any], np.ndarray]
    files: tuple[Path, ...]

    def take(self, rows: np.ndarray) -> Store:
        """Return the recordings at ``rows`` alone."""
        keys = [self.keys[row] for row in rows]
        return replace(self, labels=self.labels[rows], keys=keys)


@dataclass(frozen=True, eq=False)
class Recordings(Dataset):
    """Recordings of events that are counted in frames; ``encoder``: of ``EVENT_ENCODERS``.

    The frames of all samples are made when the first are asked for, and kept, see
    :func:`snntrain.data.kept.kept`.
    """

    store: Store
    encoder: str = "time"
    _frames: dict[int, np.ndarray] = field(default_factory=dict, init=False, repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a frame."""
        return self.store.shape

    @property
    def low(self) -> int:
        """The fewest events that a frame counts."""
        return 0

    @property
    def high(self) -> int:
        """The most events that a frame counts."""
        return MOST_COUNTED

    @property
    def sha256(self) -> str:
        """The hash of shape, events and labels, in hexadecimal; reads every recording."""
        digest = hashlib.sha256(str(self.shape).encode())
        for key in self.store.keys:
            digest.update(self.store.read(key).tobytes())
        digest.update(np.ascontiguousarray(self.labels, np.dtype("<i8")).tobytes())
        return digest.hexdigest()

    def first(self, samples: int) -> Recordings:
        """Return the first ``samples`` only."""
        store = self.store.take(np.arange(len(self))[:samples])
        return replace(self, labels=store.labels, store=store)

    def sequences(
        self,
        index: Index,
        steps: int,
        random: np.random.Generator | None = None,  # noqa: ARG002
    ) -> np.ndarray:
        """Return the frames of the recordings at ``index``: (steps, B, *shape) uint8."""
        return np.moveaxis(self._counted(steps)[index], 0, 1)

    def extent(self, steps: int) -> tuple[int, int]:
        """Return 0 and the most events that a frame has."""
        return 0, int(self._counted(steps).max())

    def _counted(self, steps: int) -> np.ndarray:
        """Return the frames (N, steps, *shape) uint8 of all recordings, which are then kept."""
        if steps in self._frames:
            return self._frames[steps]
        count, store = EVENT_ENCODERS[self.encoder], self.store

        def fill(into: np.ndarray) -> None:
            for frames, key in zip(into, store.keys, strict=True):
                frames[...] = count(store.read(key), store.shape, steps)

        shape = (len(self), steps, *store.shape)
        how = f"{self.encoder} {MOST_COUNTED} {list(store.keys)}"
        self._frames[steps] = kept(f"{self.name}-{self.split}", shape, how, store.files, fill)
        return self._frames[steps]
