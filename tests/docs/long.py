"""Pages whose blocks need data or minutes (``make docs-long``), every block that can run."""

import pytest
from pages import LONG, Reader, blocks, pages

PAGES = [page for page in pages() if any(LONG in block.remarks for block in blocks(page))]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_runs_and_prints_what_is_shown(page, tmp_path, monkeypatch):
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    Reader(page, folder, patient=True).follow()
