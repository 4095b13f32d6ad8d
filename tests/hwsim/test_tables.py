"""Tests of reading tables as frozen values: what fits a field, and the place of what does not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from hwsim._tables import fits, read_named, read_section, read_texts, read_value


@dataclass(frozen=True)
class Row:
    name: str
    size: int
    cost: float | None = None
    note: str = ""
    includes: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("value", "annotation", "is_fit"),
    [
        (3, "int", True), (3, "float", True), (3.0, "int", False), ("3", "int", False),
        (True, "int", False), (True, "float", False), (True, "bool", True), (1, "bool", False),
        (None, "float | None", True), (None, "float", False), (2.5, "float | None", True),
        (math.inf, "float", False), (-math.inf, "float", False), (math.nan, "float", False),
        (-1e31, "float", False), (10**31, "int", False), (9e29, "float", True),
        ("x", "float | str", True), ("x", "float | None", False), ([], "tuple[int, ...]", True),
    ],
)  # fmt: skip
def test_a_value_fits_a_field_of_its_own_type_and_finite_size(value, annotation, is_fit):
    assert fits(value, annotation) is is_fit


@pytest.mark.parametrize(
    ("table", "problems"),
    [
        ({"name": "a"}, ["[t]: needs size (int)"]),
        ({"name": "", "size": 1}, ["[t]: name is empty"]),
        ({"name": "a", "size": 1.5}, ["[t]: size = 1.5 is not int"]),
        ({"name": "a", "size": 1, "cost": "x"}, ["[t]: cost = 'x' is not float | None"]),
        (
            {"name": 1, "size": 1, "colour": 2},
            [
                "[t]: unknown 'colour' (there are: cost, includes, name, note, size)",
                "[t]: name = 1 is not str",
            ],
        ),
    ],
)
def test_a_table_that_does_not_fit_gives_no_value_and_every_problem(table, problems):
    found = ["from before"]
    assert read_value(Row, table, "[t]", found) is None
    assert found == ["from before", *problems]


def test_a_value_is_read_whatever_was_wrong_elsewhere_and_may_leave_its_note_empty():
    found = ["from before"]
    assert read_value(Row, {"name": "a", "size": 2, "note": ""}, "[t]", found) == Row("a", 2)
    assert found == ["from before"]


def test_named_tables_take_what_they_do_not_say_from_the_table_around_them():
    content = {"rows": {"a": {"size": 1}, "b": {"note": "own", "includes": ["x", "y"]}}}
    problems: list[str] = []
    rows = read_named(Row, content, "rows", "here.rows", problems, {"size": 7, "note": "shared"})
    assert problems == []
    assert rows == (Row("a", 1, note="shared"), Row("b", 7, note="own", includes=("x", "y")))
    assert read_named(Row, content, "others", "others", problems) == ()


def test_problems_of_named_tables_say_which_one_and_the_others_are_read():
    content = {"rows": {"a": {"size": 1}, "b": 3, "c": {"size": 1, "includes": "x"}}}
    problems: list[str] = []
    rows = read_named(Row, content, "rows", "here", problems)
    assert rows == (Row("a", 1), None, Row("c", 1))
    assert problems == [
        "[here.b]: b = 3 is not a table",
        "[here.b]: needs size (int)",
        "[here.c]: includes = 'x' is not a list of texts",
    ]


def test_a_section_that_is_not_there_needs_all_its_fields():
    problems: list[str] = []
    assert read_section(Row, {}, "row", problems) is None
    assert problems == ["[row]: needs name (str)", "[row]: needs size (int)"]
    assert read_section(Row, {"row": {"name": "a", "size": 1}}, "row", []) == Row("a", 1)


@pytest.mark.parametrize("value", ["x", ["x", ""], ["x", 1], {"x": 1}])
def test_texts_are_a_list_of_which_none_is_empty(value):
    problems: list[str] = []
    assert read_texts({"notes": value}, "notes", "[t]", problems) == ()
    assert problems == [f"[t]: notes = {value!r} is not a list of texts"]
    assert read_texts({}, "notes", "[t]", problems) == ()
    assert read_texts({"notes": ["x"]}, "notes", "[t]", problems) == ("x",)
    assert len(problems) == 1
