"""The shapes that nodes take and give: NIR's rules, without a batch or time axis.

Source: nir 1.0.8 ``nir/ir/*.py`` and ``nir/ir/utils.py``; where nir 1.0.8 takes the height of a
kernel for its width, and the channels of one group for all channels, PyTorch's rules hold.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from snnexport.formats.nir.nodes import Node, parameter_shapes

Shape = tuple[int, ...]


def taken(node: Node) -> Shape | None:
    """Return the shape that ``node`` takes by its own fields, None if they do not say."""
    fields = node.fields
    if parameters := parameter_shapes(node):
        return max(parameters, key=len)
    if "shape" in fields:
        return fields["shape"]
    if "groups" in fields:
        size, channels = fields["input_shape"], fields["weight"].shape[1] * fields["groups"]
        return None if size is None else (channels, *np.atleast_1d(size).tolist())
    if "weight" in fields:
        weight = fields["weight"].shape
        return (*weight[:-2], weight[-1])
    return fields.get("input_type")


def given(node: Node, shape: Shape) -> Shape:
    """Return the shape that leaves ``node`` where ``shape`` arrives.

    Raises
    ------
    ValueError
        Saying why no such shape can arrive.
    """
    fields = node.fields
    if "groups" in fields:
        return (fields["weight"].shape[0], *_slid(node, shape, fields["weight"].shape[2:]))
    if "kernel_size" in fields:
        return (*shape[:1], *_slid(node, shape, fields["kernel_size"]))
    if node.kind == "Flatten":
        return _flattened(shape, fields["start_dim"], fields["end_dim"])
    if "weight" in fields:
        return fields["weight"].shape[:-1]
    return shape


def _slid(node: Node, shape: Shape, kernel: Shape) -> Shape:
    """Return the axes that a window of size ``kernel`` gives, slid over ``shape`` but channels."""
    fields, size = node.fields, shape[1:]
    if len(size) != len(kernel):
        wanted = "channels, length" if len(kernel) == 1 else "channels, height, width"
        batch = ": NIR has no batch or time axis" if len(size) > len(kernel) else ""
        raise ValueError(f"takes shape ({wanted}), and {shape} arrives{batch}")
    if fields["padding"] == "same":
        return size
    padding = _each(0 if fields["padding"] == "valid" else fields["padding"], kernel)
    strides, dilation = _each(fields["stride"], kernel), _each(fields.get("dilation", 1), kernel)
    result = tuple(
        (n + 2 * pad - spread * (k - 1) - 1) // stride + 1
        for n, k, pad, spread, stride in zip(size, kernel, padding, dilation, strides, strict=True)
    )
    if min(result) < 1:
        raise ValueError(f"has a window of {kernel} that does not fit into {size}")
    return result


def _each(value: Any, kernel: Shape) -> Shape:
    return tuple(np.broadcast_to(value, len(kernel)).tolist())


def _flattened(shape: Shape, start: int, end: int) -> Shape:
    axes = len(shape)
    if not (-axes <= start < axes and -axes <= end < axes and start % axes <= end % axes):
        raise ValueError(f"start_dim {start} and end_dim {end} are no range of axes of {shape}")
    first, last = start % axes, end % axes + 1
    return (*shape[:first], int(np.prod(shape[first:last])), *shape[last:])


def misfit(node: Node, wanted: Shape, arriving: Shape) -> str:
    """Return why ``arriving`` is not the shape that ``node`` takes, and what may be meant."""
    said = f"{node.kind} takes shape {wanted}, and {arriving} arrives"
    extra = len(arriving) - len(wanted)
    if extra > 0 and arriving[extra:] == wanted:
        return f"{said}: axis {_axes(extra)} too many, a batch or time axis, which NIR has not"
    if extra < 0 and wanted[-extra:] == arriving:
        return f"{said}: {node.kind}'s own axis {_axes(-extra)} too many, a batch or time axis"
    if extra and np.prod(arriving) == np.prod(wanted):
        return (
            f"{said}: flatten it wholly; NIR counts dims without the batch, "
            "so a full Flatten has start_dim 0 (PyTorch's default is 1)"
        )
    return said


def _axes(extra: int) -> str:
    return "0 (the first) is one" if extra == 1 else f"0..{extra - 1} are"
