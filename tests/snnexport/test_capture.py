import pytest
import torch
from networks import Residual, trained
from torch import nn

from hwsim.errors import CheckError, UnsupportedError
from snnexport import capture
from snnexport.graph import Convolution, Linear, Pool
from snnexport.interpret import interpret
from snntrain.layers import Spiking, unroll


@pytest.fixture
def example():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 17, (5, 6, 1, 8, 8), generator=generator).double()


def test_a_captured_network_fires_the_spikes_of_the_module(example):
    torch.manual_seed(0)
    module = trained(Residual(), example)
    graph = capture(module, example)
    expected = unroll(module, example).detach().numpy()
    assert (interpret(graph, example.numpy()).spikes["out"] == expected).all()
    assert 0.02 < expected.mean() < 0.98


def test_capture_names_layers_by_module_path_and_keeps_what_feeds_them(example):
    graph = capture(Residual(), example.float())
    assert [p.name for p in graph.layers] == ["spike1", "body.1", "spike2", "out"]
    sources = {(e.source, type(e.weights)) for e in graph.layer("spike2").edges}
    assert sources == {("body.1", Convolution), ("spike1", Convolution)}
    (edge,) = graph.layer("out").edges
    assert isinstance(edge.weights, Linear)
    assert edge.pool == Pool((2, 2), (2, 2))
    assert (graph.steps, graph.output, graph.input_shape) == (5, "out", (1, 8, 8))


class Unsupported(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), Spiking(4))
        self.pool = nn.MaxPool2d(2)
        self.two = nn.Sequential(nn.Linear(36, 8), nn.Linear(8, 5))
        self.out = Spiking(5)

    def forward(self, x):
        x = self.pool(self.features(x)).flatten(1)
        return self.out(self.two(torch.relu(x)))


def test_all_unsupported_layers_are_listed_at_once_with_their_paths(example):
    with pytest.raises(CheckError) as caught:
        capture(Unsupported(), example.float())
    for part in ("features.1: BatchNorm2d", "pool: MaxPool2d", "relu", "two.0: weights without"):
        assert part in caught.value.message
    assert caught.value.hint


def test_control_flow_on_data_is_refused_by_name(example):
    class Branching(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(UnsupportedError, match="Branching: forward cannot be traced"):
        capture(Branching(), example.float())


def test_a_network_that_ends_in_currents_is_refused(example):
    with pytest.raises(CheckError, match="does not end in one Spiking layer"):
        capture(nn.Sequential(Spiking(1), nn.Conv2d(1, 2, 3)), example.float())


def test_capture_leaves_the_module_as_it_was(example):
    module = Residual().train()
    capture(module, example.float())
    assert module.training
