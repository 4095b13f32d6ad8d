"""The nodes of NIR: what kinds there are, and which fields each of them has.

Source: nir 1.0.8 ``nir/ir/*.py``; names and defaults are its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

GRAPH = "NIRGraph"
"""The kind that files give to a subgraph, and to the whole graph."""


class Form(Enum):
    """What a field holds, once read."""

    REALS = "numbers"
    POSITIVE = "numbers above 0"
    DURATIONS = "numbers from 0"
    SHAPE = "a shape: whole numbers from 1"
    DIMENSION = "one whole number"
    COUNTS = "whole numbers from 1, one an axis"
    PADDING = "whole numbers from 0, one an axis, or 'same' or 'valid'"


@dataclass(frozen=True, eq=False)
class Field:
    """One field of a kind.

    ``axes``: how many axes an array of numbers has (at least, for -2), or how many numbers
    COUNTS and PADDING take: 0 for a plain int. ``default`` stands for a field that a file
    leaves out; a string there names the field that gives the shape of an array of ``fill``.
    """

    form: Form
    axes: int | None = None
    required: bool = True
    default: Any = None
    fill: float = 0.0


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of node; its ``parameters`` are one value per element of what passes through."""

    fields: Mapping[str, Field] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    is_neuron: bool = False


@dataclass(frozen=True, eq=False)
class Node:
    """One node. Arrays have the dtype that the file has; sizes are ints or tuples of ints.

    Fields that a file left out hold NIR's default, which is None for ``input_shape`` and
    ``input_type``: nobody said.
    """

    kind: str
    fields: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Subgraph:
    """Nodes by name, and edges (source, reader). Several edges into one node are summed."""

    nodes: Mapping[str, Node | Subgraph]
    edges: tuple[tuple[str, str], ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)


_REALS, _TAU = Field(Form.REALS), Field(Form.POSITIVE)
_RESET = Field(Form.REALS, required=False, default="v_threshold")
_SHAPE = Field(Form.SHAPE)


def _neuron(**fields: Field) -> Kind:
    return Kind(fields, tuple(fields), is_neuron=True)


def _elementwise(**fields: Field) -> Kind:
    return Kind(fields, tuple(fields))


def _convolution(axes: int) -> Kind:
    """Return a convolution over ``axes`` axes; NIR stores plain numbers where there is one."""
    sizes = 0 if axes == 1 else axes
    return Kind(
        {
            "input_shape": Field(Form.COUNTS, sizes, required=False),
            "weight": Field(Form.REALS, axes + 2),
            "stride": Field(Form.COUNTS, sizes),
            "padding": Field(Form.PADDING, sizes),
            "dilation": Field(Form.COUNTS, sizes),
            "groups": Field(Form.COUNTS, 0),
            "bias": Field(Form.REALS, 1),
        }
    )


def _weight_in(shaped_as: str) -> Field:
    return Field(Form.REALS, required=False, default=shaped_as, fill=1.0)


_WEIGHT = Field(Form.REALS, -2)
_POOL = Kind(
    {
        "kernel_size": Field(Form.COUNTS, 2),
        "stride": Field(Form.COUNTS, 2),
        "padding": Field(Form.PADDING, 2),
    }
)
_LEAKY = {"r": _REALS, "v_leak": _REALS}
_CURRENT = {"tau_syn": _TAU, "tau_mem": _TAU, **_LEAKY}
_FIRING = {"v_threshold": _REALS, "v_reset": _RESET}

KINDS: Mapping[str, Kind] = {
    "Input": Kind({"shape": _SHAPE}),
    "Output": Kind({"shape": _SHAPE}),
    "Affine": Kind({"weight": _WEIGHT, "bias": _REALS}),
    "Linear": Kind({"weight": _WEIGHT}),
    "Scale": _elementwise(scale=_REALS),
    "Conv1d": _convolution(1),
    "Conv2d": _convolution(2),
    "SumPool2d": _POOL,
    "AvgPool2d": _POOL,
    "Flatten": Kind(
        {
            "input_type": Field(Form.SHAPE, required=False),
            "start_dim": Field(Form.DIMENSION, required=False, default=1),
            "end_dim": Field(Form.DIMENSION, required=False, default=-1),
        }
    ),
    "Delay": _elementwise(delay=Field(Form.DURATIONS)),
    "Threshold": _elementwise(threshold=_REALS),
    "I": _neuron(r=_REALS),
    "IF": _neuron(r=_REALS, **_FIRING),
    "LI": _neuron(tau=_TAU, **_LEAKY),
    "LIF": _neuron(tau=_TAU, **_LEAKY, **_FIRING),
    "CubaLI": _neuron(**_CURRENT, w_in=_weight_in("v_leak")),
    "CubaLIF": _neuron(**_CURRENT, **_FIRING, w_in=_weight_in("v_threshold")),
}
"""Every kind of nir 1.0.8 but NIRGraph, which is a :class:`Subgraph`."""


def parameter_shapes(node: Node) -> set[tuple[int, ...]]:
    """Return the shapes of the node's parameters: one, unless they are scalars of two forms."""
    return {np.shape(node.fields[name]) for name in KINDS[node.kind].parameters}
