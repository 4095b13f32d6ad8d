"""Pairs of boxes that messages go between, and what counts the messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hwsim._mapping.sent import Sent

Counting = Callable[[Sent], np.ndarray]
"""Takes what a source sends, n times over, and returns (n, pairs or boxes) integers."""


class Pairs(NamedTuple):
    """Boxes ``source[i]`` and ``target[i]``, both (pairs,), and the messages between them."""

    source: np.ndarray
    target: np.ndarray
    messages: Counting
