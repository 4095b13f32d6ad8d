"""The state of an unfinished training run on disk, so that it can go on after an interruption."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hwsim.errors import FileError
from hwsim.files import write_atomic
from snntrain import _tensorfile

NAME = "last.state.safetensors"
SCHEMA = "spikeport.training/1"
HINT = "train without --resume, or with the recipe and --init that the run began with"


@dataclass(frozen=True, eq=False)
class Best:
    """An epoch's weights and metrics; better is a higher accuracy, then a lower loss."""

    state: dict[str, Tensor]
    metrics: dict[str, Any]

    def beats(self, other: Best) -> bool:
        """Say whether this epoch did better on the validation split than ``other``."""
        return self._rank() > other._rank()

    def _rank(self) -> tuple[float, float]:
        return self.metrics["validation_accuracy"], -self.metrics["validation_loss"]


def save(
    folder: Path, origin: str, epoch: int, module: nn.Module, optimizer: Any, best: Best
) -> None:
    """Write everything the epochs after ``epoch`` depend on; ``origin`` identifies the run."""
    tensors = {f"module.{name}": t for name, t in module.state_dict().items()}
    tensors |= {f"best.{name}": t for name, t in best.state.items()}
    for number, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": t for name, t in moments.items()}
    metadata = {
        "schema": SCHEMA,
        "origin": origin,
        "epoch": str(epoch),
        "best": json.dumps(best.metrics),
    }
    write_atomic(folder / NAME, _tensorfile.encode(tensors, metadata))


def restore(
    folder: Path, origin: str, module: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, Best | None]:
    """Fill ``module`` and ``optimizer`` from ``folder``; return epochs done and the best one.

    Without a saved state nothing is touched and 0, None come back. FileError when the state
    is damaged, or belongs to a run that began otherwise.
    """
    path = folder / NAME
    if not path.exists():
        return 0, None
    tensors, metadata = _tensorfile.read(path, SCHEMA, hint=HINT)
    if metadata["origin"] != origin:
        raise FileError(f"{path}: belongs to another recipe or starting point", hint=HINT)
    module.load_state_dict(_under("module.", tensors))
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _under("optimizer.", tensors).items():
        number, moment = name.split(".")
        moments.setdefault(int(number), {})[moment] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    return int(metadata["epoch"]), Best(_under("best.", tensors), json.loads(metadata["best"]))


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
