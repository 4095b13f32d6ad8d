"""Changes to training images that keep their label."""

from __future__ import annotations

import numpy as np


def shift(images: np.ndarray, pixels: int, low: int, random: np.random.Generator) -> np.ndarray:
    """Move each image (N, C, H, W) by -``pixels``..``pixels`` along both axes.

    Every image moves by itself; what enters at the border has the value ``low``.
    """
    if not pixels:
        return images
    edge = (pixels, pixels)
    padded = np.pad(images, ((0, 0), (0, 0), edge, edge), constant_values=low)
    windows = np.lib.stride_tricks.sliding_window_view(padded, images.shape[2:], axis=(2, 3))
    rows, columns = random.integers(0, 2 * pixels + 1, (2, len(images)))
    return windows[np.arange(len(images)), :, rows, columns]
