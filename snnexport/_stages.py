"""Checkpoint -> Program: every stage of the way, and what was lost on it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import torch
from torch import nn

from hwsim.arith import Range
from hwsim.chip import Chip
from hwsim.errors import RangeError
from hwsim.program import Program
from hwsim.simulate import Progress
from snnexport._capture import capture
from snnexport.graph import Graph
from snnexport.passes.calibration import ENCODER, Calibration, Method
from snnexport.passes.choices import Bound, Choices, LayerChoice
from snnexport.passes.errors import LayerError, error_report
from snnexport.passes.fold import Into, fold
from snnexport.passes.lower import lower
from snnexport.passes.quantize import quantize
from snntrain.checkpoint import Checkpoint
from snntrain.data import Dataset
from snntrain.hardware import populations, real_network

CALIBRATION_SAMPLES = 512
"""Samples of a data set that the network is run on for calibration."""
_BATCH = 64


@dataclass(frozen=True, eq=False)
class Stages:
    """The network after every stage, from what was trained to what the chip runs."""

    chip: Chip
    captured: Graph
    folded: Graph
    quantized: Graph
    program: Program

    @property
    def remarks(self) -> list[str]:
        """Return a line for everything that is not, or not surely, as it was trained."""
        graph, lines = self.quantized, []
        if graph.step != 1.0:
            lines.append(
                f"{graph.input}: rounded to multiples of {graph.step:.6g}, sent as "
                f"{graph.low}..{graph.high}"
            )
        for layer, notes in graph.notes.items():
            lines += [f"{layer}: {remark}" for remark in _remarks(notes)]
        return lines


def _remarks(notes: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the passes' ``notes`` on one layer say in words."""
    if "sum" in notes:
        way, synapses = notes["sum"]["as"], notes["sum"]["synapses"]
        told = {
            "relay": "sums are sent on by a relay",
            "copies": "what reads its sums adds up itself, with the same weights for each addend",
        }
        counts = ", ".join(f"as {name} {count:,}" for name, count in synapses.items())
        yield f"{told[way]} (synapses: {counts})"
    note = notes.get("quantized", {"kept": True})
    if note["kept"]:
        return
    for register, count in note.get("moved", {}).items():  # a sum has no decays
        yield f"{register} moved into the chip's range for {count} value(s)"
    if gone := note["vanished_channels"]:
        yield f"the weights of {gone} channel(s) are too small for its scale: all 0"
    for module, parts in note["split"].items():
        yield f"the weights of {module} are split over {parts} parallel connections"
    if note["choice"]["bound"] == Bound.OBSERVED.value:
        yield "that its sums fit was observed, not proven: simulate counts those that wrap"


def stages(  # noqa: PLR0913 -- one parameter an option
    checkpoint: Checkpoint,
    chip: Chip,
    *,
    name: str,
    calibration: Calibration | Dataset | None = None,
    choices: Choices | None = None,
    method: Method = Method.MINMAX,
    bias_step: int = 1,
    progress: Progress | None = None,
) -> Stages:
    """Take ``checkpoint`` through capture, fold, quantize and lower.

    Parameters
    ----------
    checkpoint, chip, name
        The trained network, its target, and what it is called.
    calibration
        What the network has seen, or data to measure it on. By default the input range that
        the checkpoint saw in training.
    choices
        What to quantize with, for the layers that it names.
    method, bias_step
        How far weights and observed ranges are kept, and what biases are multiples of, for the
        layers that ``choices`` does not name.
    progress
        Called with the samples of ``calibration`` that were measured, and how many will be.

    Raises
    ------
    CheckError, UnsupportedError
        Of the first stage that finds fault; :func:`snnexport.problems` looks at them all.
    """
    thin = checkpoint.recipe.train.prune > 0
    plain = LayerChoice(method=method, bias_step=bias_step, sparse=thin)
    captured, folded, given = _graphs(checkpoint, name, choices or Choices(), plain)
    if calibration is None:
        calibration = seen_in_training(checkpoint)
    metadata = {"calibration.data": _name(calibration)} if isinstance(calibration, Dataset) else {}
    if isinstance(calibration, Dataset):
        calibration = measured(folded, calibration, progress)
    quantized = quantize(folded, chip, calibration, given)
    scales = {p.name: p.scale.tolist() for p in quantized.layers if p.scale is not None}
    if checkpoint.recipe.data.encoder:
        metadata[ENCODER] = checkpoint.recipe.data.encoder
    metadata |= {
        "checkpoint.sha256": checkpoint.sha256,
        "recipe.seed": str(checkpoint.recipe.train.seed),
        "calibration": json.dumps([calibration.low, calibration.high]),
        "scales": json.dumps(scales),
    }
    return Stages(chip, captured, folded, quantized, lower(quantized, chip, metadata))


