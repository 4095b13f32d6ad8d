"""Tests of the measured figures that benchmarks/silicon.py compares with."""

import importlib
import re
from pathlib import Path

import pytest

from hwsim import load_chip

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
NAMES = sorted(p.stem for p in (BENCHMARKS / "silicon").glob("*.toml"))
CLOSED = [n for n in NAMES if n not in ("pilotnet", "not-estimated")]


@pytest.fixture
def cases(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("silicon.cases")


def test_every_file_of_measurements_is_a_case_or_of_the_two_other_layouts(cases):
    assert [*cases.case_names(), *cases.OTHER] == [*CLOSED, "pilotnet", "not-estimated"]


@pytest.mark.parametrize("name", NAMES)
def test_every_measurement_names_a_commit_or_a_paper(cases, name):
    content = cases.read(name)
    for case in content.get("cases", [content]):
        assert re.search(r"at commit [0-9a-f]{8}\b|arXiv \d{4}\.\d{5}", case["source"])


@pytest.mark.parametrize("name", CLOSED)
def test_every_figure_is_estimated_in_one_way_or_says_why_not(cases, name):
    case = cases.load_case(name)
    assert case.figures
    assert case.assumed
    for f in case.figures:
        assert [bool(f.estimate), f.stated is not None, bool(f.reason)].count(True) == 1, f.quantity
        assert 0 < f.measured[0] <= f.measured[1]


@pytest.mark.parametrize("name", CLOSED)
def test_every_price_table_and_static_power_that_a_case_names_is_in_its_chip_file(cases, name):
    case = cases.load_case(name)
    chip = load_chip(case.chip)
    assert [chip.table(table).name for table in case.tables] == list(case.tables)
    own = {f.own_static for f in case.figures} - {""}
    assert own <= {s.name for s in chip.static}


@pytest.mark.parametrize("name", CLOSED)
def test_estimates_are_ranges_from_the_low_to_the_high_rates(cases, name):
    for row in cases.rows_of(cases.load_case(name)):
        assert row.estimate is None or 0 < row.estimate[0] <= row.estimate[1], row.quantity


def test_a_query_of_the_nearest_neighbours_has_the_published_work(cases):
    low, high = (cases.work(cases.load_case("frady-knn"), end) for end in (0, 1))
    assert (low.updates, low.populations[0].driven) == (76800 * 60, 0)
    assert high.populations[0].driven == 76800 * 60
    assert low.synops == pytest.approx(667 * 76800, rel=1e-5)  # the rate has six digits
    assert high.synops == 750 * 76800


def test_what_is_not_estimated_is_listed_with_what_was_measured_and_why(cases):
    for case in cases.read("not-estimated")["cases"]:
        assert case.keys() == {"name", "measured", "reason", "source"}
        assert all(case.values())
