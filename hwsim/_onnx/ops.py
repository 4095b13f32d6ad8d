"""The integer operators of a Program file, domain ``spikeport.loihi``, with their bodies."""

from __future__ import annotations

import hashlib
from functools import cache

import onnx
from onnx import AttributeProto as A
from onnx import TensorProto as T

from hwsim._onnx.recorder import Body, Symbol, function, neuron_function
from hwsim.arith import STATE_LIMIT
from hwsim.neurons import NEURONS

DOMAIN = "spikeport.loihi"
VERSION = 1
FLOAT_EXACT = 1 << 24
"""float32 holds every integer up to here, so a convolution bounded by it is exact."""


@cache
def functions() -> dict[str, onnx.FunctionProto]:
    """Return every operator by name; neurons come from their own equations."""
    neurons = {name: neuron_function(n, DOMAIN, integer=True) for name, n in NEURONS.items()}
    return {
        "Dense": _dense(),
        "Conv2d": _conv(),
        "SumPool2d": _pool(),
        "Reset": _reset(),
        **neurons,
    }


def fingerprint(body: onnx.FunctionProto) -> str:
    """Return the sha256 of an operator's body, by which a reader recognises it."""
    return hashlib.sha256(body.SerializeToString(deterministic=True)).hexdigest()


def _payload(body: Body, s: Symbol) -> Symbol:
    """Return the message as int32: its value if graded, else 1 for any message."""
    graded = body.cast(body.attribute("graded", A.INT), T.BOOL)
    any_message = body.cast(body.cast(s, T.BOOL), T.INT32)
    return body.op("Where", graded, body.cast(s, T.INT32), any_message)


def _synops(body: Body, s: Symbol) -> None:
    """Append the second output: messages times fan-out, per sample."""
    fired = body.cast(body.cast(body.op("Flatten", s, axis=1), T.BOOL), T.INT64)
    weighted = fired * Symbol(body, "fan_out")
    axis = body.op("Constant", value_ints=[1])
    body.op("ReduceSum", weighted, axis, keepdims=0, out="synops")


def _dense() -> onnx.FunctionProto:
    body = Body()
    s, weight = Symbol(body, "s"), Symbol(body, "weight")
    flat = body.op("Flatten", _payload(body, s), axis=1)
    columns = body.op("Transpose", body.cast(weight, T.INT64), perm=[1, 0])
    total = body.op("MatMul", body.cast(flat, T.INT64), columns)
    total = total * body.attribute("gain", A.INT) * body.attribute("multiplier", A.INT)
    divisor = body.attribute("divisor", A.INT)
    floored = total - body.op("Mod", total, divisor)
    body.cast(body.op("Div", floored, divisor), T.INT32, out="a")
    _synops(body, s)
    inputs = ["s", "weight", "fan_out"]
    attributes = ("gain", "multiplier", "divisor", "graded")
    return function(DOMAIN, "Dense", inputs, ["a", "synops"], body, attributes)


def _convolution(body: Body, attributes: dict[str, A.AttributeType]) -> None:
    s, weight = Symbol(body, "s"), Symbol(body, "weight")
    x = body.cast(_payload(body, s), T.FLOAT)
    total = body.op("Conv", x, body.cast(weight, T.FLOAT))
    for name, kind in attributes.items():
        body.nodes[-1].attribute.append(A(name=name, ref_attr_name=name, type=kind))
    total = body.cast(total, T.INT64) * body.attribute("gain", A.INT)
    wrapped = body.op("Mod", total + STATE_LIMIT, 2 * STATE_LIMIT) - STATE_LIMIT
    body.cast(wrapped, T.INT32, out="a")
    _synops(body, s)


def _conv() -> onnx.FunctionProto:
    body = Body()
    kinds = {"strides": A.INTS, "pads": A.INTS, "dilations": A.INTS, "group": A.INT}
    _convolution(body, kinds)
    names = (*kinds, "gain", "graded")
    return function(DOMAIN, "Conv2d", ["s", "weight", "fan_out"], ["a", "synops"], body, names)


def _pool() -> onnx.FunctionProto:
    body = Body()
    kinds = {"strides": A.INTS, "pads": A.INTS, "group": A.INT}
    _convolution(body, kinds)
    names = (*kinds, "gain", "graded")
    return function(DOMAIN, "SumPool2d", ["s", "weight", "fan_out"], ["a", "synops"], body, names)


def _reset() -> onnx.FunctionProto:
    body = Body()
    u, v, step = (Symbol(body, name) for name in ("u", "v", "step"))
    place = body.op("Mod", step, body.attribute("period", A.INT))
    hit = body.op("Equal", place, body.attribute("phase", A.INT))
    body.op("Where", hit, u - u, u, out="u_rest")
    body.op("Where", hit, v - v, v, out="v_rest")
    outputs = ["u_rest", "v_rest"]
    return function(DOMAIN, "Reset", ["u", "v", "step"], outputs, body, ("period", "phase"))
