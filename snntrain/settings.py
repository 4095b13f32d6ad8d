"""Settings as frozen dataclasses whose fields carry limits, read from plain tables."""

from __future__ import annotations

from dataclasses import MISSING, Field, field, fields
from enum import Enum
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

S = TypeVar("S")


def setting(low: float, high: float, *, default: Any = MISSING) -> Any:
    """Declare a number, or a tuple of numbers, that must lie in ``low..high``."""
    return field(default=default, metadata={"low": low, "high": high})


def read(cls: type[S], table: Any, where: str) -> tuple[S | None, list[str]]:
    """Build ``cls`` from ``table``; return None and every problem when it does not fit.

    Fields may be str, bool, int, float, an Enum of texts, or tuples ``tuple[int, ...]``,
    ``tuple[float, ...]``. A class may list problems between its fields in a method
    ``problems() -> list[str]``, each beginning with the name of a field.
    """
    if not isinstance(table, dict):
        return None, [f"{where} = {table!r} is not a table"]
    hints = get_type_hints(cls)
    known = {f.name: f for f in fields(cls)}  # pyright: ignore[reportArgumentType]
    found = [
        f"{where}.{key} = {table[key]!r} is not known (known: {', '.join(known)})"
        for key in table
        if key not in known
    ]
    values = {}
    for name, declared in known.items():
        if name in table:
            values[name], problem = _value(table[name], hints[name], declared)
            found += [f"{where}.{name} = {table[name]!r} {problem}"] if problem else []
        elif declared.default is MISSING:
            found.append(f"{where}.{name} is missing")
    if found:
        return None, found
    settings = cls(**values)
    between = getattr(settings, "problems", list)()
    return (None if between else settings), [f"{where}.{problem}" for problem in between]


def _value(value: Any, hint: Any, declared: Field) -> tuple[Any, str]:
    """Return ``value`` as the type ``hint`` and "", or what is wrong with it."""
    if get_origin(hint) is tuple:
        kind = get_args(hint)[0]
        if not isinstance(value, list):
            return None, f"is not a list of {kind.__name__}"
        results = [_scalar(item, kind, declared.metadata) for item in value]
        return tuple(v for v, _ in results), next((p for _, p in results if p), "")
    return _scalar(value, hint, declared.metadata)


def _scalar(value: Any, kind: type, limits: Any) -> tuple[Any, str]:
    if issubclass(kind, Enum):
        known = [choice.value for choice in kind]
        if value not in known:
            return None, f"is not known (known: {', '.join(known)})"
        return kind(value), ""
    accepted = (int, float) if kind is float else (kind,)
    if not isinstance(value, accepted) or isinstance(value, bool) != (kind is bool):
        return None, f"is not {'a number' if kind is float else kind.__name__}"
    if limits and not limits["low"] <= value <= limits["high"]:
        return None, f"does not fit {limits['low']}..{limits['high']}"
    return kind(value), ""
