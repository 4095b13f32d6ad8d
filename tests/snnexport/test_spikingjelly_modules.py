"""Modules of SpikingJelly become what SpikingJelly computes, or are refused by name."""

import operator

import numpy as np
import pytest
import torch
from foreign import foreign
from torch import nn

from hwsim.errors import CheckError
from hwsim.neurons import Cuba, CubaSubtract, LeakyIntegrator
from snnexport import capture

EXAMPLE = torch.zeros(4, 1, 6)


def step(x):
    return (x >= 0).to(x)


def strict_step(x):
    return (x > 0).to(x)


def neurons(name, **attributes):
    """Return neurons that fire at 1 and are set to 0, unless ``attributes`` say otherwise."""
    common = {"v_threshold": 1.0, "v_reset": 0.0, "surrogate_function": step}
    return foreign("spikingjelly", name, **common | attributes)


def only_layer(module):
    (layer,) = capture(module, EXAMPLE).layers
    return layer


def refused(module):
    with pytest.raises(CheckError) as caught:
        capture(nn.Sequential(nn.Identity(), module), EXAMPLE)
    return caught.value.problems


def test_a_neuron_fires_at_its_threshold_seen_from_its_reset():
    layer = only_layer(neurons("LIFNode", tau=4.0, decay_input=True, v_reset=-0.5))
    assert layer.neuron == Cuba(decay_u=1.0, decay_v=0.25, threshold=1.5, bias=0.0)
    assert layer.inclusive
    assert layer.norm.gain.tolist() == [0.25] * 6
    assert not layer.norm.offset.any()


def test_without_a_reset_voltage_the_threshold_is_subtracted():
    layer = only_layer(neurons("IFNode", v_reset=None))
    assert layer.neuron == CubaSubtract(decay_u=1.0, decay_v=0.0, threshold=1.0, bias=0.0)
    assert layer.inclusive


def test_an_input_that_does_not_decay_enters_as_it_is():
    weight = torch.tensor(0.0)  # 1 / tau = sigmoid(0)
    layer = only_layer(neurons("ParametricLIFNode", w=weight, decay_input=False))
    assert layer.neuron == Cuba(decay_u=1.0, decay_v=0.5, threshold=1.0, bias=0.0)
    assert layer.norm is None


def test_a_current_based_neuron_leaks_towards_zero_and_not_towards_its_reset():
    layer = only_layer(neurons("CUBALIFNode", c_decay=0.25, v_decay=0.75, v_reset=-2.0))
    assert layer.neuron == Cuba(decay_u=0.75, decay_v=0.25, threshold=3.0, bias=0.0)
    assert layer.norm.offset.tolist() == [0.5] * 6
    assert layer.norm.gain.tolist() == [1.0] * 6


def test_a_readout_at_the_end_is_read_by_its_voltage():
    layer = only_layer(foreign("spikingjelly", "NonSpikingLIFNode", tau=4.0, decode="mean-mem"))
    assert layer.neuron == LeakyIntegrator(decay_u=1.0, decay_v=0.25, bias=0.0)
    assert layer.norm.gain.tolist() == [0.25] * 6


def test_votes_are_means_of_neighbouring_neurons():
    voting = foreign("spikingjelly", "VotingLayer", voting_size=3)
    layer, votes = capture(nn.Sequential(neurons("IFNode"), voting), EXAMPLE).layers
    (edge,) = votes.edges
    third = 1 / 3
    expected = [[third] * 3 + [0.0] * 3, [0.0] * 3 + [third] * 3]
    assert (edge.source, edge.stages[0].weight.tolist()) == (layer.name, expected)


def test_layers_with_a_step_mode_are_torchs_and_share_parameters():
    linear = foreign("spikingjelly", "Linear", 6, 2, base=nn.Linear, step_mode="m")
    inner = foreign("spikingjelly", "SeqToANNContainer", linear, base=nn.Sequential)
    network = nn.Sequential(inner, foreign("spikingjelly", "Dropout"), neurons("IFNode"))
    with torch.no_grad():
        linear.bias.fill_(0.5)
    graph = capture(network, EXAMPLE)
    assert np.array_equal(
        graph.layers[0].edges[0].stages[0].weight, linear.weight.double().numpy(force=True)
    )
    assert graph.layers[0].constant.tolist() == [0.5] * 2
    assert type(network[0][0]).__module__ == "spikingjelly.anything"


class Supplied(nn.Module):
    """A network as SpikingJelly's are: its forward asks for the step mode of a layer."""

    __module__ = "spikingjelly.activation_based.model.some_net"

    def __init__(self):
        super().__init__()
        self.flat = foreign("spikingjelly", "Flatten", base=nn.Flatten, step_mode="m")
        self.cells = neurons("IFNode")

    def forward(self, x):
        """Answer spikes."""
        if self.flat.step_mode == "m":
            x = x.flatten(0, 1)
        return self.cells(self.flat(x))


def test_networks_that_come_with_spikingjelly_are_traced_as_one_step():
    graph = capture(Supplied(), torch.zeros(4, 1, 3, 2, 2))
    assert [(layer.name, layer.shape) for layer in graph.layers] == [("cells", (12,))]


def test_a_linear_container_splits_into_what_the_input_and_what_the_spikes_weigh():
    rc = nn.Linear(6 + 6, 6)
    inside = {"sub_module": neurons("IFNode"), "sub_module_out_features": 6, "rc": rc}
    layer = only_layer(foreign("spikingjelly", "LinearRecurrentContainer", **inside))
    given, back = layer.edges
    weight = rc.weight.double().numpy(force=True)
    assert (given.source, given.late) == ("input", 0)
    assert np.array_equal(given.stages[0].weight, weight[:, :6])
    assert (back.source, back.late) == (layer.name, 1)
    assert np.array_equal(back.stages[0].weight, weight[:, 6:])
    assert np.array_equal(layer.constant, rc.bias.double().numpy(force=True))


def recurrent(function):
    inside = {"sub_module": neurons("IFNode"), "element_wise_function": function}
    return foreign("spikingjelly", "ElementWiseRecurrentContainer", **inside)


@pytest.mark.parametrize("function", [lambda x, y: y + x, operator.add, torch.add])
def test_a_container_that_adds_feeds_each_spike_back_to_its_neuron(function):
    late = only_layer(recurrent(function)).edges[1]
    assert (late.source, late.late, late.stages[0].weight.tolist()) == ("0", 1, [1.0] * 6)


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (neurons("QIFNode"), "SpikingJelly's QIFNode is not supported"),
        (neurons("IFNode", surrogate_function=strict_step), "does not send 1 from 0 upwards"),
        (neurons("IFNode", v_reset=1.0), "v_threshold = 1.0 is not above v_reset = 1.0"),
        (neurons("CUBALIFNode", c_decay=1.5, v_decay=0.5), "CUBALIFNode: c_decay = 1.5;"),
        (foreign("spikingjelly", "NonSpikingIFNode", decode="last_mem"), "decode = 'last_mem'"),
        (recurrent(lambda x, y: x * y), "does more than to add two values"),
        (recurrent(lambda x, _: x + x), "does more than to add two values"),
        (recurrent(lambda x, y: x + y + 1), "does more than to add two values"),
        (recurrent(operator.mul), "does more than to add two values"),
        (
            foreign("spikingjelly", "LinearRecurrentContainer", sub_module=nn.Identity()),
            "feeds back through a Identity",
        ),
    ],
)
def test_what_a_chip_does_not_compute_is_refused_with_its_path(module, reason):
    (problem,) = refused(module)
    assert problem.startswith("1: SpikingJelly's ")
    assert reason in problem
