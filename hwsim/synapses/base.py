"""What every synapse of the machine offers: what spikes do to their targets, event by event.

Each synapse knows its output shape, its fan-out (the synaptic operations that one spike of
each source neuron causes, exact at borders), and ``deliver``, which gathers the weights of
the neurons that fired. No dense product is ever formed here.

A connection takes one step; a synapse with a delay d takes d more. ``parts`` splits delayed
synapses by delay, so that an engine needs the messages of some steps ago and nothing else.

Shapes are channel-first, (C, H, W) or (n,); batches are axis 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import ClassVar, Protocol

import numpy as np

Shape = tuple[int, ...]
Pair = tuple[int, int]
DELAY_MAX = 62
"""Loihi's delays have 6 bits, and netx uses 0..62 of them (lava-dl 0.6.0 ``netx/blocks``)."""
EXPONENT_MAX = 31
"""Larger weight exponents shift every bit out of a 32-bit activation."""


class Form(Enum):
    """How a chip stores synapses: DENSE rows, SPARSE pairs of target and weight, CONV kernels."""

    DENSE = "dense"
    SPARSE = "sparse"
    CONV = "conv"


class Synapse(Protocol):
    """What the engines, the counters and the file format need of a connection."""

    FORM: ClassVar[Form]

    @property
    def weights(self) -> np.ndarray:
        """Effective integer weights, any shape: for range checks and bounds."""
        ...

    @property
    def delays(self) -> Sequence[int]:
        """The delays that occur, ascending, in steps; (0,) if there are none."""
        ...

    def problems(self) -> list[str]:
        """List what is wrong with the synapse in itself."""
        ...

    def output_shape(self, source: Shape) -> Shape:
        """Return the shape of the current for a source of shape ``source``."""
        ...

    def fan_out(self, source: Shape) -> np.ndarray:
        """Return the number of synapses that each source neuron drives, shape ``source``."""
        ...

    def nonzero_fan_out(self, source: Shape) -> np.ndarray:
        """Return how many of those have a weight that is not 0, shape ``source``."""
        ...

    def fan_in(self, source: Shape) -> np.ndarray:
        """Return the number of synapses that each target neuron has, the output's shape."""
        ...

    def parts(self) -> tuple[tuple[int, Synapse], ...]:
        """Return ``(delay, synapse without delays)`` for each delay that occurs."""
        ...

    def deliver(self, spikes: np.ndarray) -> np.ndarray:
        """Turn payloads (B, *source) into activations (B, *target), both int64.

        Raises ValueError for a synapse with delays: deliver its ``parts``.
        """
        ...


def sum_rows(rows: np.ndarray, target: np.ndarray, size: int) -> np.ndarray:
    """Add ``rows`` (E, n) with equal ``target``, which must be sorted, into (size, n)."""
    total = np.zeros((size, rows.shape[1]), np.int64)
    if len(target):
        starts = np.flatnonzero(np.diff(target, prepend=-1))
        total[target[starts]] = np.add.reduceat(rows, starts, axis=0)
    return total
