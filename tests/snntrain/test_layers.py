"""Spiking layers, the normalisation of their current, and running them over time."""

import pytest
import torch
from torch import nn

from hwsim.errors import RangeError
from hwsim.neurons import Cuba
from snntrain.layers import CurrentNorm, Spiking, recorded, spiking_layers, unroll
from snntrain.nets.convnet import ConvNet, ConvNetSettings
from snntrain.neurons import Real
from snntrain.surrogates import FastSigmoid


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def small_net(seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        settings = ConvNetSettings((1, 4, 4), 3, (4,), (6,), (0.75, 1.0, 0.5), (0.25, 0.0, 0.125))
        return ConvNet(settings)


def trained_a_little(net, sequence):
    """Give normalisation values of its own, and neurons a reason to spike."""
    for layer in spiking_layers(net).values():
        assert layer.norm is not None
        nn.init.constant_(layer.norm.bias, 0.5)
    for _ in range(5):
        unroll(net.train(), sequence)
    return net.eval()


def test_current_norm_equals_batch_norm_in_both_modes_and_in_running_statistics():
    ours, torchs = CurrentNorm(5).double(), nn.BatchNorm1d(5).double()
    for norm in (ours, torchs):
        nn.init.constant_(norm.weight, 1.5)
        nn.init.constant_(norm.bias, -0.25)
    x = randn(7, 11, 5).double() * 3 + 1
    for training in (True, False):
        ours.train(training)
        torchs.train(training)
        g, c = ours.affine(x)
        # both are a few roundings of float64 on values below 10
        assert torch.allclose(g * x + c, torchs(x.flatten(0, 1)).view_as(x), atol=1e-12)
    assert torch.allclose(ours.running_mean, torchs.running_mean, atol=1e-14)
    assert torchs.running_var is not None
    assert torch.allclose(ours.running_var, torchs.running_var, atol=1e-14)


def test_current_norm_gradient_flows_through_the_statistics_as_in_batch_norm():
    ours, torchs = CurrentNorm(4).double(), nn.BatchNorm2d(4).double()
    a = randn(6, 3, 4, 2, 2).double().requires_grad_()
    b = a.detach().clone().requires_grad_()
    g, c = ours.affine(a)
    (g.view(4, 1, 1) * a + c.view(4, 1, 1)).pow(3).sum().backward()
    torchs(b.flatten(0, 1)).pow(3).sum().backward()
    assert a.grad is not None
    assert b.grad is not None
    # float64 gradients of order 1 to 100
    assert torch.allclose(a.grad, b.grad, atol=1e-9)


def test_training_normalises_the_filtered_current_not_the_raw_one():
    layer = Spiking(2, decay_u=0.25)
    layer.steps = 4
    x = randn(4 * 8, 2)
    layer.train()(x)
    u, filtered = torch.zeros(8, 2), []
    for frame in x.view(4, 8, 2):
        u = 0.75 * u + frame
        filtered.append(u)
    mean = torch.cat(filtered).mean(dim=0)
    assert layer.norm is not None
    # one update of momentum 0.1 from 0; float32
    assert torch.allclose(layer.norm.running_mean, 0.1 * mean, atol=1e-6)


def test_spiking_in_evaluation_mode_equals_a_hand_computation():
    layer = Spiking(1, decay_u=0.5, decay_v=0.25).eval()
    assert layer.norm is not None
    layer.norm.running_mean.fill_(0.5)
    layer.norm.running_var.fill_(4 - layer.norm.eps)
    layer.norm.weight.data.fill_(4.0)  # g = 4 / 2 = 2, c = beta - 0.5 * 2 = 0
    layer.norm.bias.data.fill_(1.0)
    layer.steps = 4
    spikes = layer(torch.tensor([[0.25], [0.25], [0.0], [0.125]]))
    # u: 0.5, 0.75, 0.375, 0.4375; v: 0.5, 1.125 -> spike, 0; then 0.375, 0.28125 + 0.4375
    assert spikes.flatten().tolist() == [0, 1, 0, 0]


def test_a_voltage_equal_to_the_threshold_does_not_spike():
    layer = Spiking.integrate_and_fire(1, norm=False)
    layer.steps = 3
    assert layer(torch.tensor([[0.5], [0.5], [0.5]])).flatten().tolist() == [0, 0, 1]


def test_lif_and_integrate_and_fire_are_settings_of_the_same_neuron():
    lif, integrator = Spiking.lif(3, decay_v=0.5), Spiking.integrate_and_fire(3)
    assert (lif.decay_u, lif.decay_v) == (1.0, 0.5)
    assert (integrator.decay_u, integrator.decay_v) == (1.0, 0.0)


def test_unroll_equals_stepping_every_neuron_one_frame_at_a_time():
    sequence = randn(5, 3, 1, 4, 4, seed=3)
    net = trained_a_little(small_net(), sequence)
    spikes = unroll(net, sequence)
    states: dict[str, tuple] = {}
    frames = []
    for x in sequence:
        for name, layer in net.named_children():
            if isinstance(layer, Spiking):
                assert layer.norm is not None
                g, c = (value.view(-1, *[1] * (x.dim() - 2)) for value in layer.norm.affine())
                neuron = Cuba(layer.decay_u, layer.decay_v, layer.threshold, c)
                state = states.get(name, (torch.zeros_like(x), torch.zeros_like(x)))
                x, states[name] = neuron.step(Real(FastSigmoid()), state, g * x)
            else:
                x = layer(x)
        frames.append(x)
    assert torch.equal(spikes, torch.stack(frames))
    assert spikes.any()


def test_unroll_leaves_one_step_behind_even_after_an_error():
    net = small_net()
    with pytest.raises(RuntimeError):
        unroll(net, torch.zeros(2, 3, 7, 4, 4))
    assert [layer.steps for layer in spiking_layers(net).values()] == [1, 1, 1]


def test_recorded_gives_the_spikes_of_each_layer_by_path_and_stops_after():
    net = small_net()
    with recorded(net) as spikes:
        output = unroll(net, randn(2, 3, 1, 4, 4))
    assert list(spikes) == ["spike1", "spike2", "output"]
    assert torch.equal(spikes["output"].view(2, 3, 3), output)
    unroll(net, randn(4, 3, 1, 4, 4))
    assert spikes["output"].shape == (6, 3)


def test_a_network_is_traced_with_its_spiking_layers_as_single_nodes():
    class Tracer(torch.fx.Tracer):
        def is_leaf_module(self, m, module_qualified_name):
            return isinstance(m, Spiking) or super().is_leaf_module(m, module_qualified_name)

    nodes = [n.target for n in Tracer().trace(small_net()).nodes if n.op == "call_module"]
    assert nodes == [
        "conv1", "spike1", "pool1", "flatten", "dense1", "spike2", "dense2", "output",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decay_u": 1.5}, r"decay_u = 1.5 does not fit 0\.\.1"),
        ({"decay_v": -0.1}, r"decay_v = -0.1 does not fit 0\.\.1"),
        ({"threshold": 0.0}, r"threshold = 0.0 is not above 0"),
    ],
)
def test_spiking_names_the_parameter_that_does_not_fit(arguments, message):
    with pytest.raises(RangeError, match=message):
        Spiking(4, **arguments)


def test_spiking_names_a_wrong_number_of_channels():
    with pytest.raises(RangeError, match="has 5 channels, not 4"):
        Spiking(4)(torch.zeros(2, 5))
