"""What spikeport keeps in the metadata of a NIR file, which no field of NIR holds.

Under ``spikeport`` of the graph: its schema, name, dt, steps and readout, and the bytes of the
integer program, if there is one. Under ``spikeport`` of a neuron: what it is to the machine, in
reals, and its integers. Another tool that reads the file loses nothing but these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from hwsim.errors import FileError, RangeError
from hwsim.neurons import NEURONS
from hwsim.program import Readout
from snnexport.formats.nir.neurons import Read
from snnexport.formats.nir.nodes import Node, Subgraph

KEY, SCHEMA = "spikeport", "spikeport.nir/1"
_SAME = 1e-5
"""Relative difference that float32 leaves between fields and metadata."""
_HINT = "give --profile, which reads the fields of NIR alone"


@dataclass(frozen=True, eq=False)
class Own:
    """What the metadata of a graph say; nothing where spikeport did not write it."""

    written: bool = False
    name: str | None = None
    dt: float | None = None
    steps: int | None = None
    readout: Readout | None = None
    program: bytes | None = None

    @classmethod
    def of(cls, graph: Subgraph, where: str) -> Own:
        """Read the metadata of the graph in the file ``where``; FileError if they are damaged."""
        held = graph.metadata.get(KEY)
        if not isinstance(held, Mapping) or str(held.get("schema")) != SCHEMA:
            return cls()
        try:
            program = held.get("program")
            return cls(
                True,
                str(held["name"]),
                float(held["dt"]),
                int(held["steps"]) or None,
                Readout(str(held["readout"])),
                None if program is None else np.asarray(program).astype(np.uint8).tobytes(),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise FileError(
                f"{where}: its metadata {KEY} are damaged: {error!r}", hint=_HINT
            ) from None

    def to_metadata(self) -> dict[str, Any]:
        """Return what :meth:`of` reads as an equal value."""
        assert self.readout is not None
        kept = {"schema": SCHEMA, "name": self.name, "dt": self.dt, "steps": self.steps or 0}
        kept["readout"] = self.readout.value
        if self.program is not None:
            kept["program"] = np.frombuffer(self.program, np.uint8)
        return {KEY: kept}


def neuron_metadata(read: Read, integers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a neuron that :func:`with_metadata` makes it from again."""
    neuron = read.neuron
    values = {f.name: np.asarray(getattr(neuron, f.name)) for f in fields(neuron)}
    kept = {"neuron": type(neuron).__name__, "inclusive": int(read.inclusive), "reals": values}
    kept |= {"gain": np.asarray(read.gain), "offset": np.asarray(read.offset)}
    if integers:
        kept["integers"] = {name: np.asarray(value) for name, value in integers.items()}
    return {KEY: kept}


def with_metadata(node: Node, read: Read) -> Read:
    """Return what ``node`` says it is; ``read`` is what its fields say.

    Raises
    ------
    RangeError
        If the metadata are damaged, or do not agree with the fields.
    """
    held = node.metadata.get(KEY)
    if held is None:
        return read
    try:
        kind = NEURONS[str(held["neuron"])]
        values = {f.name: _register(held["reals"][f.name]) for f in fields(kind)}
        neuron: Any = kind(**values)
        gain, offset = (np.asarray(held[name], np.float64) for name in ("gain", "offset"))
        said = Read(neuron, gain, offset, bool(held["inclusive"]), read.lost)
    except (KeyError, TypeError, ValueError) as error:
        raise RangeError(f"its metadata {KEY} are damaged: {error!r}", hint=_HINT) from None
    pairs = [
        (getattr(read.neuron, n), values[n])
        for n in ("decay_u", "decay_v", "threshold")
        if n in values and hasattr(read.neuron, n)
    ]
    pairs += [(read.gain, gain), (read.offset, offset)]
    for ours, theirs in pairs:
        if not np.allclose(ours, theirs, rtol=_SAME, atol=1e-12):
            raise RangeError(
                f"its fields give {np.ravel(ours)[0]:.6g} where its metadata say "
                f"{np.ravel(theirs)[0]:.6g}: another tool changed the file",
                hint=_HINT,
            )
    return said


def _register(value: Any) -> Any:
    array = np.asarray(value, np.float64)
    return array if array.ndim else float(array)
