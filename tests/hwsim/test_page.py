"""Tests of a report's page as text: what it holds, that it loads nothing, hostile names."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import combinations

import pytest
import reports
from hypothesis import given
from hypothesis import strategies as st

from hwsim._report.core_map import CELL, mapping_view
from hwsim._report.figures import number, tick_label, ticks, visible
from hwsim._report.plots import ALL_TABLES, accuracy_curve, energy_bars, latency_bars
from hwsim._report.strips import strips
from hwsim._report.values import UNKNOWN, AtSteps, Raster, RasterLayer

REPORTS = {
    "full": reports.full,
    "bare": reports.bare,
    "unpriced": reports.unpriced,
    "large": reports.large,
    "hostile": reports.hostile,
}
WITHOUT_END = {"meta", "br"}


class Page(HTMLParser):
    """The tags, attributes and text of a page; asserts that every tag is closed in turn."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = set(), [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in WITHOUT_END:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module", params=REPORTS)
def text(request):
    return REPORTS[request.param]().html()


@pytest.fixture(scope="module")
def full():
    return reports.full()


def test_the_page_runs_nothing_and_loads_nothing(text):
    page = Page(text)
    assert not page.tags & {"script", "link", "img", "image", "iframe", "object", "embed", "use"}
    names = {name for name, _ in page.attributes}
    assert not {n for n in names if n.startswith("on") or n in {"src", "style", "xlink:href"}}
    assert all(value.startswith("#") for name, value in page.attributes if name == "href")
    style = text[text.index("<style>") : text.index("</style>")]
    assert not re.search(r"url\(|@import", style)
    assert "default-src 'none'" in text


def test_every_link_leads_to_a_section_and_no_id_occurs_twice(text):
    attributes = Page(text).attributes
    ids = [value for name, value in attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {value[1:] for name, value in attributes if name == "href"} <= set(ids)


def test_the_page_is_the_same_every_time(full):
    assert full.html() == full.html()


def test_the_page_of_a_network_of_60_layers_on_2000_cores_is_below_1_5_mb():
    assert len(reports.large().html().encode()) < 1_500_000


def test_hostile_names_are_text_and_add_no_tag_and_no_attribute(full):
    harmless, hostile = Page(full.html()), Page(reports.hostile().html())
    assert hostile.tags <= harmless.tags
    assert {n for n, _ in hostile.attributes} <= {n for n, _ in harmless.attributes} | {"title"}
    for name in reports.HOSTILE:
        shown = visible(name) if name.strip() else f"'{name}'"
        assert shown in hostile.text, name
    assert "49" not in hostile.text


def test_hostile_names_are_isolated_from_the_direction_of_the_text_around_them():
    page = reports.hostile().html()
    assert "<bdi>\N{HEBREW LETTER ALEF}bc</bdi>" in page
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x09\x0b-\x1f]", page)


@given(st.text())
def test_visible_text_is_printable_and_fits_utf8(name):
    shown = visible(name)
    assert all(c.isprintable() or c in "\u200c\u200d" for c in shown)
    assert visible(shown.encode().decode()) == shown
    if name.isprintable():
        assert shown == name


@pytest.mark.parametrize(
    ("part", "nothing", "title"),
    [
        ("latency", (), "Latency</h2>"),
        ("mapping", None, "Mapping onto cores</h2>"),
        ("raster", None, "Raster of one sample</h2>"),
        ("over_steps", (), "Accuracy over time steps</h2>"),
        ("baseline", None, "Against a conventional network</h2>"),
        ("break_even", (), "Break-even tests</h2>"),
        ("static", (), "Static power</h2>"),
    ],
)
def test_a_section_is_there_only_with_its_data(full, part, nothing, title):
    assert title in full.html()
    without = replace(full, **{part: nothing}).html()
    assert title not in without
    assert f'href="#{part.replace("_", "-")}"' not in without


def test_the_page_says_what_the_energy_covers_and_names_all_that_is_missing(full):
    text = Page(full.html()).text
    assert full.energy.covers in text
    for line in full.energy.missing:
        assert line in text


def test_a_missing_price_is_said_and_not_drawn():
    page = reports.unpriced().html()
    assert "not published" in page
    assert "priced terms alone" in page
    assert "no complete published prices" in page
    assert "By price table" not in page
    assert "Spike synaptic" not in page


def test_prices_that_make_no_one_range_are_not_called_incomplete(full):
    means = replace(full.per_inference, energy_uj=UNKNOWN)
    page = replace(full, per_inference=means).html()
    assert "prices that make no one range" in page
    assert "priced terms alone" not in page
    assert "no complete published prices" not in page


def test_only_the_chart_of_a_table_that_lacks_prices_says_so(full):
    first, second = full.energy.by_table
    tables = (replace(first, energy_uj=UNKNOWN), second)
    page = replace(full, energy=replace(full.energy, by_table=tables)).html()
    assert page.count("priced terms alone") == 1


def test_the_ratio_to_a_conventional_network_stands_among_the_headline_figures(full):
    head = full.html().partition("</dl>")[0]
    assert f"{number(full.baseline.ratio)} times" in head
    assert "conventional" not in replace(full, baseline=None).html().partition("</dl>")[0]


def test_bars_of_a_table_add_up_to_its_low_end_and_reach_to_its_high_end(full):
    charts = energy_bars(full)
    assert [c.name for c in charts] == [ALL_TABLES, *reports.TERMS]
    for bar, table in zip(charts[0].bars, full.energy.by_table, strict=True):
        assert bar.low == pytest.approx(table.energy_uj.low)  # sums of floats
        assert bar.high == pytest.approx(table.energy_uj.high)
        assert bar.low_at == pytest.approx(sum(p.width for p in bar.parts))
        assert bar.high_at <= 100
    for chart in charts[1:]:
        whole = next(t for t in full.energy.by_table if t.name == chart.name)
        assert sum(bar.low for bar in chart.bars) == pytest.approx(whole.energy_uj.low)


