"""The guides name what the code knows."""

from snnexport.formats.nir.page import with_table
from snnexport.formats.nir.profiles import PROFILES
from snntrain import LOSSES, RULES, SURROGATES
from snntrain.data import SOURCES


def test_the_training_guide_names_every_rule_surrogate_loss_and_data_set(root):
    text = (root / "docs/guides/training.md").read_text()
    known = [*RULES, *SURROGATES, *LOSSES, *SOURCES]
    assert [name for name in known if f"`{name}`" not in text] == []


def test_the_table_of_profiles_is_that_of_the_code(root):
    text = (root / "docs" / "nir.md").read_text()
    assert with_table(text) == text
    assert all(f"`{name}`" in text for name in PROFILES)
