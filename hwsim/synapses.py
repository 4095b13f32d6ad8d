"""Connections of the machine: what a layer's spikes do to its targets, event by event.

Each synapse knows its output shape, its fan-out (the synaptic operations that one spike of
each source neuron causes, exact at borders), and ``deliver``, which gathers the weights of
the neurons that fired. No dense product is ever formed here.

Shapes are channel-first, (C, H, W) or (n,); batches are axis 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Protocol

import numpy as np

from hwsim.arith import scale_sum, wrap24, wrap32
from hwsim.errors import RangeError

Shape = tuple[int, ...]
Pair = tuple[int, int]


class Synapse(Protocol):
    """What the engines, the counters and the file format need of a connection."""

    @property
    def weights(self) -> np.ndarray:
        """Effective integer weights, any shape: for range checks and bounds."""
        ...

    def output_shape(self, source: Shape) -> Shape:
        """Return the shape of the current for a source of shape ``source``."""
        ...

    def fan_out(self, source: Shape) -> np.ndarray:
        """Return the number of synapses that each source neuron drives, shape ``source``."""
        ...

    def deliver(self, spikes: np.ndarray) -> np.ndarray:
        """Turn payloads (B, *source) into activations (B, *target), both int64."""
        ...


@dataclass(frozen=True, eq=False)
class Dense:
    """All-to-all weights; a source of any shape is read in C order.

    weight: (n_out, n_in) integers; exponent: the accumulated sum is shifted by it.
    Source: lava-nc 0.10.0 ``PyDenseModelBitAcc``.
    """

    weight: np.ndarray
    exponent: int = 0

    @property
    def weights(self) -> np.ndarray:
        """Effective integer weights."""
        return self.weight

    def output_shape(self, source: Shape) -> Shape:
        """Return (n_out,); raise RangeError if the source has another size."""
        if prod(source) != self.weight.shape[1]:
            raise RangeError(
                f"a Dense of {self.weight.shape[1]} inputs cannot follow {prod(source)} neurons",
                hint="the weight has shape (outputs, inputs)",
            )
        return (self.weight.shape[0],)

    def fan_out(self, source: Shape) -> np.ndarray:
        """Every spike reaches every output, zero weights included."""
        return np.full(source, self.weight.shape[0], np.int64)

    def deliver(self, spikes: np.ndarray) -> np.ndarray:
        """Sum the weight columns of the neurons that fired."""
        flat = spikes.reshape(len(spikes), -1)
        sample, neuron = np.nonzero(flat)
        rows = self.weight.T.astype(np.int64)[neuron]
        total = _sum_rows(rows * flat[sample, neuron][:, None], sample, len(spikes))
        return wrap32(scale_sum(total, self.exponent))


@dataclass(frozen=True, eq=False)
class Conv2d:
    """Two-dimensional cross-correlation, as ``torch.nn.functional.conv2d``.

    weight: (C_out, C_in / groups, kH, kW) integers. The sum wraps to 24 bits as in Lava.
    Source: lava-nc 0.10.0 ``PyConvModelFixed`` (which flips the kernel; the Lava writer
    flips it back).
    """

    weight: np.ndarray
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    @property
    def weights(self) -> np.ndarray:
        """Effective integer weights."""
        return self.weight

    def output_shape(self, source: Shape) -> Shape:
        """Return (C_out, H_out, W_out); raise RangeError if the source does not fit."""
        channels = self.weight.shape[1] * self.groups
        if len(source) != 3 or source[0] != channels:
            raise RangeError(
                f"a Conv2d of {channels} input channels cannot follow a layer of shape {source}",
                hint="shapes are (channels, height, width)",
            )
        size = [
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, p, d, k, s in zip(
                source[1:],
                self.padding,
                self.dilation,
                self.weight.shape[2:],
                self.stride,
                strict=True,
            )
        ]
        if min(size) < 1:
            raise RangeError(
                f"a kernel of {self.weight.shape[2:]} does not fit into {source[1:]} "
                f"with padding {self.padding}",
                hint="use a smaller kernel or more padding",
            )
        return (self.weight.shape[0], *size)

    def fan_out(self, source: Shape) -> np.ndarray:
        """Count, for each source position, the kernel taps that land inside the output."""
        _, height, width = self.output_shape(source)
        taps = [
            sum(self._landing(np.arange(n), k, axis, out)[1].astype(np.int64) for k in range(size))
            for axis, (n, out, size) in enumerate(
                zip(source[1:], (height, width), self.weight.shape[2:], strict=True)
            )
        ]
        per_position = np.multiply.outer(taps[0], taps[1]) * (self.weight.shape[0] // self.groups)
        return np.broadcast_to(per_position, source)

    def deliver(self, spikes: np.ndarray) -> np.ndarray:
        """Add, for each event and each kernel tap, the weights of all output channels."""
        batch, *source = spikes.shape
        out_channels, height, width = self.output_shape(tuple(source))
        per_group_in = self.weight.shape[1]
        kernel = self.weight.astype(np.int64).reshape(self.groups, -1, *self.weight.shape[1:])
        last = spikes.transpose(0, 2, 3, 1)  # events come sorted by sample, y, x, channel
        sample, y, x, channel = np.nonzero(last)
        payload = last[sample, y, x, channel]
        group, inner = channel // per_group_in, channel % per_group_in
        total = np.zeros((batch * height * width * self.groups, kernel.shape[1]), np.int64)
        for ky, kx in product(*map(range, self.weight.shape[2:])):
            oy, hit_y = self._landing(y, ky, 0, height)
            ox, hit_x = self._landing(x, kx, 1, width)
            hit = hit_y & hit_x
            target = ((sample[hit] * height + oy[hit]) * width + ox[hit]) * self.groups + group[hit]
            rows = kernel[group[hit], :, inner[hit], ky, kx] * payload[hit][:, None]
            total += _sum_rows(rows, target, len(total))
        total = total.reshape(batch, height, width, out_channels).transpose(0, 3, 1, 2)
        return wrap24(total)

    def _landing(
        self, position: np.ndarray, tap: int, axis: int, size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the output index that ``tap`` sends ``position`` to, and where it exists."""
        shifted = position + self.padding[axis] - tap * self.dilation[axis]
        index, rest = np.divmod(shifted, self.stride[axis])
        return index, (rest == 0) & (index >= 0) & (index < size)


