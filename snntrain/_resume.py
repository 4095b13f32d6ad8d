"""The state of an unfinished training run on disk, so that it can go on after an interruption."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hwsim.errors import FileError, raise_all
from hwsim.files import json_object, write_atomic
from snntrain import _tensorfile

NAME = "last.state.safetensors"
SCHEMA = "spikeport.training/1"
_NUMBER = re.compile("[0-9]{1,9}")
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

    Without a saved state nothing is touched and 0, None come back. FileError when it is no
    such file, or of a run that began otherwise; CheckError listing what does not fit.
    """
    path = folder / NAME
    if not path.exists():
        return 0, None
    tensors, metadata = _tensorfile.read(path, SCHEMA, hint=HINT)
    if metadata.get("origin") != origin:
        raise FileError(f"{path}: belongs to another recipe or starting point", hint=HINT)
    metrics = json_object(metadata.get("best", ""), f"{path} (best)", hint=HINT)
    epoch = metadata.get("epoch", "")
    moments = _moments(_under("optimizer.", tensors))
    problems = [f"epoch = {epoch!r} is not a number"] * (not _NUMBER.fullmatch(epoch))
    problems += [
        f"best: {name} = {metrics.get(name)!r} is not a number"
        for name in ("validation_accuracy", "validation_loss")
        if type(metrics.get(name)) is not float
    ]
    for part in ("module.", "best."):
        wrong = _tensorfile.misfits(_under(part, tensors), module.state_dict())
        problems += [part + problem for problem in wrong]
    problems += _moment_problems(moments, optimizer)
    raise_all(f"{path}: is damaged", problems, hint=HINT)
    module.load_state_dict(_under("module.", tensors))
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    return int(epoch), Best(_under("best.", tensors), metrics)


def _moments(tensors: dict[str, Tensor]) -> dict[int | str, dict[str, Tensor]]:
    """Return AdamW's state: moments by name, by number of the parameter."""
    moments: dict[int | str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, moment = name.partition(".")
        key = int(number) if _NUMBER.fullmatch(number) else number
        moments.setdefault(key, {})[moment] = tensor
    return moments


def _moment_problems(
    moments: dict[int | str, dict[str, Tensor]], optimizer: torch.optim.Optimizer
) -> list[str]:
    """List what AdamW could not go on with; parameters that it never updated have no moments."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    wanted: dict[int | str, dict[str, Tensor]] = {
        i: {"step": torch.tensor(0.0), "exp_avg": p, "exp_avg_sq": p}
        for i, p in enumerate(parameters)
    }
    return [
        f"optimizer.{number}.{problem}"
        for number, found in sorted(moments.items(), key=str)
        for problem in _tensorfile.misfits(found, wanted.get(number, {}))
    ]


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
