"""Spiking Heidelberg Digits: spoken digits, German and English, as spikes of 700 channels.

Source: B. Cramer, Y. Stradmann, J. Schemmel, F. Zenke, "The Heidelberg Spiking Data Sets for the
Systematic Evaluation of Spiking Neural Networks", IEEE TNNLS 2020; urls and md5 from tonic 1.7.0
``hsd.SHD``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hwsim.errors import FileError, MissingExtraError
from snntrain.data.base import Store
from snntrain.data.division import divided
from snntrain.data.files import Archive, Official, official_path
from snntrain.events.array import event_array

CHANNELS, CLASSES = 700, 20
URL = "https://zenkelab.org/datasets/"
MD5 = {
    "shd_train.h5": "f3252aeb598ac776c1b526422d90eecb",
    "shd_test.h5": "1503a5064faa34311c398fb0a1ed0a6f",
}
"""Of the file's .zip."""


def read(split: str, root: Path | None) -> Store:
    """Return the recordings of ``split``, in the order of the official file.

    The last tenth of each class of ``shd_train.h5`` validates; two of the twelve speakers are in
    ``shd_test.h5`` alone. Labels 0..9 are German, 10..19 English. A channel is an event's column.
    """
    file = "shd_test.h5" if split == "test" else "shd_train.h5"
    hint = f"download {URL}{file}.zip and unpack it"
    archive = Archive(f"SHD/{file}.zip", MD5[file], f"{URL}{file}.zip")
    places = (f"SHD/{file}", f"shd/{file}", f"hdspikes/{file}", file)
    path = official_path(Official("shd", places, hint, archive, "SHD"), root)
    labels = _array(path, "labels", (), hint).astype(np.int64)
    if labels.ndim != 1 or not labels.size or not 0 <= labels.min() <= labels.max() < CLASSES:
        raise FileError(f"{path}: labels are none, or not in 0..{CLASSES - 1}", hint=hint)

    def spikes(row: int) -> np.ndarray:
        seconds, units = (_array(path, f"spikes/{name}", row, hint) for name in ("times", "units"))
        seconds = seconds.astype(np.float64)
        fits = seconds.shape == units.shape and (abs(seconds) < 1e9).all()
        if not (fits and ((units >= 0) & (units < CHANNELS)).all()):
            raise FileError(
                f"{path}: recording {row} has {seconds.size} times and {units.size} units, which "
                f"should be as many, seconds and 0..{CHANNELS - 1}",
                hint=hint,
            )
        return event_array((seconds * 1e6).astype(np.int64), units, 0, True)

    store = Store((CHANNELS,), labels, range(len(labels)), spikes, (path,))
    return store.take(divided(labels, split))


def _array(path: Path, name: str, rows: Any, hint: str) -> np.ndarray:
    """Return ``rows`` of the array ``name`` of an HDF5 file, () is all of it."""
    try:
        import h5py
    except ModuleNotFoundError:
        raise MissingExtraError(
            "data 'shd' needs h5py, which is not installed", hint="pip install 'spikeport[data]'"
        ) from None
    try:
        with h5py.File(path, "r") as content:
            array: Any = content[name]
            values = np.asarray(array[rows])
            if values.dtype.kind not in "iuf":
                raise TypeError(f"{values.dtype} are no numbers")
            return values
    except (OSError, KeyError, ValueError, IndexError, TypeError, RuntimeError) as error:
        raise FileError(f"{path}: is not a file of SHD: {name}: {error}", hint=hint) from None