@dataclass(frozen=True, eq=False)
class SumPool2d:
    """Sum over windows of each channel; every synapse has the same weight.

    Lava and the chip see it as a depthwise convolution, and so do the engines.
    """

    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    weight: int = 1

    @property
    def weights(self) -> np.ndarray:
        """Effective integer weights."""
        return np.array([self.weight])

    def as_conv(self, channels: int) -> Conv2d:
        """Return the depthwise convolution that computes the same."""
        weight = np.full((channels, 1, *self.kernel), self.weight, np.int64)
        return Conv2d(weight, self.stride, self.padding, groups=channels)

    def output_shape(self, source: Shape) -> Shape:
        """Return (C, H_out, W_out)."""
        return self.as_conv(source[0]).output_shape(source)

    def fan_out(self, source: Shape) -> np.ndarray:
        """Count the windows that each position belongs to."""
        return self.as_conv(source[0]).fan_out(source)

    def deliver(self, spikes: np.ndarray) -> np.ndarray:
        """Sum the events of each window."""
        return self.as_conv(spikes.shape[1]).deliver(spikes)


def _sum_rows(rows: np.ndarray, target: np.ndarray, size: int) -> np.ndarray:
    """Add ``rows`` (E, n) with equal ``target``, which must be sorted, into (size, n)."""
    total = np.zeros((size, rows.shape[1]), np.int64)
    if len(target):
        starts = np.flatnonzero(np.diff(target, prepend=-1))
        total[target[starts]] = np.add.reduceat(rows, starts, axis=0)
    return total
