"""Saying what a file is and what is in it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from hwsim.chip import Chip, check
from hwsim.errors import CheckError, FileError, SpikeportError
from hwsim.files import read_bytes
from hwsim.program import Connection, Program

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
    """Describe a checkpoint, a program or a float network; FileError if it is none of them."""
    content = read_bytes(path, "a checkpoint.safetensors or a program.onnx")
    if path.suffix == ".safetensors":
        facts = _checkpoint(path)
    elif path.suffix == ".onnx":
        facts = _onnx(path, content)
    else:
        raise FileError(
            f"{path}: is neither a .safetensors checkpoint nor an .onnx model",
            hint="give a file that spikeport wrote",
        )
    return Facts({**facts.facts, "sha256": sha256(content).hexdigest()}, facts.rows)


def chip_of(path: Path) -> str:
    """Return the chip that a program was made for; loihi2 for anything else."""
    return Program.load(path).chip if path.suffix == ".onnx" else "loihi2"


def problems_of(path: Path, chip: Chip, name: str) -> list[str]:
    """List what keeps a checkpoint or a program off ``chip``: layers, registers, timing."""
    if path.suffix == ".onnx":
        return check(Program.load(path), chip)
    from snnexport._export import stages
    from snntrain.checkpoint import Checkpoint

    checkpoint = Checkpoint.load(path)
    try:
        stages(checkpoint, chip, name=name)
    except CheckError as error:
        return list(error.problems)
    except SpikeportError as error:
        return [error.message]
    return []


def _checkpoint(path: Path) -> Facts:
    from snntrain.checkpoint import Checkpoint

    checkpoint = Checkpoint.load(path)
    recipe = checkpoint.recipe
    rows = [
        {"tensor": name, "shape": "x".join(map(str, t.shape)) or "scalar", "values": t.numel()}
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

    props = metadata(parse(content, str(path)))
    schema = props.get("spikeport.schema", "")
    if schema.startswith("spikeport.network/"):
        return Facts({"kind": "float network", **props}, [])
    return _program(Program.load(path))


def _program(program: Program) -> Facts:
    rows = []
    for p in program.populations:
        incoming = program.into(p.name)
        synapses = sum(int(c.synapse.fan_out(program.shape_of(c.source)).sum()) for c in incoming)
        rows.append(
            {
                "population": p.name,
                "shape": "x".join(map(str, p.shape)),
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
