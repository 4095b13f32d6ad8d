"""Every block of the documentation is run, in order, as a reader of its page would run it."""

import re

import numpy as np
import pytest
import torch
from conftest import ROOT
from netx_files import dense_layer, write_layers
from pages import REMARKS, Reader, blocks, pages

from snntrain import load, unroll

NOT_RUN = {
    "README.md": 2,
    "docs/formats.md": 2,
    "docs/guides/add-a-neuron.md": 2,
    "docs/guides/budget-in-ci.md": 1,
    "docs/guides/deploy-to-lava.md": 3,
    "docs/guides/lava-dl.md": 1,
    "docs/guides/norse.md": 4,
    "docs/guides/several-machines.md": 3,
    "docs/guides/sinabs.md": 4,
    "docs/guides/snntorch.md": 4,
    "docs/guides/spikingjelly.md": 4,
    "docs/guides/training.md": 3,
    "docs/nir.md": 1,
    "docs/results/reset-to-zero.md": 1,
    "docs/results/training.md": 1,
    "docs/tutorial.md": 1,
}
"""Blocks that no test of the suite runs; each says why."""


def _network_of_lava_dl(folder):
    rng = np.random.default_rng(0)
    layers = [dense_layer(2 * rng.integers(-60, 60, shape)) for shape in ((9, 6), (4, 9))]
    write_layers(folder / "network.net", layers)


def _learns(names):
    losses, network = names["losses"], names["network"].eval()
    assert sum(losses[-8:]) < sum(losses[:8]) / 2
    data = load("digits", "validation")
    with torch.no_grad():
        outputs = unroll(network, torch.tensor(data.sequences(slice(None), 4)).float())
    predicted = outputs.sum(0).argmax(1).numpy()
    assert (predicted == data.labels).mean() > 0.8


BROUGHT = {"docs/guides/lava-dl.md": _network_of_lava_dl}
"""What a reader of a page has before it begins."""
AFTER = {"docs/guides/custom-loop.md": _learns}
"""What is true when a page has been followed, of its Python names."""
RUN = [p for p in pages() if any(not b.is_directive and b.why_not is None for b in blocks(p))]


@pytest.fixture
def empty(tmp_path, monkeypatch):
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


@pytest.mark.parametrize("page", RUN)
def test_every_block_runs_and_prints_what_is_shown(page, empty):
    BROUGHT.get(page, lambda _: None)(empty)
    AFTER.get(page, lambda _: None)(Reader(page, empty).follow())


def test_blocks_that_are_not_run_are_these():
    found = {page: sum(block.why_not is not None for block in blocks(page)) for page in pages()}
    assert {page: count for page, count in found.items() if count} == NOT_RUN


def test_every_remark_is_one_that_readers_know_and_gives_its_reason():
    remarks = [
        (page, *item) for page in pages() for b in blocks(page) for item in b.remarks.items()
    ]
    assert [r for r in remarks if r[1] not in REMARKS] == []
    assert [r for r in remarks if r[1] in REMARKS[:4] and not r[2]] == []


def test_a_test_that_runs_a_block_instead_is_there():
    named = [
        (page, test)
        for page in pages()
        for block in blocks(page)
        for test in re.findall(r"tests/\S+\.py", block.why_not or "")
    ]
    assert named
    assert [pair for pair in named if not (ROOT / pair[1]).is_file()] == []


@pytest.mark.parametrize(
    "page",
    [
        "```python\nassert False\n```",
        "```sh\nfalse | true\n```",
        "```toml\nkey =\n```",
        "```toml\n[data]\nname = 'unknown'\n[net]\n```",
        "```json\n{]\n```",
        "```\nspikeport --version\n```",
        "```fish\ntrue\n```",
        "    indented = 1",
        "```python\nprint(1)\n```\n<!-- output -->\n```text\n2\n```",
        "<!-- file: a.py -->\n```python\nb = 1\n```\n```python\nfrom a import c\n```",
    ],
)
def test_a_page_that_does_not_work_as_printed_is_refused(page, tmp_path, empty):
    (tmp_path / "page.md").write_text(page)
    with pytest.raises(Exception):  # noqa: B017, PT011 -- whatever its code raises
        Reader(str(tmp_path / "page.md"), empty).follow()


def test_a_page_is_one_namespace_and_one_folder_and_outputs_are_compared(tmp_path, empty):
    (tmp_path / "page.md").write_text(
        "<!-- file: a.json -->\n```json\n[1]\n```\n"
        "```sh\ncat a.json\n```\n<!-- output -->\n```text\n[1]\n```\n"
        "```python\nfrom pathlib import Path\nvalue = eval(Path('a.json').read_text())\n```\n"
        "```python\nprint(value, 'and more')\n```\n<!-- output -->\n```text\n[1] ... more\n```\n"
        "<!-- not run here: it fails -->\n```python\n1 / 0\n```\n"
    )
    assert Reader(str(tmp_path / "page.md"), empty).follow()["value"] == [1]
