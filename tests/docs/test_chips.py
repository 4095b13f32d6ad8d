"""The page of chips in the documentation is what the chip files say."""

from hwsim._report.chip_page import page
from hwsim.chip import chip_names, load_chip


def test_the_page_of_chips_is_what_make_docs_writes(root):
    assert (root / "docs" / "chips.md").read_text(encoding="utf-8") == page()


def test_the_page_has_every_source_of_every_chip():
    text = page().replace("\\", "")
    for chip in map(load_chip, chip_names()):
        for table in chip.prices:
            prices = (*table.terms, *table.transport, *table.baseline)
            assert all(p.source in text and p.label in text for p in prices), table.name
        assert all(f.source in text and f.unit in text for f in (*chip.limits, *chip.system))
