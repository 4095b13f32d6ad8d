"""capture(): what a module computes, found by reading it."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from networks import KINDS, Behind, Residual, Sew, Written, network_of, trained
from torch import nn
from torch.nn import functional

from hwsim import Readout as ReadoutBy
from hwsim.neurons import Gate, GradedRelay, LeakyIntegrator
from snnexport import capture
from snnexport.graph import Convolution, Flatten, Linear, SumPool
from snnexport.interpret import interpret
from snntrain import TimeScaledNorm, freeze_time
from snntrain.delays import Delay
from snntrain.layers import Readout, Spiking, unroll


@pytest.fixture
def example():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 17, (5, 6, 1, 8, 8), generator=generator).double()


def same_answers(module, frames):
    """The graph of a module, after comparing every answer of the two."""
    graph = capture(module, frames)
    expected = unroll(module, frames).detach().numpy()
    found = interpret(graph, frames.numpy())
    if graph.readout is ReadoutBy.COUNT:
        assert (found.spikes[graph.output].reshape(expected.shape) == expected).all()
    else:  # sums in another order
        answer = found.voltages[graph.output].reshape(expected.shape)
        assert np.allclose(answer, expected, rtol=1e-12, atol=1e-12)
    assert expected.std() > 0.01
    return graph


@pytest.mark.parametrize("kind", KINDS)
def test_a_captured_network_of_each_kind_answers_as_the_module(kind):
    same_answers(*network_of(kind))


OPERATIONS = {
    "sum": lambda a, b, x: a + b,
    "difference": lambda a, b, x: torch.sub(a, b),
    "constant added": lambda a, b, x: a + 0.5,
    "one less spikes": lambda a, b, x: 1 - a,
    "constant less spikes": lambda a, b, x: torch.rsub(a, 2),
    "factor": lambda a, b, x: 0.3 * a,
    "quotient": lambda a, b, x: a / 4,
    "negated": lambda a, b, x: -a,
    "and": lambda a, b, x: a * b,
    "minimum": lambda a, b, x: torch.minimum(a, b),
    "or": lambda a, b, x: torch.maximum(a, b),
    "iand": lambda a, b, x: (1 - a) * b,
    "iand, written the other way": lambda a, b, x: a * (1.0 - b),
    "gate of gates": lambda a, b, x: torch.maximum(a * b, b * (1 - a)),
    "gate with itself": lambda a, b, x: a * a,
    "max-pool of a function": lambda a, b, x: functional.max_pool2d(a, 3, stride=2, padding=1),
    "max-pool of a gate": lambda a, b, x: functional.max_pool2d(a * b, 2),
    "max-pool of joined": lambda a, b, x: functional.max_pool2d(torch.cat([a, b], 1), 2),
    "average pool of a function": lambda a, b, x: functional.avg_pool2d(a, 3, padding=1),
    "adaptive pool": lambda a, b, x: functional.adaptive_avg_pool2d(a, (4, 2)),
    "mean": lambda a, b, x: a.mean((2, 3)),
    "mean that keeps its axes": lambda a, b, x: torch.mean(a, dim=(-1, -2), keepdim=True),
    "two joined": lambda a, b, x: torch.cat([a, b], 1),
    "three joined by name": lambda a, b, x: torch.cat(dim=-3, tensors=[a, x, b]),
    "joined with itself": lambda a, b, x: torch.cat([a, a], 1),
    "joined flat": lambda a, b, x: torch.cat([a.flatten(1), x.flatten(1)], -1),
    "view": lambda a, b, x: a.view(x.size(0), -1),
    "reshape": lambda a, b, x: a.reshape(x.shape[0], 256),
    "dropout, switched off": lambda a, b, x: functional.dropout(a, 0.5, False),
    "sum of three": lambda a, b, x: a + b + a,
    "sum with a constant": lambda a, b, x: (a + 1) + b,
    "AvgPool2d": nn.AvgPool2d(3, 2, 1),
    "AdaptiveAvgPool2d": nn.AdaptiveAvgPool2d(2),
    "MaxPool2d": nn.MaxPool2d(3, 2, 1),
    "Conv2d, groups": nn.Conv2d(4, 6, (3, 2), stride=(1, 2), groups=2),
    "Conv2d, dilation and same padding": nn.Conv2d(4, 3, 3, padding="same", dilation=2),
    "weights behind weights": nn.Sequential(
        nn.Conv2d(4, 2, 3, padding=1), nn.Conv2d(2, 3, 3, padding=1)
    ),
    "BatchNorm2d without weights": nn.BatchNorm2d(4, affine=False),
    "Dropout2d": nn.Dropout2d(0.5),
    "Delay": Delay(torch.tensor([0, 3, 1, 1])),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_captured_as_torch_computes_it(example, name):
    torch.manual_seed(2)
    written = OPERATIONS[name]
    if isinstance(written, nn.Module):
        written = Behind(copy.deepcopy(written))
    same_answers(trained(Written(written), example), example)


def test_spikes_in_a_float_module_keep_registers_that_float_cannot_hold(example):
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), Spiking(3, decay_u=0.7))
    assert capture(module, example.float()).layer("2").neuron.decay_u == 0.7


def test_capture_names_layers_by_module_path_and_keeps_what_feeds_them(example):
    graph = capture(Residual(), example.float())
    assert [p.name for p in graph.layers] == ["spike1", "body.1", "spike2", "out"]
    sources = {(e.source, e.module, *map(type, e.stages)) for e in graph.layer("spike2").edges}
    assert sources == {("body.1", "tail", Convolution), ("spike1", "skip", Convolution)}
    (edge,) = graph.layer("out").edges
    assert [type(s) for s in edge.stages] == [SumPool, Flatten, Linear]
    assert (edge.stages[0].kernel, edge.stages[0].weight.tolist()) == ((2, 2), [0.25])
    assert (graph.steps, graph.output, graph.input_shape) == (5, "out", (1, 8, 8))


def test_weights_behind_a_sum_of_spikes_read_one_population_and_have_their_bias_once(example):
    torch.manual_seed(0)
    graph = same_answers(trained(Sew(), example), example)
    assert [e.source for e in graph.layer("out").edges] == ["add"]
    assert {e.source for e in graph.layer("add").edges} == {"first", "second"}
    assert isinstance(graph.layer("add").neuron, GradedRelay)


def test_a_sum_of_spikes_that_only_neurons_read_is_no_population(example):
    graph = capture(nn.Sequential(Written(lambda a, b, x: a + b).a, Spiking(4)), example.float())
    assert [p.name for p in graph.layers] == ["0.1", "1"]


def test_gates_are_named_after_the_module_that_computes_them():
    module, frames = network_of("sew-gates")
    gates = {p.name: p.neuron for p in capture(module, frames).layers if isinstance(p.neuron, Gate)}
    assert list(gates) == ["and", "and_2", "or", "max"]
    assert [gate.threshold for gate in gates.values()] == [0.0, 1.0, 0.0, 0.0]


def test_a_recurrent_path_comes_one_frame_late_and_behind_the_norm(example):
    module, frames = network_of("recurrent")
    layer = capture(module, frames).layer("first.1")
    assert [(e.source, e.late) for e in layer.edges] == [("input", 0), ("first.1", 1)]
    assert layer.edges[1].module == "first.1.recurrent"
    assert layer.norm is not None


def test_recurrence_without_weights_of_its_own_is_captured(example):
    torch.manual_seed(0)
    parts = nn.Flatten(), nn.Linear(64, 3), Spiking(3, recurrent=nn.Identity())
    same_answers(trained(nn.Sequential(*parts), example), example)


@pytest.mark.parametrize("out", [Readout(3, decay_v=0.3), Readout(3, norm=True), nn.Identity()])
def test_a_network_that_does_not_spike_is_read_by_its_voltage(example, out):
    module = nn.Sequential(nn.Conv2d(1, 4, 3), Spiking(4), nn.Flatten(), nn.Linear(144, 3), out)
    graph = same_answers(trained(module, example), example)
    assert graph.readout is ReadoutBy.VOLTAGE
    assert isinstance(graph.layer(graph.output).neuron, LeakyIntegrator)
    assert graph.output == ("4" if isinstance(out, Readout) else "output")


def test_what_is_computed_and_not_returned_does_not_disturb(example):
    class Unused(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.aside = nn.Linear(64, 3), Spiking(3)

        def forward(self, x):
            current = self.fc(x.flatten(1))
            self.aside(2 * current)
            return current

    same_answers(trained(Unused(), example), example)


def test_capture_leaves_the_module_as_it_was(example):
    module = Residual().train()
    capture(module, example.float())
    assert module.training
    assert all(m.training for m in module.modules())
    assert not any("forward" in vars(m) for m in module.modules())


def test_the_offer_to_freeze_a_norm_works(example):
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), Spiking(3, norm=TimeScaledNorm(3, 5)))
    freeze_time(module)
    same_answers(trained(module, example), example)


def test_a_population_alone_is_a_network(example):
    graph = capture(Spiking(1, decay_v=0.5), example.float())
    assert [(e.source, e.stages) for e in graph.layers[0].edges] == [(graph.input, ())]
