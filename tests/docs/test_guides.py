"""The code of the guides runs, and does what they say."""

import re

import numpy as np
import torch
from netx_files import dense_layer, write_layers

from snnexport.formats.nir.page import with_table
from snnexport.formats.nir.profiles import PROFILES
from snntrain import LOSSES, RULES, SURROGATES, Recipe, load, unroll
from snntrain.data import SOURCES


def code(path):
    """Run the Python blocks of a guide; return its names."""
    names = {}
    for block in re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL):
        exec(block, names)
    return names


def test_the_custom_loop_learns(root):
    with torch.random.fork_rng():
        names = code(root / "docs/guides/custom-loop.md")
    losses, network = names["losses"], names["network"].eval()
    assert sum(losses[-8:]) < sum(losses[:8]) / 2
    data = load("digits", "validation")
    with torch.no_grad():
        outputs = unroll(network, torch.tensor(data.sequences(slice(None), 4)).float())
    predicted = outputs.sum(0).argmax(1).numpy()
    assert (predicted == data.labels).mean() > 0.8


def test_the_recipe_of_the_training_guide_is_one(root):
    text = (root / "docs/guides/training.md").read_text()
    (recipe,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert Recipe.from_text(recipe, "guide").build()


def test_the_training_guide_names_every_rule_surrogate_loss_and_data_set(root):
    text = (root / "docs/guides/training.md").read_text()
    known = [*RULES, *SURROGATES, *LOSSES, *SOURCES]
    assert [name for name in known if f"`{name}`" not in text] == []


def test_the_table_of_profiles_is_that_of_the_code(root):
    text = (root / "docs" / "nir.md").read_text()
    assert with_table(text) == text
    assert all(f"`{name}`" in text for name in PROFILES)


def test_the_guide_for_lava_dl_runs(root, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    layers = [dense_layer(2 * rng.integers(-60, 60, shape)) for shape in ((9, 6), (4, 9))]
    write_layers(tmp_path / "network.net", layers)
    monkeypatch.chdir(tmp_path)
    names = code(root / "docs/guides/lava-dl.md")
    assert names["run"].predictions.shape == (4,)
    assert names["run"].counts.synops > 0
