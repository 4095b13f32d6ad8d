"""Reads the HDF5 of a netx file into plain values, with nothing in it trusted.

Only groups and plain datasets that lie in the file itself are read. Links to other places,
virtual, external and compressed datasets, and any type but numbers and texts are refused
before a byte of them is read, and so is what would take more memory than the file has bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import h5py
import numpy as np

from hwsim.errors import FileError
from snnexport.formats.hdf5 import damage_named
from snnexport.formats.netx.layout import ATTRIBUTE, FIELDS, LAYERS, NEURON, NEURON_FIELDS

Value = np.ndarray | str | None
"""A number or array of numbers, a text, or None for what is there and was not read."""

LAYERS_MAX = 4096
FIELDS_MAX = 64
"""Most layers of a file, and most names in one layer or neuron: no real file comes near."""

_NAMES = frozenset().union(*FIELDS.values()) - {NEURON}
_NEURON_NAMES = frozenset().union(*NEURON_FIELDS.values())
HINT = "give a .net file that lava-dl's slayer wrote, or write it again with h5py"


@dataclass(frozen=True)
class RawLayer:
    """The fields of one layer by name; ``neuron`` is None where the layer has none."""

    fields: Mapping[str, Value]
    neuron: Mapping[str, Value] | None


def parse(content: bytes) -> tuple[list[RawLayer], str]:
    """Return the layers in the netx file ``content`` and its attribute; for the sandbox alone.

    Layers are in order. Fields that netx does not know are None: there, and not read. The
    attribute is what spikeport's writer adds, or "".

    Raises
    ------
    FileError
        If it is damaged, is no netx file, or holds what is refused above.
    """
    with damage_named(HINT), h5py.File.in_memory(content) as file:
        return _Reader(len(content)).layers(file), _attribute(file)


def _attribute(file: h5py.File) -> str:
    text = file.attrs.get(ATTRIBUTE, "")
    if not isinstance(text, str):
        raise _error(f"the attribute {ATTRIBUTE} is no text")
    return text


def _error(problem: str) -> FileError:
    return FileError(problem, hint=HINT)


class _Reader:
    """Reads one file; ``budget``: bytes of data that may still be read."""

    def __init__(self, budget: int) -> None:
        self.budget = budget

    def layers(self, file: h5py.File) -> list[RawLayer]:
        root = self.open(file, LAYERS)
        if not isinstance(root, h5py.Group):
            raise _error(f"there is no group /{LAYERS}")
        names = self.names(root, LAYERS_MAX)
        wanted = [str(i) for i in range(len(names))]
        if sorted(names) != sorted(wanted):
            odd = min(set(names) - set(wanted))
            raise _error(f"/{LAYERS} holds {odd!r}, not layers 0..{len(names) - 1} alone")
        return [self.layer(root, name) for name in wanted]

    def layer(self, root: h5py.Group, name: str) -> RawLayer:
        group = self.open(root, name)
        if not isinstance(group, h5py.Group):
            raise _error(f"/{LAYERS}/{name} is no group")
        fields, neuron = self.fields(group, _NAMES), None
        if NEURON in fields:
            held = self.open(group, NEURON)
            if not isinstance(held, h5py.Group):
                raise _error(f"{group.name}/{NEURON} is no group")
            neuron = self.fields(held, _NEURON_NAMES)
            del fields[NEURON]
        return RawLayer(fields, neuron)

    def fields(self, group: h5py.Group, known: frozenset[str]) -> dict[str, Value]:
        return {
            name: self.value(group, name) if name in known else None
            for name in self.names(group, FIELDS_MAX)
        }

    def names(self, group: h5py.Group, limit: int) -> list[str]:
        if len(group) > limit:
            raise _error(f"{group.name} holds {len(group)} names; {limit} are allowed")
        return list(group)

    def open(self, group: h5py.Group, name: str) -> object:
        """Return what ``name`` is, None if it is not there; refuse links that lead elsewhere."""
        link = group.get(name, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise _error(f"{group.name}/{name} is a {type(link).__name__}, not data")
        return group[name]

    def value(self, group: h5py.Group, name: str) -> Value:
        """Return the numbers or the text called ``name``; None if it is a group."""
        data, where = self.open(group, name), f"{group.name}/{name}"
        if isinstance(data, h5py.Group):
            return None
        if not isinstance(data, h5py.Dataset) or data.shape is None:
            raise _error(f"{where} is no dataset with values")
        stored = data.id.get_create_plist()
        if data.is_virtual or data.external or stored.get_nfilters():
            raise _error(f"{where} is virtual, external or compressed")
        self.budget -= data.size * data.dtype.itemsize
        if self.budget < 0:
            raise _error(f"{where} of shape {data.shape} does not fit into a file of its size")
        if h5py.check_string_dtype(data.dtype):
            return self.text(data, where)
        if data.dtype.kind not in "biuf":
            raise _error(f"{where} holds {data.dtype}, not numbers or a text")
        return np.asarray(data[()])

    def text(self, data: h5py.Dataset, where: str) -> str:
        if data.size != 1:
            raise _error(f"{where} holds {data.size} texts, not one")
        text = data[()] if data.shape == () else data[(0,) * data.ndim]
        return text.decode("ascii")
