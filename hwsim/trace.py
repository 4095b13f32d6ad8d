"""What a run leaves behind: spikes and state by population, in machine time, and its file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hwsim.files import read_npz, write_atomic


@dataclass(frozen=True, eq=False)
class Trace:
    """Spikes (and state) of every population over all machine steps.

    ``spikes[name]``: int8, (steps, B, *shape). ``u[name]``, ``v[name]``: int32, the same
    shape, after the reset of neurons that fired; empty unless state was recorded.
    """

    spikes: Mapping[str, np.ndarray]
    u: Mapping[str, np.ndarray] = field(default_factory=dict)
    v: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Return all arrays by the names they have in a file, ``<population>/spikes`` etc."""
        kinds = (("spikes", self.spikes), ("u", self.u), ("v", self.v))
        return {f"{name}/{kind}": a for kind, group in kinds for name, a in group.items()}

    @staticmethod
    def of_arrays(arrays: Mapping[str, np.ndarray]) -> Trace:
        """Return the inverse of :attr:`arrays`; other names are left out."""
        groups: dict[str, dict[str, np.ndarray]] = {"spikes": {}, "u": {}, "v": {}}
        for key, array in arrays.items():
            name, _, kind = key.rpartition("/")
            if kind in groups:
                groups[kind][name] = array
        return Trace(**groups)

    def save(self, path: str | Path) -> None:
        """Write ``.npz`` (docs/formats.md)."""
        write_atomic(Path(path), npz_bytes(self.arrays))

    @staticmethod
    def load(path: str | Path) -> Trace:
        """Read what :meth:`save` wrote."""
        return Trace.of_arrays(read_npz(Path(path)))


def npz_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return a compressed ``.npz`` file of ``arrays`` as bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
