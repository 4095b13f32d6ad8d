"""The fast path over a sequence against the neuron's own step, and replacing either."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from snntrain import CurrentNorm, Reset, Spiking, TimeScaledNorm, over_time, unroll, using
from snntrain._fused import fused, is_fused
from snntrain.dynamics import stepwise
from snntrain.neurons import Real
from snntrain.surrogates import SURROGATES, ATan, FastSigmoid

STEPS, BATCH, CHANNELS = 5, 3, 4
REGISTER = {"decay_v": (0.05, 0.95), "threshold": (0.3, 1.5)}


def randn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@st.composite
def layers(draw):
    """A layer that runs fused, the shape of its population, and a seed for its input."""
    shape = draw(st.sampled_from([(CHANNELS,), (CHANNELS, 3), (CHANNELS, 3, 2)]))
    random = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    registers = {}
    for name, (low, high) in REGISTER.items():
        size = draw(st.sampled_from([(), (CHANNELS,), shape]))
        value = low + (high - low) * torch.rand(size, generator=random)
        registers[name] = value if size else value.item()
    layer = Spiking(
        CHANNELS,
        **registers,
        norm=draw(st.sampled_from([None, CurrentNorm(CHANNELS), TimeScaledNorm(CHANNELS, STEPS)])),
        surrogate=SURROGATES[draw(st.sampled_from(sorted(SURROGATES)))](2.0),
        learned=draw(st.sets(st.sampled_from(sorted(REGISTER)))),
        reset=draw(st.sampled_from(Reset)),
    )
    layer.train(draw(st.booleans())).steps = STEPS
    return layer, shape, draw(st.integers(0, 999))


def passed(dynamics, layer, x):
    """Return spikes and the gradients of the input and of every parameter, by ``dynamics``."""
    x = x.clone().requires_grad_()
    layer.zero_grad()
    spikes = dynamics(layer, x)
    spikes.backward(randn(*spikes.shape, seed=7, dtype=x.dtype))
    return spikes, [x.grad, *(p.grad for p in layer.parameters())]


@settings(max_examples=40, deadline=None)
@given(layers(), st.sampled_from([1, 12, 2**17]))
def test_fused_spikes_equal_those_of_the_neurons_step_and_gradients_do_but_for_rounding(
    drawn, block
):
    layer, shape, seed = drawn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("snntrain._fused.BLOCK", block)
        x = 1.5 * randn(STEPS * BATCH, *shape, seed=seed, dtype=torch.float32)
        assert is_fused(layer)
        assert torch.equal(fused(layer, x), stepwise(layer, x))
        x, layer = x.double(), layer.double()
        spikes, gradients = passed(fused, layer, x)
        expected, expected_gradients = passed(stepwise, layer, x)
        assert torch.equal(spikes, expected)
        for gradient, wanted in zip(gradients, expected_gradients, strict=True):
            # float64 sums of at most 360 products of order 10, in another order
            assert torch.allclose(gradient, wanted, rtol=1e-9, atol=1e-9)


def test_a_layer_runs_fused_by_itself(monkeypatch):
    monkeypatch.setattr("snntrain.dynamics.stepwise", None)
    assert unroll(Spiking(2), randn(3, 4, 2, dtype=torch.float32)).shape == (3, 4, 2)


@pytest.mark.parametrize(
    "layer",
    [
        Spiking(2, decay_u=0.5),
        Spiking(2, decay_u=torch.ones(2)),
        Spiking(2, recurrent=nn.Linear(2, 2)),
        Spiking(2, refractory=2),
    ],
    ids=["filtered", "one decay a channel", "recurrent", "refractory"],
)
def test_neurons_with_more_than_a_leaky_voltage_take_their_own_step(layer):
    x = randn(6, 2, dtype=torch.float32)
    layer.steps = 3
    assert not is_fused(layer)
    assert torch.equal(over_time(layer, x), stepwise(layer, x))


@pytest.mark.parametrize(
    "arithmetic", [Real(ATan(), detach_reset=False), type("R", (Real,), {})(ATan())]
)
def test_an_arithmetic_of_another_kind_is_asked_for_every_step(arithmetic):
    layer = Spiking(2)
    layer.arithmetic = arithmetic
    assert not is_fused(layer)


@pytest.mark.parametrize("norm", [True, False])
def test_neither_the_input_nor_the_gradient_that_comes_back_is_overwritten(norm):
    layer, x = Spiking(3, norm=norm), randn(6, 3, dtype=torch.float32)
    layer.steps = 2
    before, back = x.clone(), torch.ones(6, 3)
    layer(x.requires_grad_()).backward(back)
    assert torch.equal(x, before)
    assert torch.equal(back, torch.ones(6, 3))


def test_channels_last_stays_and_changes_no_spike():
    layer, x = Spiking(4, norm=False), randn(6, 4, 5, 5, dtype=torch.float32)
    layer.steps = 2
    last = x.to(memory_format=torch.channels_last).requires_grad_()
    spikes = layer(last)
    spikes.sum().backward()
    assert spikes.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(spikes, layer(x))


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("other", [torch.channels_last, torch.contiguous_format])
def test_the_gradient_of_a_current_lies_in_memory_as_the_current_does(layout, other):
    layer, x = Spiking(4, norm=False), randn(6, 4, 5, 5, dtype=torch.float32)
    layer.steps = 2
    current = x.to(memory_format=layout).requires_grad_()
    back = randn(6, 4, 5, 5, seed=1, dtype=torch.float32)
    (grad,) = torch.autograd.grad(layer(current), current, back.to(memory_format=other))
    assert grad.is_contiguous(memory_format=layout)
    plain = x.clone().requires_grad_()
    assert torch.equal(grad, torch.autograd.grad(layer(plain), plain, back)[0])


def test_a_half_precision_current_is_normalised_and_integrated_in_that_of_the_weights():
    layer, x = Spiking(4), randn(6, 4, dtype=torch.float32).bfloat16()
    layer.steps = 2
    assert torch.equal(layer(x), layer(x.float()))
    assert layer(x).dtype == torch.float32


def test_a_gradient_is_kept_in_one_value_per_neuron_and_step():
    layer, x = Spiking(4, norm=False, surrogate=FastSigmoid(2.0)), torch.ones(10, 4)
    layer.steps = 5
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()), lambda t: t):
        layer(x.requires_grad_())
    assert sum(size for size in kept if size > 1) == 40


def test_using_swaps_the_dynamics_and_puts_them_back_after_an_error():
    net = nn.Sequential(Spiking(2), nn.Linear(2, 2), Spiking(2))
    with using(net, lambda layer, x: x + 1):
        assert net[0](torch.zeros(1, 2)).tolist() == [[1, 1]]
    with pytest.raises(RuntimeError), using(net, lambda layer, x: x + 1):
        net(torch.zeros(1, 3))
    assert [layer.dynamics for layer in (net[0], net[2])] == [over_time] * 2
