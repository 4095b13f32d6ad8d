"""What exporters leave out of a NIR file where there is only one reading, and how it is filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from snnexport.formats.nir.inline import PORTS
from snnexport.formats.nir.nodes import KINDS, Node, parameter_shapes
from snnexport.formats.nir.shapes import Shape, taken


@dataclass(frozen=True, eq=False)
class Repair:
    """A node made whole: the ``problem`` that it had, and what was ``done`` about it."""

    node: Node
    problem: str
    done: str


def repair_of(node: Node, arriving: Shape, readers: Sequence[Node]) -> Repair | None:
    """Return how ``node`` is to be made whole where ``arriving`` comes, None if it needs not be.

    ``readers`` are the nodes that read it.
    """
    if parameter_shapes(node):
        return _spread(node, arriving)
    if "groups" in node.fields:
        return _sized(node, arriving)
    if node.kind in PORTS:
        return _without_batch(node, arriving)
    if node.kind == "Flatten":
        return _wholly_flat(node, arriving, readers)
    return None


def _spread(node: Node, arriving: Shape) -> Repair | None:
    """Give every element the scalar parameters: NIR has no broadcasting."""
    names, shapes = KINDS[node.kind].parameters, parameter_shapes(node)
    if shapes == {arriving} or any(np.prod(shape) != 1 for shape in shapes):
        return None
    spread = {name: np.full(arriving, node.fields[name].reshape(())) for name in names}
    return Repair(
        _changed(node, **spread),
        f"{', '.join(names)} hold one value, and the population has shape {arriving}: "
        "NIR has no broadcasting",
        f"{', '.join(names)} spread over shape {arriving}",
    )


def _sized(node: Node, arriving: Shape) -> Repair | None:
    kernel = node.fields["weight"].shape[2:]
    if node.fields["input_shape"] is not None or len(arriving) != len(kernel) + 1:
        return None
    size = arriving[1] if len(kernel) == 1 else arriving[1:]
    return Repair(
        _changed(node, input_shape=size),
        f"{node.kind} has no input_shape; {size} arrives",
        f"input_shape = {size} filled in",
    )


def _without_batch(node: Node, arriving: Shape) -> Repair | None:
    shape = node.fields["shape"]
    if shape != (1, *arriving):
        return None
    return Repair(
        _changed(node, shape=arriving),
        f"{node.kind} has shape {shape}, and {arriving} arrives: axis 0 (the first) is one "
        "too many, a batch or time axis, which NIR has not",
        f"shape {shape} taken as {arriving}, without its first axis",
    )


def _wholly_flat(node: Node, arriving: Shape, readers: Sequence[Node]) -> Repair | None:
    """Flatten from dim 0 what PyTorch flattens from 1, if every reader takes that."""
    fields, whole = node.fields, (int(np.prod(arriving)),)
    batched = fields["input_type"] == (1, *arriving)
    if fields["input_type"] not in (None, arriving) and not batched:
        return None
    if fields["start_dim"] != 1 or fields["end_dim"] not in (-1, len(arriving) - (not batched)):
        return None
    if not readers or any(_squeezed(reader, whole) != whole for reader in readers):
        return None
    return Repair(
        _changed(node, start_dim=0, end_dim=-1, input_type=arriving),
        f"Flatten with start_dim 1 of {arriving} does not give {whole}, which its readers take: "
        "NIR counts dims without the batch, a full Flatten has start_dim 0",
        f"start_dim = 1 taken as 0, which gives {whole}",
    )


def _squeezed(reader: Node, whole: Shape) -> Shape | None:
    """Return the shape that ``reader`` takes; an Output's leading 1 is a batch axis."""
    shape = taken(reader)
    return whole if reader.kind in PORTS and shape == (1, *whole) else shape


def _changed(node: Node, **fields: Any) -> Node:
    return replace(node, fields={**node.fields, **fields})
