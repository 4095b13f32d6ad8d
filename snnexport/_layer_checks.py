"""What is wrong with layers whatever they were made from: a module, or a file."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hwsim.neurons import LeakyIntegrator
from snnexport.graph import Layer, Weights


def unheard(layers: Iterable[Layer]) -> list[str]:
    """Name every layer that reads voltages, which no message carries."""
    layers = list(layers)
    silent = {p.name for p in layers if isinstance(p.neuron, LeakyIntegrator)}
    return [
        f"{p.name}: reads voltages of {e.source}, which never fires; put neurons that fire there"
        for p in layers
        for e in p.edges
        if e.source in silent
    ]


def not_finite(layer: Layer) -> list[str]:
    """Name every module into ``layer`` that holds a NaN or an infinity."""
    numbers = {f"{layer.name}: {name}": value for name, value in vars(layer.neuron).items()}
    if layer.norm is not None:
        numbers |= {f"{layer.name}: norm": np.stack([layer.norm.gain, layer.norm.offset])}
    numbers |= {f"{layer.name}: the constant that enters it": layer.constant}
    for edge in layer.edges:
        weights = [stage.weight.ravel() for stage in edge.stages if isinstance(stage, Weights)]
        numbers[f"{edge.module}: weight"] = np.concatenate([np.zeros(0), *weights])
    return [f"{where} is not finite" for where, x in numbers.items() if not np.isfinite(x).all()]
