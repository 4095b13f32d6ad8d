"""What every rule of a recipe says of itself."""

import pytest
import torch

from hwsim.errors import CheckError
from snntrain import Recipe, Reset
from snntrain.nets.dense import DenseNet, DenseNetSettings
from snntrain.rules import RULES

RECIPE = """
[data]
name = "digits"
[net]
kind = "dense"
input_shape = [1, 8, 8]
classes = 10
hidden = [4]
decay_u = 1.0
decay_v = 0.5
[train]
steps = 2
epochs = 1
batch_size = 32
learning_rate = 0.01
[rule]
name = "{rule}"
[hardware]
chip = "loihi1"
train = "{numbers}"
"""


@pytest.mark.parametrize("rule", sorted(set(RULES) - {"surrogate"}))
def test_a_rule_with_neurons_of_its_own_is_refused_where_a_chips_integers_are_to_be_trained(rule):
    text = RECIPE.format(rule=rule, numbers="integer")
    with pytest.raises(CheckError, match=r"hardware.train is 'integer', which .* does not learn"):
        Recipe.from_text(text, "integers")
    assert isinstance(Recipe.from_text(text.replace("integer", "float"), "f").rule, RULES[rule])


def test_the_surrogate_gradient_trains_a_chips_integers():
    assert Recipe.from_text(RECIPE.format(rule="surrogate", numbers="integer"), "i").trains_integers


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_rule_computes_where_the_network_is(rule, monkeypatch):
    # a device without numbers, which refuses tensors of another; autocast does not know it
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda _: False)
    reset = Reset.SUBTRACT if rule == "membrane" else Reset.ZERO
    settings = DenseNetSettings((3,), 2, (5,), decay_u=0.5, decay_v=0.1, reset=reset)
    module = DenseNet(settings).to("meta")
    chosen = RULES[rule]()
    batch = torch.ones(chosen.steps(6), 4, 3), torch.zeros(4, dtype=torch.int64)
    sequence, labels = (tensor.to("meta") for tensor in batch)
    step = chosen.backward(module, (sequence, labels), lambda outputs, *_: outputs.mean())
    assert step.outputs.is_meta
    assert all(p.grad is not None for p in module.parameters())
