"""Stages -> a folder of artefacts, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.chip import Chip
from hwsim.errors import SpikeportError, raise_all
from hwsim.files import write_atomic, write_folder
from hwsim.program import Program
from hwsim.trace import npz_bytes
from snnexport._stages import Stages
from snnexport.exported import CHOICES, FACTS, FLOAT, GOLDEN, LAVA, NETX, NIR
from snnexport.formats.lava import write_lava
from snnexport.formats.lava.write import unsupported as lava_unsupported
from snnexport.formats.netx.write import unsupported as netx_unsupported
from snnexport.formats.netx.write import write_netx
from snnexport.formats.nir.file_out import write_file
from snnexport.formats.nir.graph_out import from_graph
from snnexport.formats.nir.nodes import Subgraph
from snnexport.formats.nir.profiles import DT
from snnexport.formats.onnx import network_bytes
from snnexport.formats.sanafe.write import FOLDER as SANAFE
from snnexport.formats.sanafe.write import export_sanafe
from snnexport.formats.sanafe.write import unsupported as sanafe_unsupported
from snnexport.golden import bundle, random_frames
from snnexport.passes.choices import choices_of
from snnexport.passes.errors import LayerError
from snnexport.passes.fold import Into, fold
from snnexport.source import messages
from snntrain.checkpoint import Checkpoint
from snntrain.data import load


class Format(Enum):
    """What ``export`` can write."""

    ONNX = "onnx"
    LAVA = "lava"
    NETX = "netx"
    NIR = "nir"
    SANAFE = "sanafe"


def export(
    done: Stages,
    folder: Path,
    formats: Sequence[Format],
    samples: np.ndarray,
    origin: str,
    errors: Sequence[LayerError] = (),
) -> dict[str, Any]:
    """Write the artefacts of ``done`` into ``folder``; return what ``export.json`` holds.

    Parameters
    ----------
    done
        The network after every stage.
    folder
        Created if need be; files of the same names are replaced, others left alone.
    formats
        What to write beside ``program.onnx``, ``quantize.toml``, ``golden.npz`` and
        ``export.json``.
    samples
        Integers (T, B, *shape): the inputs of the golden bundle.
    origin
        Where ``samples`` come from, for people.
    errors
        What quantizing changed by layer, if it was measured.

    Raises
    ------
    CheckError
        Listing everything that the formats cannot hold; nothing is written then.
    FileError
        If anything cannot be written; ``folder`` is then as it was.
    """
    program = done.program
    raise_all(f"program {program.name}", refusals(program, done.chip, formats), hint=_HINT)
    nir = nir_of(done) if Format.NIR in formats else None
    content = program.to_bytes()
    digest = sha256(content).hexdigest()
    facts: dict[str, Any] = {
        "schema": "spikeport.export/1",
        "program": {"name": program.name, "chip": program.chip, "sha256": digest},
        "metadata": dict(program.metadata),
        "golden": {"samples": int(samples.shape[1]), "origin": origin},
        "formats": [f.value for f in formats],
        "layers": done.quantized.notes,
        "remarks": done.remarks,
        "errors": [asdict(row) for row in errors],
    }

    def build(stage: Path) -> None:
        write_atomic(stage / "program.onnx", content)
        if Format.ONNX in formats:
            write_atomic(stage / FLOAT, network_bytes(done.captured))
        if Format.LAVA in formats:
            write_lava(program, stage / LAVA, sha256=digest)
        if Format.NETX in formats:
            write_netx(program, stage / NETX, sha256=digest)
        if nir is not None:
            write_file(stage / NIR, nir)
        if Format.SANAFE in formats:
            export_sanafe(program, done.chip, samples, stage / SANAFE, sha256=digest)
        write_atomic(stage / CHOICES, choices_of(done.quantized).to_toml())
        write_atomic(stage / GOLDEN, npz_bytes(bundle(program, samples, digest)))
        write_atomic(stage / FACTS, json.dumps(facts, indent=1) + "\n")

    write_folder(folder, build)
    return facts


def nir_of(done: Stages) -> Subgraph:
    """Return the network as NIR: normalisation in the weights, its integers in the metadata.

    Raises CheckError listing the layers that NIR has no node for.
    """
    scaled = {p.name: p for p in done.quantized.layers if p.scale is not None}
    integers = {
        name: {"scale": p.scale, **{f.name: getattr(p.neuron, f.name) for f in fields(p.neuron)}}
        for name, p in scaled.items()
    }
    return from_graph(fold(done.captured, Into.WEIGHTS), DT, done.program, integers)


_HINT = "each line begins with the format that cannot hold it: leave that out of --format"


def refusals(program: Program, chip: Chip, formats: Sequence[Format]) -> list[str]:
    """List what ``formats`` cannot hold of ``program`` on ``chip``, each line with its format."""
    found = [f"lava: {problem}" for problem in lava_unsupported(program)] * (Format.LAVA in formats)
    if Format.NETX in formats:
        found += [f"netx: {problem}" for problem in netx_unsupported(program)]
    if Format.SANAFE in formats:
        found += [f"sanafe: {problem}" for problem in sanafe_unsupported(program, chip)]
    return found


def golden_input(
    checkpoint: Checkpoint, program: Program, root: Path | None = None, samples: int = 8
) -> tuple[np.ndarray, str]:
    """Return the first ``samples`` of the recipe's validation split, and where they are from.

    Where that data is not at hand the input is random, and the second value says so.
    """
    name, encoder = checkpoint.recipe.data.name, checkpoint.recipe.data.encoder
    try:
        data = load(name, "validation", root, encoder).first(samples)
        sequence = data.sequences(slice(None), checkpoint.recipe.train.steps)
    except SpikeportError as error:
        return random_frames(program, samples), f"random, seed 0 ({name}: {error.message})"
    return messages(program, sequence), f"{name}:validation, first {samples}"
