"""Reads the HDF5 of a NIR file into a tree of plain values, with nothing in it trusted.

Only groups and datasets that lie in the file itself are read, each once. Links to other places,
virtual and external datasets, and any type but numbers and texts are refused before a byte of
them is read, and so is what would take much more memory than the file has bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
from h5py import h5o  # pyright: ignore[reportAttributeAccessIssue] -- no stubs

from hwsim.errors import FileError
from snnexport.formats.hdf5 import damage_named

Tree = dict[str, Any]
"""A group: each name gives a Tree, an array of numbers, a text, or an object array of texts."""

HINT = "give a .nir file that nir.write made; export the network again"
OBJECTS_MAX, DEPTH_MAX, TEXT_MAX = 20_000, 64, 4096
"""Most groups and datasets of a file, groups within groups, and characters of a text."""
_DATA_MAX = 256 << 20
"""Bytes of data that a file of any size may hold, as gzip packs zeros to nearly nothing."""
_RATIO_MAX = 1100
"""How much gzip can pack at most (deflate: 1032 to 1), with something for partly used chunks."""
_FILTERS = {
    h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32,
    h5py.h5z.FILTER_LZF,
}  # fmt: skip
_INDEX, _ARRAY, _TEXTS = "index", "array", "texts"


def packed(content: bytes) -> dict[str, np.ndarray]:
    """Return the tree of the NIR file ``content`` as arrays; for the sandbox alone.

    Raises
    ------
    FileError
        If it is damaged, is no HDF5 file, or holds what is refused above.
    """
    arrays: dict[str, np.ndarray] = {}

    def plain(value: Any) -> Any:
        """Return ``value`` as JSON takes it; arrays of numbers go to ``arrays``."""
        if isinstance(value, dict):
            return {name: plain(inner) for name, inner in value.items()}
        if isinstance(value, str):
            return value
        if value.dtype == object:
            return [_TEXTS, value.tolist(), value.shape]
        arrays[str(len(arrays))] = value
        return [_ARRAY, len(arrays) - 1]

    index = json.dumps(plain(parse(content)))
    return {**arrays, _INDEX: np.array(index)}


def unpacked(answer: Mapping[str, np.ndarray]) -> Tree:
    """Return the tree that :func:`packed` took."""

    def value(held: Any) -> Any:
        if isinstance(held, dict):
            return {name: value(inner) for name, inner in held.items()}
        if isinstance(held, str):
            return held
        if held[0] == _TEXTS:
            return np.array(held[1], dtype=object).reshape(held[2])
        return answer[str(held[1])]

    return value(json.loads(answer[_INDEX].item()))


def parse(content: bytes) -> Tree:
    """Return the tree that the HDF5 file ``content`` holds; FileError as :func:`packed`."""
    with damage_named(HINT), h5py.File.in_memory(content) as file:
        return _Reader(len(content)).group(file, "", 0)


def _error(problem: str) -> FileError:
    return FileError(problem, hint=HINT)


class _Reader:
    """Reads one file; ``budget``: bytes that may still be read; ``seen``: addresses read."""

    def __init__(self, size: int) -> None:
        self.budget = _DATA_MAX + 4 * size
        self.seen: set[int] = set()

    def group(self, group: h5py.Group, where: str, depth: int) -> Tree:
        self.enter(group, where)
        if depth > DEPTH_MAX:
            raise _error(f"has groups within groups, over {DEPTH_MAX} deep")
        if len(group) > OBJECTS_MAX:
            raise _error(f"{where} holds {len(group)} names; {OBJECTS_MAX} are allowed")
        names = list(group)
        for name in names:
            if not isinstance(name, str) or not name.isprintable() or len(name) > TEXT_MAX:
                raise _error(f"{where or '/'} holds the name {name[:80]!r}, which is no name")
        return {name: self.value(group, name, f"{where}/{name}", depth) for name in names}

    def enter(self, item: h5py.Group | h5py.Dataset, where: str) -> None:
        """Count ``item``; refuse one that was read by another name, as in cycles of links."""
        address = h5o.get_info(item.id).addr
        if address in self.seen:
            raise _error(f"{where} is a second link to what was already read")
        self.seen.add(address)
        if len(self.seen) > OBJECTS_MAX:
            raise _error(f"holds over {OBJECTS_MAX} groups and datasets")

    def value(self, group: h5py.Group, name: str, where: str, depth: int) -> Any:
        link = group.get(name, getlink=True)
        if link is None:
            raise _error(f"{where} is damaged")
        if not isinstance(link, h5py.HardLink):
            raise _error(f"{where} is a {type(link).__name__}, not data")
        item = group[name]
        if isinstance(item, h5py.Group):
            return self.group(item, where, depth + 1)
        if not isinstance(item, h5py.Dataset) or item.shape is None:
            raise _error(f"{where} is no dataset with values")
        self.enter(item, where)
        self.admit(item, where)
        return self.texts(item, where) if item.dtype.kind in "OS" else np.asarray(item[()])

    def admit(self, data: h5py.Dataset, where: str) -> None:
        """Refuse what is not numbers or texts, not in the file, or much larger than it."""
        if h5py.check_string_dtype(data.dtype) is None and (
            data.dtype.kind not in "biuf" or data.dtype.itemsize > 8
        ):
            raise _error(f"{where} holds {data.dtype}, not numbers or texts")
        stored = data.id.get_create_plist()
        filters = {stored.get_filter(i)[0] for i in range(stored.get_nfilters())}
        if data.is_virtual or data.external or filters - _FILTERS:
            raise _error(f"{where} is virtual, external or packed by an unknown filter")
        size, there = data.size * data.dtype.itemsize, data.id.get_storage_size()
        self.budget -= size
        if self.budget < 0 or size > there * (_RATIO_MAX if filters else 1):
            raise _error(f"{where} of shape {data.shape} does not fit into a file of its size")

    def texts(self, data: h5py.Dataset, where: str) -> Any:
        texts = data.asstr("utf-8")[()]
        if max((len(text) for text in np.ravel(np.array(texts, object))), default=0) > TEXT_MAX:
            raise _error(f"{where} holds a text of over {TEXT_MAX} characters")
        return texts
