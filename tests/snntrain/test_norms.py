"""Normalisation with a scale for each time step, and its freezing."""

import pytest
import torch
from torch import nn

from snntrain import CurrentNorm, Spiking, TimeScaledNorm, freeze_time, unroll


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


def time_scaled(steps=3, channels=2):
    norm = TimeScaledNorm(channels, steps).double()
    nn.init.uniform_(norm.weight, 0.5, 2, generator=torch.Generator().manual_seed(0))
    nn.init.constant_(norm.bias, 0.5)
    with torch.no_grad():
        norm.scale.copy_(torch.arange(1, steps + 1) / 2)
    return norm


def test_one_shared_normalisation_is_scaled_in_each_step():
    norm, plain = time_scaled(), CurrentNorm(2).double()
    with torch.no_grad():
        plain.weight.copy_(norm.weight)
        plain.bias.copy_(norm.bias)
    x = randn(3, 5, 2)
    gain, offset = norm.affine(x)
    g, c = plain.affine(x)
    assert torch.equal(norm.running_var, plain.running_var)
    scaled = gain.unsqueeze(1) * x + offset.unsqueeze(1)
    for t, p in enumerate((0.5, 1.0, 1.5)):
        # float64 on values below 10
        assert torch.allclose(scaled[t], p * (g * x[t] + c), atol=1e-12)


def test_a_population_uses_the_scale_of_the_step_it_is_in():
    layer = Spiking(1, norm=TimeScaledNorm(1, 4), decay_v=1.0).eval()
    norm = layer.norm
    assert isinstance(norm, TimeScaledNorm)
    with torch.no_grad():
        norm.scale.copy_(torch.tensor([0.5, 2.0, 0.9, 1.1]))
    spikes = unroll(layer, torch.ones(4, 1, 1))
    assert spikes.flatten().tolist() == [0, 1, 0, 1]


def test_scales_are_learned():
    norm = time_scaled()
    unroll(Spiking(2, norm=norm), randn(3, 6, 2)).sum().backward()
    assert norm.scale.grad is not None
    assert norm.scale.grad.all()


def test_equal_scales_of_one_are_the_plain_norm_in_every_spike():
    x = 2 * randn(4, 6, 3, 5, 5)
    scaled = Spiking(3, norm=TimeScaledNorm(3, 4), decay_u=0.5).double()
    plain = Spiking(3, decay_u=0.5).double()
    assert torch.equal(unroll(scaled, x), unroll(plain, x))


def test_a_frozen_norm_has_the_mean_of_the_scales_and_the_same_statistics():
    norm = time_scaled()
    norm.affine(randn(3, 5, 2))
    norm.eval()
    frozen = norm.freeze()
    assert type(frozen) is CurrentNorm
    assert not frozen.training
    assert torch.equal(frozen.running_mean, norm.running_mean)
    for frozen_factor, factors in zip(frozen.affine(), norm.affine(), strict=True):
        # float64 on values below 10
        assert torch.allclose(frozen_factor, factors.mean(dim=0), atol=1e-12)


def test_freeze_time_replaces_every_time_scaled_norm_and_says_how_many():
    net = nn.Sequential(
        nn.Linear(4, 2),
        Spiking(2, norm=TimeScaledNorm(2, 3)),
        nn.Sequential(nn.Linear(2, 2), Spiking(2, norm=TimeScaledNorm(2, 3)), Spiking(2)),
    )
    assert freeze_time(net) == 2
    assert not any(isinstance(m, TimeScaledNorm) for m in net.modules())
    assert unroll(net, torch.zeros(7, 2, 4)).shape == (7, 2, 2)
    assert freeze_time(net) == 0


@pytest.mark.parametrize("training", [True, False])
def test_freezing_keeps_the_mode(training):
    assert time_scaled().train(training).freeze().training == training
