"""Everything that keeps a network off a chip, found at once: every stage is looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from hwsim.arith import DECAY_UNITY, STATE_UNIT
from hwsim.chip import Chip
from hwsim.errors import CheckError, RangeError, SpikeportError
from hwsim.neurons import Cuba
from snnexport._capture import captured
from snnexport._fitting import Fit, fit
from snnexport._operations import SUPPORTED
from snnexport._stages import example_of, seen_in_training, stages
from snnexport.graph import Graph, Layer
from snnexport.passes.calibration import Calibration
from snnexport.passes.fold import folded_with_problems
from snnexport.passes.lower import lowered
from snnexport.passes.quantize import quantized_with_problems
from snntrain.checkpoint import Checkpoint


def problems(
    network: nn.Module | Checkpoint,
    chip: Chip,
    example: torch.Tensor | None = None,
    calibration: Calibration | None = None,
) -> list[str]:
    """List what keeps ``network`` from being captured, folded, quantized and put on ``chip``.

    That is its registers and, if the chip file describes its cores, what a core has. Each line
    names a module or a layer, the reason, the limit and a way out. A layer that one stage cannot
    take only sends spikes in the next, which looks at all others.

    Parameters
    ----------
    network
        A module whose forward is one time step, or a checkpoint.
    chip
        The target.
    example, calibration
        As for ``capture`` and ``quantize``. A checkpoint knows both; a module needs an example,
        and is otherwise taken to read spikes.
    """
    return fitted(network, chip, example, calibration).problems


def fitted(
    network: nn.Module | Checkpoint,
    chip: Chip,
    example: torch.Tensor | None = None,
    calibration: Calibration | None = None,
) -> Fit:
    """Return the problems, see :func:`problems`; without any, also the mapping onto cores."""
    if isinstance(network, Checkpoint) and network.recipe.trains_integers:
        return _integers(network, chip)
    if isinstance(network, Checkpoint):
        example = example_of(network) if example is None else example
        calibration = calibration or seen_in_training(network)
        network = network.build()
    if example is None:
        raise RangeError(
            f"{type(network).__name__}: no example to capture it with",
            hint="give zeros of shape (T, B, *input shape)",
        )
    try:
        graph, found = captured(network, example, name=type(network).__name__)
    except SpikeportError as error:
        return Fit(_lines(error))
    lacking = {p.name for p in graph.layers if not p.edges}
    later = _later(graph, lacking, chip, calibration)
    lines = _distinct([*map(_with_way_out, found), *later.problems])
    return Fit(lines, None if lines else later.mapping)


def _integers(network: Checkpoint, chip: Chip) -> Fit:
    """Return how a network of integers fits, of which no stage has anything to choose."""
    try:
        return fit(stages(network, chip, name="network").program, chip)
    except SpikeportError as error:
        return Fit(_lines(error))


def _later(graph: Graph, lacking: set[str], chip: Chip, calibration: Calibration | None) -> Fit:
    """Return the problems that folding and all after it find in a captured graph."""
    try:
        folded, found = folded_with_problems(_without(graph, lacking))
        folded = _without(folded, {p.name for p in folded.layers if not _is_folded(p)})
        quantized, more = _quantized(folded, chip, calibration or Calibration(0, 1))
    except SpikeportError as error:
        return Fit(_lines(error))
    failed = {p.name for p in quantized.layers if p.scale is None}
    try:
        program = lowered(_without(quantized, failed, integer=True), chip)
    except SpikeportError as error:
        return Fit([*found, *more, *_lines(error)])
    last = fit(program, chip)
    return Fit([*found, *more, *last.problems], last.mapping)


def _quantized(graph: Graph, chip: Chip, calibration: Calibration) -> tuple[Graph, list[str]]:
    """Quantize ``graph``; if there are layers because of which none is, then the others."""
    quantized, found = quantized_with_problems(graph, chip, calibration)
    if any(p.scale is not None for p in quantized.layers):
        return quantized, found
    blamed = {line.partition(": ")[0] for line in found}
    quantized, more = quantized_with_problems(_without(graph, blamed), chip, calibration)
    return quantized, found + more


def _without(graph: Graph, names: set[str], *, integer: bool = False) -> Graph:
    """Return ``graph`` with stand-ins for the layers in ``names``: neurons that nothing reaches."""
    layers = (_stand_in(p, integer) if p.name in names else p for p in graph.layers)
    return replace(graph, layers=tuple(layers))


def _stand_in(layer: Layer, integer: bool) -> Layer:
    decay, threshold = (DECAY_UNITY - 1, STATE_UNIT) if integer else (1.0, 1.0)
    neuron = Cuba(decay_u=decay, decay_v=decay, threshold=threshold, bias=0)
    return Layer(layer.name, layer.shape, neuron, (), scale=np.ones(1) if integer else None)


def _is_folded(layer: Layer) -> bool:
    """Say whether each path into ``layer`` is what ``fold`` leaves."""
    return all(e.is_folded for e in layer.edges)


def _with_way_out(line: str) -> str:
    """Return what capture says, with what could stand there instead."""
    unknown = line.endswith("is not supported")
    return f"{line}; what can be captured: {SUPPORTED}" if unknown else line


def _lines(error: SpikeportError) -> list[str]:
    """Return the problems that ``error`` lists, or itself with its hint as one line."""
    if isinstance(error, CheckError):
        return list(error.problems)
    return [f"{error.message}; {error.hint}"]


def _distinct(lines: list[str]) -> list[str]:
    return list(dict.fromkeys(lines))
