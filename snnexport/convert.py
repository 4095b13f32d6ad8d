"""Files of other tools become Programs: what ``spikeport convert`` does."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import Enum
from math import prod
from pathlib import Path

import numpy as np

from hwsim.arith import Range
from hwsim.chip import Chip, load_chip
from hwsim.errors import RangeError, UnsupportedError
from hwsim.program import Program
from hwsim.synapses import Shape
from snnexport._stages import measured
from snnexport.formats.netx.read import read_netx
from snnexport.formats.nir.load import ASSUMED, assumed, read_nir, stored_program
from snnexport.formats.nir.profiles import Profile
from snnexport.graph import Graph
from snnexport.passes.calibration import Calibration
from snnexport.passes.choices import Choices
from snnexport.passes.fold import fold
from snnexport.passes.lower import lower
from snnexport.passes.quantize import quantize
from snnexport.passes.thresholds import approximate_thresholds, threshold_difference
from snntrain.data import Dataset

NETX, NIR, ONNX = ".net", ".nir", ".onnx"
_SAMPLES, _STEPS, _LARGEST = 4, 100, 1 << 22
"""Of the random input that an approximation is measured on, and its most values."""


class Approximation(Enum):
    """What a converted network may differ in, if asked for by name."""

    THRESHOLD = "threshold"


@dataclass(frozen=True)
class Conversion:
    """How a NIR file is read; see :func:`snnexport.read_nir`.

    chip: loihi2 by default, or that of the program in the file. streamed: samples follow each
    other on the machine. calibration: the range of its input, by default 0..1, or data to
    measure the network on.
    """

    chip: Chip | None = None
    profile: str | Profile | None = None
    dt: float | None = None
    steps: int | None = None
    streamed: bool = True
    repair: bool = False
    calibration: Calibration | Dataset | None = None
    choices: Choices | None = None
    approximate: Collection[Approximation] = ()


def convert(
    source: Path,
    target: Path,
    *,
    period: int | None = None,
    input_range: Range | None = None,
    input_shape: Shape | None = None,
    num_layers: int | None = None,
) -> Program:
    """Write the network in ``source``, a netx file (.net), to ``target`` (.onnx), and return it.

    The options are those of ``snnexport.formats.netx.read.read_netx``. ``target`` is whole
    or it is as it was.

    Raises
    ------
    UnsupportedError
        If ``source`` or ``target`` is of another kind.
    FileError, CheckError
        As ``read_netx`` does, or if ``target`` cannot be written.
    """
    _require_kinds(source, target, NETX)
    program = read_netx(
        source,
        period=period,
        input_range=input_range,
        input_shape=input_shape,
        num_layers=num_layers,
    )
    program.save(target)
    return program


def convert_nir(source: Path, target: Path, wanted: Conversion) -> tuple[Program, list[str]]:
    """Write the network in ``source``, a NIR file, to ``target`` (.onnx).

    Returns
    -------
    The program, and a line for everything that was assumed about the file, lost of it, or
    approximated: the program keeps them as ``nir.assumed`` in its metadata. A file of spikeport
    that is read as it says itself gives the very program that was exported with it.

    Raises
    ------
    UnsupportedError
        If a file is of another kind, or nothing says how to read ``source``.
    FileError, CheckError
        As ``read_nir``, ``fold``, ``quantize`` and ``lower`` do.
    """
    _require_kinds(source, target, NIR)
    stored = stored_program(source) if _is_plain(wanted) else None
    if stored is not None and (wanted.chip is None or stored.chip == wanted.chip.name):
        program, lines = stored, ["the program that spikeport exported with the file"]
    else:
        program, lines = _converted(source, wanted)
    program.save(target)
    return program, lines


def _is_plain(wanted: Conversion) -> bool:
    """Say whether nothing is asked for but what is in the file."""
    return replace(wanted, chip=None) == Conversion()


def _converted(source: Path, wanted: Conversion) -> tuple[Program, list[str]]:
    how = {"profile": wanted.profile, "dt": wanted.dt, "steps": wanted.steps}
    graph = read_nir(source, **how, repair=wanted.repair)
    graph = replace(graph, streamed=wanted.streamed)
    folded, lines = fold(graph), assumed(graph)
    if Approximation.THRESHOLD in wanted.approximate:
        exact, folded = folded, approximate_thresholds(folded)
        lines += _differences(exact, folded, wanted.calibration or Calibration(0, 1))
    chip = wanted.chip or load_chip("loihi2")
    calibration = wanted.calibration or Calibration(0, 1)
    if isinstance(calibration, Dataset):
        _require_steps(folded, source)
        calibration = measured(folded, calibration)
    quantized = quantize(folded, chip, calibration, wanted.choices)
    if not graph.steps:
        lines.append(
            "it is never set to rest between samples, and its biases act from the first machine "
            "step on, before a population's first frame (--period T, --alone)"
        )
    kept = {ASSUMED: json.dumps(lines)}
    return lower(quantized, chip, kept), lines


def _differences(exact: Graph, strict: Graph, given: Calibration | Dataset) -> list[str]:
    """Return lines on what firing above thresholds, not at them, changes."""
    frames, origin = _frames(exact, given)
    rows = threshold_difference(exact, strict, frames)
    changed = {p.name for p, q in zip(exact.layers, strict.layers, strict=True) if p is not q}
    return [
        f"{row.layer}: fires above its threshold, not at it: {row.differ:,} of {row.compared:,} "
        f"spike values differ ({row.spikes:,} spikes; {origin})"
        for row in rows
        if row.layer in changed
    ]


def _frames(graph: Graph, given: Calibration | Dataset) -> tuple[np.ndarray, str]:
    """Return input (T, B, *shape) to measure on, and where it is from."""
    steps = graph.steps or _STEPS
    if isinstance(given, Dataset):
        return given.sequences(slice(0, _SAMPLES), steps), f"{given.name}:{given.split}"
    shape = (steps, _SAMPLES, *graph.input_shape)
    if prod(shape) > _LARGEST:
        shape = (steps, 1, *graph.input_shape)
    rng = np.random.default_rng(0)
    values = rng.integers(given.low, given.high, shape, endpoint=True)
    return values * rng.integers(0, 2, shape), "random input, seed 0"


def _require_steps(graph: Graph, source: Path) -> None:
    if not graph.steps:
        raise RangeError(
            f"{source}: how many steps a sample has is not known, so data cannot be coded for it",
            hint="give --period T",
        )


def _require_kinds(source: Path, target: Path, kind: str) -> None:
    for path, wanted in ((source, kind), (target, ONNX)):
        if path.suffix != wanted:
            raise UnsupportedError(
                f"{path}: does not end in {wanted}",
                hint=f"convert reads netx files ({NETX}) and NIR files ({NIR}), and writes "
                f"programs ({ONNX})",
            )
