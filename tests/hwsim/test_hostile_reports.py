"""A report file with anything anywhere is read whole, or refused; nothing else happens."""

import json
from copy import deepcopy

import pytest
from distinct_report import distinct_report

from hwsim._report.diff import diff
from hwsim.energy import Report
from hwsim.errors import FileError

WHOLE = distinct_report().to_dict()
STRANGE = (None, "x", -1, float("inf"), float("nan"), [], {}, 10**400, True)


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
        assert report.table(), at

        assert diff(report, distinct_report()).table(), at


def test_a_file_nested_without_end_is_refused(tmp_path):
    (tmp_path / "r.json").write_text("[" * 100_000)
    with pytest.raises(FileError, match="is not a report"):
        Report.load(tmp_path / "r.json")
