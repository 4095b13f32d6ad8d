"""Recording a neuron's equation as ONNX nodes: one more arithmetic for ``step``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper

from hwsim.arith import DECAY_UNITY, STATE_LIMIT, Range
from hwsim.engines.base import message_type
from hwsim.neurons import Neuron, registers

OPSET = 21
IR_VERSION = 10


class Body:
    """Nodes of one function body, written as expressions over :class:`Symbol`.

    ``element`` is the ONNX type that plain numbers among its operands take, INT64 or FLOAT.
    """

    def __init__(self, element: int = T.INT64) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.element = element

    def op(self, kind: str, *inputs: Any, out: str = "", **attributes: Any) -> Symbol:
        """Append a node; plain numbers among ``inputs`` become scalar constants."""
        names = [i.name if isinstance(i, Symbol) else self.constant(i).name for i in inputs]
        out = out or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [out], **attributes))
        return Symbol(self, out)

    def constant(self, value: float) -> Symbol:
        """Append a scalar constant of the body's element type."""
        if self.element == T.FLOAT:
            return self.op("Constant", value_float=float(value))
        return self.op("Constant", value_int=int(value))

    def dims(self, *sizes: int) -> Symbol:
        """Append a constant int64 vector: a shape, or axes."""
        return self.op("Constant", value_ints=sizes)

    def attribute(self, name: str, kind: onnx.AttributeProto.AttributeType) -> Symbol:
        """Append a constant, scalar (INT) or vector (INTS): the function's attribute ``name``."""
        symbol = self.op("Constant")
        field = "value_int" if kind == onnx.AttributeProto.INT else "value_ints"
        reference = onnx.AttributeProto(name=field, ref_attr_name=name, type=kind)
        self.nodes[-1].attribute.append(reference)
        return symbol

    def cast(self, x: Symbol, to: int, out: str = "") -> Symbol:
        """Append a Cast to the ONNX element type ``to``; from int64 to int32 it wraps."""
        return self.op("Cast", x, to=to, out=out)


@dataclass(frozen=True)
class Symbol:
    """A value inside a body; arithmetic on it appends nodes."""

    body: Body
    name: str

    def __add__(self, other: Any) -> Symbol:
        return self.body.op("Add", self, other)

    def __radd__(self, other: Any) -> Symbol:
        return self.body.op("Add", other, self)

    def __sub__(self, other: Any) -> Symbol:
        return self.body.op("Sub", self, other)

    def __rsub__(self, other: Any) -> Symbol:
        return self.body.op("Sub", other, self)

    def __mul__(self, other: Any) -> Symbol:
        return self.body.op("Mul", self, other)

    def __neg__(self) -> Symbol:
        return self.body.op("Neg", self)


class _Recorder:
    """What both arithmetics record alike, once conditions and numbers have their own type."""

    def __init__(self, body: Body) -> None:
        self.body = body

    def fire(self, v: Any, threshold: Any) -> Symbol:
        """Record 1 where ``v`` is strictly above ``threshold``."""
        return self.above(v, threshold)

    def reset(self, v: Symbol, s: Symbol) -> Symbol:
        """Record ``v``, zero where ``s`` is 1."""
        return v * (1 - s)

    def above(self, x: Any, y: Any) -> Symbol:
        """Record 1 where ``x > y``, else 0."""
        return self.body.cast(self.body.op("Greater", x, y), self.body.element)

    def pick(self, condition: Symbol, x: Any, y: Any) -> Symbol:
        """Record ``x`` where ``condition`` is 1, ``y`` where it is 0."""
        return self.body.op("Where", self.body.cast(condition, T.BOOL), x, y)

    def _power(self, bits: Any) -> Symbol:
        """Record ``2**bits``, which onnxruntime computes exactly for bits 0..62."""
        return self.body.op("Pow", 2, bits)


