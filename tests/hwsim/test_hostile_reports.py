"""A report file with anything anywhere is read whole, or refused; nothing else happens."""

import json
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace

import pytest
from distinct_report import distinct_report

from hwsim._report.diff import diff
from hwsim._report.values import Agreement, Raster, RasterLayer
from hwsim.budget import FIGURES, require_within
from hwsim.energy import Report
from hwsim.errors import BudgetError, FileError

PLAIN = distinct_report()
WHOLE = replace(
    PLAIN,
    raster=Raster(0, 2, (RasterLayer("conv1", 64, (0, 63), ((1, 0),)),), {"conv1": (0.1, 0.2)}),
    context=replace(PLAIN.context, agreement={"lava": Agreement(1, 2, 3)}),
).to_dict()
STRANGE = (None, "x", -1, 0, 1e99, 10**12, float("inf"), float("nan"), [], {}, 10**400, True)


def places(value, at=()):
    """Every path into nested dicts and the first entries of lists."""
    yield at
    pairs = value.items() if isinstance(value, dict) else ()
    pairs = enumerate(value[:1]) if isinstance(value, list) else pairs
    for key, part in pairs:
        yield from places(part, (*at, key))


def with_value(at, value):
    changed = deepcopy(WHOLE)
    inside = changed
    for key in at[:-1]:
        inside = inside[key]
    inside[at[-1]] = value
    return changed


@pytest.mark.parametrize("value", STRANGE, ids=lambda value: str(value)[:5])
def test_a_strange_value_anywhere_is_shown_or_refused(value, tmp_path):
    path = tmp_path / "strange.json"
    for at in places(WHOLE):
        path.write_text(json.dumps(with_value(at, value) if at else value))
        try:
            report = Report.load(path)
        except FileError:
            continue
        try:
            assert report.table()
            assert report.html()
            assert diff(report, PLAIN).table()
            with suppress(BudgetError):
                require_within(report, dict.fromkeys(FIGURES, 1.0))
        except Exception as error:
            raise AssertionError(f"{at} = {value!r}") from error


def test_numbers_below_zero_and_meshes_without_end_are_refused(tmp_path):
    path = tmp_path / "strange.json"
    for at, value, why in (
        (("latency", 0, "high_us"), -1.0, "below 0"),
        (("mapping", "columns"), 10**12, "1 to 10,000,000 cores"),
        (("mapping", "rows"), 0, "not 0"),
    ):
        path.write_text(json.dumps(with_value(at, value)))
        with pytest.raises(FileError, match=why):
            Report.load(path)


def test_a_core_that_says_nothing_of_a_resource_uses_none_of_it(tmp_path):
    path = tmp_path / "strange.json"
    path.write_text(json.dumps(with_value(("mapping", "cores", 0, "use"), {})))
    assert " neurons " in Report.load(path).table()


def test_a_file_nested_without_end_is_refused(tmp_path):
    (tmp_path / "r.json").write_text("[" * 100_000)
    with pytest.raises(FileError, match="is not a report"):
        Report.load(tmp_path / "r.json")
