"""Writes src/neurons.generated.h (``make generate``): every neuron's ``step``, recorded as C++."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from hwsim.neurons import NEURONS, Neuron

TARGET = Path(__file__).parent / "src" / "neurons.generated.h"
_HEAD = """\
// The steps of hwsim.neurons.NEURONS over arith.h, written by hwsim/engines/native/generate.py.
// Do not edit: change the neuron, then `make generate`.
#pragma once
"""
_STEP = """
template <class T, bool Single> void step_{name}(spikeport::Step& step) {{
{pointers}
  T driven = 0, wraps = 0, saturations = 0, busy = 0;
  const int64_t neurons = step.neurons;
#pragma GCC ivdep
  for (int64_t i = 0; i < neurons; ++i) {{
    T wrapped = 0, saturated = 0;
{body}
    driven += T(activation[i] != 0);
    wraps += any_bit(wrapped);
    saturations += any_bit(saturated);
    busy += any_bit({operands});
  }}
  step.driven = driven;
  step.wraps = wraps;
  step.saturations = saturations;
  step.zero = neurons - busy;
}}
"""


@dataclass(frozen=True)
class _Value:
    """A C++ expression without side effects: a name or a constant."""

    text: str
    lines: list[str]

    def __add__(self, other: Any) -> _Value:
        return _call(self.lines, "add", self, other)

    def __radd__(self, other: Any) -> _Value:
        return _call(self.lines, "add", other, self)

    def __sub__(self, other: Any) -> _Value:
        return _call(self.lines, "subtract", self, other)

    def __rsub__(self, other: Any) -> _Value:
        return _call(self.lines, "subtract", other, self)

    def __neg__(self) -> _Value:
        return _call(self.lines, "negate", self)


def _text(value: Any) -> str:
    return value.text if isinstance(value, _Value) else f"T({int(value)})"


def _call(lines: list[str], function: str, *values: Any, flag: str = "") -> _Value:
    """Append the call of a function of arith.h, and return its result."""
    name = f"t{len(lines)}"
    arguments = ", ".join([*map(_text, values), *([flag] if flag else [])])
    lines.append(f"const T {name} = {function}({arguments});")
    return _Value(name, lines)


class _Recorder:
    """The :class:`hwsim.arith.Arithmetic` that writes down what it is asked for."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def decay(self, x: Any, d: Any) -> _Value:
        return _call(self.lines, "decay", x, d)

    def wrap(self, x: Any) -> _Value:
        return _call(self.lines, "wrap", x, flag="wrapped")

    def clip(self, x: Any) -> _Value:
        return _call(self.lines, "clip", x, flag="saturated")

    def fire(self, v: Any, threshold: Any) -> _Value:
        return _call(self.lines, "fire", v, threshold)

    def reset(self, v: Any, s: Any) -> _Value:
        return _call(self.lines, "reset", v, s)

    def wrap32(self, x: Any) -> _Value:
        return _call(self.lines, "wrap32", x, flag="wrapped")

    def magnitude(self, x: Any) -> _Value:
        return _call(self.lines, "magnitude", x)

    def above(self, x: Any, y: Any) -> _Value:
        return _call(self.lines, "above", x, y)

    def pick(self, condition: Any, x: Any, y: Any) -> _Value:
        return _call(self.lines, "pick", condition, x, y)

    def shift_left(self, x: Any, bits: Any) -> _Value:
        return _call(self.lines, "shift_left", x, bits, flag="wrapped")

    def shift_right(self, x: Any, bits: Any) -> _Value:
        return _call(self.lines, "shift_right", x, bits)


def step_source(kind: type[Neuron]) -> str:
    """Return the C++ of one step of all neurons of ``kind``."""
    lines: list[str] = []
    registers = [f.name for f in fields(kind)]
    states = list(kind.STATE)
    neuron = kind(**{name: _Value(f"r_{name}[i]", lines) for name in registers})
    old = tuple(_Value(f"old_{name}", lines) for name in states)
    x = _Value("x", lines)
    s, new = neuron.step(_Recorder(lines), old, x)
    pointers = [
        "const int32_t* __restrict activation = step.activation;",
        "int32_t* __restrict messages = step.messages;",
        *(f"int32_t* __restrict s_{n} = step.state[{i}];" for i, n in enumerate(states)),
        *(
            f"const Register<T, Single> r_{n}(step.registers[{i}]);"
            for i, n in enumerate(registers)
        ),
    ]
    body = [
        f"const T x = widen<T>(activation[i], {kind.INPUT_SHIFT});",
        *(f"const T old_{name} = T(s_{name}[i]);" for name in states),
        *lines,
        f"messages[i] = int32_t({_text(s)});",
        *(f"s_{n}[i] = int32_t({_text(v)});" for n, v in zip(states, new, strict=True)),
    ]
    bias = ["r_bias[i]"] if "bias" in registers else []
    operands = ["T(activation[i])", *(f"old_{name}" for name in states), *bias]
    return _STEP.format(
        name=kind.__name__,
        pointers="\n".join(f"  {line}" for line in pointers),
        body="\n".join(f"    {line}" for line in body),
        operands=" | ".join(operands),
    )


def source() -> str:
    """Return the whole generated file."""
    names = sorted(NEURONS)
    rows = [
        f'    {{"{n}", {{{{step_{n}<int32_t, false>, step_{n}<int32_t, true>}},\n'
        f"      {{step_{n}<int64_t, false>, step_{n}<int64_t, true>}}}}}},\n"
        for n in names
    ]
    table = f"const spikeport::NeuronKernel NEURONS[] = {{\n{''.join(rows)}}};\n"
    steps = "".join(step_source(NEURONS[n]) for n in names)
    return f"{_HEAD}\nnamespace {{\n{steps}\n{table}\n}}  // namespace\n"


if __name__ == "__main__":
    TARGET.write_text(source())
