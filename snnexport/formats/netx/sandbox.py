"""Runs the HDF5 library in a process of its own, with limits on its time and memory.

A few flipped bits make HDF5 loop for ever or crash, which no check of ours could prevent and
no ``except`` catches. The process takes the file on stdin and answers with a ``.npz`` file.
"""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwsim.errors import FileError
from hwsim.files import read_bytes
from snnexport.formats.netx.hdf5 import HINT, RawLayer, Value, parse
from snnexport.formats.netx.layout import NEURON

_SECONDS, _BYTES_A_SECOND = 10, 20e6
"""Processor time that a file may take: a fixed part, and one by its size."""
_MEMORY = 2 << 30
"""Address space that the file may take, beside four times its size."""
_ERROR, _INDEX, _ATTRIBUTE = "error", "index", "attribute"


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
    seconds = int(_SECONDS + len(content) / _BYTES_A_SECOND)
    limits = [str(seconds), str(_MEMORY + 4 * len(content))]
    command = [sys.executable, "-m", "snnexport.formats.netx.sandbox", *limits]
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, timeout=10 * seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise FileError(f"{path}: was not read in {10 * seconds} s", hint=HINT) from None
    if done.returncode:
        raise FileError(
            f"{path}: is damaged: reading it crashed, or took over {seconds} s or {limits[1]} "
            f"bytes (exit {done.returncode})",
            hint=HINT,
        )
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as answer:
        if _ERROR in answer:
            raise FileError(f"{path}: {answer[_ERROR].item()}", hint=HINT)
        return RawFile(_unpacked(answer), answer[_ATTRIBUTE].item(), content)


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


def _main(seconds: str, memory: str) -> None:
    """Answer with the layers in the file on stdin, or with what is wrong with it."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = {"RLIMIT_AS": used + int(memory), "RLIMIT_CPU": int(seconds), "RLIMIT_CORE": 0}
    for name, limit in most.items():
        resource.setrlimit(getattr(resource, name), (limit, limit))
    try:
        layers, attribute = parse(sys.stdin.buffer.read())
        answer = {**_packed(layers), _ATTRIBUTE: np.array(attribute)}
    except FileError as error:
        answer = {_ERROR: np.array(error.message)}
    held = io.BytesIO()
    np.savez(held, **answer)  # pyright: ignore[reportArgumentType] -- keyword arrays
    sys.stdout.buffer.write(held.getvalue())


if __name__ == "__main__":
    _main(*sys.argv[1:])
