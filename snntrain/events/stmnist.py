"""The spike trains of ST-MNIST, digits written on a skin of 10 x 10 tactile sensors: ``.mat``."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np

from hwsim.errors import MissingExtraError
from hwsim.files import read_bytes
from snntrain.events.array import damaged, event_array

KIND = "an ST-MNIST spike train, .mat"
SIDE = 10


def read_stmnist(path: Path) -> np.ndarray:
    """Return the events of ``path``, in its order.

    ``spiketrain`` (101, N): a row of -1, 0, 1 for each sensor, row by row of the skin, and last
    the times in seconds. Source: H. H. See et al., "ST-MNIST - The Spiking Tactile MNIST
    Neuromorphic Dataset", 2020, arXiv 2005.04319.

    Raises
    ------
    FileError
        It is not of this kind.
    MissingExtraError
        SciPy is not installed.
    """
    try:
        from scipy.io import loadmat
    except ModuleNotFoundError:
        raise MissingExtraError(
            f"{path}: .mat files need scipy, which is not installed",
            hint="pip install 'spikeport[data]'",
        ) from None
    content = read_bytes(path, KIND)
    try:
        train = loadmat(BytesIO(content), variable_names=["spiketrain"])["spiketrain"]
    except Exception as error:  # SciPy raises what NumPy, zlib and struct raise, and its own
        raise damaged(path, KIND, repr(error)) from None
    sensors = SIDE * SIDE
    fits = isinstance(train, np.ndarray) and train.ndim == 2 and len(train) == sensors + 1
    if not fits or train.dtype.kind not in "iuf":
        kind = f"{type(train).__name__} of {train.dtype}, shape {train.shape}"
        raise damaged(path, KIND, f"spiketrain is a {kind}")
    seconds, spikes = train[sensors], train[:sensors].T
    if not (np.isin(spikes, (-1, 0, 1)).all() and (abs(seconds) < 1e9).all() and spikes.any()):
        raise damaged(path, KIND, "spikes are not -1, 0, 1, a time is not finite, or has no events")
    number, sensor = spikes.nonzero()
    t = (seconds[number] * 1e6).astype(np.int64)
    return event_array(t, sensor % SIDE, sensor // SIDE, spikes[number, sensor] > 0)
