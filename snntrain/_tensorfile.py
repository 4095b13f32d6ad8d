"""Tensors and text in one safetensors file, written reproducibly and read with clear errors."""

from __future__ import annotations

import json
from pathlib import Path

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
    """Return a safetensors file; the header is put in one fixed order."""
    data = safetensors.torch.save(tensors, metadata)
    header, body = _split(data)
    text = json.dumps(json.loads(header), sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH_BYTES)
    return len(text).to_bytes(LENGTH_BYTES, "little") + text + body


def read(path: Path, schema: str, *, hint: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return tensors and metadata of a file whose metadata has this ``schema``.

    Raises FileError when the file is missing, truncated, of another format or schema.
    """
    data = read_bytes(path, f"a {schema} file")
    header, body = _split(data)
    try:
        table = json.loads(header)
        needed = max(t["data_offsets"][1] for name, t in table.items() if name != "__metadata__")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise FileError(
            f"{path}: is not a safetensors file, or its header is cut", hint=hint
        ) from None
    if len(body) < needed:
        raise FileError(
            f"{path}: is truncated: {len(body)} of {needed} bytes of tensors",
            hint="copy or download the file again",
        )
    metadata = table.get("__metadata__", {})
    if metadata.get("schema") != schema:
        raise FileError(
            f"{path}: is a safetensors file, but its schema is {metadata.get('schema')!r}, "
            f"not {schema!r}",
            hint=hint,
        )
    try:
        return safetensors.torch.load(data), metadata
    except SafetensorError as error:
        raise FileError(f"{path}: is damaged: {error}", hint=hint) from None


def _split(data: bytes) -> tuple[bytes, bytes]:
    """Return header and body."""
    end = LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "little")
    return data[LENGTH_BYTES:end], data[end:]