def integer_graphs(
    module: nn.Module, example: torch.Tensor, name: str, bits: int, *, checked: bool = True
) -> tuple[Graph, Graph, Choices]:
    """Return a network of integers captured and folded, and the choices that keep its integers.

    Parameters
    ----------
    module
        What :func:`snntrain.hardware.on_chip` made.
    example, name
        As for ``capture``.
    bits
        Of its weights.
    checked
        Let a second reader look at what is captured.
    """
    step = float(module.input_step)  # pyright: ignore[reportArgumentType]
    captured = capture(real_network(module).cpu(), example, name=name, checked=checked)
    folded = fold(captured, Into.WEIGHTS)
    kept = LayerChoice(weight_bits=bits, bound=Bound.TRAINED, scale=(1.0,))
    held = populations(module)
    return captured, folded, Choices(step, {p.name: kept for p in folded.layers if p.name in held})


def _graphs(
    checkpoint: Checkpoint, name: str, choices: Choices, plain: LayerChoice
) -> tuple[Graph, Graph, Choices]:
    """Return the network of ``checkpoint`` captured and folded, and what to quantize it with."""
    module, example = checkpoint.build(), example_of(checkpoint)
    hardware = checkpoint.recipe.hardware
    if hardware is None or not hardware.trains_integers:
        captured = capture(module, example, name=name)
        folded = fold(captured)
        return captured, folded, _completed(choices, folded, plain)
    if (plain.method, plain.bias_step) != (Method.MINMAX, 1):
        raise RangeError(
            f"method = {plain.method.value!r}, bias_step = {plain.bias_step}: these weights and "
            "biases are integers and kept whole",
            hint="leave both out for a network that was trained in integers",
        )
    captured, folded, trained = integer_graphs(module, example, name, hardware.weight_bits)
    kept = {n: replace(choice, sparse=plain.sparse) for n, choice in trained.layers.items()}
    layers = {**kept, **choices.layers}
    return captured, folded, Choices(choices.step or trained.step, layers, choices.sums)


def example_of(checkpoint: Checkpoint) -> torch.Tensor:
    """Return zeros (T, 1, *shape) as the network of ``checkpoint`` takes them."""
    recipe = checkpoint.recipe
    return torch.zeros(recipe.train.steps, 1, *recipe.net.input_shape)


def seen_in_training(checkpoint: Checkpoint) -> Calibration:
    """Return the input range in the header of ``checkpoint``."""
    return Calibration.of(np.array(checkpoint.calibration["input"]))


def measured(folded: Graph, data: Dataset, progress: Progress | None = None) -> Calibration:
    """Return what ``folded`` does on the first samples of ``data``, and the range of them all.

    Raises RangeError if they are not what ``folded`` reads.
    """
    if prod(data.shape) != prod(folded.input_shape):
        raise RangeError(
            f"{_name(data)}: images of shape {data.shape} do not fit the input "
            f"{folded.input_shape} of {folded.name}",
            hint="calibrate on data like that of the recipe",
        )
    samples = min(len(data), CALIBRATION_SAMPLES)

    def batches() -> Iterator[np.ndarray]:
        for start in range(0, samples, _BATCH):
            yield data.sequences(slice(start, start + _BATCH), folded.steps)
            if progress:
                progress(min(start + _BATCH, samples), samples)

    low, high = data.extent(folded.steps)
    return replace(Calibration.measure(folded, batches()), low=min(low, 0), high=max(high, 0))


def input_range(program: Program) -> Range:
    """Return the calibrated range of the input of a program that :func:`stages` made."""
    low, high = json.loads(program.metadata["calibration"])
    return low, high


def layer_errors(done: Stages, data: Dataset) -> list[LayerError]:
    """Return what quantizing changed in each layer, on the first samples of ``data``."""
    frames = data.sequences(slice(0, _BATCH), done.folded.steps)
    return error_report(done.folded, done.quantized, frames)


def _name(data: Dataset) -> str:
    return f"{data.name}:{data.split}"


def _completed(choices: Choices, folded: Graph, plain: LayerChoice) -> Choices:
    """Return ``choices`` with ``plain`` for every other layer of ``folded``.

    Sums are left out, which may become copies of weights and take none then.
    """
    others = {p.name: plain for p in folded.layers if not p.is_sum}
    return replace(choices, layers={**others, **choices.layers})
