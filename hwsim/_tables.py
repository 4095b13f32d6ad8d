"""Reading a chip file's tables as frozen values; whatever is wrong is listed with its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any

_LARGEST = 1e30
"""Beyond any number of a chip file; so are nan and inf."""


def read_named(
    kind: type,
    content: Mapping[str, Any],
    group: str,
    place: str,
    problems: list[str],
    shared: Mapping[str, Any] | None = None,
) -> tuple[Any, ...]:
    """Read the tables ``[place.NAME]`` in ``content[group]`` as values of ``kind``.

    shared: what they take from the table around them.
    """
    tables = read_table(content, group, f"[{place}]", problems)
    found = []
    for name in tables:
        at = f"[{place}.{name}]"
        table = {**(shared or {}), **read_table(tables, name, at, problems), "name": name}
        if "includes" in table:
            table["includes"] = read_texts(table, "includes", at, problems)
        found.append(read_value(kind, table, at, problems))
    return tuple(found)


def read_section(kind: type, content: Mapping[str, Any], name: str, problems: list[str]) -> Any:
    """Read the table ``[name]`` as a value of ``kind``."""
    place = f"[{name}]"
    return read_value(kind, read_table(content, name, place, problems), place, problems)


def read_value(kind: type, table: Mapping[str, Any], place: str, problems: list[str]) -> Any:
    """Build the dataclass ``kind`` from ``table``, or list what is wrong and return None."""
    declared = {f.name: f for f in fields(kind)}
    before = len(problems)
    name_unknown(table, declared, place, problems)
    for name, f in declared.items():
        if name not in table:
            if f.default is MISSING:
                problems.append(f"{place}: needs {name} ({f.type})")
        elif not fits(table[name], str(f.type)):
            problems.append(f"{place}: {name} = {table[name]!r} is not {f.type}")
        elif f.default is MISSING and table[name] == "":
            problems.append(f"{place}: {name} is empty")
    return kind(**table) if len(problems) == before else None


def fits(value: Any, annotation: str) -> bool:
    """Say whether ``value`` is what a field's ``annotation`` asks for."""
    plain = {"str": str, "int": int, "bool": bool, "float": (int, float), "None": type(None)}
    kinds = [plain.get(part) for part in annotation.split(" | ")]
    if None in kinds:
        return True  # built by this file, not read from TOML
    if isinstance(value, bool):
        return bool in kinds
    if isinstance(value, int | float) and not abs(value) < _LARGEST:
        return False
    return any(isinstance(value, k) for k in kinds if k is not None)


def read_texts(
    table: Mapping[str, Any], name: str, place: str, problems: list[str]
) -> tuple[str, ...]:
    """Read a list of texts; empty if there is none."""
    value = table.get(name, [])
    if isinstance(value, list) and all(is_text(line) for line in value):
        return tuple(value)
    problems.append(f"{place}: {name} = {value!r} is not a list of texts")
    return ()


def is_text(value: Any) -> bool:
    """Say whether ``value`` is a text that is not empty."""
    return isinstance(value, str) and value != ""


def read_table(
    content: Mapping[str, Any], name: str, place: str, problems: list[str]
) -> dict[str, Any]:
    """Return the table called ``name``, an empty one if there is none."""
    value = content.get(name, {})
    if isinstance(value, dict):
        return value
    problems.append(f"{place}: {name} = {value!r} is not a table")
    return {}


def name_unknown(
    table: Iterable[str], known: Iterable[str], place: str, problems: list[str]
) -> None:
    """List the keys of ``table`` that nobody knows."""
    problems += [
        f"{place}: unknown {name!r} (there are: {', '.join(sorted(known))})"
        for name in sorted(set(table) - set(known))
    ]
