"""What spikeport keeps in the metadata of a NIR file, which no field of NIR holds.

Under ``spikeport`` of the graph: its schema, name, dt, steps and readout, the bytes of the integer
program, if there is one, and a digest of it all. Under ``spikeport`` of a neuron: what it is to
the machine, in reals, and its integers. Where the digest is another, nothing of it is believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any

import numpy as np

from hwsim.errors import FileError, RangeError
from hwsim.neurons import NEURONS, LeakyIntegrator
from hwsim.program import Readout, expand
from hwsim.synapses import Shape
from snnexport.formats.nir.neurons import SILENT, Read
from snnexport.formats.nir.nodes import Node, Subgraph

KEY, SCHEMA = "spikeport", "spikeport.nir/1"
_HINT = "give --profile, which reads the fields of NIR alone"


@dataclass(frozen=True, eq=False)
class Own:
    """What the metadata of a graph say; nothing where spikeport did not write it.

    changed: it did, but nodes, edges or metadata are not as they were. steps: of a sample, 0 if
    it is never set to rest. program: the bytes of the integer program.
    """

    written: bool = False
    changed: bool = False
    name: str | None = None
    dt: float | None = None
    steps: int = 0
    readout: Readout | None = None
    program: bytes | None = None

    @classmethod
    def of(cls, graph: Subgraph, where: str) -> Own:
        """Read the metadata of the graph in the file ``where``; FileError if they are damaged."""
        held = graph.metadata.get(KEY)
        if not isinstance(held, Mapping) or str(held.get("schema")) != SCHEMA:
            return cls()
        if str(held.get("digest")) != digest(graph, held):
            return cls(changed=True)
        try:
            program = held.get("program")
            own = cls(
                True,
                False,
                str(held["name"]),
                float(held["dt"]),
                int(held["steps"]),
                Readout(str(held["readout"])),
                None if program is None else np.asarray(program).astype(np.uint8).tobytes(),
            )
        except (KeyError, ValueError, TypeError, IndexError, OverflowError) as error:
            raise FileError(
                f"{where}: its metadata {KEY} are damaged: {error!r}", hint=_HINT
            ) from None
        if not (0 < (own.dt or 0) < np.inf and 0 <= own.steps < 1 << 31):
            raise FileError(
                f"{where}: its metadata {KEY} are damaged: dt = {own.dt}, steps = {own.steps}",
                hint=_HINT,
            )
        return own

    def to_metadata(self, graph: Subgraph) -> dict[str, Any]:
        """Return what :meth:`of` reads as an equal value, in a file with the nodes of ``graph``."""
        assert self.readout is not None
        kept = {"schema": SCHEMA, "name": self.name, "dt": self.dt, "steps": self.steps}
        kept["readout"] = self.readout.value
        if self.program is not None:
            kept["program"] = np.frombuffer(self.program, np.uint8)
        return {KEY: {**kept, "digest": digest(graph, kept)}}


def digest(graph: Subgraph, own: Mapping[str, Any]) -> str:
    """Return the sha256 of nodes, edges and spikeport's metadata, whatever types hold them."""
    said = sha256()
    flat = {"own": {n: v for n, v in own.items() if n != "digest"}}
    nodes = {n: _plain(node) for n, node in graph.nodes.items()}
    for line in _lines({**flat, "nodes": nodes, "edges": sorted(map(list, graph.edges))}):
        said.update(line)
    return said.hexdigest()


def _plain(node: Node | Subgraph) -> dict[str, Any]:
    if isinstance(node, Node):
        return {"kind": node.kind, "fields": node.fields, "metadata": node.metadata}
    return {"kind": "graph", "fields": {}, "metadata": node.metadata}


def _lines(value: Any, at: str = "") -> Iterator[bytes]:
    """Yield what ``value`` holds: texts, and numbers as float64 with their shape."""
    if isinstance(value, Mapping):
        for name in sorted(value):
            yield from _lines(value[name], f"{at}/{name}")
        return
    if value is None:
        return
    array = np.asarray(value)
    text = array.dtype.kind not in "biuf"
    content = str(array.tolist()).encode() if text else array.astype(np.float64).tobytes()
    yield f"{at} {array.shape} ".encode() + content + b"\n"


def neuron_metadata(read: Read, integers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a neuron that :func:`with_metadata` makes it from again."""
    neuron = read.neuron
    values = {f.name: np.asarray(getattr(neuron, f.name)) for f in fields(neuron)}
    kept = {"neuron": type(neuron).__name__, "inclusive": int(read.inclusive), "reals": values}
    kept |= {"gain": np.asarray(read.gain), "offset": np.asarray(read.offset)}
    if integers:
        kept["integers"] = {name: np.asarray(value) for name, value in integers.items()}
    return {KEY: kept}


def with_metadata(node: Node, read: Read, shape: Shape) -> Read:
    """Return what ``node``, of ``shape``, says it is; ``read`` is what its fields say.

    Raises RangeError if its metadata are damaged.
    """
    held = node.metadata.get(KEY)
    if held is None:
        return read
    try:
        kind = NEURONS[str(held["neuron"])]
        values = {f.name: _register(held["reals"][f.name], shape) for f in fields(kind)}
        gain, offset = (np.zeros(shape) + _register(held[n], shape) for n in ("gain", "offset"))
        neuron: Any = kind(**values)
        inclusive = bool(held["inclusive"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise RangeError(f"its metadata {KEY} are damaged: {error!r}", hint=_HINT) from None
    if (kind is LeakyIntegrator) != (node.kind in SILENT):
        raise RangeError(f"its metadata {KEY} call a {node.kind} {kind.__name__}", hint=_HINT)
    return Read(neuron, gain, offset, inclusive, read.lost)


def _register(value: Any, shape: Shape) -> Any:
    """Return a register of neurons of ``shape``; ValueError if it is none."""
    array = np.asarray(value, np.float64)
    if not np.isfinite(array).all():
        raise ValueError("it holds what is no finite number")
    np.broadcast_to(expand(array, shape), shape)
    return array if array.ndim else float(array)
