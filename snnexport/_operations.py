"""What torch's modules, functions and methods are as stages of a path: linear maps of messages."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import fx, nn
from torch.nn import functional

from hwsim.synapses import Pair, Shape
from snnexport._trace import tensors_into
from snnexport.frameworks.imported import GroupMean, Unsupported
from snnexport.graph import Convolution, Diagonal, Flatten, Late, Linear, Stage, SumPool
from snntrain.delays import Delay

SUMS = (operator.add, operator.iadd, torch.add)
DIFFERENCES = (operator.sub, operator.isub, torch.sub)
PRODUCTS = (operator.mul, operator.imul, torch.mul)
QUOTIENTS = (operator.truediv, operator.itruediv, torch.div)
CONCATENATIONS = (torch.cat, torch.concat)
SUPPORTED = (
    "Spiking, Readout, Delay, Conv1d, Conv2d, Linear, BatchNorm, average pooling, max-pooling of "
    "spikes, Dropout, Flatten, +, -, cat along channels, factors, and * or maximum of spikes"
)
_TRANSPARENT = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
_DROPOUTS = (functional.dropout, functional.dropout2d)
_MAX_POOL = {
    "kernel_size": None, "stride": None, "padding": 0, "dilation": 1, "ceil_mode": False,
    "return_indices": False,
}  # fmt: skip
"""Arguments of torch's max-pooling functions in their order, with their defaults."""
_FLATTENING_METHODS = ("flatten", "view", "reshape")


class RefusedError(Exception):
    """Why an operation cannot be captured."""


def stages_of(node: fx.Node, module: nn.Module | None) -> tuple[Stage, ...]:
    """Return what ``node`` does to its one input; RefusedError if that is nothing known.

    Constants that it adds are left out; ``module`` is the module that it calls, if it does.
    """
    source, target = shape_of(tensors_into(node)[0]), shape_of(node)
    if module is not None:
        return _module_stages(module, source, target)
    if node.op == "call_method":
        if node.target in _FLATTENING_METHODS:
            return _flattening(source, target)
        if node.target == "contiguous":
            return ()
        if node.target == "mean":
            return _mean(node, source, target)
        raise RefusedError("is not supported")
    return _function_stages(node, source, target)


def is_max_pool(node: fx.Node, module: nn.Module | None) -> bool:
    """Say whether ``node`` takes maxima over windows."""
    return isinstance(module, (nn.MaxPool1d, nn.MaxPool2d)) or node.target in (
        functional.max_pool2d,
        functional.max_pool1d,
    )


def max_pool_windows(node: fx.Node, module: Any) -> SumPool:
    """Return the windows of a max-pooling, as sums: of spikes, one is above 0 if any is there."""
    source, target = shape_of(node.all_input_nodes[0]), shape_of(node)
    flat = isinstance(module, nn.MaxPool1d) or node.target is functional.max_pool1d
    if module is not None:
        given = [getattr(module, name) for name in _MAX_POOL]
    else:
        given = [argument(node, i + 1, name, _MAX_POOL[name]) for i, name in enumerate(_MAX_POOL)]
    kernel, stride, padding, dilation, ceil_mode, return_indices = given
    if ceil_mode or return_indices or _pair(dilation, 1 if flat else None) != (1, 1):
        raise RefusedError("has dilation, ceil_mode or return_indices")
    windows = _windows(kernel, stride or kernel, padding, flat=flat, weight=1.0)
    _require_shape(windows, source, target)
    return windows


def shape_of(node: fx.Node) -> Shape:
    """Return the shape of a value without its batch; (C, L) counts as (C, 1, L)."""
    shape = node.meta["shape"]
    return (shape[0], 1, shape[1]) if len(shape) == 2 else shape


def array(tensor: Any) -> np.ndarray:
    """Return a tensor, or a number, as float64."""
    return torch.as_tensor(tensor, dtype=torch.float64).detach().cpu().numpy().copy()


