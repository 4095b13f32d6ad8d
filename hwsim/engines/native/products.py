"""Dense and convolutional parts as products of bytes, for steps in which events would be slower."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from hwsim.activations import inside
from hwsim.arith import Range
from hwsim.engines.native import layout
from hwsim.synapses import Conv2d, Dense, Shape

_LANE_BYTES = 4
_UNSIGNED: Range = (0, 255)
_SIGNED: Range = (-128, 127)
_SIGNED_SILENCE = 128


@dataclass(frozen=True)
class Product:
    """A part for the kernel, see ``Product`` in src/kernels.h for each array and number.

    work: multiplications of a step; fan_out: synapses that a message meets on average.
    """

    weight: np.ndarray
    start: np.ndarray
    byte: np.ndarray
    taken: np.ndarray
    numbers: list[int]
    work: int
    fan_out: float


def product(
    weight: np.ndarray, taken: np.ndarray, positions: int, sent: Range, lanes: int
) -> Product | None:
    """Return a part as a product, None if its messages or weights need more than a byte.

    Parameters
    ----------
    weight
        (taps, channels, targets of a place).
    taken
        (places, taps): the position of the source that a tap hears, ``positions`` if none.
    positions
        Of the source, each with all channels.
    sent
        The range of its messages.
    lanes
        Targets whose weights stand together.
    """
    reached = int((taken < positions).sum()) * weight.shape[2]
    silence = 0 if sent[0] >= 0 else _SIGNED_SILENCE
    bits = int(np.bitwise_or.reduce(weight, axis=None))
    scale = (bits & -bits).bit_length() - 1 if bits else 0
    stored = weight >> scale
    if not inside(sent, _SIGNED if silence else _UNSIGNED) or not _bytes(stored) or not reached:
        return None
    taps, channels, targets = weight.shape
    stored = np.pad(stored, ((0, 0), (0, -channels % _LANE_BYTES), (0, -targets % lanes)))
    room, columns = stored.shape[1], stored.shape[2] // lanes
    packed = stored.reshape(-1, _LANE_BYTES, columns, lanes).transpose(2, 0, 3, 1)
    one_row = positions == taken.size == 1
    step_bytes = room if one_row else (positions + 1) * room
    position, channel = np.divmod(np.arange(positions * channels), channels)
    return Product(
        layout.aligned(packed.astype(np.int8)),
        (-silence * stored.sum((0, 1), np.int64)).astype(np.int32),
        (position * room + channel).astype(np.int32),
        (taken[:0] if one_row else taken * room).astype(np.int32),
        [len(taken), taps, room, taps * room, step_bytes, targets, silence, scale],
        work=len(taken) * stored.size,
        fan_out=reached / positions,
    )


def dense(
    synapse: Dense, orders: tuple[np.ndarray, np.ndarray], sent: Range, lanes: int
) -> Product | None:
    """Return ``synapse``, between what is kept in ``orders``, as a product of one place and tap."""
    rows = layout.dense_rows(synapse, *orders)
    return product(rows[None], np.zeros((1, 1), np.int32), 1, sent, lanes)


def conv(
    synapse: Conv2d, source: Shape, found: layout.Landings, sent: Range, lanes: int
) -> Product | None:
    """Return ``synapse``, which has no groups, as a product: a row for each place of its output."""
    outputs, channels, height, width = synapse.weight.shape
    positions, taps = prod(source[1:]), height * width
    weight = synapse.weight.reshape(outputs, channels, taps).transpose(2, 1, 0)
    place, tap = found.rows.T
    taken = np.full((prod(synapse.output_shape(source)[1:]), taps), positions)
    taken[place, tap] = np.repeat(np.arange(positions), np.diff(found.start))
    return product(weight, taken, positions, sent, lanes)


def _bytes(weight: np.ndarray) -> bool:
    return weight.size > 0 and bool(weight.min() >= -128 and weight.max() <= 127)
