"""The operators of synapses: what was sent -> activations and synaptic operations, in int64.

Sums may leave 64 bits: what is kept of them, 32 or 24 bits, is right all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import onnx
from onnx import AttributeProto as A
from onnx import TensorProto as T

from hwsim._onnx.recorder import Body, Symbol, floor_divide, function
from hwsim.arith import STATE_LIMIT

_FLAT = ("gain", "multiplier", "divisor", "graded")
_OUTPUTS = ("current", "synops")


def synapse_functions(domain: str) -> dict[str, onnx.FunctionProto]:
    """Return the operators of all synapses by name."""
    make = partial(_function, domain)
    flat = [
        make("Dense", _dense(), ("weight",), _FLAT),
        make("DelayDense", _delay_dense(), ("weight", "delay"), _FLAT),
        make("Sparse", _sparse(), ("target", "source", "weight"), ("n_out", *_FLAT)),
        make(
            "DelaySparse",
            _delay_sparse(),
            ("target", "source", "weight", "delay"),
            ("n_out", *_FLAT),
        ),
    ]
    conv = ("strides", "pads", "dilations", "group", "gain", "graded")
    pool = ("strides", "pads", "group", "gain", "graded")
    shared = [
        make("Conv2d", _convolution(dilated=True), ("weight",), conv),
        make("SumPool2d", _convolution(dilated=False), ("weight",), pool),
        make("WideConv2d", _wide_convolution(), ("weight", "taps"), (*conv, "shape")),
        make("WideSumPool2d", _wide_convolution(), ("weight", "taps"), (*pool, "shape")),
    ]
    return {f.name: f for f in (*flat, *shared)}


def _function(
    domain: str, name: str, body: Body, tensors: Sequence[str], attributes: Sequence[str]
) -> onnx.FunctionProto:
    inputs = ["s", *tensors, "fan_out"]
    return function(domain, name, inputs, list(_OUTPUTS), body, tuple(attributes))


def _payload(body: Body) -> Symbol:
    """Return the messages as int64: their values if graded, else 1 for any message."""
    s = Symbol(body, "s")
    graded = body.cast(body.attribute("graded", A.INT), T.BOOL)
    any_message = body.cast(body.cast(s, T.BOOL), T.INT64)
    return body.op("Where", graded, body.cast(s, T.INT64), any_message)


def _wide(body: Body, name: str) -> Symbol:
    """Return a tensor of integers as int64."""
    return body.cast(Symbol(body, name), T.INT64)


def _count(body: Body, s: Symbol) -> Body:
    """Append the second output: messages ``s`` (B, ...) times fan-out, per sample."""
    fired = body.cast(body.cast(body.op("Flatten", s, axis=1), T.BOOL), T.INT64)
    weighted = fired * Symbol(body, "fan_out")
    body.op("ReduceSum", weighted, body.dims(1), keepdims=0, out="synops")
    return body


def _count_newest(body: Body) -> Body:
    """Append the second output of a history (B, S, ...): only what was sent last counts."""
    return _count(body, body.op("Gather", Symbol(body, "s"), 0, axis=1))


def _scaled(body: Body, total: Symbol) -> Symbol:
    """Shift a sum of mantissas, in 32 bits, by the weight exponent; a right shift floors."""
    total = body.cast(total * body.attribute("gain", A.INT), T.INT32)
    shifted = body.cast(total, T.INT64) * body.attribute("multiplier", A.INT)
    return floor_divide(shifted, body.attribute("divisor", A.INT))


def _dense() -> Body:
    body = Body()
    flat = body.op("Flatten", _payload(body), axis=1)
    total = body.op("MatMul", flat, body.op("Transpose", _wide(body, "weight"), perm=[1, 0]))
    body.cast(_scaled(body, total), T.INT32, out="current")
    return _count(body, Symbol(body, "s"))


def _delay_dense() -> Body:
    """One product a slot of the history, with the weights that have its delay."""
    body = Body()
    slots = body.op("Range", 0, body.op("Gather", body.op("Shape", Symbol(body, "s")), 1), 1)
    planes = body.op("Reshape", slots, body.dims(-1, 1, 1))
    due = body.op("Equal", _wide(body, "delay"), planes)
    weight = body.op("Where", due, _wide(body, "weight"), 0)
    columns = body.op("Transpose", weight, perm=[0, 2, 1])
    rows = body.op("Reshape", _payload(body), _joined(body, 0, slots, 1, -1))
    scaled = _scaled(body, body.op("MatMul", rows, columns))
    total = body.op("ReduceSum", scaled, body.dims(1, 2), keepdims=0)
    body.cast(total, T.INT32, out="current")
    return _count_newest(body)


def _joined(body: Body, batch: int, slots: Symbol, *rest: int) -> Symbol:
    """Return the shape (batch, number of ``slots``, *rest)."""
    return body.op("Concat", body.dims(batch), body.op("Shape", slots), body.dims(*rest), axis=0)


def _scattered(body: Body, values: Symbol, index: Symbol, size: Symbol) -> Symbol:
    """Add ``values`` (B, n) into (B, size) at ``index`` (n,)."""
    shape = body.op("Shape", values)
    batch = body.op("Slice", shape, body.dims(0), body.dims(1))
    length = body.op("Reshape", size, body.dims(1))
    empty = body.op("Expand", 0, body.op("Concat", batch, length, axis=0))
    places = body.op("Expand", index, shape)
    return body.op("ScatterElements", empty, places, values, axis=1, reduction="add")


def _sparse() -> Body:
    body = Body()
    flat = body.op("Flatten", _payload(body), axis=1)
    values = body.op("Gather", flat, Symbol(body, "source"), axis=1) * _wide(body, "weight")
    outputs = body.attribute("n_out", A.INT)
    total = _scattered(body, values, Symbol(body, "target"), outputs)
    body.cast(_scaled(body, total), T.INT32, out="current")
    return _count(body, Symbol(body, "s"))


def _delay_sparse() -> Body:
    """A sparse product from every (delay, source) to every (delay, target), summed by target."""
    body = Body()
    delay, outputs = _wide(body, "delay"), body.attribute("n_out", A.INT)
    inputs = body.op("Gather", body.op("Shape", Symbol(body, "fan_out")), 1)
    slots = body.op("Gather", body.op("Shape", Symbol(body, "s")), 1)
    flat = body.op("Flatten", _payload(body), axis=1)
    sent = body.op("Gather", flat, delay * inputs + _wide(body, "source"), axis=1)
    place = delay * outputs + _wide(body, "target")
    total = _scattered(body, sent * _wide(body, "weight"), place, slots * outputs)
    width = body.op("Reshape", outputs, body.dims(1))
    planes = body.op("Concat", body.dims(0, -1), width, axis=0)
    scaled = _scaled(body, body.op("Reshape", total, planes))
    body.cast(body.op("ReduceSum", scaled, body.dims(1), keepdims=0), T.INT32, out="current")
    return _count_newest(body)


def _convolution(*, dilated: bool) -> Body:
    """A convolution in float32, for sums below 2**24, which float32 holds exactly."""
    kinds = {"strides": A.INTS, "pads": A.INTS, "group": A.INT}
    if dilated:
        kinds["dilations"] = A.INTS
    body = Body()
    x = body.cast(_payload(body), T.FLOAT)
    total = body.op("Conv", x, body.cast(Symbol(body, "weight"), T.FLOAT))
    for name, kind in kinds.items():
        body.nodes[-1].attribute.append(A(name=name, ref_attr_name=name, type=kind))
    return _wrapped(body, body.cast(total, T.INT64))


def _wide_convolution() -> Body:
    """A convolution as one product in int64 over gathered windows.

    taps: (kH * kW, outputs of a channel), the source position under each tap, or the number of
    positions where the window leaves the source. Strides, pads and dilations are in it.
    """
    body = Body()
    group = body.op("Reshape", body.attribute("group", A.INT), body.dims(1))
    batch = body.dims(0)
    planes = body.op("Reshape", _payload(body), body.dims(0, 0, -1))
    beyond = body.op("Pad", planes, body.dims(0, 0, 0, 0, 0, 1))
    windows = body.op("Gather", beyond, Symbol(body, "taps"), axis=2)
    positions = body.op("Shape", Symbol(body, "taps"), start=1)
    columns = body.op("Concat", batch, group, body.dims(-1), positions, axis=0)
    kernel = body.op("Flatten", _wide(body, "weight"), axis=1)
    length = body.op("Shape", kernel, start=1)
    rows = body.op("Concat", group, body.dims(-1), length, axis=0)
    total = body.op(
        "MatMul", body.op("Reshape", kernel, rows), body.op("Reshape", windows, columns)
    )
    shape = body.op("Concat", body.dims(-1), body.attribute("shape", A.INTS), axis=0)
    return _wrapped(body, body.op("Reshape", total, shape))


def _wrapped(body: Body, total: Symbol) -> Body:
    """Append the first output, the sum of mantissas in 24 bits, and the second."""
    total = total * body.attribute("gain", A.INT)
    wrapped = body.op("Mod", total + STATE_LIMIT, 2 * STATE_LIMIT) - STATE_LIMIT
    body.cast(wrapped, T.INT32, out="current")
    return _count(body, Symbol(body, "s"))
