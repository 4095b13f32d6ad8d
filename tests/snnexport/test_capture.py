import pytest
import torch
from networks import Residual, Sew, trained
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
    for part in (
        "features.1: BatchNorm2d",
        "pool: MaxPool2d",
        "relu",
        "two.0: there is no neuron between it and two.1",
    ):
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


def test_weights_behind_a_sum_of_spikes_reach_every_addend_and_their_bias_once(example):
    torch.manual_seed(0)
    module = trained(Sew(), example)
    graph = capture(module, example)
    assert {e.source for e in graph.layer("out").edges} == {"first", "second"}
    expected = unroll(module, example).detach().numpy()
    assert (interpret(graph, example.numpy()).spikes["out"] == expected).all()
    assert 0.02 < expected.mean() < 0.98


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda m, x: m.spike(m.conv(x) + 0.5), "only plain sums"),
        (lambda m, x: m.spike(torch.add(m.conv(x), m.other(x), alpha=2)), "only plain sums"),
        (lambda m, x: m.spike(m.conv(x) + m.gain), "gain"),
        (lambda m, x: m.spike(m.conv(x) + m.conv(x).mean((2, 3), keepdim=True)), "mean"),
        (lambda m, x: m.flat(m.conv(x).flatten(1)), "between weights and neurons"),
        (lambda m, x: m.spike(m.pool(m.conv(x))), "no neuron between it and pool"),
        (lambda m, x: m.spike(m.pool(m.pool(x)).repeat(1, 2, 1, 1)), "repeat"),
        (lambda m, x: m.one(x), "enter one without weights"),
        (lambda m, x: m.spike(m.conv(x)) * 2, "mul"),
        (lambda m, x: (m.spike(m.conv(x)), x), "does not end in one Spiking"),
    ],
)
def test_nothing_is_dropped_silently(example, forward, message):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.other = nn.Conv2d(1, 2, 3), nn.Conv2d(1, 2, 3)
            self.spike, self.flat, self.one = Spiking(2), Spiking(72), Spiking(1)
            self.pool = nn.AvgPool2d(2)
            self.gain = nn.Parameter(torch.ones(2, 6, 6))

        def forward(self, x):
            return forward(self, x)

    with pytest.raises(CheckError, match=message):
        capture(Net(), example.float())


def test_a_second_input_is_refused(example):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.spike = Spiking(1)

        def forward(self, x, y=None):
            return self.spike(x if y is None else x + y)

    with pytest.raises(UnsupportedError, match="Two: forward fails on a frame of shape"):
        capture(Two(), example.float())


def test_a_frame_of_a_wrong_shape_is_one_clear_error(example):
    with pytest.raises(UnsupportedError, match=r"frame of shape \(6, 3, 8, 8\)"):
        capture(Residual(), torch.zeros(2, 6, 3, 8, 8))
