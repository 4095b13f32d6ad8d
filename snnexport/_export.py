"""Checkpoint -> Program -> a folder of artefacts, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hwsim.chip import Chip
from hwsim.errors import SpikeportError
from hwsim.files import write_atomic, write_folder
from hwsim.program import Program
from hwsim.trace import npz_bytes
from snnexport._capture import capture
from snnexport.formats.lava import write_lava
from snnexport.formats.onnx import network_bytes
from snnexport.golden import bundle, random_frames
from snnexport.graph import Graph
from snnexport.passes.fold import fold
from snnexport.passes.lower import lower
from snnexport.passes.quantize import Calibration, quantize
from snntrain.checkpoint import Checkpoint
from snntrain.data import load
from snntrain.encode import direct


class Format(Enum):
    """What ``export`` can write."""

    ONNX = "onnx"
    LAVA = "lava"


@dataclass(frozen=True, eq=False)
class Stages:
    """The network after every stage, from what was trained to what the chip runs."""

    captured: Graph
    folded: Graph
    quantized: Graph
    program: Program

    @property
    def remarks(self) -> list[str]:
        """Return a line for everything that quantize could not keep close to what it was."""
        lines = []
        for layer, notes in self.quantized.notes.items():
            note = notes["quantized"]
            lines += [
                f"{layer}: {register} moved into the chip's range for {n} value(s)"
                for register, n in note["moved"].items()
            ]
            if gone := note["vanished_channels"]:
                lines.append(
                    f"{layer}: the weights of {gone} channel(s) are too small for its scale: all 0"
                )
        return lines


def stages(
    checkpoint: Checkpoint, chip: Chip, *, name: str, calibration: Calibration | None = None
) -> Stages:
    """Take ``checkpoint`` through capture, fold, quantize and lower.

    ``calibration`` is by default the input range that the checkpoint saw in training.
    """
    if calibration is None:
        calibration = Calibration.of(np.array(checkpoint.calibration["input"]))
    recipe = checkpoint.recipe
    shape = recipe.net.input_shape
    example = torch.zeros(recipe.train.steps, 1, *shape)
    captured = capture(checkpoint.build(), example, name=name)
    folded = fold(captured)
    quantized = quantize(folded, chip, calibration)
    scales = {p.name: p.scale.tolist() for p in quantized.layers if p.scale is not None}
    metadata = {
        "checkpoint.sha256": checkpoint.sha256,
        "recipe.seed": str(recipe.train.seed),
        "calibration": json.dumps([calibration.low, calibration.high]),
        "scales": json.dumps(scales),
    }
    return Stages(captured, folded, quantized, lower(quantized, chip, metadata))


def export(
    done: Stages, folder: Path, formats: Sequence[Format], samples: np.ndarray, origin: str
) -> dict[str, Any]:
    """Write the artefacts of ``done`` into ``folder``; return what ``export.json`` holds.

    Parameters
    ----------
    done
        The network after every stage.
    folder
        Created if need be; files of the same names are replaced, others left alone.
    formats
        What to write beside ``program.onnx``, ``golden.npz`` and ``export.json``.
    samples
        Integers (T, B, *shape): the inputs of the golden bundle.
    origin
        Where ``samples`` come from, for people.

    Raises
    ------
    FileError
        If anything cannot be written; ``folder`` is then as it was.
    """
    content = done.program.to_bytes()
    digest = sha256(content).hexdigest()
    facts: dict[str, Any] = {
        "schema": "spikeport.export/1",
        "program": {"name": done.program.name, "chip": done.program.chip, "sha256": digest},
        "metadata": dict(done.program.metadata),
        "golden": {"samples": int(samples.shape[1]), "origin": origin},
        "formats": [f.value for f in formats],
        "layers": done.quantized.notes,
    }

    def build(stage: Path) -> None:
        write_atomic(stage / "program.onnx", content)
        if Format.ONNX in formats:
            write_atomic(stage / "float" / "network.onnx", network_bytes(done.captured))
        if Format.LAVA in formats:
            write_lava(done.program, stage / "lava", sha256=digest)
        arrays = bundle(done.program, samples, digest)
        write_atomic(stage / "golden.npz", npz_bytes(arrays))
        write_atomic(stage / "export.json", json.dumps(facts, indent=1) + "\n")

    write_folder(folder, build)
    return facts


def golden_input(
    checkpoint: Checkpoint, program: Program, root: Path | None = None, samples: int = 8
) -> tuple[np.ndarray, str]:
    """Return the first ``samples`` of the recipe's validation split, and where they are from.

    Where that data is not at hand the input is random, and the second value says so.
    """
    name = checkpoint.recipe.data.name
    try:
        images = load(name, "validation", root).images[:samples]
    except SpikeportError as error:
        return random_frames(program, samples), f"random, seed 0 ({name}: {error.message})"
    return direct(images, checkpoint.recipe.train.steps), f"{name}:validation, first {samples}"
