"""A checkpoint: recipe, weights, metrics and input range of a trained network, in one file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hwsim.errors import FileError
from hwsim.files import write_atomic
from snntrain import _tensorfile
from snntrain.recipe import Recipe

SCHEMA = "spikeport.checkpoint/1"
HINT = "give a checkpoint.safetensors that `spikeport train` wrote"


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
        try:
            text = metadata["recipe"]
            metrics, calibration = (json.loads(metadata[k]) for k in ("metrics", "calibration"))
        except (KeyError, ValueError) as error:
            raise FileError(f"{path}: header is damaged: {error!r}", hint=HINT) from None
        recipe = Recipe.from_text(text, f"{path} (recipe)")
        checkpoint = cls(recipe, state, metrics, calibration)
        _check_state(checkpoint._empty(), state, path)
        return checkpoint

    def build(self) -> nn.Module:
        """Return the network with its weights, in evaluation mode."""
        module = self._empty()
        module.load_state_dict(self.state)
        return module.eval()

    def _empty(self) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            return self.recipe.build()


def _check_state(module: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Raise FileError naming every tensor that ``module`` lacks, misses or has otherwise."""
    wanted = {name: tuple(t.shape) for name, t in module.state_dict().items()}
    found = {name: tuple(t.shape) for name, t in state.items()}
    problems = [f"{name} is missing" for name in wanted.keys() - found.keys()]
    problems += [f"{name} is not part of the network" for name in found.keys() - wanted.keys()]
    problems += [
        f"{name} has shape {list(found[name])}, not {list(wanted[name])}"
        for name in wanted.keys() & found.keys()
        if found[name] != wanted[name]
    ]
    if problems:
        lines = "\n".join(f"  - {problem}" for problem in sorted(problems))
        raise FileError(
            f"{path}: weights do not fit the network of the recipe inside, "
            f"{len(problems)} problem(s)\n{lines}",
            hint="the file was edited or mixed up; train it again, or take the original",
        )
