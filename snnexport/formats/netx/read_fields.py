"""What one group of a netx file holds, read field by field; problems are collected, not raised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.arith import Range
from hwsim.synapses import Shape
from snnexport.formats.netx.hdf5 import Value
from snnexport.formats.netx.layout import NEURONS_MAX, NO_EFFECT, REFUSED_FIELDS, SIZE_MAX


@dataclass(frozen=True, eq=False)
class Fields:
    """The fields of a layer or of its neuron. Whatever is wrong with one is in ``problems``.

    A method that finds its field wrong adds a problem and returns None.
    """

    where: str
    held: Mapping[str, Value]
    problems: list[str]

    def refuse(self, problem: str) -> None:
        """Note ``problem``."""
        self.problems.append(f"{self.where}: {problem}")

    def only(self, known: frozenset[str]) -> None:
        """Refuse fields that lava-dl would pass over, but for values that change nothing."""
        for name in sorted(self.held.keys() - known):
            way = REFUSED_FIELDS.get(name, "lava-dl ignores it or fails; leave it out")
            self.refuse(f"{name} cannot be read: {way}")
        for name in sorted(NO_EFFECT.keys() & self.held.keys() & known):
            value: Any = self.held[name]
            if not (np.size(value) == 1 and np.all(value == NO_EFFECT[name])):
                said = f"lava-dl ignores it, as if it were {NO_EFFECT[name]}"
                self.refuse(f"{name} = {_first(value)}: {said}")

    def text(self, name: str) -> str | None:
        """Return the text called ``name``."""
        value = self.held.get(name)
        if isinstance(value, str):
            return value
        self.refuse(f"{name} is no text" if name in self.held else f"there is no {name}")
        return None

    def whole(self, name: str, limits: Range) -> np.ndarray | None:
        """Return the numbers called ``name`` as int64; all must be whole and in ``limits``."""
        value = self.held.get(name)
        if not isinstance(value, np.ndarray):
            self.refuse(f"{name} holds no numbers" if name in self.held else f"there is no {name}")
            return None
        with np.errstate(invalid="ignore"):
            bad = value[~((value >= limits[0]) & (value <= limits[1]) & (value == np.trunc(value)))]
        if value.size and not bad.size:
            return value.astype(np.int64)
        count = f"({bad.size} of {value.size} values)"
        span = f"is not a whole number {limits[0]}..{limits[1]}"
        self.refuse(f"{name} = {bad.flat[0]} {span} {count}" if bad.size else f"{name} is empty")
        return None

    def shape(self) -> Shape | None:
        """Return the shape that the layer declares: (C, H, W) or (n,)."""
        value = self.whole("shape", (1, NEURONS_MAX))
        if value is None:
            return None
        sizes = tuple(map(int, value.ravel()))
        total = int(np.prod(value, dtype=np.float64)) if value.ndim == 1 and len(sizes) < 4 else -1
        if 0 < total <= NEURONS_MAX:
            return sizes
        self.refuse(f"shape = {sizes[:4]} is not that of up to {NEURONS_MAX} neurons")
        return None

    def register(self, name: str, limits: Range, channels: int) -> int | np.ndarray | None:
        """Return one integer, or one for each of ``channels``; Lava never returns from floats."""
        value = self.whole(name, limits)
        if value is None:
            return None
        if np.asarray(self.held[name]).dtype.kind == "f":
            self.refuse(f"{name} is a float, on which Lava hangs; write integers")
            return None
        if value.size == 1:
            return int(value.item())
        if value.shape == (channels,):
            return value
        self.refuse(f"{name} has shape {value.shape}, not () or ({channels},)")
        return None

    def pair(self, name: str, low: int) -> tuple[int, int] | None:
        """Return a size (height, width), which may be stored as one number."""
        value = self.whole(name, (low, SIZE_MAX))
        if value is None:
            return None
        if value.shape in ((), (2,)):
            height, width = np.broadcast_to(value, 2).tolist()
            return height, width
        self.refuse(f"{name} has shape {value.shape}, not () or (2,)")
        return None

    def agree(self, name: str, value: int | Shape) -> None:
        """Refuse a field that says something else than ``value``, which the weights say."""
        said: Any = self.held.get(name)
        if name in self.held and not np.array_equal(np.ravel(said), np.ravel(value)):
            self.refuse(f"{name} = {_first(said)}, but the weights have {value}")


def _first(value: Any) -> Any:
    """Return what an error shows of ``value``."""
    return value if isinstance(value, str) or not np.size(value) else np.ravel(value)[0]
