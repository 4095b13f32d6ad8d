"""How a neuron declares its registers, and the check that values fit them."""

from __future__ import annotations

from dataclasses import MISSING, field, fields
from typing import Any

import numpy as np

from hwsim.errors import RangeError


def param(unit: str, low: int, high: int, *, step: int = 1, default: Any = MISSING) -> Any:
    """Declare a register: documentation, quantizer and range check all read this."""
    return field(default=default, metadata={"unit": unit, "low": low, "high": high, "step": step})


def registers(neuron: Any) -> dict[str, dict[str, Any]]:
    """Return ``{name: {"unit", "low", "high", "step"}}`` of a neuron or neuron class."""
    return {f.name: dict(f.metadata) for f in fields(neuron)}


def problems(neuron: Any, where: str, narrower: dict[str, Any] | None = None) -> list[str]:
    """List every register of ``neuron`` that its value does not fit.

    ``narrower`` may override ``low``, ``high`` and ``step`` of a register, by name, for a
    chip whose registers are smaller.
    """
    found = []
    for name, declared in registers(neuron).items():
        spec = {**declared, **(narrower or {}).get(name, {})}
        low, high, step = spec["low"], spec["high"], spec["step"]
        value = np.atleast_1d(getattr(neuron, name))
        bad = value[(value < low) | (value > high) | (value % step != 0)]
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
