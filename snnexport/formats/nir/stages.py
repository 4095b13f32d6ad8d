"""The nodes of NIR that have no state -> stages of a path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from hwsim.errors import RangeError
from hwsim.synapses import DELAY_MAX, Shape
from snnexport.formats.nir.nodes import Node
from snnexport.graph import Convolution, Diagonal, Flatten, Late, Linear, Stage, SumPool

_WHOLE = 1e-6
"""Of a step, by which a delay may differ from a whole number of them: files hold float32."""


def _linear(node: Node, arriving: Shape, *_: Any) -> tuple[Stage, ...]:
    weight = node.fields["weight"]
    if weight.ndim != 2:
        raise RangeError(
            f"weight has {weight.ndim} axes, and is applied to {arriving}",
            hint="flatten before it, so that it is a matrix (out, in)",
        )
    return (Linear(weight.astype(np.float64)),)


def _convolution(node: Node, arriving: Shape, leaving: Shape, _dt: float) -> tuple[Stage, ...]:
    fields, flat = node.fields, node.kind == "Conv1d"
    weight = fields["weight"].astype(np.float64)
    weight = weight[:, :, None] if flat else weight
    stride, dilation = (_pair(fields[n], 1, flat) for n in ("stride", "dilation"))
    if fields["padding"] == "same":
        reach = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
        if any(r % 2 for r in reach) or stride != (1, 1):
            raise RangeError(
                f"padding = 'same' with a kernel of {weight.shape[2:]} and stride {stride}",
                hint="only odd kernels with a stride of 1 are padded alike on all sides",
            )
        padding = (reach[0] // 2, reach[1] // 2)
    else:
        padding = (0, 0) if fields["padding"] == "valid" else _pair(fields["padding"], 0, flat)
    stage = Convolution(weight, stride, padding, dilation, fields["groups"])
    assert stage.output_shape(machine_shape(arriving)) == machine_shape(leaving)
    return (stage,)


def _scale(node: Node, arriving: Shape, *_: Any) -> tuple[Stage, ...]:
    scale = node.fields["scale"].astype(np.float64)
    return (Diagonal(per_channel(scale, machine_shape(arriving))),)


def _pool(node: Node, *_: Any) -> tuple[Stage, ...]:
    fields = node.fields
    kernel = _pair(fields["kernel_size"], 1, False)
    padding = _pair(fields["padding"], 0, False)
    weight = 1.0 / prod(kernel) if node.kind == "AvgPool2d" else 1.0
    return (SumPool(kernel, _pair(fields["stride"], 1, False), padding, np.array([weight])),)


def _flatten(_: Node, arriving: Shape, leaving: Shape, _dt: float) -> tuple[Stage, ...]:
    if leaving == arriving:
        return ()
    if len(leaving) != 1:
        raise RangeError(
            f"flattens {arriving} to {leaving}, which leaves {len(leaving)} axes",
            hint="NIR counts dims without the batch: a full Flatten has start_dim 0, end_dim -1",
        )
    return (Flatten(),)


def _delay(node: Node, arriving: Shape, _: Shape, dt: float) -> tuple[Stage, ...]:
    frames = per_channel(node.fields["delay"].astype(np.float64), machine_shape(arriving)) / dt
    whole = np.rint(frames)
    if np.abs(frames - whole).max() > _WHOLE * max(whole.max(), 1) or whole.max() > DELAY_MAX:
        worst = frames[np.argmax(np.abs(frames - whole) + (whole > DELAY_MAX))]
        raise RangeError(
            f"a delay of {worst:.6g} steps of {dt:.6g} s",
            hint=f"delays are whole numbers of steps, 0..{DELAY_MAX}: give another --dt",
        )
    return (Late(whole.astype(np.int64)),)


STAGES: Mapping[str, Callable[[Node, Shape, Shape, float], tuple[Stage, ...]]] = {
    "Affine": _linear,
    "Linear": _linear,
    "Scale": _scale,
    "Conv1d": _convolution,
    "Conv2d": _convolution,
    "SumPool2d": _pool,
    "AvgPool2d": _pool,
    "Flatten": _flatten,
    "Delay": _delay,
}
"""By kind: what makes stages of (node, arriving shape, leaving shape, seconds a step)."""


def machine_shape(shape: Shape) -> Shape:
    """Return a shape as the machine has it: (C, L) is (C, 1, L)."""
    if len(shape) in (1, 3):
        return shape
    if len(shape) == 2:
        return (shape[0], 1, shape[1])
    raise RangeError(f"a population of shape {shape}", hint="shapes are (C,), (C, L) or (C, H, W)")


def per_channel(value: np.ndarray, shape: Shape) -> np.ndarray:
    """Return one value per channel of ``shape``, (C,); RangeError if they differ within one."""
    values = np.broadcast_to(value, shape) if np.ndim(value) == 0 else value
    rows = values.reshape(shape[0], -1)
    if not np.all(rows == rows[:, :1]):
        raise RangeError(
            f"values that differ within a channel of {shape}",
            hint="gains, scales, leaks and delays are one a channel of a plane",
        )
    return rows[:, 0].copy()


def _pair(value: Any, height: int, flat: bool) -> tuple[int, int]:
    """Return (height, width) of a size; ``height`` is that of a one-dimensional one."""
    values = np.ravel(value).tolist()
    return (height, values[-1]) if flat else (values[0], values[-1])
