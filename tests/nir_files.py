"""Small NIR files, written with h5py in nir 1.0.8's layout, for tests of what reads them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from hwsim.errors import CheckError
from snnexport.formats.nir.file_in import graph_of
from snnexport.formats.nir.flat import Flat, flattened
from snnexport.formats.nir.hdf5 import parse

Nodes = Mapping[str, Mapping[str, Any]]
Edges = Sequence[tuple[str, str]]


def nir_file(path: Path, nodes: Nodes, edges: Edges, **options: Any) -> Path:
    """Write the graph to ``path`` and return it; a subgraph is what :func:`subgraph` gives."""
    path.write_bytes(nir_bytes(nodes, edges, **options))
    return path


def nir_bytes(
    nodes: Nodes, edges: Edges, *, version: str = "1.0.8", metadata: Mapping[str, Any] | None = None
) -> bytes:
    """Return the file: each node is its fields by name, "type" among them; None is left out."""
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        _put(file, {"version": version, "node": subgraph(nodes, edges, metadata)})
    return held.getvalue()


def subgraph(nodes: Nodes, edges: Edges, metadata: Any = None) -> dict[str, Any]:
    """Return a graph as a node of another."""
    pairs = np.array(list(edges), object).reshape(-1, 2)
    return {"type": "NIRGraph", "nodes": nodes, "edges": pairs, "metadata": metadata}


def chain(*names: str) -> list[tuple[str, str]]:
    """Return the edges of nodes one after the other."""
    return list(pairwise(names))


def port(kind: str, *shape: int) -> dict[str, Any]:
    """Return an Input or Output."""
    return {"type": kind, "shape": np.array(shape, np.int64)}


def affine(weight: Any, bias: Any = None) -> dict[str, Any]:
    """Return an Affine, whose bias is zeros unless told."""
    weight = np.asarray(weight, np.float32)
    bias = np.zeros(weight.shape[:-1], np.float32) if bias is None else bias
    return {"type": "Affine", "weight": weight, "bias": bias}


def lif(*shape: int, **fields: Any) -> dict[str, Any]:
    """Return a LIF of this shape; ``fields`` replace its own."""
    values = {"tau": 0.02, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0}
    arrays = {name: np.full(shape, value, np.float32) for name, value in values.items()}
    return {"type": "LIF", **arrays, **fields}


def conv2d(weight: Any, input_shape: Any = None, **fields: Any) -> dict[str, Any]:
    """Return a Conv2d with stride 1, without padding."""
    weight = np.asarray(weight, np.float32)
    sizes = {"stride": np.array([1, 1]), "padding": np.array([0, 0]), "dilation": np.array([1, 1])}
    bias = np.zeros(len(weight), np.float32)
    whole = {"weight": weight, "input_shape": input_shape, **sizes, "groups": 1, "bias": bias}
    return {"type": "Conv2d", **whole, **fields}


def small_net(inputs: int = 4, outputs: int = 3) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return nodes and edges of Input, Affine, LIF and Output."""
    weight = np.arange(outputs * inputs, dtype=np.float32).reshape(outputs, inputs)
    nodes = {
        "input": port("Input", inputs),
        "fc": affine(weight),
        "lif": lif(outputs),
        "output": port("Output", outputs),
    }
    return nodes, chain(*nodes)


def flat(nodes: Nodes, edges: Edges, *, repair: bool = False) -> Flat:
    """Return the file of ``nodes`` and ``edges``, read in this process and flattened."""
    graph = graph_of(parse(nir_bytes(nodes, edges)), "net.nir")
    return flattened(graph, "net.nir", repair=repair)


def refused(nodes: Nodes, edges: Edges, *, repair: bool = False) -> tuple[set[str], str]:
    """Return the problems for which :func:`flat` refuses the graph, and the hint."""
    with pytest.raises(CheckError) as caught:
        flat(nodes, edges, repair=repair)
    assert caught.value.message.startswith("net.nir: ")
    return set(caught.value.problems), caught.value.hint


def _put(group: h5py.Group, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, Mapping):
            _put(group.create_group(name), value)
        elif isinstance(value, np.ndarray) and value.dtype == object:
            group.create_dataset(name, data=value, dtype=h5py.string_dtype())
        elif isinstance(value, np.ndarray) and value.ndim and value.size:
            group.create_dataset(name, data=value, compression="gzip")
        elif value is not None:
            group[name] = value
