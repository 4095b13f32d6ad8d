"""What every rule of a recipe says of itself."""

import pytest

from hwsim.errors import CheckError
from snntrain import Recipe
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
