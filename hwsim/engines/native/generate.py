"""Writes src/neurons.generated.h (``make generate``): every neuron's ``step``, recorded as C++."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import reduce
from pathlib import Path
from typing import Any

from hwsim.arith import DECAY_UNITY
from hwsim.neurons import NEURONS, Neuron

TARGET = Path(__file__).parent / "src" / "neurons.generated.h"
_HEAD = """\
// The steps of hwsim.neurons.NEURONS over arith.h and lanes.h, written by generate.py.
// Do not edit: change the neuron, then `make generate`.
#pragma once
"""
_FORM = """
struct {name} {{
  static constexpr int STATES = {states}, REGISTERS = {registers}, INPUT_SHIFT = {shift};
  static constexpr int STATE[] = {{{state_indices}}}, REGISTER[] = {{{register_indices}}};
  static constexpr bool SPIKES = {spikes}, FORGETS = {forgets};
  template <class T, class Flags>
  static inline auto step(T x, [[maybe_unused]] T* state, [[maybe_unused]] const T* registers,
                          [[maybe_unused]] Flags& wrapped, [[maybe_unused]] Flags& saturated) {{
{body}
  }}
  template <class T> static inline T memory([[maybe_unused]] const T* state) {{ return {memory}; }}
  template <class T> static inline T constant([[maybe_unused]] const T* registers) {{
    return {constant};
  }}
}};
"""


@dataclass(frozen=True)
class _Value:
    """A C++ expression without side effects: a name or a constant."""

    text: str
    lines: list[str]

    def __add__(self, other: Any) -> _Value:
        return self if _is(other, 0) else _call(self.lines, "add", self, other)

    def __radd__(self, other: Any) -> _Value:
        return self if _is(other, 0) else _call(self.lines, "add", other, self)

    def __sub__(self, other: Any) -> _Value:
        return _call(self.lines, "subtract", self, other)

    def __rsub__(self, other: Any) -> _Value:
        return _call(self.lines, "subtract", other, self)

    def __neg__(self) -> _Value:
        return _call(self.lines, "negate", self)


def _is(value: Any, number: int) -> bool:
    return isinstance(value, int) and value == number


def _text(value: Any) -> str:
    return value.text if isinstance(value, _Value) else f"As<T>::number({int(value)})"


def _call(lines: list[str], function: str, *values: Any, flag: str = "") -> _Value:
    """Append the call of a function of arith.h, and return its result."""
    name = f"t{len(lines)}"
    arguments = ", ".join([*map(_text, values), *([flag] if flag else [])])
    lines.append(f"const auto {name} = {function}({arguments});")
    return _Value(name, lines)


class _Recorder:
    """The :class:`hwsim.arith.Arithmetic` that writes down what it is asked for.

    folds, clips: whether a current, a voltage may leave its register.
    """

    def __init__(self, lines: list[str], *, folds: bool, clips: bool) -> None:
        self.lines, self.folds, self.clips = lines, folds, clips

    def decay(self, x: Any, d: Any) -> Any:
        return 0 if _is(d, DECAY_UNITY) else _call(self.lines, "decay", x, d)

    def wrap(self, x: Any) -> _Value:
        return _call(self.lines, "wrap", x, flag="wrapped") if self.folds else x

    def clip(self, x: Any) -> _Value:
        return _call(self.lines, "clip", x, flag="saturated") if self.clips else x

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


def form_source(kind: type[Neuron], name: str, *, forgets: bool, clips: bool) -> str:
    """Return the C++ struct ``name``: one step of ``kind``.

    It has the states and registers that the step reads. If it forgets, the current has no memory
    (``decay_u`` 4096) and stays in its register: no state, counts ask only whether it was 0.
    Unless it clips, the voltage stays in its register as well.
    """
    lines: list[str] = []
    registers = [f.name for f in fields(kind)]
    constants = {"decay_u": DECAY_UNITY} if forgets else {}
    read = [n for n in registers if n not in constants]
    states = [n for n in kind.STATE if not (forgets and n == "u")]
    old = {n: _Value(f"old_{n}", lines) for n in states}
    values = {n: _Value(f"registers[{i}]", lines) for i, n in enumerate(read)}
    neuron = kind(**{**values, **constants})
    state = tuple(old.get(n, 0) for n in kind.STATE)
    s, new = neuron.step(
        _Recorder(lines, folds=not forgets, clips=clips), state, _Value("x", lines)
    )
    after = dict(zip(kind.STATE, new, strict=True))
    memory = [f"state[{i}]" for i in range(len(states))]
    body = [
        *(f"const T old_{n} = state[{i}];" for i, n in enumerate(states)),
        *lines,
        *(f"state[{i}] = {_text(after[n])};" for i, n in enumerate(states)),
        f"return {_text(s)};",
    ]
    return _FORM.format(
        name=name,
        states=len(states),
        registers=len(read),
        shift=kind.INPUT_SHIFT,
        state_indices=_indices(states, list(kind.STATE)),
        register_indices=_indices(read, registers),
        spikes=str(kind.MESSAGES == (0, 1)).lower(),
        forgets=str(forgets).lower(),
        body="\n".join(f"    {line}" for line in body),
        constant=f"registers[{read.index('bias')}]" if "bias" in read else _text(0),
        memory=reduce(lambda x, y: f"all_of({x}, {y})", memory) if memory else _text(0),
    )


def _indices(names: list[str], among: list[str]) -> str:
    """Return where ``names`` stand, with one entry more: C++ has no empty arrays."""
    return ", ".join(str(among.index(n)) for n in names) + (", -1" if names else "-1")


def source() -> str:
    """Return the whole generated file."""
    forms, rows = [], []
    for name, kind in sorted(NEURONS.items()):
        names = [name, name, name]
        forms.append(form_source(kind, name, forgets=False, clips=True))
        if "decay_u" in {f.name for f in fields(kind)}:
            names = [name, f"{name}Forgetting", f"{name}Bounded"]
            forms.append(form_source(kind, names[1], forgets=True, clips=True))
            forms.append(form_source(kind, names[2], forgets=True, clips=False))
        rows.append(f'    NEURON("{name}", {", ".join(names)})')
    table = " \\\n".join(["#define SPIKEPORT_NEURONS(NEURON)", *rows])
    return f"{_HEAD}\nnamespace {{\n{''.join(forms)}\n{table}\n\n}}  // namespace\n"


if __name__ == "__main__":
    TARGET.write_text(source())
