"""Tests of importing on first use: the right module's name, once, and no other."""

import sys
import types

import pytest

from hwsim.lazy import lazy


def test_a_name_comes_from_its_own_module_and_is_then_an_attribute_of_the_package(monkeypatch):
    names = ("pack", "pack.one", "pack.two")
    package, one, two = (types.ModuleType(name) for name in names)
    for name, module in zip(names, (package, one, two), strict=True):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(one, "here", 1, raising=False)
    monkeypatch.setattr(two, "here", 2, raising=False)
    monkeypatch.setattr(two, "there", 3, raising=False)
    find = lazy("pack", {"one": ("here",), "two": ("there",)})
    assert (find("here"), find("there")) == (1, 3)
    assert (vars(package)["here"], vars(package)["there"]) == (1, 3)
    with pytest.raises(AttributeError, match="module 'pack' has no attribute 'elsewhere'"):
        find("elsewhere")
