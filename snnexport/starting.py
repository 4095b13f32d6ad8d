"""Files that training starts from, for ``train --init``, and how the networks in them do."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hwsim.files import read_bytes
from hwsim.program import Readout
from snnexport._capture import capture
from snnexport._stages import example_of
from snnexport.convert import NIR
from snnexport.formats.nir.load import assumed, read_nir
from snnexport.graph import Graph
from snnexport.initial import initialised
from snnexport.interpret import interpret
from snntrain import Checkpoint, Dataset, Recipe, evaluate
from snntrain._evaluate import accuracy
from snntrain._tensorfile import misfits
from snntrain.start import ACCURACY, ASSUMED, RESET_TO_ZERO, SHA256, Start

_BATCH = 64
"""Samples that a network is run on at once."""


def read_start(
    path: Path,
    recipe: Recipe,
    judge: Dataset | None = None,
    *,
    profile: str | None = None,
    repair: bool = False,
) -> Start:
    """Return the weights of the network in a file as those of the network of ``recipe``.

    A checkpoint of the same kind of network with the same tensors is taken as it is; what else
    there is, as :func:`snnexport.initial.initialised` matches it.

    Parameters
    ----------
    path
        A checkpoint, or a NIR file (.nir).
    recipe
        What is to be trained.
    judge
        Data on which to measure the network of the file, with its own reset, and that of
        ``recipe`` before it is trained; the metrics of the result.
    profile, repair
        How to read a NIR file, see :func:`snnexport.formats.nir.load.read_nir`.

    Raises
    ------
    FileError
        If it is neither, or damaged.
    CheckError
        Listing everything that does not fit ``recipe``.
    """
    digest = sha256(read_bytes(path, "a checkpoint.safetensors or a NIR file")).hexdigest()
    metrics: dict[str, Any] = {SHA256: digest}
    if path.suffix == NIR:
        graph = read_nir(path, profile=profile, steps=recipe.train.steps, repair=repair)
        state, judged = _state(graph, recipe), partial(_accuracy, graph)
        metrics[ASSUMED] = assumed(graph)
    else:
        checkpoint = Checkpoint.load(path)
        state, judged = _state_of(checkpoint, recipe), partial(_evaluated, checkpoint)
    if judge is not None:
        begun = Checkpoint(replace(recipe, hardware=None), state, {}, {})  # not of integers yet
        at_zero = _evaluated(begun, judge)
        metrics |= {ACCURACY: judged(judge), RESET_TO_ZERO: at_zero}
    return Start(state, digest, metrics)


def _state_of(checkpoint: Checkpoint, recipe: Recipe) -> dict[str, Tensor]:
    """Return the weights of ``checkpoint`` as those of the network of ``recipe``."""
    start = Start.of(checkpoint)
    if checkpoint.recipe.kind == recipe.kind and not misfits(
        start.state, _net(recipe).state_dict()
    ):
        return start.state
    module, example = checkpoint.build(), example_of(checkpoint)
    return _state(capture(module, example, name="init", checked=False), recipe)


def _state(graph: Graph, recipe: Recipe) -> dict[str, Tensor]:
    """Return the weights of ``graph`` as those of the network of ``recipe``."""
    example = torch.zeros(recipe.train.steps, 1, *recipe.net.input_shape)
    return initialised(_net(recipe), graph, example).state_dict()


def _net(recipe: Recipe) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        return recipe.build()


def _evaluated(checkpoint: Checkpoint, data: Dataset) -> float:
    return evaluate(checkpoint, data).accuracy


def _accuracy(graph: Graph, data: Dataset) -> float:
    """Return how often the largest output of ``graph``, in reals, is the label; 0..1."""
    outputs = []
    for first in range(0, len(data), _BATCH):
        activity = interpret(graph, data.sequences(slice(first, first + _BATCH), graph.steps))
        answers = activity.voltages if graph.readout is Readout.VOLTAGE else activity.spikes
        total = answers[graph.output].sum(axis=0, dtype=np.float64)
        outputs.append(total.reshape(len(total), -1))
    return accuracy(np.concatenate(outputs), data)