def _module_stages(m: nn.Module, source: Shape, target: Shape) -> tuple[Stage, ...]:
    if isinstance(m, _TRANSPARENT):
        return ()
    if isinstance(m, Unsupported):
        raise RefusedError(m.reason)
    if isinstance(m, nn.Flatten):
        return _flattening(source, target)
    for kinds, stage in _MODULES:
        if isinstance(m, kinds):
            return (stage(m, source, target),)
    raise RefusedError(f"{m} is not supported")


def _delay(m: Delay, source: Shape, _: Shape) -> Late:
    return Late(m.delay.cpu().numpy().astype(np.int64) * np.ones(source[0], np.int64))


def _linear(m: nn.Linear, source: Shape, _: Shape) -> Linear:
    if len(source) != 1:
        raise RefusedError(f"Linear on shape {source}: put a Flatten in front of it")
    return Linear(array(m.weight))


def _group_mean(m: GroupMean, _: Shape, target: Shape) -> Linear:
    return Linear(np.kron(np.eye(target[0]), np.full(m.size, 1 / m.size)))


def _average_module(m: nn.AvgPool1d | nn.AvgPool2d, source: Shape, target: Shape) -> SumPool:
    if not m.count_include_pad or m.ceil_mode:
        raise RefusedError(f"{m}: only plain averages, padding counted as zeros")
    sizes, divisor = (m.kernel_size, m.stride, m.padding), getattr(m, "divisor_override", None)
    weight = 1.0 / divisor if divisor else None
    return _average(source, target, sizes, flat=isinstance(m, nn.AvgPool1d), weight=weight)


def _adaptive_module(_: nn.Module, source: Shape, target: Shape) -> SumPool:
    return _adaptive_average(source, target)


def _function_stages(node: fx.Node, source: Shape, target: Shape) -> tuple[Stage, ...]:
    function: Callable[..., Any] | str = node.target
    if function in _DROPOUTS:
        if argument(node, 2, "training", True):
            raise RefusedError("drops values in evaluation, too; give it training=self.training")
        return ()
    if function is torch.flatten:
        return _flattening(source, target)
    if function is torch.mean:
        return _mean(node, source, target)
    if function is functional.avg_pool2d:
        if len(node.args) > 4 or set(node.kwargs) - {"kernel_size", "stride", "padding"}:
            raise RefusedError("only plain averages, padding counted as zeros")
        kernel = argument(node, 1, "kernel_size", None)
        stride = argument(node, 2, "stride", None) or kernel
        sizes = (kernel, stride, argument(node, 3, "padding", 0))
        return (_average(source, target, sizes, flat=False),)
    if function is functional.adaptive_avg_pool2d:
        return (_adaptive_average(source, target),)
    factor = _factor(node)
    if factor is None:
        raise RefusedError("is not supported")
    return () if factor == 1.0 else (Diagonal(np.full(source[0], factor)),)


def _factor(node: fx.Node) -> float | None:
    """Return what ``node`` multiplies with when it is arithmetic with one number, else None."""
    known = (*SUMS, *DIFFERENCES, *PRODUCTS, *QUOTIENTS, operator.neg, torch.neg, torch.rsub)
    if node.target not in known or node.kwargs:
        return None
    if node.target in (operator.neg, torch.neg):
        return -1.0
    first, second = node.args
    number = second if isinstance(first, fx.Node) else first
    if not isinstance(number, (int, float)):
        return None
    if node.target in SUMS:
        return 1.0
    if node.target in DIFFERENCES:
        return 1.0 if isinstance(first, fx.Node) else -1.0
    if node.target is torch.rsub:
        return -1.0
    if node.target in PRODUCTS:
        return float(number)
    return 1.0 / float(number) if isinstance(first, fx.Node) else None


