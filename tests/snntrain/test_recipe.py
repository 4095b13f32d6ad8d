"""Recipes: reading, and the list of everything that is wrong."""

import pytest

from hwsim.errors import CheckError, FileError
from snntrain import LOSSES
from snntrain.recipe import Recipe


def test_recipe_keeps_its_text_and_reads_back_equal(tiny_text):
    recipe = Recipe.from_text(tiny_text, "tiny")
    assert recipe.to_text() == tiny_text
    assert Recipe.from_text(recipe.to_text(), "again") == recipe
    assert recipe.net.channels == (4,)
    assert recipe.train.learning_rate == 0.02


def test_a_whole_number_is_a_number_and_a_missing_option_has_its_default(tiny_text):
    text = tiny_text.replace("learning_rate = 0.02", "learning_rate = 1")
    recipe = Recipe.from_text(text.replace("rate_penalty = 0.1", ""), "tiny")
    assert isinstance(recipe.train.learning_rate, float)
    assert recipe.train.rate_penalty == 0.0


def test_all_problems_are_listed_at_once_with_key_value_and_limit(tiny_text):
    text = (
        tiny_text.replace('"digits"', '"fashion"')
        .replace("steps = 2", "steps = 0")
        .replace("epochs = 3", 'epochs = "3"')
        .replace("seed = 7", "seed = true")
        .replace("learning_rate", "learning_rat")
        .replace("decay_u = [0.75, 1.0]", "decay_u = [0.75, 1.5]")
        .replace("classes = 10", "classes = 10.5")
        .replace("dense = []", "dense = 5")
    )
    with pytest.raises(CheckError) as caught:
        Recipe.from_text(text + "\n[extra]\n", "bad.toml")
    message = str(caught.value)
    assert message.startswith("bad.toml: 10 problem(s)\n")
    for problem in (
        "[extra] is not known (known: data, net, train, rule, hardware)",
        "data.name = 'fashion' is not known (known: digits, mnist, fashion-mnist, ",
        "net.classes = 10.5 is not int",
        "net.dense = 5 is not a list of int",
        "net.decay_u = [0.75, 1.5] does not fit 0.0..1.0",
        "train.learning_rat = 0.02 is not known (known: steps, epochs,",
        "train.steps = 0 does not fit 1..1024",
        "train.epochs = '3' is not int",
        "train.learning_rate is missing",
        "train.seed = True is not int",
    ):
        assert f"  - {problem}" in message


def test_settings_that_contradict_each_other_are_problems(tiny_text):
    text = tiny_text.replace("decay_v = [0.25, 0.0]", "decay_v = [0.25]")
    text = text.replace("[1, 8, 8]", "[1, 8, 9]")
    with pytest.raises(CheckError) as caught:
        Recipe.from_text(text, "bad.toml")
    assert "net.decay_v has 1 values, not one for each of 2 spiking layers" in str(caught.value)
    assert "net.input_shape = [1, 8, 9] cannot be halved 1 times" in str(caught.value)


def test_every_loss_can_be_named_and_a_budget_without_a_penalty_is_a_problem(tiny_text):
    for name in LOSSES:
        assert Recipe.from_text(tiny_text + f'loss = "{name}"', "tiny").train.loss.value == name
    with pytest.raises(CheckError, match=r"train.synops_budget is set, but synops_penalty is 0"):
        Recipe.from_text(tiny_text + "synops_budget = 5.0", "tiny")


def test_unknown_kind_of_network_names_the_known_ones(tiny_text):
    with pytest.raises(CheckError, match=r"net.kind = 'mlp' is not known \(known: convnet, d"):
        Recipe.from_text(tiny_text.replace('"convnet"', '"mlp"'), "bad.toml")


def test_sections_that_are_no_tables_are_problems():
    with pytest.raises(CheckError, match="net = 3 is not a table") as caught:
        Recipe.from_text("net = 3\ntrain = 4\n", "bad.toml")
    assert "train = 4 is not a table" in str(caught.value)
    assert "data.name is missing" in str(caught.value)


def test_missing_file_and_invalid_toml_are_file_errors(tmp_path):
    with pytest.raises(FileError, match="no such file"):
        Recipe.load(tmp_path / "none.toml")
    path = tmp_path / "bad.toml"
    path.write_text("[net\n")
    with pytest.raises(FileError, match=r"bad.toml: is not valid TOML: .*line 1"):
        Recipe.load(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(FileError, match="is not a text file"):
        Recipe.load(path)
