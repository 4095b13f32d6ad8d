"""Registers of many values or learned, recurrent connections, and readouts."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from hwsim.errors import RangeError, UnsupportedError
from hwsim.neurons import LeakyIntegrator
from snntrain import FastSigmoid, Readout, Real, Spiking, TimeScaledNorm, unroll

from .plain import leaky


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


def uniform(low, high, *shape, seed=1):
    return torch.empty(shape).uniform_(low, high, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(3,), (3, 4, 5)], ids=["per channel", "per neuron"])
def test_registers_of_many_values_equal_a_loop_with_those_values(shape):
    decay_u, decay_v = uniform(0, 1, *shape, seed=1), uniform(0, 1, *shape, seed=2)
    threshold = uniform(0.5, 2, *shape, seed=3)
    layer = Spiking(3, decay_u=decay_u, decay_v=decay_v, threshold=threshold, norm=False)
    x = randn(6, 2, 3, 4, 5)
    broadcast = [t.double().view(3, *shape[1:] or (1, 1)).numpy() for t in (decay_u, decay_v)]
    limit = threshold.double().view(3, *shape[1:] or (1, 1)).numpy()
    spikes, _ = leaky(x.numpy(), *broadcast, threshold=limit)
    assert (unroll(layer.double(), x).numpy() == spikes).all()
    assert 0 < spikes.mean() < 1


def test_the_filter_for_the_statistics_uses_the_decay_of_each_channel():
    layer = Spiking(2, decay_u=torch.tensor([1.0, 0.25])).double()
    x = randn(5, 7, 2)
    unroll(layer.train(), x)
    u, filtered = np.zeros((7, 2)), []
    for frame in x.numpy():
        u = u * np.array([0.0, 0.75]) + frame
        filtered.append(u)
    assert layer.norm is not None
    # one update of momentum 0.1 from 0; float64
    mean = layer.norm.running_mean.numpy()
    assert np.allclose(mean, 0.1 * np.stack(filtered).mean(axis=(0, 1)), atol=1e-12)


def test_numbers_stay_numbers_and_tensors_are_stored_with_the_weights():
    numbers = Spiking(3, decay_u=0.5, decay_v=0.25, threshold=2.0, norm=False)
    assert (numbers.decay_u, numbers.decay_v, numbers.threshold) == (0.5, 0.25, 2.0)
    assert not numbers.state_dict()
    tensors = Spiking(3, decay_u=torch.full((3,), 0.5), threshold=torch.ones(3), norm=False)
    assert list(tensors.state_dict()) == ["decay_u", "threshold"]
    assert not list(tensors.parameters())


def test_a_stored_register_does_not_follow_the_tensor_it_was_made_of():
    decay = torch.full((3,), 0.5)
    layer = Spiking(3, decay_v=decay)
    decay.zero_()
    assert torch.equal(torch.as_tensor(layer.decay_v), torch.full((3,), 0.5))


@pytest.mark.parametrize("name", ["decay_u", "decay_v", "threshold"])
@pytest.mark.parametrize("many", [False, True], ids=["per layer", "per channel"])
def test_a_learned_register_starts_where_it_is_told_and_gets_a_gradient(name, many):
    start = torch.tensor([0.25, 0.5, 0.75]) if many else 0.3
    layer = Spiking(3, **{"decay_u": 0.5, "decay_v": 0.5, name: start}, learned=[name])
    value = getattr(layer, name)
    # a logit or logarithm and back in float32
    assert torch.allclose(value, torch.as_tensor(start), atol=1e-6)
    assert value.shape == torch.as_tensor(start).shape
    layer.double()
    unroll(layer, randn(6, 4, 3)).square().sum().backward()
    (raw,) = [p for path, p in layer.named_parameters() if name in path]
    assert raw.grad is not None
    assert raw.grad.all()


def test_learned_registers_stay_in_range_however_far_they_are_pushed():
    layer = Spiking(3, decay_u=0.5, decay_v=0.5, learned=["decay_u", "decay_v", "threshold"])
    for push in (-15.0, 30.0):
        for parameter in layer.parameters():
            parameter.data += push
        assert 0 <= layer.decay_u <= 1
        assert 0 <= layer.decay_v <= 1
        assert layer.threshold > 0


def test_learned_registers_are_saved_loaded_and_copied():
    trained = Spiking(3, decay_v=torch.tensor([0.2, 0.3, 0.4]), learned=["decay_v"])
    other = Spiking(3, decay_v=torch.full((3,), 0.5), learned=["decay_v"])
    other.load_state_dict(trained.state_dict())
    assert torch.equal(torch.as_tensor(other.decay_v), torch.as_tensor(trained.decay_v))
    copied = copy.deepcopy(trained)
    assert isinstance(copied, Spiking)
    assert torch.equal(torch.as_tensor(copied.decay_v), torch.as_tensor(trained.decay_v))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decay_u": torch.tensor([0.5, 1.5])}, r"decay_u = 1.5 does not fit 0\.\.1"),
        ({"threshold": torch.tensor([1.0, -2.0])}, "threshold = -2.0 is not above 0"),
        ({"decay_v": float("nan")}, "decay_v = nan does not fit"),
        ({"decay_v": 0.0, "learned": ["decay_v"]}, r"decay_v = 0.0 does not .* ends excluded"),
        ({"decay_u": 1 + 1e-9}, "decay_u = .* does not fit"),
        ({"decay_u": torch.ones(3)}, "decay_u has 3 values along axis 0, not one for each of 2"),
        ({"learned": ["decay_w"]}, "'decay_w' is not a register"),
    ],
)
def test_the_register_that_does_not_fit_is_named(arguments, message):
    with pytest.raises(RangeError, match=message):
        Spiking(2, **arguments)


@pytest.mark.parametrize("kind", ["dense", "convolution"])
def test_a_recurrent_population_hears_its_spikes_one_step_later_after_normalisation(kind):
    channels, shape = 4, (4,) if kind == "dense" else (4, 5, 5)
    feedback = nn.Linear(4, 4, bias=False) if kind == "dense" else nn.Conv2d(4, 4, 3, padding=1)
    nn.init.normal_(feedback.weight, 0, 0.5, generator=torch.Generator().manual_seed(0))
    layer = Spiking(channels, decay_u=0.5, decay_v=0.25, recurrent=feedback).double().eval()
    assert layer.norm is not None
    nn.init.uniform_(layer.norm.weight, 0.5, 2, generator=torch.Generator().manual_seed(0))
    nn.init.constant_(layer.norm.bias, 0.25)
    x = randn(8, 3, *shape)
    gain, bias = (
        f.detach().numpy().reshape(4, *[1] * (len(shape) - 1)) for f in layer.norm.affine()
    )
    expected, _ = leaky(
        gain * x.numpy(),
        0.5,
        0.25,
        bias,
        threshold=1.0,
        recurrent=lambda s: feedback(torch.from_numpy(s)).detach().numpy(),
    )
    assert (unroll(layer, x).detach().numpy() == expected).all()
    alone, _ = leaky(gain * x.numpy(), 0.5, 0.25, bias, threshold=1.0)
    assert (expected != alone).any()


def test_recurrent_spikes_do_not_enter_the_statistics():
    def statistics(weight):
        feedback = nn.Linear(2, 2, bias=False)
        nn.init.constant_(feedback.weight, weight)
        layer = Spiking(2, decay_u=0.5, recurrent=feedback).double().train()
        unroll(layer, 2 * randn(6, 5, 2))
        assert layer.norm is not None
        return layer.norm.running_mean

    assert torch.equal(statistics(0.0), statistics(3.0))


def test_recurrent_weights_get_a_gradient_through_time():
    feedback = nn.Linear(3, 3, bias=False)
    unroll(Spiking(3, recurrent=feedback), randn(5, 4, 3).float() + 1).sum().backward()
    assert feedback.weight.grad is not None
    assert feedback.weight.grad.all()


def test_a_recurrent_module_with_a_time_of_its_own_is_refused():
    with pytest.raises(UnsupportedError, match="would lose their state"):
        Spiking(3, recurrent=nn.Sequential(nn.Linear(3, 3), Spiking(3)))


def test_readout_gives_the_voltage_of_the_machines_integrator_on_reals():
    x = randn(6, 3, 4)
    layer = Readout(4, decay_u=0.5, decay_v=0.25)
    _, expected = leaky(x.numpy(), 0.5, 0.25)
    # a few roundings of float64 on values below 100
    assert np.allclose(unroll(layer, x).numpy(), expected, atol=1e-12)
    state, voltages = (torch.zeros(3, 4).double(),) * 2, []
    for current in x:
        _, state = LeakyIntegrator(0.5, 0.25).step(Real(FastSigmoid()), state, current)
        voltages.append(state[1])
    assert torch.equal(unroll(layer, x), torch.stack(voltages))


def test_readout_with_a_norm_has_its_gain_and_offset():
    layer = Readout(2, decay_v=0.5, norm=True).double().eval()
    assert layer.norm is not None
    nn.init.constant_(layer.norm.weight, 3.0)
    nn.init.constant_(layer.norm.bias, -1.0)
    gain, bias = (f.detach().numpy() for f in layer.norm.affine())
    x = randn(4, 3, 2)
    _, expected = leaky(gain * x.numpy(), 1.0, 0.5, bias)
    # a few roundings of float64 on values below 100
    assert np.allclose(unroll(layer, x).detach().numpy(), expected, atol=1e-12)


def test_readout_names_its_parameter_and_its_channels():
    with pytest.raises(RangeError, match="Readout: decay_v = 2"):
        Readout(3, decay_v=2.0)
    with pytest.raises(RangeError, match=r"Readout: axis 1 .* has 5 channels, not 3"):
        Readout(3)(torch.zeros(2, 5))


def test_a_given_norm_is_used_and_one_of_another_length_refused():
    norm = TimeScaledNorm(2, 4)
    layer = Spiking(2, norm=norm)
    assert layer.norm is norm
    with pytest.raises(RangeError, match="scales 4 time steps, the sequence has 3"):
        unroll(layer, torch.zeros(3, 5, 2))


def test_printing_a_population_shows_its_registers():
    text = repr(Spiking(3, decay_u=torch.ones(3), decay_v=0.5, norm=False, learned=["decay_v"]))
    assert "3, decay_u=<3>, decay_v=0.5, threshold=1.0" in text
