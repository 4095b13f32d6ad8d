"""What a network that another framework trained becomes here, in figures; runs in its Python."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hwsim import load_chip, run
from hwsim.neurons import Cuba, LeakyIntegrator, MultiSpike
from snnexport import (
    Calibration,
    Choices,
    Judge,
    LayerChoice,
    capture,
    fold,
    lower,
    quantize,
    verify,
)
from snnexport.formats.nir.load import PROFILE, assumed, read_nir
from snnexport.interpret import interpret
from snnexport.passes.choices import Bound
from snnexport.passes.thresholds import approximate_thresholds, threshold_difference
from snnexport.source import messages
from snntrain import load

VOLTAGE_BOUND = 1e-5
"""Frameworks compute in float32; what differs more, in voltages near 1, is no rounding."""
_LAVA_SAMPLES = 8


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network, one step of it, and what the framework says it answers.

    train, test: what it is given, whole numbers (T, B, *shape); labels (B,) and outputs
    (T, B, n): of test. bound: how it is known that the program's sums fit.
    streamed: its samples may follow each other.
    """

    name: str
    step: nn.Module
    train: np.ndarray
    test: np.ndarray
    labels: np.ndarray
    outputs: np.ndarray
    bound: Bound = Bound.PROVEN
    streamed: bool = True


def digits(split, steps):
    """Return images of 0..16 as float frames (steps, B, 1, 8, 8), the same in every step."""
    data = load("digits", split)
    return torch.tensor(data.sequences(slice(None), steps)).float(), torch.tensor(data.labels)


def figures(trained):
    """Return agreement in reals, accuracies, and agreement of the 8-bit program with real Lava.

    moved: spikes of all layers that firing above instead of at the threshold changes.
    """
    example, streamed = torch.tensor(trained.test[:, :1]), trained.streamed
    graph = capture(trained.step, example, name=trained.name, streamed=streamed)
    answers = answers_of(graph, interpret(graph, trained.test))
    folded = fold(graph)
    strict = approximate_thresholds(folded)
    program = program_of(strict, trained.train, trained.bound)
    sent = messages(program, trained.test.astype(np.int64))
    (lava,) = verify(program, sent[:, :_LAVA_SAMPLES], [Judge.LAVA])
    expected = trained.outputs.sum(axis=0).argmax(axis=1)
    return {
        "network": trained.name,
        "neurons": sorted({type(layer.neuron).__name__ for layer in graph.layers}),
        "compared": answers.size,
        "differing": int((np.abs(answers - trained.outputs) > VOLTAGE_BOUND).sum()),
        "fired": float(trained.outputs.mean()),
        "moved": sum(d.differ for d in threshold_difference(folded, strict, trained.test)),
        "accuracy_framework": accuracy(expected, trained.labels),
        "accuracy_program": accuracy(run(program, sent).predictions, trained.labels),
        "lava_compared": lava.agreement.compared,
        "lava_differing": lava.agreement.mismatches,
    }


def answers_of(graph, found):
    """Return the spikes (T, B, *shape) of the output, its voltages if it never fires."""
    silent = isinstance(graph.layer(graph.output).neuron, LeakyIntegrator)
    return (found.voltages if silent else found.spikes)[graph.output]


def left_behind(graph, found):
    """Return v of the output, as its spikes leave it in each step: (T, B, *shape)."""
    neuron, spikes = graph.layer(graph.output).neuron, found.spikes[graph.output]
    voltages = found.voltages[graph.output]
    if isinstance(neuron, Cuba):
        return voltages * (1 - spikes)
    if isinstance(neuron, MultiSpike):
        return np.maximum(voltages - spikes * neuron.decrement, neuron.lowest)
    return voltages - spikes * getattr(neuron, "threshold", 0.0)


def program_of(folded, frames, bound):
    """Return the 8-bit program for Loihi 2, calibrated on ``frames``."""
    choices = Choices(layers={layer.name: LayerChoice(bound=bound) for layer in folded.layers})
    calibration = Calibration.measure(folded, [frames[:, :256]])
    chip = load_chip("loihi2")
    return lower(quantize(folded, chip, calibration, choices), chip)


def accuracy(predicted, labels):
    """Return the share of samples, 0..1, that are put into their class."""
    return float((predicted == labels).mean())


def exchanged(trained, path, profile):
    """Return how the file that a framework's exporter wrote answers, read with ``profile``."""
    graph = read_nir(Path(path), profile=profile, steps=len(trained.test), repair=True)
    answers = answers_of(graph, interpret(graph, trained.test))
    return {
        "network": trained.name,
        "profile": graph.metadata[PROFILE],
        "compared": answers.size,
        "differing": int((np.abs(answers - trained.outputs) > VOLTAGE_BOUND).sum()),
        "assumed": assumed(graph),
    }


def distance(ours, theirs):
    """Return the largest difference, in parts of the largest value where that is above 1."""
    return float(np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max()))
