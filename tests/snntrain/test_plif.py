"""Parametric LIF neurons, and norms that start at the threshold."""

import copy
import math

import pytest
import torch
from torch import nn

from snntrain import Checkpoint, CurrentNorm, Recipe, Spiking, unroll
from snntrain.norms import threshold_norm


def test_a_parametric_lif_moves_by_its_leak_towards_the_normalised_current():
    leak, steps = 0.3, 6
    layer = Spiking.plif(2, decay_v=leak)
    with torch.no_grad():
        layer.norm.weight.copy_(torch.tensor([1.5, 2.0]))
        layer.norm.bias.copy_(torch.tensor([0.5, 1.0]))
    layer.steps = steps
    x = 2 * torch.rand(steps * 5, 2, generator=torch.Generator().manual_seed(2))
    mean, var = x.mean(dim=0), x.var(dim=0, correction=0)
    current = layer.norm.weight * (x - mean) / (var + layer.norm.eps).sqrt() + layer.norm.bias
    spikes = layer(x).view(steps, 5, 2)
    v, fired = torch.zeros(5, 2), 0
    for now, sent in zip(current.view(steps, 5, 2), spikes, strict=True):
        v = v + leak * (now - v)
        assert torch.equal(sent, (v > 1).float())
        v, fired = v * (v <= 1), fired + sent.sum()
    assert fired


def test_the_leak_of_a_parametric_lif_is_one_number_in_voltage_and_current():
    layer = copy.deepcopy(Spiking.plif(3, decay_v=0.25))
    names = [name for name, _ in layer.named_parameters() if name.endswith("original")]
    assert len(names) == 1
    layer.steps = 4
    layer(torch.randn(20, 3)).sum().backward()
    torch.optim.SGD(layer.parameters(), 1.0).step()
    moved = layer.decay_v
    assert abs(moved - 0.25) > 1e-6
    gain, _ = layer.eval().norm.affine()
    plain, _ = CurrentNorm.affine(layer.norm)
    assert torch.equal(gain, moved * plain)


def test_a_network_of_parametric_lif_is_read_back_from_its_file(tmp_path):
    text = (
        '[data]\nname = "digits"\n[net]\nkind = "seven-block"\nshortcut = "sew-add"\n'
        "input_shape = [1, 8, 8]\nclasses = 10\nchannels = [3, 3]\npools = [1, 1]\n"
        "decay_v = 0.5\nplif = true\n"
        "[train]\nsteps = 4\nepochs = 1\nbatch_size = 25\nlearning_rate = 0.01\n"
    )
    recipe = Recipe.from_text(text, "recipe.toml")
    module = recipe.build()
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    Checkpoint(recipe, module.state_dict(), {}, {"input": [0, 16]}).save(
        tmp_path / "checkpoint.safetensors"
    )
    loaded = Checkpoint.load(tmp_path / "checkpoint.safetensors").build()
    x = 16 * torch.rand(4, 2, 1, 8, 8)
    assert torch.equal(unroll(loaded, x), unroll(module.eval(), x))


@pytest.mark.parametrize("share", [1.0, 1 / math.sqrt(2)])
def test_a_threshold_norm_starts_currents_at_its_share_of_the_threshold(share):
    norm = threshold_norm(3, threshold=0.5, share=share)
    current = torch.randn(4, 64, 3) * torch.tensor([1.0, 10.0, 100.0]) + 5
    gain, offset = norm.affine(current)
    normalised = gain * current + offset
    torch.testing.assert_close(
        normalised.std(dim=(0, 1)), torch.full((3,), 0.5 * share), rtol=0.01, atol=0
    )
    torch.testing.assert_close(normalised.mean(dim=(0, 1)), torch.zeros(3), rtol=0, atol=1e-5)
