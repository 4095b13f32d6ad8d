"""Saying what a file is and what is in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from hwsim.chip import Chip
from hwsim.errors import CheckError, FileError
from hwsim.files import read_bytes
from hwsim.program import Connection, Program
from snnexport._fitting import Fit, fit

_LONGEST = 160
"""Characters of one fact that a terminal is shown."""


@dataclass(frozen=True)
class Facts:
    """What was found: facts by name, and rows of equal keys for a table."""

    facts: dict[str, Any]
    rows: list[dict[str, Any]]

    @property
    def data(self) -> dict[str, Any]:
        """Return everything as one JSON object."""
        return {**self.facts, "rows": self.rows}

    def text(self) -> str:
        """Return everything for a terminal."""
        table = Table()
        for name in self.rows[0] if self.rows else ():
            table.add_column(name, overflow="fold")
        for row in self.rows:
            table.add_row(*(str(value) for value in row.values()))
        console = Console(width=110)
        with console.capture() as capture:
            for name, value in self.facts.items():
                text = str(value)
                if len(text) > _LONGEST:
                    text = f"{text[:_LONGEST]} ... ({len(text)} characters, whole with --json)"
                console.print(f"{name}: {text}", markup=False, highlight=False)
            console.print(table)
        return capture.get().rstrip("\n")


def describe(path: Path) -> Facts:
    """Describe a checkpoint, a program, a float network, a netx or a NIR file; else FileError."""
    content = read_bytes(path, "a checkpoint.safetensors or a program.onnx")
    if path.suffix == ".safetensors":
        facts = _checkpoint(path)
    elif path.suffix == ".onnx":
        facts = _onnx(path, content)
    elif path.suffix == ".net":
        facts = _netx(path)
    elif path.suffix == ".nir":
        facts = _nir(path)
    else:
        raise FileError(
            f"{path}: is no .safetensors checkpoint, .onnx model, .net or .nir file",
            hint="spikeport report prints a report.json, spikeport chips a chip file",
        )
    return Facts({**facts.facts, "sha256": sha256(content).hexdigest()}, facts.rows)


def chip_of(path: Path) -> str:
    """Return the chip that a program was made for; loihi2 for anything else."""
    return Program.load(path).chip if path.suffix == ".onnx" else "loihi2"


def fit_of(path: Path, chip: Chip) -> Fit:
    """Return what keeps a checkpoint, a program or a netx file off ``chip``, else its mapping."""
    if path.suffix == ".onnx":
        return fit(Program.load(path), chip)
    if path.suffix == ".net":
        return _netx_fit(path, chip)
    from snnexport.check import fitted
    from snntrain.checkpoint import Checkpoint

    return fitted(Checkpoint.load(path), chip)


def _netx_fit(path: Path, chip: Chip) -> Fit:
    from snnexport.formats.netx.read import read_netx

    try:
        return fit(read_netx(path), chip)
    except CheckError as error:
        return Fit(list(error.problems))


def _checkpoint(path: Path) -> Facts:
    from snntrain.checkpoint import Checkpoint

    checkpoint = Checkpoint.load(path)
    recipe = checkpoint.recipe
    rows = [
        {"tensor": name, "shape": _shape(t.shape), "values": t.numel()}
        for name, t in checkpoint.state.items()
    ]
    facts = {
        "kind": "checkpoint",
        "net": recipe.kind,
        "data": recipe.data.name,
        "steps": recipe.train.steps,
        "input range": checkpoint.calibration["input"],
        "metrics": checkpoint.metrics,
    }
    return Facts(facts, rows)


def _onnx(path: Path, content: bytes) -> Facts:
    from hwsim._onnx.read import metadata, parse

    model = parse(content, str(path))
    props = metadata(model)
    schema = props.get("spikeport.schema", "")
    if schema.startswith("spikeport.network/"):
        rows = [
            {"population": value.name.removesuffix("/spikes"), "shape": _shape(sizes[2:])}
            for value in model.graph.output
            for sizes in [[d.dim_value for d in value.type.tensor_type.shape.dim]]
        ]
        return Facts({"kind": "float network", **props}, rows)
    return _program(Program.load(path))


def _netx(path: Path) -> Facts:
    """Describe the layers as they are in the file, whether they can be converted or not."""
    from snnexport.formats.netx.sandbox import read_file

    layers = read_file(path).layers
    rows = []
    for i, layer in enumerate(layers):
        arrays = {n: v for n, v in layer.fields.items() if isinstance(v, np.ndarray) and v.ndim}
        rows.append(
            {
                "layer": i,
                "type": layer.fields.get("type"),
                "neuron": (layer.neuron or {}).get("type", "none"),
                "holds": ", ".join(f"{name} {_held(v)}" for name, v in arrays.items()),
            }
        )
    return Facts({"kind": "netx file", "layers": len(layers)}, rows)


def _nir(path: Path) -> Facts:
    """Describe the nodes as they are in the file, subgraphs as one node."""
    from snnexport.formats.nir.file_in import read_file
    from snnexport.formats.nir.nodes import Node

    file = read_file(path)
    graph, rows = file.graph, []
    for name, node in graph.nodes.items():
        held = {}
        if isinstance(node, Node):
            held = {n: v for n, v in node.fields.items() if isinstance(v, np.ndarray)}
        rows.append(
            {
                "node": name,
                "kind": node.kind if isinstance(node, Node) else f"graph of {len(node.nodes)}",
                "holds": ", ".join(f"{n} {_held(v)}" for n, v in held.items()),
                "from": ", ".join(sorted(a for a, b in graph.edges if b == name)),
            }
        )
    return Facts({"kind": "NIR file", "version": file.version, "nodes": len(graph.nodes)}, rows)


def _held(array: np.ndarray) -> str:
    """Return the few values of ``array``, or the shape of many."""
    return str(array.tolist()) if array.size <= 3 else _shape(array.shape)


def _shape(sizes: Iterable[int]) -> str:
    return "x".join(map(str, sizes)) or "scalar"


def _program(program: Program) -> Facts:
    rows = []
    for p in program.populations:
        incoming = program.into(p.name)
        synapses = sum(int(c.synapse.fan_out(program.shape_of(c.source)).sum()) for c in incoming)
        rows.append(
            {
                "population": p.name,
                "shape": _shape(p.shape),
                "neurons": prod(p.shape),
                "kind": type(p.neuron).__name__,
                "latency (steps)": p.latency,
                "reset phase": program.phase(p),
                "from": ", ".join(f"{c.source} ({_synapse(c)})" for c in incoming),
                "synapses": synapses,
            }
        )
    source = program.input
    facts = {
        "kind": "program",
        "name": program.name,
        "chip": program.chip,
        "input": f"{source.name} {source.shape} {source.low}..{source.high}",
        "readout": f"{program.readout.value} of {program.output}",
        "period (steps)": program.period,
        "gap (steps)": program.gap,
        **program.metadata,
    }
    return Facts(facts, rows)


def _synapse(c: Connection) -> str:
    """Return the kind of a connection's synapses, with their delays if they have any."""
    kind, last = type(c.synapse).__name__, max(c.synapse.delays)
    return f"{kind}, delays {min(c.synapse.delays)}..{last}" if last else kind
