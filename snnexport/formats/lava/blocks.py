"""Processes of network.py as Python text: what the template needs to know of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Arguments = dict[str, str]
"""Arguments of a Process by name, each as a Python expression."""


@dataclass(frozen=True)
class Block:
    """A Process: its variable, its name in ``build()``, its class and its arguments.

    home: the module that the class is imported from, "" if the template imports it anyway.
    """

    id: str
    name: str
    kind: str
    home: str
    arguments: Arguments


@dataclass(frozen=True)
class Link(Block):
    """A connection's Process, and the port expressions that join it to both sides."""

    source_id: str
    target_id: str
    target: str
    reshape_in: str
    reshape_out: str


class Store:
    """The arrays of ``weights.npz``, gathered while the text that reads them is made."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}

    def put(self, owner: str, name: str, values: np.ndarray, dtype: type = np.int32) -> str:
        """Keep ``values`` of the Process called ``owner``; return the expression for them."""
        key = f"{owner}.{name}"
        self.arrays[key] = np.ascontiguousarray(values, dtype)
        return f'w["{key}"]'

    def register(self, owner: str, name: str, value: np.ndarray, shape: tuple[int, ...]) -> str:
        """Return the expression for a register: one number, or an array that broadcasts.

        value: expanded against ``shape``, which Lava holds reversed; one value per channel
        becomes (C,) and meets Lava's last axis.
        """
        if (value == value.flat[0]).all():
            return repr(int(value.flat[0]))
        return self.put(owner, name, value.T if value.shape == shape else value.ravel())
