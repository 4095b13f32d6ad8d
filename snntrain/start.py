"""Where training starts from: weights that come from a file, kept beside a run to go on with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from hwsim.errors import CheckError, FileError, raise_all
from hwsim.files import json_object, write_atomic
from snntrain import _tensorfile
from snntrain.checkpoint import Checkpoint

NAME = "start.state.safetensors"
SCHEMA = "spikeport.start/1"
ACCURACY, RESET_TO_ZERO = "init.accuracy", "init.reset_to_zero"
"""Metrics: accuracy on the test split of the network in the file, with the reset that it has, and
of the network of the recipe with its weights."""
SHA256, ASSUMED = "init.sha256", "init.assumed"
"""Metrics: the hash of the file, and lines on how it was read."""
HINT = "train again with --init and without --resume"


@dataclass(frozen=True, eq=False)
class Start:
    """Weights of the network of a recipe, before it is trained.

    state: the module's tensors by path. sha256: of the file they come from. metrics: what the
    checkpoint that comes of them says about it.
    """

    state: dict[str, Tensor]
    sha256: str
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Start:
        """Return the weights of ``checkpoint``; CheckError if those are integers."""
        if checkpoint.recipe.trains_integers:
            raise CheckError(
                "init: holds integers of a chip, which have no reals to train on from",
                hint="start from the checkpoint it was made from; --resume goes on with an "
                "interrupted run",
            )
        return cls(checkpoint.state, checkpoint.sha256)

    def fill(self, module: nn.Module) -> None:
        """Give ``module`` these weights; CheckError listing what does not fit."""
        found = _tensorfile.misfits(self.state, module.state_dict())
        hint = "start from a checkpoint with the same [net], or without one"
        raise_all("init: weights do not fit the network of the recipe", found, hint=hint)
        module.load_state_dict(self.state)


def keep(folder: Path, start: Start | None) -> None:
    """Keep in ``folder`` what its run starts from, nothing if from random weights.

    A resumed run reads it instead of the file: rules set networks up by the weights they start
    with, and those of a chip get their scales from them.
    """
    path = folder / NAME
    if start is None:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        return
    metadata = {
        "schema": SCHEMA,
        "sha256": start.sha256,
        "metrics": json.dumps(dict(start.metrics), sort_keys=True),
    }
    copies = {name: t.detach().cpu().clone() for name, t in start.state.items()}
    write_atomic(path, _tensorfile.encode(copies, metadata))


def kept(folder: Path) -> Start | None:
    """Return what :func:`keep` kept in ``folder``; FileError if it is something else."""
    path = folder / NAME
    if not path.exists():
        return None
    state, metadata = _tensorfile.read(path, SCHEMA, hint=HINT)
    if "sha256" not in metadata:
        raise FileError(f"{path}: header is damaged: it has no sha256", hint=HINT)
    metrics = json_object(metadata.get("metrics", ""), f"{path} (metrics)", hint=HINT)
    return Start(state, metadata["sha256"], metrics)
