"""How images become sequences that a spiking network reads."""

from __future__ import annotations

import numpy as np

from hwsim.errors import RangeError


def direct(images: np.ndarray, steps: int) -> np.ndarray:
    """Repeat the same integers in every step: (B, *shape) -> (steps, B, *shape), a view.

    Direct coding hands the raw values to the first layer as graded messages; nothing is
    rescaled, so the machine reads exactly what training read.

    Raises RangeError when ``images`` are not integers or ``steps`` is below 1.
    """
    if not np.issubdtype(images.dtype, np.integer):
        raise RangeError(
            f"direct: images are {images.dtype}, not integers",
            hint="hand over the raw pixel values of the dataset",
        )
    if steps < 1:
        raise RangeError(f"direct: steps = {steps} is below 1", hint="use at least one step")
    return np.broadcast_to(images, (steps, *images.shape))
