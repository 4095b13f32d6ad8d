"""fold(): no norms, constants or long paths are left, and every spike stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hand_graphs import cuba, single, voltage_neurons, with_layer
from networks import KINDS, Residual, network_of, trained
from torch import nn

from hwsim.errors import CheckError
from hwsim.neurons import GradedRelay, LeakyIntegrator
from hwsim.program import expand
from snnexport import Into, capture, fold
from snnexport.graph import (
    Convolution,
    Diagonal,
    Edge,
    Flatten,
    Graph,
    Late,
    Layer,
    Linear,
    Norm,
    SumPool,
)
from snnexport.interpret import interpret
from snnexport.passes import compose as composing
from snntrain.delays import Delay
from snntrain.layers import Readout, Spiking


@pytest.fixture
def frames():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 17, (5, 6, 1, 8, 8), generator=generator).double()


@pytest.fixture
def captured(frames):
    torch.manual_seed(int(frames[0, 0].sum()))
    return capture(trained(Residual(), frames), frames)


def assert_folded_exactly(graph, x, into=Into.CHOSEN):
    """Fold, and compare each voltage and each spike that is not on its threshold; return it."""
    folded = fold(graph, into)
    assert all(layer.norm is None and not np.any(layer.constant) for layer in folded.layers)
    assert all(edge.is_folded for edge, _ in folded.edges())
    before, after = interpret(graph, x.numpy()), interpret(folded, x.numpy())
    for layer in graph.layers:
        name = layer.name
        if name not in before.voltages:  # sums in another order
            one, other = before.spikes[name], after.spikes[name]
            assert np.allclose(one, other, rtol=0, atol=1e-12 * np.abs(one).max(initial=1))
            continue
        scale = _measured_in(layer, folded.layer(name))
        v, w = before.voltages[name], after.voltages[name] * scale
        assert np.abs(v - w).max() <= 1e-12 * np.abs(v).max() * 100
        theta = expand(getattr(layer.neuron, "threshold", np.inf), layer.shape)
        sure = np.abs(v - theta) > 1e-9
        assert (before.spikes[name] == after.spikes[name])[sure].all()
    return folded


def _measured_in(layer, folded):
    """What a unit of the folded voltage is worth: theta / folded theta, per channel."""
    if not hasattr(layer.neuron, "threshold") or np.all(np.asarray(layer.neuron.threshold) == 0):
        return 1.0
    one, other = (expand(p.neuron.threshold, layer.shape) for p in (layer, folded))
    return one / other


@pytest.mark.parametrize("into", Into)
def test_folding_is_exact_but_for_rounding(captured, frames, into):
    assert_folded_exactly(captured, frames, into)


@pytest.mark.parametrize("into", Into)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_network_folds_exactly_each_way(kind, into):
    module, frames = network_of(kind)
    assert_folded_exactly(capture(module, frames), frames, into)


def test_gains_go_into_thresholds_and_only_their_signs_into_weights(captured):
    folded = fold(captured, Into.THRESHOLDS)
    layer, before = folded.layer("spike1"), captured.layer("spike1")
    gain = before.norm.gain
    assert (gain < 0).any()
    expected = before.edges[0].weights.weight * np.sign(gain)[:, None, None, None]
    assert (layer.edges[0].weights.weight == expected).all()
    assert np.allclose(layer.neuron.threshold, 1 / np.abs(gain), rtol=1e-15)
    assert folded.notes["spike1"]["folded"] == {
        "channels_into_thresholds": 4,
        "channels_into_weights": 0,
    }


def test_gains_go_into_weights_and_thresholds_stay(captured):
    layer, before = fold(captured, Into.WEIGHTS).layer("spike1"), captured.layer("spike1")
    expected = before.edges[0].weights.weight * before.norm.gain[:, None, None, None]
    assert np.allclose(layer.edges[0].weights.weight, expected, rtol=1e-15)
    assert np.all(layer.neuron.threshold == before.neuron.threshold)


@pytest.mark.parametrize("into", Into)
@pytest.mark.parametrize("neuron", voltage_neurons(), ids=lambda n: type(n).__name__)
def test_every_register_in_units_of_voltage_follows_the_gain(rng, neuron, into):
    graph = single(rng.normal(size=(4, 6)), neuron, steps=9)
    norm = Norm(np.array([0.5, -2.0, 3.0, 0.1]), np.array([0.1, 0.0, -0.2, 0.3]))
    graph = with_layer(graph, "x", norm=norm)
    folded = fold(graph, into)
    frames = rng.integers(0, 3, (9, 20, 6))
    before, after = interpret(graph, frames), interpret(folded, frames)
    # sums in another order; no voltage of these lies on its threshold
    assert (before.spikes["x"] == after.spikes["x"]).all()
    assert before.spikes["x"].any() != isinstance(neuron, LeakyIntegrator)


def test_a_channel_with_a_tiny_gain_keeps_it_in_its_weights(captured):
    layer = captured.layer("spike1")
    gain = layer.norm.gain.copy()
    gain[1], gain[2] = 1e-9, 0.0
    graph = with_layer(captured, "spike1", norm=replace(layer.norm, gain=gain))
    folded = fold(graph).layer("spike1")
    assert folded.neuron.threshold[1] == folded.neuron.threshold[2] == 1.0
    assert np.abs(folded.edges[0].weights.weight[1]).max() < 1e-8


def test_the_voltage_that_is_read_out_stays_in_its_unit(frames):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), Readout(3, norm=True))
    graph = capture(trained(module, frames), frames)
    assert fold(graph).notes["2"]["folded"]["channels_into_thresholds"] == 0
    assert_folded_exactly(graph, frames)


def test_recurrent_weights_are_not_normalised(frames):
    torch.manual_seed(0)
    back = nn.Linear(6, 6, bias=False)
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), Spiking(6, decay_u=0.4, recurrent=back))
    graph = capture(trained(module, frames), frames)
    folded = assert_folded_exactly(graph, frames, Into.WEIGHTS)
    (edge,) = (e for e in folded.layer("2").edges if e.late)
    assert (edge.weights.weight == back.weight.detach().numpy()).all()


def test_a_bias_into_a_current_with_memory_is_brought_by_a_neuron_that_always_fires(frames):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 2, 3, bias=True), Spiking(2, decay_u=0.5))
    graph = capture(trained(module, frames), frames)
    folded = assert_folded_exactly(graph, frames)
    assert [p.name for p in folded.layers] == ["1.bias", "1"]
    assert folded.layer("1.bias").shape == (1,)
    assert interpret(folded, frames.numpy()).spikes["1.bias"].all()


def test_a_bias_into_a_current_without_memory_becomes_a_bias_of_the_voltage(frames):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 2, 3, bias=True), Spiking(2))
    graph = capture(trained(module, frames), frames)
    folded = assert_folded_exactly(graph, frames)
    assert [p.name for p in folded.layers] == ["1"]
    assert np.asarray(folded.layer("1").neuron.bias).shape == (2,)


@pytest.mark.parametrize("decay_u", [1.0, 0.5])
@pytest.mark.parametrize("channels", [3, 8])
def test_a_bias_that_the_border_changes_is_one_value_a_neuron_with_a_norm_on_it(
    frames, channels, decay_u
):
    torch.manual_seed(0)
    weights = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, channels, 3, padding=1)
    module = nn.Sequential(*weights, Spiking(channels, decay_u=decay_u))
    graph = capture(trained(module, frames), frames)
    assert np.shape(graph.layer("2").constant) == (channels, 8, 8)
    assert_folded_exactly(graph, frames)


@pytest.mark.parametrize("into", Into)
def test_thresholds_and_decays_of_single_neurons_fold(frames, into):
    torch.manual_seed(0)
    threshold, decay_v = torch.rand(2, 6, 6) + 0.3, torch.rand(2, 6, 6)
    spike = Spiking(2, threshold=threshold, decay_v=decay_v, learned=("decay_v",))
    graph = capture(trained(nn.Sequential(nn.Conv2d(1, 2, 3), spike), frames), frames)
    assert_folded_exactly(graph, frames, into)


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [nn.AvgPool2d(2), nn.Conv2d(1, 3, 3, padding=1)],
        lambda: [nn.AvgPool2d((2, 4)), nn.Conv2d(1, 3, 2, stride=2)],
        lambda: [nn.AvgPool2d(3), nn.Conv2d(1, 3, 2)],
        lambda: [nn.AvgPool2d(3, 2), nn.Conv2d(1, 3, 2)],
        lambda: [nn.AvgPool2d(3), nn.Flatten(), nn.Linear(4, 3)],
        lambda: [nn.AvgPool2d(3, 2, 1), nn.Flatten(), nn.Linear(16, 3)],
        lambda: [nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Conv2d(2, 3, 1)],
        lambda: [nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.AdaptiveAvgPool2d(1), nn.Flatten()],
    ],
)
def test_a_pool_or_norm_folds_exactly_into_the_weights_behind_it(frames, layers):
    torch.manual_seed(0)
    graph = capture(trained(nn.Sequential(*layers(), Spiking(3)), frames), frames)
    folded = assert_folded_exactly(graph, frames)
    assert [p.name for p in folded.layers] == [graph.output]
    assert interpret(graph, frames.numpy()).spikes[graph.output].any()


def test_a_pool_without_an_exact_form_meets_its_weights_in_a_population_that_adds_up(frames):
    torch.manual_seed(0)
    parts = (
        nn.Conv2d(1, 2, 3, padding=1),
        Spiking(2),
        nn.AvgPool2d(3, 2, 1),
        nn.Conv2d(2, 3, 3, padding=1),
    )
    graph = capture(trained(nn.Sequential(*parts, Spiking(3)), frames), frames)
    folded = assert_folded_exactly(graph, frames)
    pool = folded.layer("1.pool3x3x2x2")
    assert isinstance(pool.neuron, GradedRelay)
    counts = interpret(folded, frames.numpy()).spikes[pool.name]
    assert (counts == np.rint(counts)).all()
    assert counts.max() > 1


def test_a_pool_that_several_read_is_one_population(frames):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.spike, self.pool = Spiking(1), nn.AvgPool2d(3, 1, 1)
            self.a, self.b = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(1, 2, 3, padding=1)
            self.out = Spiking(2)

        def forward(self, x):
            x = self.pool(self.spike(x))
            return self.out(self.a(x) + self.b(x))

    torch.manual_seed(0)
    folded = assert_folded_exactly(capture(trained(Two(), frames), frames), frames)
    assert [p.name for p in folded.layers] == ["spike", "spike.pool3x3x1x1", "out"]


FLAT = {
    "spikes": lambda: [nn.Conv2d(1, 2, 3, padding=1), Spiking(2), nn.Flatten()],
    "currents": lambda: [nn.Conv2d(1, 2, 3, padding=1), nn.Flatten()],
    "norm of each": lambda: [nn.Conv2d(1, 2, 3, padding=1), nn.Flatten(), nn.BatchNorm1d(128)],
    "delays of each": lambda: [
        nn.Conv2d(1, 2, 3, padding=1), Spiking(2), nn.Flatten(), Delay(torch.arange(128) % 4),
    ],
}  # fmt: skip


@pytest.mark.parametrize("what", FLAT)
def test_flattened_neurons_are_channels_of_their_own(frames, what):
    torch.manual_seed(0)
    graph = capture(trained(nn.Sequential(*FLAT[what](), Spiking(128)), frames), frames)
    assert_folded_exactly(graph, frames)
    assert isinstance(fold(graph).layer(graph.output).edges[0].weights, Linear)


@pytest.mark.parametrize("what", FLAT)
def test_a_matrix_that_no_chip_holds_is_refused_by_name(frames, what, monkeypatch):
    monkeypatch.setattr(composing, "LARGEST_MATRIX", 128 * 64 - 1)
    torch.manual_seed(0)
    graph = capture(trained(nn.Sequential(*FLAT[what](), Spiking(128)), frames), frames)
    with pytest.raises(CheckError, match="as a matrix behind its flattening"):
        fold(graph)


def test_a_pool_whose_channels_share_a_gain_stays_a_pool():
    pool = SumPool((2, 2), (2, 2), (0, 0), np.array([0.25]))
    edge = Edge("input", "pool", (pool,))
    for gain, kind in (([2.0, 2.0], SumPool), ([2.0, 3.0], Convolution)):
        norm = Norm(np.array(gain), np.zeros(2))
        graph = Graph(
            "g", "input", (2, 4, 4), (Layer("x", (2, 2, 2), cuba(), (edge,), norm),), "x", 3
        )
        (folded,) = fold(graph, Into.WEIGHTS).layer("x").edges
        assert type(folded.weights) is kind


def test_delays_survive_on_both_sides_of_the_weights(frames):
    torch.manual_seed(0)
    parts = Delay(torch.tensor([2, 0])), nn.Conv2d(2, 3, 3, bias=False), Delay(torch.arange(3))
    module = nn.Sequential(nn.Conv2d(1, 2, 3), Spiking(2), *parts, Spiking(3))
    folded = assert_folded_exactly(capture(trained(module, frames), frames), frames)
    kinds = [type(s) for s in folded.layer("5").edges[0].stages]
    assert kinds == [Late, Convolution, Late]


def test_all_paths_without_an_exact_form_are_listed_at_once(monkeypatch):
    monkeypatch.setattr(composing, "LARGEST_MATRIX", 1)
    norm = Norm(np.ones(4), np.zeros(4))

    def layer(name):
        stages = (Diagonal(np.ones(1)), Flatten())
        return Layer(name, (4,), cuba(), (Edge("input", f"to {name}", stages),), norm)

    graph = Graph("two", "input", (1, 2, 2), (layer("a"), layer("b")), "b", 3)
    with pytest.raises(CheckError) as caught:
        fold(graph)
    assert [p.split(":")[0] for p in caught.value.problems] == ["to a", "to b"]


@pytest.mark.parametrize(("late", "moved"), [(0, 1), (1, 0)])
def test_a_small_gain_stays_in_the_weights_where_the_threshold_would_enlarge_feedback(late, moved):
    ones = Diagonal(np.ones(2))
    edges = (Edge("in", "fed", (ones,)), Edge("p", "back", (ones,), late=late))[: 1 + late]
    norm = Norm(np.array([1.0, 1e-2]), np.zeros(2))
    layer = Layer("p", (2,), cuba(), edges, norm)
    folded = fold(Graph("loop", "in", (2,), (layer,), "p", 4))
    assert folded.notes["p"]["folded"]["channels_into_thresholds"] == moved
