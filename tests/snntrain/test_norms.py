"""Normalisation with a scale for each time step, and its freezing."""

import statistics
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from snntrain import CurrentNorm, Spiking, TimeScaledNorm, freeze_time, unroll
from snntrain.norms import LeakScaledNorm, threshold_norm


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


def plain_norm(channels=3, **options):
    """A norm with another gain, offset, mean and variance in each channel, in float64."""
    norm = CurrentNorm(channels, **options).double()
    state = {
        "weight": torch.linspace(0.5, 2, channels),
        "bias": torch.linspace(-1, 1, channels),
        "running_mean": torch.linspace(-3, 2, channels),
        "running_var": torch.linspace(0.25, 4, channels),
    }
    norm.load_state_dict(state)
    return norm


@pytest.mark.parametrize("shape", [(2, 3, 3), (2, 1, 3), (1, 4, 3, 2), (3, 2, 3, 2, 2)])
def test_statistics_are_those_of_all_values_of_a_channel_one_by_one(shape):
    norm, x = plain_norm(eps=0.125, momentum=0.25), 3 * randn(*shape) + 1
    before = {name: tensor.clone() for name, tensor in norm.state_dict().items()}
    gain, offset = norm.affine(x)
    for channel in range(3):
        values = x[:, :, channel].flatten().tolist()
        mean, var = statistics.fmean(values), statistics.pvariance(values)
        weight, bias = (before[name][channel].item() for name in ("weight", "bias"))
        # sums of fewer than 30 floats in another order
        assert gain[channel].item() == pytest.approx(weight / (var + 0.125) ** 0.5, abs=1e-12)
        expected = bias - mean * weight / (var + 0.125) ** 0.5
        assert offset[channel].item() == pytest.approx(expected, abs=1e-12)
        old = {name: before[f"running_{name}"][channel].item() for name in ("mean", "var")}
        kept = (0.75 * old["mean"] + 0.25 * mean, 0.75 * old["var"])
        assert norm.running_mean[channel].item() == pytest.approx(kept[0], abs=1e-12)
        now = kept[1] + 0.25 * statistics.variance(values)
        assert norm.running_var[channel].item() == pytest.approx(now, abs=1e-12)


def test_the_variance_of_one_value_is_0_and_its_running_one_no_nan():
    norm = plain_norm(momentum=0.5)
    gain, offset = norm.affine(torch.full((1, 1, 3), 7.0).double())
    assert norm.running_var.tolist() == [0.125, 1.0625, 2.0]
    assert norm.running_mean.tolist() == [2.0, 3.25, 4.5]
    torch.testing.assert_close(gain, norm.weight / 1e-5**0.5)
    torch.testing.assert_close(offset, norm.bias - 7 * gain)


@pytest.mark.parametrize(("training", "given"), [(False, True), (False, False), (True, False)])
def test_running_statistics_are_used_and_left_alone_but_in_training_with_a_batch(training, given):
    norm = plain_norm(eps=0.5).train(training)
    before = {name: tensor.clone() for name, tensor in norm.state_dict().items()}
    gain, offset = norm.affine(randn(2, 4, 3) if given else None)
    expected = norm.weight / (before["running_var"] + 0.5) ** 0.5
    torch.testing.assert_close(gain, expected)
    torch.testing.assert_close(offset, norm.bias - before["running_mean"] * expected)
    assert all(torch.equal(before[name], now) for name, now in norm.state_dict().items())


@pytest.mark.parametrize("training", [True, False])
def test_torchs_batch_norm_gives_the_same_current_statistics_and_gradients(training):
    ours, torchs = (plain_norm(eps=0.25, momentum=0.5).train(training) for _ in range(2))
    x = randn(3, 4, 3, 2)
    gain, offset = ours.affine(x)
    one = gain[:, None] * x + offset[:, None]
    other = torchs.batch_norm(x.flatten(0, 1)).unflatten(0, (3, 4))
    # float64 on values below 100, in another order
    torch.testing.assert_close(one, other, atol=1e-10, rtol=0)
    for norm, current in ((ours, one), (torchs, other)):
        (current**3).sum().backward()
        assert norm.weight.grad is not None
    torch.testing.assert_close(ours.weight.grad, torchs.weight.grad, atol=1e-9, rtol=0)
    torch.testing.assert_close(ours.bias.grad, torchs.bias.grad, atol=1e-9, rtol=0)
    torch.testing.assert_close(ours.running_mean, torchs.running_mean)
    torch.testing.assert_close(ours.running_var, torchs.running_var)


def test_batch_norm_of_half_precision_keeps_the_precision_of_its_gain():
    norm = plain_norm().float()
    assert norm.batch_norm(torch.ones(4, 3, dtype=torch.bfloat16)).dtype == torch.float32


def test_only_one_gain_in_one_process_is_torchs_batch_norm():
    norm = CurrentNorm(2)
    assert norm.is_batch_norm
    assert norm.eval().is_batch_norm
    norm.ranks = SimpleNamespace(size=2)
    assert norm.is_batch_norm  # nothing is pooled in evaluation
    assert not norm.train().is_batch_norm
    assert not TimeScaledNorm(2, 3).is_batch_norm
    assert not LeakScaledNorm(2, nn.Identity()).eval().is_batch_norm


def test_statistics_of_several_processes_are_pooled_and_count_all_their_values():
    norm = plain_norm(momentum=1.0)
    pooled = torch.tensor([2.0, 4.0, 6.0]).double()
    norm.ranks = SimpleNamespace(size=3, pooled=lambda var, mean: (pooled, mean + 1))
    x = randn(2, 2, 3)
    gain, _ = norm.affine(x)
    torch.testing.assert_close(gain, norm.weight / (pooled + norm.eps) ** 0.5)
    torch.testing.assert_close(norm.running_mean, x.mean(dim=(0, 1)) + 1)
    torch.testing.assert_close(norm.running_var, pooled * 12 / 11)  # 3 processes x 4 values


class Leak(nn.Module):
    def forward(self):
        return torch.tensor([0.25, 0.5, 1.0]).double()


def test_a_leak_scales_gain_and_offset_and_is_no_part_of_the_norm():
    norm = LeakScaledNorm(3, Leak()).double()
    norm.load_state_dict(plain_norm().state_dict())
    assert list(norm.children()) == []
    for scaled, plain in zip(norm.eval().affine(), plain_norm().eval().affine(), strict=True):
        torch.testing.assert_close(scaled, plain * torch.tensor([0.25, 0.5, 1.0]).double())


def test_a_threshold_norm_starts_with_the_product_of_share_and_threshold():
    assert threshold_norm(2, threshold=3.0, share=0.5).weight.tolist() == [1.5, 1.5]
    assert threshold_norm(2).weight.tolist() == [1.0, 1.0]
    assert threshold_norm(2, threshold=3.0).bias.tolist() == [0.0, 0.0]


def test_a_frozen_norm_keeps_its_constants_and_learns_apart_from_the_first():
    norm = TimeScaledNorm(2, 4, eps=0.5, momentum=0.25).double()
    frozen = norm.freeze()
    assert (frozen.eps, frozen.momentum) == (0.5, 0.25)
    assert frozen.weight.dtype == torch.float64
    with torch.no_grad():
        frozen.weight.fill_(9)
        frozen.running_mean.fill_(9)
    assert norm.weight.tolist() == [1.0, 1.0]
    assert norm.running_mean.tolist() == [0.0, 0.0]
