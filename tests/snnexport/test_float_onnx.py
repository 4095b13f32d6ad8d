"""The captured network as an ONNX model: onnxruntime fires its spikes, in float32."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from networks import KINDS, network_of, trained
from torch import nn

from hwsim.neurons import Cuba
from snnexport import capture, fold
from snnexport.formats.onnx import DOMAIN, network_bytes
from snnexport.graph import Edge, Graph, Layer, Linear
from snnexport.interpret import interpret
from snntrain.layers import Spiking


def answers(graph, x):
    """What onnxruntime makes of the model, by layer."""
    session = onnxruntime.InferenceSession(network_bytes(graph))
    names = [output.name for output in session.get_outputs()]
    shaped = x.reshape(*x.shape[:2], *graph.input_shape).astype(np.float32)
    values = session.run(names, {f"{graph.input}/spikes": shaped})
    return {n.removesuffix("/spikes"): v for n, v in zip(names, values, strict=True)}


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_onnxruntime_fires_the_captured_spikes(kind, folded):
    module, frames = network_of(kind)
    graph = capture(module, frames, name=kind)
    graph = fold(graph) if folded else graph
    expected = interpret(graph, frames.numpy()).spikes
    theirs = answers(graph, frames.numpy())
    assert theirs.keys() == expected.keys()
    for name, spikes in expected.items():
        # float32: a few voltages in ten thousand lie so close to their threshold
        assert np.mean(np.abs(theirs[name] - spikes) > 1e-4) < 0.002, name


def test_feedback_over_two_layers_reaches_back_as_far_as_it_says():
    eye = np.eye(3)
    neuron = Cuba(decay_u=1.0, decay_v=1.0, threshold=0.5, bias=0.0)
    into_a = Edge("input", "w", (Linear(eye),)), Edge("b", "back", (Linear(eye),), late=3)
    layers = (
        Layer("a", (3,), neuron, into_a),
        Layer("b", (3,), neuron, (Edge("a", "forth", (Linear(eye),)),)),
    )
    graph = Graph("loop", "input", (3,), layers, "b", 10)
    x = np.zeros((10, 1, 3))
    x[0, 0, 0], x[1, 0, 1] = 1, 1
    theirs = answers(graph, x)
    assert np.flatnonzero(theirs["b"][:, 0, 0]).tolist() == [0, 3, 6, 9]
    assert np.flatnonzero(theirs["a"][:, 0, 1]).tolist() == [1, 4, 7]


def test_a_longer_or_wider_run_than_the_example_is_possible(rng):
    module, frames = network_of("delayed")
    graph = capture(module, frames)
    x = rng.integers(0, 17, (9, 7, 1, 8, 8))
    theirs, expected = answers(graph, x), interpret(graph, x).spikes
    assert theirs["out"].shape == expected["out"].shape == (9, 7, 10)


def test_modules_that_share_weights_have_paths_of_their_own(rng):
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 3)
            self.s, self.s1 = Spiking(3), Spiking(3)

        def forward(self, x):
            return self.s(self.fc(x)) + self.s1(self.fc(2 * x))

    frames = torch.as_tensor(rng.integers(0, 9, (4, 5, 4))).double()
    graph = capture(trained(Shared(), frames), frames)
    theirs, expected = answers(graph, frames.numpy()), interpret(graph, frames.numpy()).spikes
    assert all((theirs[n] == s).all() for n, s in expected.items() if n != "output")


def test_the_model_says_what_it_is_and_is_the_same_bytes_every_time():
    module, frames = network_of("one-dimensional")
    graph = capture(module, frames, name="line")
    assert network_bytes(graph) == network_bytes(capture(module, frames, name="line"))
    model = onnx.load_from_string(network_bytes(graph))
    found = {p.key: p.value for p in model.metadata_props}
    assert found == {
        "spikeport.schema": "spikeport.network/1",
        "spikeport.name": "line",
        "spikeport.steps": "6",
        "spikeport.output": "out",
        "spikeport.readout": "count",
    }
    assert {f.domain for f in model.functions} == {DOMAIN}
