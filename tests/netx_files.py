"""Small netx files, written with h5py layer by layer, for tests of what reads them."""

from __future__ import annotations

import io
from typing import Any

import h5py
import numpy as np

CUBA = {"type": "CUBA", "iDecay": 1024, "vDecay": 128, "vThMant": 80, "refDelay": 1,
        "gradedSpike": False}  # fmt: skip
"""The neuron group that slayer writes."""


def file_bytes(layers: list[dict[str, Any]], **options: Any) -> bytes:
    """Return a netx file of ``layers``, each its fields by name; mappings become groups."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        for index, layer in enumerate(layers):
            _put(file.create_group(f"layer/{index}"), layer)
    return buffer.getvalue()


def write_layers(path, layers, **options):
    path.write_bytes(file_bytes(layers, **options))
    return path


def _put(group: h5py.Group, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if isinstance(value, dict):
            _put(group.create_group(name), value)
        elif name == "type" and group.name.count("/") == 2:
            group.create_dataset(name, (1,), "S10", [value.encode()])  # as slayer does
        else:
            group[name] = value


def dense_layer(weight, neuron=CUBA, **fields):
    weight = np.asarray(weight)
    layer = {"type": "dense", "shape": [len(weight)], "weight": weight, "neuron": neuron}
    return without_none({**layer, **fields})


def conv_layer(weight, shape, neuron=CUBA, **fields):
    layer = {"type": "conv", "shape": shape, "weight": weight, "neuron": neuron}
    sizes = {"stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "groups": 1}
    return without_none({**layer, **sizes, **fields})


def without_none(fields):
    return {name: value for name, value in fields.items() if value is not None}