def test_a_term_has_one_colour_in_all_charts_and_no_colour_is_given_twice(full):
    charts = energy_bars(full)
    for chart in charts:
        assert len(set(chart.legend.values())) == len(chart.legend)
    for label in charts[0].legend:
        assert len({c.legend[label] for c in charts if label in c.legend}) == 1


def test_more_terms_than_colours_are_drawn_as_other_terms_and_none_is_lost(full):
    layers = tuple(
        replace(x, energy=tuple(replace(e, term=f"term {n}") for n, e in enumerate(x.energy)))
        for x in full.layers
    )
    chart = energy_bars(replace(full, layers=layers))[1]
    assert "other terms" in chart.legend
    for bar, x in zip(chart.bars, layers, strict=True):
        own = [e.energy_uj for e in x.energy if e.table == chart.name]
        assert bar.low == pytest.approx(sum(own))


def test_bars_of_latency_are_cores_and_barriers(full):
    bar = latency_bars(full.latency).bars[0]
    assert [(p.label, p.value) for p in bar.parts] == [("cores", 640.0), ("barriers", 172.5)]
    assert (bar.low, bar.high) == (812.5, 2400.75)


def test_every_core_has_its_own_cell_inside_its_chip():
    view = mapping_view(reports.full(6, 300).mapping)
    assert [len(chip.cells) for chip in view.chips] == [128, 128, 44]
    for chip in view.chips:
        places = [(cell.x, cell.y) for cell in chip.cells]
        for (x, y), (other_x, other_y) in combinations(places, 2):
            assert max(abs(x - other_x), abs(y - other_y)) >= CELL
        assert all(0 < x <= chip.width - CELL + 1 and 0 < y <= chip.height - CELL + 1
                   for x, y in places)  # fmt: skip
        assert all(f"M{x} {y}h" in chip.slots for x, y in places)


def test_the_shade_is_the_fullest_resource_that_has_a_limit(full):
    core = replace(full.mapping.cores[0], use={"neurons": 512, "synapse_bits": 1_048_576 * 9 // 10})
    view = mapping_view(replace(full.mapping, cores=(core,)))
    assert view.chips[0].cells[0].level == 4
    (population,) = view.populations
    shares = dict(zip(view.resources, population.most, strict=True))
    assert shares[">neurons"].share == 0.5
    assert shares[">synapse bits"].fullest
    assert shares[">input axons"].amount is None


def test_without_published_limits_cores_are_shown_without_a_shade():
    view = mapping_view(reports.unpriced().mapping)
    assert {cell.level for chip in view.chips for cell in chip.cells} == {5}
    assert "in use; no limit is published" in view.shades


def test_a_spike_is_drawn_at_its_step_and_row_and_the_rate_below_it():
    layer = RasterLayer("a", 4, (0, 3), ((1, 0), (2, 1)))
    (strip,) = strips(Raster(0, 2, (layer,), {"a": (0.25, 0.5)}))
    assert strip.spikes == "M0 0.5h1M1 1.5h1"
    assert strip.rate == "M0 100V50H1V0H2V100z"
    assert (strip.mean, strip.peak) == (0.375, 0.5)
    assert "37.5 % of the neurons" in strip.text
    assert "(step 2)" in strip.text


def test_accuracy_is_placed_between_the_ends_of_its_axes(full):
    curve = accuracy_curve(full.over_steps)
    assert [p.label for p in reversed(curve.points)] == [f"T = {2**n}" for n in range(6)]
    assert all(0 <= p.x <= 100 and 0 <= p.y <= 100 for p in curve.points)
    assert "97.50 %" in curve.text


def test_accuracy_that_never_changes_or_is_not_known_does_not_fail():
    same = tuple(AtSteps(t, 1, 1.0, 0.0, 0.0) for t in (1, 2))
    assert len(accuracy_curve(same).points) == 2
    far = tuple(replace(x, accuracy=1e99) for x in same)
    assert len(accuracy_curve(far).points) == 2
    assert accuracy_curve(tuple(replace(x, accuracy=None) for x in same)) is None


@given(st.floats(-1e12, 1e12), st.floats(1e-9, 1e12))
def test_ticks_are_few_and_enclose_the_range(low, span):
    high = low + span
    if high <= low or span < abs(low) * 1e-6:
        return
    found = ticks(low, high)
    assert 2 <= len(found) <= 7
    assert found[0] <= low + span * 1e-6
    assert found[-1] >= high - span * 1e-6


@pytest.mark.parametrize(
    ("high", "most", "found"),
    [
        (45, 5, (0, 10, 20, 30, 40, 50)),
        (2.3, 5, (0, 0.5, 1, 1.5, 2, 2.5)),
        (100, 5, (0, 20, 40, 60, 80, 100)),
        (100, 4, (0, 50, 100)),
    ],
)
def test_ticks_are_1_2_or_5_times_a_power_of_ten_apart(high, most, found):
    assert ticks(0, high, most) == found


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (0.05, "0.05"), (2500, "2,500"), (40_000, "40k"), (1.5e6, "1.5M"), (2e9, "2G")],
)
def test_ticks_are_written_briefly(value, written):
    assert tick_label(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(3.2e-12, "3.20e-12"), (7.5e18, "7.50e+18"), (1e20, "1.00e+20"), (0.0123, "0.0123")],
)
def test_very_small_and_very_large_numbers_stay_short(value, written):
    assert number(value) == written
