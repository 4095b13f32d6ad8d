"""The network that became a program, as a judge of it: in torch's reals, and in integers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hwsim.chip import load_chip
from hwsim.errors import RangeError
from hwsim.program import Program, Readout
from snnexport._stages import input_range, stages
from snnexport.exported import CHOICES
from snnexport.graph import Graph
from snnexport.interpret import interpret
from snnexport.passes.calibration import ENCODER, Calibration
from snnexport.passes.choices import Bound, Choices
from snnexport.source import dataset
from snntrain.checkpoint import Checkpoint
from snntrain.data import Dataset
from snntrain.layers import recorded, unroll

_BATCH = 64
"""Samples that are computed at once."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A network before and after quantization.

    module: forward is one time step, its input of ``input_shape``. quantized: what the program
    was lowered from. images: (B, *input_shape), what the messages of each sample were coded
    from; by default the messages times the graph's step.
    """

    module: nn.Module
    quantized: Graph
    input_shape: tuple[int, ...]
    images: np.ndarray | None = None

    def spikes(
        self, program: Program, frames: np.ndarray
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Return what the module's spiking layers send on messages ``frames`` (T, B, *shape).

        By the populations of ``program`` that they became, (T, B, *shape) of 0 and 1; and the
        sum of the module's answers over time, (B, n).
        """
        shapes = {p.name: p.shape for p in program.populations}
        found: dict[str, list[np.ndarray]] = {}
        outputs = []
        for part in _batches(frames.shape[1]):
            with torch.no_grad(), recorded(self.module.eval()) as spikes:
                outputs.append(unroll(self.module, self._reals(frames, part)).sum(dim=0))
            for name in (n for n in shapes if n in spikes):  # its order tells what is first
                sent = spikes[name].numpy().astype(np.int8)
                found.setdefault(name, []).append(sent.reshape(len(frames), -1, *shapes[name]))
        whole = {name: np.concatenate(parts, axis=1) for name, parts in found.items()}
        return whole, torch.cat(outputs).flatten(1).double().numpy()

    def integers(self, frames: np.ndarray) -> dict[str, np.ndarray]:
        """Return what the integer network sends, layer by layer, on messages (T, B, *shape).

        No latency, no relays: (T, B, *shape) by population. Of a silent output its voltage.
        """
        found: dict[str, list[np.ndarray]] = {}
        for part in _batches(frames.shape[1]):
            activity = interpret(self.quantized, frames[:, part])
            sent = dict(activity.spikes)
            if self.quantized.readout is Readout.VOLTAGE:
                output = self.quantized.output
                sent[output] = activity.voltages[output]
            for name, array in sent.items():
                found.setdefault(name, []).append(array)
        return {name: np.concatenate(parts, axis=1) for name, parts in found.items()}

    def _reals(self, frames: np.ndarray, part: slice) -> torch.Tensor:
        """Return what the module reads instead of ``frames[:, part]``."""
        if self.images is not None:
            given = np.broadcast_to(self.images[part], (len(frames), *self.images[part].shape))
        else:
            given = self.quantized.step * frames[:, part]
        kind = next(self.module.parameters()).dtype
        return torch.tensor(given.reshape(*given.shape[:2], *self.input_shape), dtype=kind)


def trained_beside(
    checkpoint: Path, path: Path, program: Program, root: Path | None, images: np.ndarray | None
) -> Trained:
    """Return the network in ``checkpoint`` that ``program``, read from ``path``, was made from.

    It is made again, with the choices in the quantize.toml beside ``path``. ``root`` is where
    data files are, for a program that was calibrated on data.

    Raises
    ------
    RangeError
        If ``checkpoint`` is another one, or what it now becomes is another program.
    """
    loaded = Checkpoint.load(checkpoint)
    stated = program.metadata.get("checkpoint.sha256", "")
    if stated != loaded.sha256:
        raise RangeError(
            f"{checkpoint}: sha256 {loaded.sha256[:12]} is not {stated[:12] or 'known'}, of the "
            f"checkpoint that {path} was exported from",
            hint="give that checkpoint, or export this one",
        )
    beside = path.with_name(CHOICES)
    choices = Choices.load(beside) if beside.exists() else None
    seen = _calibration(program, choices, root)
    chip = load_chip(program.chip)
    done = stages(loaded, chip, name=program.name, calibration=seen, choices=choices)
    again = replace(done.program, metadata=program.metadata)
    if again.to_bytes() != program.to_bytes():
        raise RangeError(
            f"{checkpoint} with {beside} gives another program than {path}",
            hint="quantize.toml was edited or is missing, or another version exported it: "
            "export again",
        )
    shape = loaded.recipe.net.input_shape
    return Trained(loaded.build(), done.quantized, shape, images)


def _calibration(
    program: Program, choices: Choices | None, root: Path | None
) -> Calibration | Dataset:
    """Return what ``program`` was calibrated with, as far as ``choices`` do not say it all."""
    name = program.metadata.get("calibration.data")
    observed = choices is None or any(c.bound is Bound.OBSERVED for c in choices.layers.values())
    if not (name and observed):
        return Calibration(*input_range(program))
    return dataset(name, root, program.metadata.get(ENCODER, ""))


def _batches(samples: int) -> Iterator[slice]:
    for first in range(0, samples, _BATCH):
        yield slice(first, first + _BATCH)
