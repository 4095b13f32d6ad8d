"""Tensors and text in one safetensors file, written reproducibly and read with clear errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from hwsim.errors import FileError
from hwsim.files import read_bytes

LENGTH_BYTES = 8
"""A file is the header's length (little endian), the header (JSON), then the tensors' bytes.

Source: the format section of the README of safetensors 0.8.
"""


def encode(tensors: dict[str, Tensor], metadata: dict[str, str]) -> bytes:
    """Return a safetensors file; the header is put in one fixed order, tensors row by row."""
    rows = {name: tensor.contiguous() for name, tensor in tensors.items()}
    data = safetensors.torch.save(rows, metadata)
    header, body = _split(data)
    text = json.dumps(json.loads(header), sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH_BYTES)
    return len(text).to_bytes(LENGTH_BYTES, "little") + text + body


def read(path: Path, wanted: str, *, hint: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return tensors and metadata of a file whose metadata have the schema ``wanted``.

    Raises FileError when the file is missing, truncated, of another format or schema.
    """
    data = read_bytes(path, f"a {wanted} file")
    header, body = _split(data)
    try:
        table = json.loads(header, object_pairs_hook=_unique)
        needed = max(t["data_offsets"][1] for name, t in table.items() if name != "__metadata__")
        schema = table.get("__metadata__", {}).get("schema")
        missing = int(needed) - len(body)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError):
        raise FileError(
            f"{path}: is not a safetensors file, or its header is cut", hint=hint
        ) from None
    if missing > 0:
        raise FileError(
            f"{path}: is truncated: {len(body)} of {needed} bytes of tensors",
            hint="copy or download the file again",
        )
    if schema != wanted:
        raise FileError(
            f"{path}: is a safetensors file, but its schema is {schema!r}, not {wanted!r}",
            hint=hint,
        )
    try:
        return safetensors.torch.load(data), table["__metadata__"]
    except (SafetensorError, LookupError, ValueError, TypeError, RuntimeError) as error:
        raise FileError(f"{path}: is damaged: {error!r}", hint=hint) from None


def misfits(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> list[str]:
    """List every tensor that is missing, unknown, of another shape or type, or not finite."""
    problems = [f"{name} is missing" for name in wanted.keys() - found.keys()]
    problems += [f"{name} is not part of the network" for name in found.keys() - wanted.keys()]
    for name in wanted.keys() & found.keys():
        here, there = found[name], wanted[name]
        if here.shape != there.shape:
            problems.append(f"{name} has shape {list(here.shape)}, not {list(there.shape)}")
        elif here.dtype != there.dtype:
            problems.append(f"{name} holds {here.dtype}, not {there.dtype}")
        elif not here.isfinite().all():
            problems.append(f"{name} holds values that are not finite")
    return sorted(problems)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return ``pairs`` as a dictionary; ValueError for a key that readers would not agree on."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key occurs twice")
    return dict(pairs)


def _split(data: bytes) -> tuple[bytes, bytes]:
    """Return header and body."""
    end = LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "little")
    return data[LENGTH_BYTES:end], data[end:]
