"""Checks one node of a NIR file against its kind, and gives it the form that a Node has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snnexport.formats.nir.nodes import KINDS, Field, Form, Node, parameter_shapes

_PADDINGS = ("same", "valid")
_LEAST = {Form.COUNTS: 1, Form.PADDING: 0, Form.SHAPE: 1}
_WRITTEN_APART = ("type", "metadata")


class _Problem(Exception):
    """What is wrong with one field."""


def node_of(where: str, kind: str, stored: Mapping[str, Any]) -> tuple[Node | None, list[str]]:
    """Return the node that the group ``stored`` of a file describes, or what is wrong with it."""
    known, problems = KINDS[kind].fields, []
    given = {name: value for name, value in stored.items() if name not in _WRITTEN_APART}
    for name in given.keys() - known.keys():
        problems.append(f"{where}: {kind} has no field {name!r}; it has {', '.join(known)}")
    fields: dict[str, Any] = {}
    for name, field in known.items():
        try:
            fields[name] = _value(field, name, given, fields)
        except _Problem as error:
            problems.append(f"{where}: {name} {error}")
    metadata = stored.get("metadata", {})
    if not isinstance(metadata, dict):
        problems.append(f"{where}: metadata is no group of values")
    if problems:
        return None, sorted(problems)
    node = Node(kind, fields, metadata)
    return node, [f"{where}: {problem}" for problem in _disagreements(node)]


def _value(field: Field, name: str, given: Mapping[str, Any], read: Mapping[str, Any]) -> Any:
    """Return the field ``name`` as a Node holds it; ``read``: the fields before it."""
    if name not in given:
        if field.required:
            raise _Problem("is missing")
        return _default(field, read)
    value = given[name]
    if isinstance(value, dict):
        raise _Problem("holds nested data, not values")
    if isinstance(value, str):
        if field.form is Form.PADDING and value in _PADDINGS:
            return value
        raise _Problem(f"is the text {value[:40]!r}, not {field.form.value}")
    if value.dtype.kind not in "iuf":
        raise _Problem(f"holds {value.dtype}, not {field.form.value}")
    if field.form in (Form.REALS, Form.POSITIVE, Form.DURATIONS):
        return _reals(field, value, read)
    return _whole(field, value)


def _default(field: Field, read: Mapping[str, Any]) -> Any:
    if not isinstance(field.default, str):
        return field.default
    like = read.get(field.default)
    return None if like is None else np.full_like(like, field.fill)


def _reals(field: Field, value: np.ndarray, read: Mapping[str, Any]) -> np.ndarray:
    if not value.size:
        raise _Problem(f"of shape {value.shape} is empty")
    if not np.isfinite(value).all():
        raise _Problem(f"holds NaN or infinity ({int((~np.isfinite(value)).sum())} values)")
    if field.form is Form.POSITIVE and value.min() <= 0:
        raise _Problem(f"= {value.min()} is not above 0, as a time constant is")
    if field.form is Form.DURATIONS and value.min() < 0:
        raise _Problem(f"= {value.min()} is below 0")
    axes = field.axes
    if axes is not None and (value.ndim != axes if axes > 0 else value.ndim < -axes):
        least = "" if axes > 0 else "at least "
        raise _Problem(f"of shape {value.shape} has {value.ndim} axes, not {least}{abs(axes)}")
    if (
        field.fill
        and value.size == 1
        and isinstance(like := read.get(str(field.default)), np.ndarray)
    ):
        return np.full(like.shape, value.reshape(()), value.dtype)  # w_in alone broadcasts in NIR
    return value


def _whole(field: Field, value: np.ndarray) -> int | tuple[int, ...]:
    if value.dtype.kind == "f" and not np.array_equal(value, np.trunc(value)):
        raise _Problem(f"= {value.tolist()} is not {field.form.value}")
    if value.ndim > 1:
        raise _Problem(f"of shape {value.shape} is not {field.form.value}")
    numbers = tuple(int(number) for number in np.ravel(value))
    if numbers and min(numbers) < _LEAST.get(field.form, min(numbers)):
        raise _Problem(f"= {value.tolist()} is not {field.form.value}")
    if field.form is Form.SHAPE:
        return numbers
    wanted = field.axes or 1
    if len(numbers) not in (1, wanted):
        raise _Problem(f"= {value.tolist()} is not {wanted} numbers")
    return numbers * (wanted // len(numbers)) if field.axes else numbers[0]


def _disagreements(node: Node) -> list[str]:
    """Return what the fields of ``node`` say against each other."""
    fields, problems = node.fields, []
    shapes = parameter_shapes(node)
    if len(shapes) > 1 and any(np.prod(shape) != 1 for shape in shapes):
        each = ", ".join(f"{name} {np.shape(fields[name])}" for name in KINDS[node.kind].parameters)
        problems.append(f"its parameters have different shapes: {each}")
    if "bias" in fields:
        weight, bias = fields["weight"].shape, fields["bias"].shape
        wanted = weight[:1] if "groups" in fields else weight[:-1]
        if bias != wanted:
            problems.append(f"bias of shape {bias} does not fit weight {weight}: it takes {wanted}")
    if "groups" in fields:
        if fields["weight"].shape[0] % fields["groups"]:
            problems.append(
                f"groups = {fields['groups']} do not divide {fields['weight'].shape[0]} channels"
            )
        if fields["padding"] == "same" and np.any(np.asarray(fields["stride"]) != 1):
            problems.append(f"padding 'same' needs stride 1, not {fields['stride']}")
    return problems
