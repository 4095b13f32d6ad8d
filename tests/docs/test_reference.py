"""The reference holds what is public, and says something of it."""

import ast
import importlib
import inspect
import re
from pathlib import Path
from types import FunctionType

import click
import pytest
from conftest import ROOT
from pages import blocks, pages

from snnexport.cli import main
from snntrain.nets import NETS
from snntrain.rules import RULES

PACKAGES = tuple(map(importlib.import_module, ("hwsim", "snntrain", "snnexport")))
ROLE = re.compile(r":(?:class|func|meth|attr|data|exc|mod):`~?([\w.]+)`")


TEXT = "".join(path.read_text() for path in sorted((ROOT / "docs/reference").glob("*.md")))
SHOWN = set(re.findall(r"automodule:: ([\w.]+)\n   :members:", TEXT))
"""Modules whose members the reference shows."""


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_public_name_is_in_the_reference_with_a_docstring(package):
    assert package.__name__ in SHOWN
    values = {name: getattr(package, name) for name in package.__all__}
    named = {name: isinstance(value, type | FunctionType) for name, value in values.items()}
    assert [n for n, value in values.items() if named[n] and not inspect.getdoc(value)] == []
    assert [n for n in values if not named[n] and f".{n}\n   :no-value:" not in TEXT] == []


def test_every_network_and_rule_of_recipes_is_in_the_reference():
    assert {kind.__module__ for kind in (*NETS.values(), *RULES.values())} <= SHOWN


def test_what_readers_import_is_in_the_reference():
    imported = {
        (node.module, name.name)
        for page in pages()
        if not page.startswith("docs/concepts")  # which show the inside
        for block in blocks(page)
        if block.language == "python"
        for node in ast.walk(ast.parse(block.text))
        if isinstance(node, ast.ImportFrom)
        and re.match(r"(hwsim|snntrain|snnexport)\b", node.module)
        for name in node.names
    }
    public = {name for package in PACKAGES for name in package.__all__}
    lost = {pair for pair in imported if pair[0] not in SHOWN and pair[1] not in public}
    assert [pair for pair in sorted(lost) if f".{pair[1]}\n" not in TEXT] == []


def test_every_command_and_option_says_what_it_does_for_its_page():
    commands = main.commands
    assert [name for name, command in commands.items() if not command.help] == []
    options = [
        (name, option.name)
        for name, command in commands.items()
        for option in command.params
        if isinstance(option, click.Option) and not option.help and not option.hidden
    ]
    assert options == []
    assert ".. click:: snnexport.cli:main" in (ROOT / "docs/reference/commands.md").read_text()


def test_every_reference_in_a_docstring_leads_to_something():
    lost = [
        (str(path.relative_to(ROOT)), target)
        for package in PACKAGES
        for path in Path(package.__path__[0]).rglob("*.py")
        for target in set(ROLE.findall(path.read_text(encoding="utf-8")))
        if not _leads_somewhere(target, path)
    ]
    assert lost == []


def _leads_somewhere(target, path):
    """Say whether ``target`` is found from the module in ``path``, its classes, or the top."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    home = importlib.import_module(".".join(parts).removesuffix(".__init__"))
    classes = [value for value in vars(home).values() if isinstance(value, type)]
    if any(_found(place, target) for place in (home, *classes)):
        return True
    steps = target.split(".")
    for cut in range(len(steps), 0, -1):
        try:
            place = importlib.import_module(".".join(steps[:cut]))
        except ModuleNotFoundError:
            continue
        return _found(place, ".".join(steps[cut:]))
    return False


def _found(place, dotted):
    """Say whether ``place`` has the attribute; a dataclass has its fields."""
    for name in filter(None, dotted.split(".")):
        if name in getattr(place, "__annotations__", {}):
            return True
        if not hasattr(place, name):
            return False
        place = getattr(place, name)
    return True