def _convolution(m: nn.Conv1d | nn.Conv2d, *_: Shape) -> Convolution:
    if m.padding_mode != "zeros":
        raise RefusedError(f"padding_mode = {m.padding_mode!r}: only zeros")
    weight, flat = array(m.weight), m.weight.dim() == 3
    dilation = _pair(m.dilation, 1 if flat else None)
    if m.padding == "same":
        reach = [d * (k - 1) for d, k in zip(m.dilation, m.kernel_size, strict=True)]
        if any(r % 2 for r in reach):
            raise RefusedError("padding = 'same' needs odd kernels")
        padding = _pair(tuple(r // 2 for r in reach), 0 if flat else None)
    else:
        padding = _pair(0 if m.padding == "valid" else m.padding, 0 if flat else None)
    stride = _pair(m.stride, 1 if flat else None)
    return Convolution(weight[:, :, None] if flat else weight, stride, padding, dilation, m.groups)


def _normalisation(m: nn.BatchNorm1d | nn.BatchNorm2d, *_: Shape) -> Diagonal:
    if m.running_var is None:
        raise RefusedError("normalises with the statistics of each batch: track_running_stats=True")
    gain = 1.0 / np.sqrt(array(m.running_var) + m.eps)
    return Diagonal(gain if m.weight is None else gain * array(m.weight))


def _flattening(source: Shape, target: Shape) -> tuple[Stage, ...]:
    if target == source:
        return ()
    if target != (int(np.prod(source)),):
        raise RefusedError(f"reshapes {source} to {target}: only flattening to one axis")
    return (Flatten(),)


def _mean(node: fx.Node, source: Shape, target: Shape) -> tuple[Stage, ...]:
    axes = argument(node, 1, "dim", ())
    dims = 1 + len(tensors_into(node)[0].meta["shape"])
    axes = sorted(a % dims for a in ((axes,) if isinstance(axes, int) else axes))
    if not axes or axes != list(range(2, dims)):
        raise RefusedError("only means over all positions of each channel")
    height, width = source[1:]
    pool = _windows((height, width), (height, width), 0, flat=False)
    return (pool,) if len(target) == 3 else (pool, Flatten())


def _average(
    source: Shape,
    target: Shape,
    sizes: tuple[Any, ...],
    *,
    flat: bool,
    weight: float | None = None,
) -> SumPool:
    pool = _windows(*sizes, flat=flat, weight=weight)
    _require_shape(pool, source, target)
    return pool


def _adaptive_average(source: Shape, target: Shape) -> SumPool:
    if any(n % m for n, m in zip(source[1:], target[1:], strict=True)):
        raise RefusedError(f"adaptive average of {source[1:]} to {target[1:]}: windows differ")
    kernel = (source[1] // target[1], source[2] // target[2])
    return SumPool(kernel, kernel, (0, 0), np.array([1.0 / np.prod(kernel)]))


def _windows(
    kernel: Any, stride: Any, padding: Any, *, flat: bool, weight: float | None = None
) -> SumPool:
    """Return windows, by default as averages; ``flat``: the sizes are of one dimension."""
    one, none = (1, 0) if flat else (None, None)
    size = _pair(kernel, one)
    value = 1.0 / np.prod(size) if weight is None else weight
    return SumPool(size, _pair(stride, one), _pair(padding, none), np.array([value]))


def _require_shape(pool: SumPool, source: Shape, target: Shape) -> None:
    if pool.output_shape(source) != target:
        raise RefusedError(f"pools {source} to {target}, not to {pool.output_shape(source)}")


def argument(node: fx.Node, index: int, name: str, default: Any) -> Any:
    """Return an argument of a call, given by place or by name."""
    return node.args[index] if len(node.args) > index else node.kwargs.get(name, default)


def _pair(value: Any, height: int | None) -> Pair:
    """Return (height, width) of a size; ``height``, if given, of a one-dimensional one."""
    values = (value,) if isinstance(value, int) else tuple(int(v) for v in value)
    if height is not None:
        return (height, values[-1])
    return (values[0], values[-1])


_MODULES: tuple[tuple[Any, Callable[..., Stage]], ...] = (
    (Delay, _delay),
    (nn.Linear, _linear),
    (GroupMean, _group_mean),
    ((nn.Conv1d, nn.Conv2d), _convolution),
    ((nn.BatchNorm1d, nn.BatchNorm2d), _normalisation),
    ((nn.AvgPool1d, nn.AvgPool2d), _average_module),
    ((nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d), _adaptive_module),
)
"""Modules that are one stage, and what makes it of (module, source shape, target shape)."""
