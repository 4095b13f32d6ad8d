"""The fields of the frozen values that make up a Program: what keeps them from being usable."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from hwsim.arith import WORD, Range


def plain(value: Any) -> None:
    """Make NumPy's integers in the fields of ``value`` Python's, which do not overflow."""
    for field in fields(value):
        held = getattr(value, field.name)
        many = isinstance(held, tuple)
        whole = tuple(map(_plain, held)) if many else _plain(held)
        object.__setattr__(value, field.name, whole)


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, np.integer) else value


def kind_problems(name: str, value: object, kind: Any, wanted: str) -> list[str]:
    """Say so if ``value`` is not of the class ``kind``, in words ``wanted``."""
    if isinstance(value, kind):
        return []
    return [f"{name} is a {type(value).__name__}, not {wanted}"]


def whole_problems(name: str, value: Any, low: int, high: int = WORD[1]) -> list[str]:
    """Say so if ``value`` is not a whole number ``low..high``; a bool is none."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        return [f"{name} = {value!r} is not a whole number"]
    return [] if low <= value <= high else [f"{name} = {value} does not fit {_span(low, high)}"]


def tuple_problems(name: str, value: Any, low: int, size: int | None = None) -> list[str]:
    """List what keeps ``value`` from being a tuple of ``size`` whole numbers from ``low`` on."""
    if not isinstance(value, tuple) or (len(value) != size if size else not value):
        return [f"{name} = {value!r} is not a tuple of {size or '1 or more'} whole numbers"]
    return [p for i, x in enumerate(value) for p in whole_problems(f"{name}[{i}]", x, low)]


def array_problems(name: str, value: Any, limits: Range, axes: str) -> list[str]:
    """List what keeps ``value`` from being an array of integers in ``limits`` with ``axes``."""
    found = kind_problems(name, value, np.ndarray, "an array")
    if found:
        return found
    if value.ndim != len(axes.split(",")):
        found.append(f"{name} has shape {value.shape}, not ({axes})")
    if not np.issubdtype(value.dtype, np.integer):
        wanted = "integers of 32 bits" if value.dtype == object else "integers"
        return [*found, f"{name}s are {value.dtype}, not {wanted}"]
    bad = value[(value < limits[0]) | (value > limits[1])]
    return found + [
        f"{name} = {x} does not fit {_span(*limits)} ({bad.size} of {value.size} values)"
        for x in bad[:1].tolist()
    ]


def _span(low: int, high: int) -> str:
    return "32 bits" if (low, high) == WORD else f"{low}..{high}"
