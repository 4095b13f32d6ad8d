"""How a neuron declares its registers and its state, and the check that values fit them."""

from __future__ import annotations

from dataclasses import MISSING, field, fields
from typing import Any, ClassVar, Protocol

import numpy as np

from hwsim.arith import Arithmetic, Range
from hwsim.errors import RangeError


class Neuron(Protocol):
    """What every neuron of the machine is: a frozen dataclass of registers with a ``step``.

    A register is a scalar, one value per channel (the first axis of the population's shape)
    or one value per neuron.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]
    STATE: ClassVar[dict[str, Range]]
    """State by name, in the order of ``step``, with the range it has unless a wrap leaves it;
    all states rest at 0."""
    INPUT_SHIFT: ClassVar[int]
    """``step`` takes the activation shifted left by this many bits."""
    MESSAGES: ClassVar[Range]
    """Lowest and highest message that registers can allow; 0 is none. See :func:`messages`."""
    LAVA: ClassVar[str]
    """The Process of lava-nc 0.10.0 that computes the same in fixed point, or ``""``."""

    def step(self, a: Arithmetic, state: tuple[Any, ...], x: Any) -> tuple[Any, tuple[Any, ...]]:
        """Advance one time step: input ``x``, old state -> messages, new state."""
        ...


def param(unit: str, low: int, high: int, *, step: int = 1, default: Any = MISSING) -> Any:
    """Declare a register: documentation, quantizer and range check all read this."""
    return field(default=default, metadata={"unit": unit, "low": low, "high": high, "step": step})


def registers(neuron: Any) -> dict[str, dict[str, Any]]:
    """Return ``{name: {"unit", "low", "high", "step"}}`` of a neuron or neuron class."""
    return {f.name: dict(f.metadata) for f in fields(neuron)}


def messages(neuron: Any) -> Range:
    """Return the lowest and highest message of ``neuron``: MESSAGES, or what its registers allow.

    A neuron whose registers decide has a method ``messages``.
    """
    narrower = getattr(neuron, "messages", None)
    return neuron.MESSAGES if narrower is None else narrower()


def register(value: Any) -> np.ndarray:
    """Return what a register is set to as an array: ragged lists as objects, which none holds."""
    try:
        return np.asarray(value)
    except ValueError:
        return np.asarray(value, object)


def problems(neuron: Any, where: str, narrower: dict[str, Any] | None = None) -> list[str]:
    """List every register of ``neuron`` that its value does not fit.

    ``narrower`` may override ``low``, ``high`` and ``step`` of a register, by name, for a
    chip whose registers are smaller.
    """
    found = []
    for name, declared in registers(neuron).items():
        spec = {**declared, **(narrower or {}).get(name, {})}
        low, high, step = spec["low"], spec["high"], spec["step"]
        value = np.atleast_1d(register(getattr(neuron, name)))
        if value.dtype.kind not in "biuf":
            wanted = "integers of 32 bits" if value.dtype == object else "integers"
            found.append(f"{where}: {name} holds {value.dtype}, not {wanted}")
            continue
        with np.errstate(invalid="ignore"):
            bad = value[~((value >= low) & (value <= high) & (value % step == 0))]
        if bad.size:
            steps = f" in steps of {step}" if step != 1 else ""
            found.append(
                f"{where}: {name} = {bad.flat[0]} does not fit {low}..{high}{steps} "
                f"({bad.size} of {value.size} values)"
            )
    return found


def check(neuron: Any, where: str) -> None:
    """Raise RangeError for the first parameter of ``neuron`` its register cannot hold."""
    found = problems(neuron, where)
    if found:
        raise RangeError(
            found[0], hint="use a smaller weight scale, or train with a lower threshold"
        )
