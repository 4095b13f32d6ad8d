"""Recording a neuron's equation as ONNX nodes: one more arithmetic for ``step``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import onnx
from onnx import TensorProto as T
from onnx import helper

from hwsim.arith import DECAY_UNITY, STATE_LIMIT, STATE_UNIT
from hwsim.neurons import registers

OPSET = 21
IR_VERSION = 10


class Body:
    """Nodes of one function body, written as expressions over :class:`Symbol`."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []

    def op(self, kind: str, *inputs: Any, out: str = "", **attributes: Any) -> Symbol:
        """Append a node; plain numbers among ``inputs`` become int64 or float constants."""
        names = [self.constant(i).name if isinstance(i, int | float) else i.name for i in inputs]
        out = out or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [out], **attributes))
        return Symbol(self, out)

    def constant(self, value: float) -> Symbol:
        """Append a scalar constant, int64 or float32 by the type of ``value``."""
        if isinstance(value, int):
            return self.op("Constant", value_int=value)
        return self.op("Constant", value_float=value)

    def attribute(self, name: str, kind: onnx.AttributeProto.AttributeType) -> Symbol:
        """Append a constant whose value is the function's own attribute ``name``."""
        symbol = self.op("Constant")
        reference = onnx.AttributeProto(name="value_int", ref_attr_name=name, type=kind)
        self.nodes[-1].attribute.append(reference)
        return symbol

    def cast(self, x: Symbol, to: int, out: str = "") -> Symbol:
        """Append a Cast to the ONNX element type ``to``."""
        return self.op("Cast", x, to=to, out=out)


@dataclass(frozen=True)
class Symbol:
    """A value inside a body; arithmetic on it appends nodes."""

    body: Body
    name: str

    def __add__(self, other: Any) -> Symbol:
        return self.body.op("Add", self, other)

    def __sub__(self, other: Any) -> Symbol:
        return self.body.op("Sub", self, other)

    def __rsub__(self, other: Any) -> Symbol:
        return self.body.op("Sub", self.body.constant(other), self)

    def __mul__(self, other: Any) -> Symbol:
        return self.body.op("Mul", self, other)


class IntegerRecorder:
    """The machine's arithmetic (:class:`hwsim.arith.Integer`) as int64 ONNX nodes.

    ONNX ``Div`` of integers truncates toward zero, which is the chip's decay.
    """

    def __init__(self, body: Body) -> None:
        self.body = body

    def decay(self, x: Symbol, d: Symbol) -> Symbol:
        """Record ``Integer.decay``."""
        return self.body.op("Div", x * (DECAY_UNITY - d), DECAY_UNITY)

    def wrap(self, x: Symbol) -> Symbol:
        """Record ``Integer.wrap``."""
        op = self.body.op
        x = self._int32(x)
        x = op("Where", op("Greater", x, STATE_LIMIT), x - 2 * STATE_LIMIT, x)
        return op("Where", op("LessOrEqual", x, -STATE_LIMIT), x + 2 * STATE_LIMIT, x)

    def clip(self, x: Symbol) -> Symbol:
        """Record ``Integer.clip``."""
        return self.body.op("Clip", self._int32(x), -STATE_LIMIT + 1, STATE_LIMIT - 1)

    def fire(self, v: Symbol, threshold: Symbol) -> Symbol:
        """Record ``Integer.fire``."""
        return self.body.cast(self.body.op("Greater", v, threshold), T.INT64)

    def reset(self, v: Symbol, s: Symbol) -> Symbol:
        """Record ``Integer.reset``."""
        return v * (1 - s)

    def _int32(self, x: Symbol) -> Symbol:
        return self.body.cast(self.body.cast(x, T.INT32), T.INT64)


class RealRecorder:
    """The same equation on float32, as training computes it."""

    def __init__(self, body: Body) -> None:
        self.body = body

    def decay(self, x: Symbol, d: Symbol) -> Symbol:
        """Lose the fraction ``d``."""
        return x * (self.body.constant(1.0) - d)

    def wrap(self, x: Symbol) -> Symbol:
        """Reals have no register to leave."""
        return x

    def clip(self, x: Symbol) -> Symbol:
        """Reals have no register to leave."""
        return x

    def fire(self, v: Symbol, threshold: Symbol) -> Symbol:
        """Spike strictly above the threshold."""
        return self.body.cast(self.body.op("Greater", v, threshold), T.FLOAT)

    def reset(self, v: Symbol, s: Symbol) -> Symbol:
        """Zero where a spike left."""
        return v * (self.body.constant(1.0) - s)


def neuron_function(neuron: Any, domain: str, *, integer: bool) -> onnx.FunctionProto:
    """Return the operator of ``neuron`` (a class): its own ``step`` as a FunctionProto.

    Inputs: ``a`` (activation), ``u``, ``v``, then the neuron's parameters; outputs: ``s``,
    ``u_next``, ``v_next``. The integer one takes and returns int32 and int8, and aligns the
    activation with the registers first.
    """
    names = list(registers(neuron))
    body = Body()
    inputs = {name: Symbol(body, name) for name in ("a", "u", "v", *names)}
    values = inputs
    if integer:
        values = {name: body.cast(symbol, T.INT64) for name, symbol in inputs.items()}
        values["a"] = values["a"] * STATE_UNIT
    arithmetic = IntegerRecorder(body) if integer else RealRecorder(body)
    parameters = neuron(**{name: values[name] for name in names})
    s, (u, v) = parameters.step(arithmetic, (values["u"], values["v"]), values["a"])
    kinds = (T.INT8, T.INT32, T.INT32) if integer else (T.FLOAT, T.FLOAT, T.FLOAT)
    for value, out, kind in zip((s, u, v), ("s", "u_next", "v_next"), kinds, strict=True):
        body.cast(value, kind, out=out)
    return function(domain, neuron.__name__, list(inputs), ["s", "u_next", "v_next"], body)


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
