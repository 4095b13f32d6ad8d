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
    """Messages (and state) of every population over all machine steps.

    ``spikes[name]``: (steps, B, *shape), int8, or int32 if the neuron's messages are wider.
    ``state[kind][name]``: int32, the same shape, after the step and its reset; empty unless
    state was recorded. The kinds are ``a``, the activation that arrived, in units of weight,
    and the state of each neuron by name: ``u``, ``v``, ``sigma`` and so on.
    """

    spikes: Mapping[str, np.ndarray]
    state: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)

    @property
    def u(self) -> Mapping[str, np.ndarray]:
        """Return the recorded currents by population."""
        return self.state.get("u", {})

    @property
    def v(self) -> Mapping[str, np.ndarray]:
        """Return the recorded voltages by population."""
        return self.state.get("v", {})

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Return all arrays by the names they have in a file, ``<population>/spikes`` etc."""
        kinds = (("spikes", self.spikes), *self.state.items())
        return {f"{name}/{kind}": a for kind, group in kinds for name, a in group.items()}

    @staticmethod
    def of_arrays(arrays: Mapping[str, np.ndarray]) -> Trace:
        """Return the inverse of :attr:`arrays`; names without a kind are left out."""
        groups: dict[str, dict[str, np.ndarray]] = {}
        for key, array in arrays.items():
            name, slash, kind = key.rpartition("/")
            if slash:
                groups.setdefault(kind, {})[name] = array
        spikes = groups.pop("spikes", {})
        return Trace(spikes, groups)

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
