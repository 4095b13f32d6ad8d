"""Writes NIR files (.nir) as nir 1.0.8 does, so that its ``nir.read`` and its users read them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from hwsim.errors import raise_all
from hwsim.files import write_atomic
from snnexport.formats.nir.flat import flattened
from snnexport.formats.nir.nodes import GRAPH, Node, Subgraph

_VERSION = "1.0.8"
"""The nir whose layout this is. Its reader does not look at it."""


def write_file(path: Path, graph: Subgraph) -> None:
    """Write ``graph`` to ``path``; arrays keep every bit and their dtype.

    ``nir.read`` of nir 1.0.8 reads it, types checked, but for two nodes that it gets wrong
    itself: a convolution in groups (it takes the channels of one for all), and a kernel that is
    not square (it takes the height for the width). Those need ``type_check=False`` there.

    Raises
    ------
    CheckError
        If a name cannot be stored, or the graph is none that :func:`flattened` takes.
    FileError
        If it cannot be written.
    """
    problems = [f"{name!r} is no name that HDF5 can hold" for name in _unfit_names(graph)]
    raise_all(str(path), problems, hint="use printable names without '/'")
    flattened(graph, str(path))
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        _put(file, {"version": _VERSION, "node": _stored(graph)})
    write_atomic(path, held.getvalue())


def _unfit_names(graph: Subgraph) -> Iterator[str]:
    for name, node in graph.nodes.items():
        if name in ("", ".") or "/" in name or not name.isprintable():
            yield name
        if isinstance(node, Subgraph):
            yield from _unfit_names(node)


def _stored(node: Node | Subgraph) -> dict[str, Any]:
    """Return the group of ``node``; what nobody said is left out, as is empty metadata.

    So is a v_reset of 0, which is what a reader takes where it is not: older ones know none.
    """
    metadata = {"metadata": node.metadata} if node.metadata else {}
    if isinstance(node, Node):
        given = {name: value for name, value in node.fields.items() if value is not None}
        if not np.any(given.get("v_reset", 1)):
            del given["v_reset"]
        return {"type": node.kind, **given, **metadata}
    nodes = {name: _stored(inner) for name, inner in node.nodes.items()}
    edges = np.array(node.edges, dtype=object).reshape(-1, 2)
    return {"type": GRAPH, "nodes": nodes, "edges": edges, **metadata}


def _put(group: h5py.Group, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, Mapping):
            _put(group.create_group(name), value)
        elif isinstance(value, str):
            group.create_dataset(name, data=value, dtype=h5py.string_dtype())
        else:
            array = np.asarray(value)
            dtype = h5py.string_dtype() if array.dtype.kind in "OU" else array.dtype
            packing = "gzip" if array.ndim and array.size else None  # HDF5 packs no others
            group.create_dataset(name, data=array, dtype=dtype, compression=packing)
