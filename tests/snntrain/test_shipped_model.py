"""The shipped checkpoint and its card."""

import re

import pytest

from snntrain import Checkpoint, Recipe, evaluate, load


@pytest.fixture(scope="module")
def folder(root):
    return root / "models" / "digits-conv"


@pytest.fixture(scope="module")
def shipped(folder):
    return Checkpoint.load(folder / "checkpoint.safetensors")


def test_shipped_checkpoint_was_trained_with_the_recipe_beside_it(folder, shipped):
    assert shipped.recipe.to_text() == (folder / "recipe.toml").read_text()
    assert shipped.recipe == Recipe.load(folder / "recipe.toml")


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_card_states_the_float_accuracy_of_each_split(folder, shipped, split):
    card = (folder / "README.md").read_text()
    stated = re.search(rf"^\| {split} \| (\d+) \| ([\d.]+) % \|", card, re.MULTILINE)
    assert stated is not None
    dataset = load("digits", split)
    assert int(stated[1]) == len(dataset)
    # float32 sums may round otherwise on another processor and flip a spike in rare images
    assert float(stated[2]) == pytest.approx(100 * evaluate(shipped, dataset).accuracy, abs=0.4)


def test_shipped_network_answers_the_test_split_above_the_promised_accuracy(shipped):
    assert evaluate(shipped, load("digits", "test")).accuracy >= 0.98


def test_card_names_the_checkpoint_by_its_hash(folder, shipped):
    assert shipped.sha256 in (folder / "README.md").read_text()


def test_shipped_network_is_small_short_and_has_current_memory_and_leak(shipped):
    net = shipped.recipe.net
    assert shipped.recipe.train.steps <= 8
    assert any(decay < 1 for decay in net.decay_u)
    assert any(decay > 0 for decay in net.decay_v)
    assert 1.0 in net.decay_u
