"""Reads NIR files (.nir): what they say, checked field by field, and nothing more."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.errors import FileError, raise_all
from hwsim.files import read_bytes
from snnexport.formats import sandbox
from snnexport.formats.nir.fields import node_of
from snnexport.formats.nir.hdf5 import HINT, Tree, unpacked
from snnexport.formats.nir.nodes import GRAPH, KINDS, Node, Subgraph

_PARSER = "snnexport.formats.nir.hdf5"
_SIGNATURE, _ZIP, _PICKLE = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"\x80"
_EDGE = 2
_HALF_WRITTEN = (
    "if an exporter made it, it stopped half way: nir.write fails at a field that is None, as "
    "Conv2d's input_shape often is; give the exporter a sample input, or set that field"
)
_EXPORT = (
    "export the network as NIR instead: snntorch.export_nir.export_to_nir, sinabs.nir.to_nir, "
    "norse.torch.to_nir, then nir.write; or capture the module itself"
)


@dataclass(frozen=True, eq=False)
class NirFile:
    """A NIR file; ``version`` is the nir that wrote it, "" where the file does not say."""

    graph: Subgraph
    version: str
    sha256: str


def read_file(path: Path) -> NirFile:
    """Return the graph in the NIR file at ``path``, as it is there.

    Raises
    ------
    FileError
        If it is missing, damaged, or no NIR file.
    CheckError
        Listing every node that NIR does not know, or that has wrong fields.
    """
    content = read_bytes(path, "a .nir file")
    _check_signature(path, content)
    tree = unpacked(sandbox.parsed(path, content, _PARSER, hint=HINT))
    version = tree.get("version", "")
    if not isinstance(version, str):
        raise FileError(f"{path}: its /version is no text", hint=HINT)
    graph = graph_of(tree, str(path))
    return NirFile(graph, version, hashlib.sha256(content).hexdigest())


def graph_of(tree: Tree, where: str) -> Subgraph:
    """Return the graph in the ``tree`` of the file ``where``; errors as :func:`read_file`."""
    root = tree.get("node")
    if not isinstance(root, dict) or root.get("type") != GRAPH:
        raise FileError(f"{where}: holds no /node of type {GRAPH}", hint=_HALF_WRITTEN)
    problems: list[str] = []
    graph = _graph(root, "", problems)
    raise_all(where, problems, hint="correct the network that was exported, or its exporter")
    return graph


def _check_signature(path: Path, content: bytes) -> None:
    """Refuse by name what people take for a NIR file. Nothing is opened, nothing unpickled."""
    if content.startswith(_SIGNATURE):
        return
    if not content:
        raise FileError(f"{path}: is empty", hint=HINT)
    is_torch = content.startswith(_PICKLE) or re.search(rb"/?data\.pkl", content[:4096])
    if is_torch:
        raise FileError(f"{path}: is a torch archive (or a pickle), not a NIR file", hint=_EXPORT)
    what = "a zip archive" if content.startswith(_ZIP) else "no HDF5 file"
    raise FileError(f"{path}: is {what}, and NIR files are HDF5", hint=HINT)


def _graph(stored: Tree, where: str, problems: list[str]) -> Subgraph:
    """Return the graph of one group; add what is wrong with it to ``problems``."""
    inside = f"{where}." if where else ""
    nodes = {}
    for name, node in _groups(stored.get("nodes"), where, problems):
        if found := _node(node, f"{inside}{name}", problems):
            nodes[name] = found
    metadata = stored.get("metadata", {})
    extra = sorted(stored.keys() - {"type", "nodes", "edges", "metadata"})
    here = where or "the graph"
    if extra:
        problems.append(f"{here}: {GRAPH} has no field {', '.join(extra)}")
    if not isinstance(metadata, dict):
        problems.append(f"{here}: metadata is no group of values")
    return Subgraph(nodes, _edges(stored.get("edges"), here, problems), metadata)


def _groups(nodes: Any, where: str, problems: list[str]) -> Iterator[tuple[str, Tree]]:
    if not isinstance(nodes, dict):
        problems.append(f"{where or 'the graph'}: has no group of nodes")
        return
    for name, node in nodes.items():
        if isinstance(node, dict):
            yield name, node
        else:
            problems.append(f"{where}.{name}".lstrip(".") + ": is no group of fields")


def _node(stored: Tree, where: str, problems: list[str]) -> Node | Subgraph | None:
    kind = stored.get("type")
    if kind == GRAPH:
        return _graph(stored, where, problems)
    if not isinstance(kind, str) or kind not in KINDS:
        said = f"of unknown type {kind!r}" if isinstance(kind, str) else "without a type"
        problems.append(f"{where}: is a node {said}; nir 1.0.8 has {', '.join(KINDS)}, {GRAPH}")
        return None
    node, found = node_of(where, kind, stored)
    problems += found
    return node


def _edges(stored: Any, where: str, problems: list[str]) -> tuple[tuple[str, str], ...]:
    if isinstance(stored, np.ndarray):
        if not stored.size:
            return ()
        if stored.dtype == object and stored.ndim == _EDGE and stored.shape[1] == _EDGE:
            return tuple((source, reader) for source, reader in stored.tolist())
    problems.append(f"{where}: edges is no list of pairs of names")
    return ()
