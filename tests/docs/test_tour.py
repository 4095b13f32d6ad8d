"""The tour leads to files and names that are there."""

import ast
import re

import pytest

FILE = r"`((?:hwsim|models|snnexport|snntrain|tests)/[\w./-]*)`"
NAMES = r"((?:\s+·\s+`[\w.]+`(?:,\s+`[\w.]+`)*)?)"
"""Behind a file: what the tour means in it, a dot between a class and its method."""


@pytest.fixture(scope="module")
def tour(root):
    return (root / "docs" / "concepts" / "tour.md").read_text()


def stops(text):
    """Return the files that ``text`` names, each with the names behind it."""
    found = re.findall(FILE + NAMES, text)
    return [(path, re.findall(r"`([\w.]+)`", names)) for path, names in found]


def defined(path):
    """Return the names that a Python file defines; of another file, all words in it."""
    text = path.read_text()
    if path.suffix != ".py":
        return set(re.findall(r"\w+", text))
    kinds = (ast.ClassDef, ast.FunctionDef)
    top = [node for node in ast.parse(text).body if isinstance(node, kinds)]
    inside = {
        f"{node.name}.{part.name}"
        for node in top
        if isinstance(node, ast.ClassDef)
        for part in node.body
        if isinstance(part, kinds)
    }
    return {node.name for node in top} | inside


def test_every_file_that_the_tour_names_exists(root, tour):
    assert [path for path, _ in stops(tour) if not (root / path).exists()] == []


def test_every_name_behind_a_file_is_defined_in_it(root, tour):
    named = {}
    for path, names in stops(tour):
        named.setdefault(path, set()).update(names)
    unknown = {path: names - defined(root / path) for path, names in named.items() if names}
    assert len(unknown) > 60
    assert {path: names for path, names in unknown.items() if names} == {}


def test_every_stop_of_the_tour_names_a_test(tour):
    items = re.findall(r"^\d+\. (.+?)(?=^\S|\Z)", tour, re.MULTILINE | re.DOTALL)
    assert len(items) > 20
    untested = [
        item
        for item in items
        if not any(path.startswith("tests/") and names for path, names in stops(item))
    ]
    assert untested == []
