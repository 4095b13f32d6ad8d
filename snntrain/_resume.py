"""The state of an unfinished training run on disk, so that it can go on after an interruption."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from hwsim.errors import FileError, raise_all
from hwsim.files import json_object, write_atomic
from snntrain import _tensorfile

NAME = "last.state.safetensors"
SCHEMA = "spikeport.training/2"
LARGEST = 10**9
HINT = "train without --resume, or as the run began: its recipe and number of processes"


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


class Position(NamedTuple):
    """How far a run is: whole epochs, batches of the next one, and the state of what drew them.

    ``random`` is ``numpy.random.PCG64.state`` after so many batches; None before the first.
    """

    epoch: int = 0
    batch: int = 0
    random: dict[str, Any] | None = None


class Saved(NamedTuple):
    """What a run goes on from, besides network and optimizer."""

    position: Position = Position()
    best: Best | None = None


def save(
    folder: Path, origin: str, saved: Saved, module: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    """Write everything that the rest of a run depends on; ``origin`` identifies the run."""
    tensors = {f"module.{name}": t for name, t in module.state_dict().items()}
    best = saved.best or Best({}, {})
    tensors |= {f"best.{name}": t for name, t in best.state.items()}
    for number, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": t for name, t in _tensors(moments).items()}
    metadata = {
        "schema": SCHEMA,
        "origin": origin,
        "position": json.dumps(saved.position._asdict()),
        "best": json.dumps(best.metrics),
    }
    # the format has no tensors that share memory
    copies = {name: t.detach().cpu().clone() for name, t in tensors.items()}
    write_atomic(folder / NAME, _tensorfile.encode(copies, metadata))


def discard(folder: Path) -> None:
    """Remove the state of an earlier run, which a resumed one would else take for its own.

    What cannot be removed cannot be replaced either: saving says so.
    """
    with suppress(OSError):
        (folder / NAME).unlink(missing_ok=True)


def restore(
    folder: Path, origin: str, module: nn.Module, optimizer: torch.optim.Optimizer
) -> Saved:
    """Fill ``module`` and ``optimizer`` from ``folder``; return how far the run is.

    Without a saved state nothing is touched. FileError when it is no such file, or of a run that
    began otherwise; CheckError listing what does not fit.
    """
    path = folder / NAME
    for part in folder.glob(".*.[0-9]*.part"):  # of a run that was killed while it wrote
        part.unlink(missing_ok=True)
    if not path.exists():
        return Saved()
    tensors, metadata = _tensorfile.read(path, SCHEMA, hint=HINT)
    if metadata.get("origin") != origin:
        raise FileError(
            f"{path}: belongs to another recipe, start or number of processes", hint=HINT
        )
    metrics = json_object(metadata.get("best", ""), f"{path} (best)", hint=HINT)
    position = json_object(metadata.get("position", ""), f"{path} (position)", hint=HINT)
    best, moments = _under("best.", tensors), _moments(_under("optimizer.", tensors))
    problems = _position_problems(position)
    wanted = module.state_dict()
    problems += [f"module.{p}" for p in _tensorfile.misfits(_under("module.", tensors), wanted)]
    if position.get("epoch") != 0 or best:  # no epoch, no best one
        problems += [f"best.{problem}" for problem in _tensorfile.misfits(best, wanted)]
        problems += _metric_problems(metrics)
    problems += _moment_problems(moments, optimizer)
    raise_all(f"{path}: is damaged", problems, hint=HINT)
    module.load_state_dict(_under("module.", tensors))
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    return Saved(Position(**position), Best(best, metrics) if best else None)


def _position_problems(position: dict[str, Any]) -> list[str]:
    """List what is wrong with a saved position."""
    if list(position) != list(Position._fields):
        return [f"position = {position!r} is not {', '.join(Position._fields)}"]
    found = [
        f"position: {name} = {position[name]!r} is not a number in 0..{LARGEST}"
        for name in ("epoch", "batch")
        if type(position[name]) is not int or not 0 <= position[name] <= LARGEST
    ]
    if not found and (position["random"] is None) != (position["batch"] == 0):
        found.append(f"position: random is not that of batch = {position['batch']}")
    try:
        if position["random"] is not None:
            np.random.default_rng().bit_generator.state = position["random"]
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        found.append(f"position: random is no state of a generator: {error!r}")
    return found


def _metric_problems(metrics: dict[str, Any]) -> list[str]:
    return [
        f"best: {name} = {metrics.get(name)!r} is not a number"
        for name in ("validation_accuracy", "validation_loss")
        if type(metrics.get(name)) is not float
    ]


def _tensors(moments: dict[str, Any]) -> dict[str, Tensor]:
    """Return those of an optimizer's moments that are there."""
    return {name: moment for name, moment in moments.items() if isinstance(moment, Tensor)}


def _moments(tensors: dict[str, Tensor]) -> dict[int | str, dict[str, Tensor]]:
    """Return an optimizer's state: moments by name, by number of the parameter."""
    moments: dict[int | str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, moment = name.partition(".")
        key = int(number) if number.isdecimal() and len(number) < 10 else number
        moments.setdefault(key, {})[moment] = tensor
    return moments


def _moment_problems(
    moments: dict[int | str, dict[str, Tensor]], optimizer: torch.optim.Optimizer
) -> list[str]:
    """List what ``optimizer`` could not go on with; parameters never updated have no moments."""
    sgd = isinstance(optimizer, torch.optim.SGD)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    wanted: dict[int | str, dict[str, Tensor]] = {
        i: {"momentum_buffer": p} if sgd
        else {"step": torch.tensor(0.0), "exp_avg": p, "exp_avg_sq": p}
        for i, p in enumerate(parameters)
    }  # fmt: skip
    return [
        f"optimizer.{number}.{problem}"
        for number, found in sorted(moments.items(), key=str)
        for problem in _tensorfile.misfits(found, wanted.get(number, {}))
    ]


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
