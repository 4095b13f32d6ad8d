"""The scikit-learn digits: 1797 real handwritten digits, 8x8 pixels with values 0..16.

Source: ``sklearn.datasets.load_digits``, the test part of "Optical Recognition of Handwritten
Digits", UCI repository, E. Alpaydin and C. Kaynak 1998.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hwsim.errors import MissingExtraError

HIGH = 16
TEST, VALIDATION = 540, 180
"""Images of the two smaller splits: 30 % and 10 % of 1797; the other 1077 are for training."""
DIVISION_SEED = 0


def read(split: str, root: Path | None) -> tuple[np.ndarray, np.ndarray]:  # noqa: ARG001
    """Return images (N, 1, 8, 8) uint8 and labels (N,) int64 of ``split``.

    The division is stratified by label: ``train_test_split`` with ``random_state=0`` takes the
    540 test images from all, then the 180 validation images from the rest. Inside a split the
    images keep scikit-learn's order. ``root`` is not used: the images come with the package.
    """
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError:
        raise MissingExtraError(
            "data 'digits' needs scikit-learn, which is not installed",
            hint="pip install 'spikeport[train]'",
        ) from None
    images, labels = load_digits(return_X_y=True)
    index = _division(labels)[split]
    pixels = images[index].reshape(-1, 1, 8, 8).astype(np.uint8)
    return pixels, labels[index].astype(np.int64)


def _division(labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return the sorted row numbers of each split."""
    from sklearn.model_selection import train_test_split

    def part(index: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        rest, taken = train_test_split(
            index, test_size=size, random_state=DIVISION_SEED, stratify=labels[index]
        )
        return np.sort(rest), np.sort(taken)

    rest, test = part(np.arange(len(labels)), TEST)
    train, validation = part(rest, VALIDATION)
    return {"train": train, "validation": validation, "test": test}
