"""The report's page in a real headless browser; by hand: ``make test-browser``."""

from pathlib import Path

import pytest
import reports

from hwsim._report.figures import visible

REPORTS = ("full", "bare", "unpriced", "large", "hostile")
MEASURE = (Path(__file__).parent / "measure.js").read_text(encoding="utf-8")
RUN_AXE = """
axe.run(document, {resultTypes: ["violations", "incomplete"]}).then((found) => report(
  found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).slice(0, 3)}`)));
"""


def page_of(name):
    return getattr(reports, name)().html()


@pytest.fixture(params=[(name, width) for name in REPORTS for width in (1200, 360)], ids=str)
def measured(request, chromium):
    name, width = request.param
    found = chromium.evaluate(page_of(name), MEASURE, width=width)
    assert found["width"] == width
    return found


def test_the_page_is_readable_whole_accessible_and_alone(measured):
    m = measured
    assert m["scrollWidth"] <= m["width"]
    assert m["outside"] == []
    assert m["unscrollable"] == []
    assert m["overlaps"] == []
    assert m["language"] == "en"
    assert m["landmarks"] == ["header", "nav", "main", "footer"]
    assert m["headings"][0] == 1
    assert m["headings"].count(1) == 1
    for above, below in zip(m["headings"], m["headings"][1:], strict=False):
        assert below <= above + 1
    assert m["unnamed"] == []
    assert all(len(text) > 5 for text in m["plots"])
    for table in m["tables"]:
        assert table["caption"]
        assert table["columns"] == table["cells"]
        assert table["rowsWithoutHeader"] == 0 or table["caption"].startswith("Published figures")
    assert [t for t in m["texts"] if t["contrast"] < 4.5] == []
    assert min(t["size"] for t in m["texts"]) >= 9
    assert [s for s in m["shapes"] if s["contrast"] < 3] == []
    assert m["requests"] == []
    assert m["scripts"] == 0


def test_hostile_names_are_read_as_text_and_nothing_of_them_runs(chromium):
    m = chromium.evaluate(page_of("hostile"), MEASURE)
    assert m["title"] != "owned"
    assert m["title"].startswith(visible(reports.HOSTILE[2]))
    for name in reports.HOSTILE:
        assert (visible(name) if name.strip() else f"'{name}'") in m["names"], name


def test_without_javascript_the_page_looks_the_same(chromium):
    page = page_of("full")
    without = chromium.without_javascript()
    writing = "<!doctype html><p>text</p><script>document.body.append('written')</script>"
    assert without.screenshot(writing) != chromium.screenshot(writing)
    assert without.screenshot(page) == chromium.screenshot(page)


def test_the_page_prints(chromium):
    assert chromium.pdf(page_of("full")).startswith(b"%PDF")


@pytest.mark.parametrize("width", [1200, 360])
@pytest.mark.parametrize("name", ["full", "bare", "unpriced", "hostile"])
def test_axe_finds_nothing(chromium, axe, name, width):
    assert chromium.evaluate(page_of(name), axe, RUN_AXE, width=width) == []
