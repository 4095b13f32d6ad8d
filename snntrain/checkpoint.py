"""A checkpoint: recipe, weights, metrics and input range of a trained network, in one file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from hwsim.errors import FileError, listed
from hwsim.files import json_object, write_atomic
from snntrain import _tensorfile
from snntrain.hardware import bad_scales
from snntrain.recipe import Recipe

SCHEMA = "spikeport.checkpoint/1"
HINT = "give a checkpoint.safetensors that `spikeport train` wrote"
_EDITED = "the file was edited or mixed up; train it again, or take the original"
_LARGEST = 1e30
"""No input is larger: it must stay finite in float32, multiplied by a weight."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A trained network.

    state: the module's tensors by path. metrics: numbers measured in training. calibration:
    ``{"input": [low, high]}``, the range of input values seen in training, and ``"rates"``,
    the spikes per neuron and step of each spiking layer on the training split.
    """

    recipe: Recipe
    state: dict[str, Tensor]
    metrics: dict[str, Any]
    calibration: dict[str, Any]

    def to_bytes(self) -> bytes:
        """Return the file's content, the same for the same checkpoint."""
        metadata = {
            "schema": SCHEMA,
            "recipe": self.recipe.to_text(),
            "metrics": json.dumps(self.metrics, sort_keys=True),
            "calibration": json.dumps(self.calibration, sort_keys=True),
        }
        return _tensorfile.encode(self.state, metadata)

    @property
    def sha256(self) -> str:
        """Return the hash of the file :meth:`save` writes, in hexadecimal."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def save(self, path: Path) -> None:
        """Write a safetensors file; FileError when it cannot be written."""
        write_atomic(path, self.to_bytes())

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read a checkpoint.

        Raises FileError when the file is missing, damaged, not a safetensors file, not written
        by spikeport, or its tensors do not fit the network of its recipe.
        """
        state, metadata = _tensorfile.read(path, SCHEMA, hint=HINT)
        missing = [name for name in ("recipe", "metrics", "calibration") if name not in metadata]
        if missing:
            raise FileError(f"{path}: header is damaged: it has no {missing[0]}", hint=HINT)
        metrics, calibration = (
            json_object(metadata[name], f"{path} ({name})", hint=HINT)
            for name in ("metrics", "calibration")
        )
        if not _is_range(calibration.get("input")):
            raise FileError(
                f"{path} (calibration): input = {calibration.get('input')!r} is not [low, high]",
                hint=HINT,
            )
        recipe = Recipe.from_text(metadata["recipe"], f"{path} (recipe)")
        with _Weightless(sum(t.numel() for t in state.values()), path):
            problems = _tensorfile.misfits(state, _empty(recipe).state_dict())
        if not problems and recipe.trains_integers:
            problems = bad_scales(state)
        if problems:
            what = f"{path}: weights do not fit the network of the recipe inside"
            raise FileError(listed(what, problems), hint=_EDITED)
        return cls(recipe, state, metrics, calibration)

    def build(self) -> nn.Module:
        """Return the network with its weights, in evaluation mode."""
        module = _empty(self.recipe)
        module.load_state_dict(self.state)
        return module.eval()


def _empty(recipe: Recipe) -> nn.Module:
    """Return the network of ``recipe`` with other weights: of integers, if it trains those."""
    with torch.random.fork_rng(devices=[]):
        module = recipe.build()
    chip = recipe.hardware
    return chip.integer_network(module) if chip and chip.trains_integers else module


def _is_range(value: Any) -> bool:
    """Say whether ``value`` is two finite numbers in order."""
    pair = isinstance(value, list) and len(value) == 2
    if not pair or any(type(end) not in (int, float) for end in value):
        return False
    return -_LARGEST <= value[0] <= value[1] <= _LARGEST


class _Weightless(TorchFunctionMode):
    """Meanwhile modules are built without memory for their weights, up to ``room`` of them.

    A recipe of a few lines can ask for more weights than any memory holds.
    """

    def __init__(self, room: int, path: Path) -> None:
        super().__init__()
        self.room, self.path = room, path

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is not torch.empty:
            return func(*args, **kwargs or {})
        made = torch.empty(*args, **{**(kwargs or {}), "device": "meta"})
        self.room -= made.numel()
        if self.room < 0:
            raise FileError(
                f"{self.path}: weights do not fit the network of the recipe inside, which has more",
                hint=_EDITED,
            )
        return made
