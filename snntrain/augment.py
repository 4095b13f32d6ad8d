"""Changes to training samples that keep their label, on frames (N, ..., H, W) of integers."""

from __future__ import annotations

import numpy as np


def shift(frames: np.ndarray, pixels: int, low: int, random: np.random.Generator) -> np.ndarray:
    """Move each sample (N, ..., H, W) by -``pixels``..``pixels`` along both axes.

    Every sample moves by itself, all its frames alike; what enters at the border has the value
    ``low``.
    """
    if not pixels:
        return frames
    edges = [(0, 0)] * (frames.ndim - 2) + [(pixels, pixels)] * 2
    padded = np.pad(frames, edges, constant_values=low)
    windows = np.lib.stride_tricks.sliding_window_view(padded, frames.shape[-2:], axis=(-2, -1))
    rows, columns = random.integers(0, 2 * pixels + 1, (2, len(frames)))
    return windows[np.arange(len(frames)), ..., rows, columns, :, :]


def flip(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Mirror each sample (N, ..., H, W) left to right, or not, with even chances."""
    mirrored = random.integers(0, 2, len(frames)).astype(bool)
    return np.where(mirrored.reshape(-1, *[1] * (frames.ndim - 1)), frames[..., ::-1], frames)


def erase(frames: np.ndarray, side: int, low: int, random: np.random.Generator) -> np.ndarray:
    """Set a square of each sample (N, ..., H, W), all its frames alike, to ``low``.

    The square has ``side`` pixels a side and its middle anywhere in the frame, so that part of it
    may lie outside. Source: Cutout, DeVries and Taylor 2017, arXiv 1708.04552, section 3.
    """
    if not side:
        return frames
    erased = np.ones((len(frames), *frames.shape[-2:]), bool)
    for axis, length in zip((1, 2), frames.shape[-2:], strict=True):
        first = random.integers(0, length, (len(frames), 1)) - side // 2
        place = np.arange(length)
        within = (first <= place) & (place < first + side)
        erased &= np.expand_dims(within, 3 - axis)
    between = tuple(range(1, frames.ndim - 2))
    return np.where(np.expand_dims(erased, between), low, frames).astype(frames.dtype)
