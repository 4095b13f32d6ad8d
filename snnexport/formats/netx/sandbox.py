"""Reads netx files in a process of their own, and carries what it finds as plain arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwsim.files import read_bytes
from snnexport.formats import sandbox
from snnexport.formats.netx.hdf5 import HINT, RawLayer, Value, parse
from snnexport.formats.netx.layout import NEURON

_PARSER = "snnexport.formats.netx.sandbox"
_INDEX, _ATTRIBUTE = "index", "attribute"


@dataclass(frozen=True)
class RawFile:
    """The layers of a netx file, spikeport's attribute or "", and all of its bytes."""

    layers: list[RawLayer]
    attribute: str
    content: bytes


def read_file(path: Path) -> RawFile:
    """Return what the netx file at ``path`` holds.

    Raises
    ------
    FileError
        If it is damaged, is no netx file, or holds what :mod:`snnexport.formats.netx.hdf5`
        refuses.
    """
    content = read_bytes(path, "a .net file")
    answer = sandbox.parsed(path, content, _PARSER, hint=HINT)
    return RawFile(_unpacked(answer), answer[_ATTRIBUTE].item(), content)


def packed(content: bytes) -> dict[str, np.ndarray]:
    """Return the netx file ``content`` as arrays; for the sandbox alone."""
    layers, attribute = parse(content)
    return {**_packed(layers), _ATTRIBUTE: np.array(attribute)}


def _packed(layers: list[RawLayer]) -> dict[str, np.ndarray]:
    """Return ``layers`` as arrays: a text is one too, and the index says what is not."""
    arrays: dict[str, np.ndarray] = {}
    index = []
    for i, layer in enumerate(layers):
        groups = {"": layer.fields, f"{NEURON}/": layer.neuron or {}}
        entries = {f"{at}{name}": v for at, held in groups.items() for name, v in held.items()}
        arrays |= {f"{i}/{name}": np.asarray(v) for name, v in entries.items() if v is not None}
        unread = [name for name, v in entries.items() if v is None]
        index.append({"neuron": layer.neuron is not None, "unread": unread})
    return {**arrays, _INDEX: np.array(json.dumps(index))}


def _unpacked(answer: Mapping[str, np.ndarray]) -> list[RawLayer]:
    """Return the layers that :func:`_packed` took."""
    index = json.loads(answer[_INDEX].item())
    entries: list[dict[str, Value]] = [dict.fromkeys(layer["unread"]) for layer in index]
    for key in answer:
        if key not in (_INDEX, _ATTRIBUTE):
            i, name = key.split("/", 1)
            value = answer[key]
            entries[int(i)][name] = value.item() if value.dtype.kind == "U" else value
    return [
        RawLayer(
            {n: v for n, v in held.items() if not n.startswith(f"{NEURON}/")},
            {n.removeprefix(f"{NEURON}/"): v for n, v in held.items() if n.startswith(f"{NEURON}/")}
            if layer["neuron"]
            else None,
        )
        for layer, held in zip(index, entries, strict=True)
    ]