class IntegerRecorder(_Recorder):
    """The machine's arithmetic (:class:`hwsim.arith.Integer`) as int64 ONNX nodes.

    ONNX ``Div`` of integers truncates toward zero, which is the chip's decay; ``Mod`` has the
    sign of the divisor, so what it leaves divides like a shift to the right. ``BitShift`` takes
    no signed integers.
    """

    def decay(self, x: Symbol, d: Symbol) -> Symbol:
        """Record ``Integer.decay``."""
        return self.body.op("Div", x * (DECAY_UNITY - d), DECAY_UNITY)

    def wrap(self, x: Symbol) -> Symbol:
        """Record ``Integer.wrap``."""
        op = self.body.op
        x = self.wrap32(x)
        x = op("Where", op("Greater", x, STATE_LIMIT), x - 2 * STATE_LIMIT, x)
        return op("Where", op("LessOrEqual", x, -STATE_LIMIT), x + 2 * STATE_LIMIT, x)

    def clip(self, x: Symbol) -> Symbol:
        """Record ``Integer.clip``."""
        return self.body.op("Clip", self.wrap32(x), -STATE_LIMIT + 1, STATE_LIMIT - 1)

    def wrap32(self, x: Symbol) -> Symbol:
        """Record ``Integer.wrap32``."""
        return self.body.cast(self.body.cast(x, T.INT32), T.INT64)

    def magnitude(self, x: Symbol) -> Symbol:
        """Record ``Integer.magnitude``."""
        return self.wrap32(self.body.op("Abs", x))

    def shift_left(self, x: Symbol, bits: Any) -> Symbol:
        """Record ``Integer.shift_left``."""
        return self.wrap32(x * self._power(bits))

    def shift_right(self, x: Symbol, bits: Any) -> Symbol:
        """Record ``Integer.shift_right``."""
        return floor_divide(x, self._power(bits))


class RealRecorder(_Recorder):
    """The same equation on float32, as training computes it: registers have no limits."""

    def decay(self, x: Symbol, d: Symbol) -> Symbol:
        """Lose the fraction ``d``."""
        return x * (1 - d)

    def wrap(self, x: Symbol) -> Symbol:
        """Reals have no register to leave."""
        return x

    clip = wrap
    wrap32 = wrap

    def magnitude(self, x: Symbol) -> Symbol:
        """Record ``|x|``."""
        return self.body.op("Abs", x)

    def shift_left(self, x: Symbol, bits: Any) -> Symbol:
        """Multiply by ``2**bits``."""
        return x * self._power(bits)

    def shift_right(self, x: Symbol, bits: Any) -> Symbol:
        """Divide by ``2**bits``; nothing is rounded."""
        return self.body.op("Div", x, self._power(bits))


def floor_divide(x: Symbol, divisor: Symbol) -> Symbol:
    """Record ``x // divisor`` of int64, rounding down, for a positive divisor."""
    return x.body.op("Div", x - x.body.op("Mod", x, divisor), divisor)


def neuron_function(neuron: type[Neuron], domain: str, *, integer: bool) -> onnx.FunctionProto:
    """Return the operator of ``neuron`` (a class): its own ``step`` as a FunctionProto.

    Inputs: ``a`` (activation), one a state, one a register; outputs: ``s`` and the new states,
    ``<state>_next``. The integer one takes and returns int32, messages int8 if they fit it, and
    shifts the activation first.
    """
    body = Body(T.INT64 if integer else T.FLOAT)
    inputs = ["a", *neuron.STATE, *registers(neuron)]
    values = {name: Symbol(body, name) for name in inputs}
    if integer:
        values = {name: body.cast(symbol, T.INT64) for name, symbol in values.items()}
    x = values["a"]
    if integer and neuron.INPUT_SHIFT:
        x = x * (1 << neuron.INPUT_SHIFT)
    arithmetic = IntegerRecorder(body) if integer else RealRecorder(body)
    fixed: Any = neuron(**{name: values[name] for name in registers(neuron)})
    s, state = fixed.step(arithmetic, tuple(values[name] for name in neuron.STATE), x)
    body.cast(s, element_type(neuron.MESSAGES) if integer else T.FLOAT, out="s")
    outputs = ["s", *(f"{name}_next" for name in neuron.STATE)]
    for value, out in zip(state, outputs[1:], strict=True):
        body.cast(value, T.INT32 if integer else T.FLOAT, out=out)
    return function(domain, neuron.__name__, inputs, outputs, body)


def element_type(messages: Range) -> int:
    """Return the ONNX type of a neuron's messages."""
    return helper.np_dtype_to_tensor_dtype(np.dtype(message_type(messages)))


def function(
    domain: str,
    name: str,
    inputs: list[str],
    outputs: list[str],
    body: Body,
    attributes: tuple[str, ...] = (),
) -> onnx.FunctionProto:
    """Return ``body`` as an operator ``domain.name``."""
    imports = [helper.make_opsetid("", OPSET)]
    return helper.make_function(
        domain, name, inputs, outputs, body.nodes, imports, attributes=list(attributes)
    )
