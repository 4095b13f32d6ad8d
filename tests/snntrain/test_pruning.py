"""Weights that become 0 for good."""

import pytest
import torch
from torch import nn

from snntrain import Recipe, fit
from snntrain.pruning import prune, pruned, sparsity


def test_sparsity_grows_to_its_end_in_the_first_half_and_stays():
    shares = [sparsity(0.8, fraction / 100) for fraction in range(101)]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[50:] == [0.8] * 51
    assert sparsity(0.8, 0.25) == pytest.approx(0.8 * (1 - 0.5**3))


def test_the_smallest_weights_of_each_layer_go():
    first, second = nn.Linear(4, 1), nn.Linear(2, 1)
    module = nn.Sequential(first, second)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[0.1, -3.0, 2.0, -0.2]]))
        second.weight.copy_(torch.tensor([[50.0, -60.0]]))
    prune(module, pruned(module), 0.5)
    assert first.weight.tolist() == [[0.0, -3.0, 2.0, 0.0]]
    assert second.weight.tolist() == [[0.0, -60.0]]


def test_the_same_weights_go_however_they_lie_in_memory():
    plain = nn.Conv2d(3, 4, 3)
    wide = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    wide.load_state_dict(plain.state_dict())
    assert not wide.weight.is_contiguous()
    for module in (plain, wide):
        prune(module, pruned(module), 0.5)
    assert torch.equal(plain.weight, wide.weight)
    assert (plain.weight == 0).sum() == plain.weight.numel() // 2


def test_what_was_pruned_stays_so_whatever_an_update_makes_of_it():
    module = nn.Linear(4, 1)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[0.0, 1.0, 2.0, 3.0]]))
    gone = pruned(module)
    with torch.no_grad():
        module.weight += 10
    prune(module, gone, 0.0)
    assert module.weight.tolist() == [[0.0, 11.0, 12.0, 13.0]]


def test_a_layer_that_begins_at_zero_is_trained_before_it_is_pruned():
    module = nn.Linear(2, 2)
    nn.init.zeros_(module.weight)
    gone = pruned(module)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    prune(module, gone, 0.25)
    assert module.weight.tolist() == [[0.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_momentum_and_weight_decay_bring_nothing_back(tiny_text, optimizer):
    text = tiny_text + f'prune = 0.5\noptimizer = "{optimizer}"\n'
    first = fit(Recipe.from_text(text, "tiny"))
    again = fit(Recipe.from_text(text, "tiny"), init=first)
    zeros = [checkpoint.state["dense1.weight"] == 0 for checkpoint in (first, again)]
    assert torch.equal(*zeros)
    assert not torch.equal(first.state["dense1.weight"], again.state["dense1.weight"])


def test_a_trained_network_has_the_share_of_zeros_that_its_recipe_asks_for(tiny_text):
    checkpoint = fit(Recipe.from_text(tiny_text + "prune = 0.75\n", "tiny"))
    weight = checkpoint.state["dense1.weight"]
    assert (weight == 0).float().mean() == pytest.approx(0.75, abs=1 / weight.numel())
    assert checkpoint.state["spike1.norm.weight"].count_nonzero() == 4
