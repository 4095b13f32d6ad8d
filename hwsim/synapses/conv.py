"""Synapses that share weights over positions: convolutions, and sums over windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import gcd
from typing import ClassVar

import numpy as np

from hwsim._value_checks import array_problems, plain, tuple_problems, whole_problems
from hwsim.arith import WORD, wrap24
from hwsim.errors import RangeError
from hwsim.synapses.base import Form, Pair, Shape, Synapse, sum_rows


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

    FORM: ClassVar[Form] = Form.CONV

    def __post_init__(self) -> None:
        plain(self)

    @property
    def weights(self) -> np.ndarray:
        """Effective integer weights."""
        return self.weight

    @property
    def delays(self) -> Sequence[int]:
        """A convolution has no delays; :meth:`hwsim.Sparse.unrolled` gives it some."""
        return (0,)

    def problems(self) -> list[str]:
        """List wrong types, shapes, sizes and groups."""
        axes = "outputs, inputs, height, width"
        found = array_problems("weight", self.weight, WORD, axes)
        if not found and 0 in self.weight.shape:
            found.append(f"weight has shape {self.weight.shape}, not ({axes})")
        groups = whole_problems("groups", self.groups, 1)
        if not (found or groups) and self.weight.shape[0] % self.groups:
            groups.append(
                f"{self.weight.shape[0]} output channels do not divide into {self.groups}"
            )
        found += groups + tuple_problems("stride", self.stride, 1, 2)
        found += tuple_problems("padding", self.padding, 0, 2)
        return found + tuple_problems("dilation", self.dilation, 1, 2)

    def parts(self) -> tuple[tuple[int, Synapse], ...]:
        """Return itself."""
        return ((0, self),)

    def output_shape(self, source: Shape) -> Shape:
        """Return (C_out, H_out, W_out); raise RangeError if the source does not fit."""
        channels = self.weight.shape[1] * self.groups
        if len(source) != 3 or source[0] != channels:
            raise RangeError(
                f"a Conv2d of {channels} input channels cannot follow a layer of shape {source}",
                hint="shapes are (channels, height, width)",
            )
        kernel = self.weight.shape[2:]
        size = _positions(source[1:], kernel, self.stride, self.padding, self.dilation)
        return (self.weight.shape[0], *size)

    def fan_out(self, source: Shape) -> np.ndarray:
        """Count, for each source position, the kernel taps that land inside the output."""
        _, height, width = self.output_shape(source)
        rows, columns = self._landings(0, source[1], height), self._landings(1, source[2], width)
        per_position = np.multiply.outer(rows, columns) * (self.weight.shape[0] // self.groups)
        return np.broadcast_to(per_position, source)

    def nonzero_fan_out(self, source: Shape) -> np.ndarray:
        """Count, for each source position, the weights of those taps that are not 0."""
        _, height, width = self.output_shape(source)
        rows, columns = self._hits(0, source[1], height), self._hits(1, source[2], width)
        per_group = (self.weight != 0).reshape(self.groups, -1, *self.weight.shape[1:])
        per_tap = per_group.sum(axis=1).reshape(-1, *self.weight.shape[2:])  # (C_in, kH, kW)
        return rows.T @ per_tap @ columns

    def fan_in(self, source: Shape) -> np.ndarray:
        """Count, for each output position, the kernel taps that stand inside the source."""
        shape = self.output_shape(source)
        rows, columns = self._inside(0, source[1], shape[1]), self._inside(1, source[2], shape[2])
        return np.broadcast_to(np.multiply.outer(rows, columns) * self.weight.shape[1], shape)

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
            total += sum_rows(rows, target, len(total))
        total = total.reshape(batch, height, width, out_channels).transpose(0, 3, 1, 2)
        return wrap24(total)

    def _landings(self, axis: int, positions: int, size: int) -> np.ndarray:
        """Return how many taps take each position into an output of ``size``, (positions,).

        Those are the taps k with ``position + padding - k * dilation`` in 0, stride, ...: one in
        ``period`` of those that reach no further than the output does.
        """
        stride, dilation = self.stride[axis], self.dilation[axis]
        common = gcd(stride, dilation)
        period = stride // common
        reach = np.arange(positions) + self.padding[axis]
        first = reach // common % period * pow(dilation // common, -1, period) % period
        low = np.maximum(-(((size - 1) * stride - reach) // dilation), 0)
        high = np.minimum(reach // dilation, self.weight.shape[2 + axis] - 1)
        count = (high - first) // period - (low - 1 - first) // period
        return np.where(reach % common == 0, np.maximum(count, 0), 0)

    def _hits(self, axis: int, positions: int, size: int) -> np.ndarray:
        """Return whether each tap takes each position into an output of ``size``."""
        taps = np.arange(self.weight.shape[2 + axis])[:, None]
        return self._landing(np.arange(positions), taps, axis, size)[1]

    def _inside(self, axis: int, positions: int, size: int) -> np.ndarray:
        """Return how many taps of each output stand on a position, not on padding, (size,)."""
        taps = np.arange(self.weight.shape[2 + axis]) * self.dilation[axis] - self.padding[axis]
        place = np.add.outer(np.arange(size) * self.stride[axis], taps)
        return ((place >= 0) & (place < positions)).sum(axis=1)

    def _landing(
        self, position: np.ndarray, tap: int | np.ndarray, axis: int, size: int
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

    FORM: ClassVar[Form] = Form.CONV

    def __post_init__(self) -> None:
        plain(self)

    @property
    def weights(self) -> np.ndarray:
        """Effective integer weights."""
        return np.array([self.weight])

    @property
    def delays(self) -> Sequence[int]:
        """Pooling has no delays."""
        return (0,)

    def problems(self) -> list[str]:
        """List a wrong weight and wrong sizes."""
        found = whole_problems("weight", self.weight, *WORD)
        found += tuple_problems("kernel", self.kernel, 1, 2)
        found += tuple_problems("stride", self.stride, 1, 2)
        return found + tuple_problems("padding", self.padding, 0, 2)

    def parts(self) -> tuple[tuple[int, Synapse], ...]:
        """Return itself."""
        return ((0, self),)

    def as_conv(self, channels: int) -> Conv2d:
        """Return the depthwise convolution that computes the same."""
        weight = np.full((channels, 1, *self.kernel), self.weight, np.int64)
        return Conv2d(weight, self.stride, self.padding, groups=channels)

    def output_shape(self, source: Shape) -> Shape:
        """Return (C, H_out, W_out); raise RangeError if the source does not fit."""
        if len(source) != 3:
            raise RangeError(
                f"a SumPool2d cannot follow a layer of shape {source}",
                hint="shapes are (channels, height, width)",
            )
        size = _positions(source[1:], self.kernel, self.stride, self.padding)
        return (source[0], *size)

    def fan_out(self, source: Shape) -> np.ndarray:
        """Count the windows that each position belongs to."""
        return self.as_conv(source[0]).fan_out(source)

    def nonzero_fan_out(self, source: Shape) -> np.ndarray:
        """Count them, or nothing if the weight is 0."""
        return self.fan_out(source) * (self.weight != 0)

    def fan_in(self, source: Shape) -> np.ndarray:
        """Count the positions of each window that are not padding."""
        return self.as_conv(source[0]).fan_in(source)

    def deliver(self, spikes: np.ndarray) -> np.ndarray:
        """Sum the events of each window."""
        return self.as_conv(spikes.shape[1]).deliver(spikes)


def _positions(
    source: Shape, kernel: Shape, stride: Pair, padding: Pair, dilation: Pair = (1, 1)
) -> Shape:
    """Return where a kernel can stand, (H_out, W_out); raise RangeError if it fits nowhere."""
    size = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, p, d, k, s in zip(source, padding, dilation, kernel, stride, strict=True)
    )
    if min(size) < 1:
        raise RangeError(
            f"a kernel of {kernel} does not fit into {source} with padding {padding}",
            hint="use a smaller kernel or more padding",
        )
    return size
