"""Average poolings in kernels of the chip, which a conventional network would run on their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from hwsim._report.operations import Operations, Widths, layers, macs, memory, multiplied
from hwsim.program import Connection, Program
from hwsim.synapses import Conv2d


def pooled(program: Program) -> list[tuple[Connection, Conv2d, Conv2d]]:
    """Return the connections whose kernel repeats each weight over its stride.

    With each goes its kernel, and the one left behind a pooling over windows of that stride.
    """
    return [
        (c, s, behind)
        for c in layers(program)
        if isinstance(s := c.synapse, Conv2d)
        and (behind := _behind(s, program.shape_of(c.source))) is not None
    ]


def _behind(s: Conv2d, source: tuple[int, ...]) -> Conv2d | None:
    if s.stride == (1, 1) or s.dilation != (1, 1):
        return None
    (y, x), sizes = s.stride, np.array([source[1:], s.padding, s.weight.shape[2:]])
    small = s.weight[:, :, ::y, ::x]
    if (sizes % s.stride).any() or (small.repeat(y, axis=2).repeat(x, axis=3) != s.weight).any():
        return None
    return Conv2d(small, padding=(s.padding[0] // y, s.padding[1] // x), groups=s.groups)


def pooling_first(
    program: Program, sent: Mapping[str, np.ndarray], widths: Widths
) -> Iterator[Operations]:
    """Yield what a conventional network does more (or less, below 0) if it pools before it weighs.

    A pooled activation is 0 where all of its window is; it is written and read once more.

    Parameters
    ----------
    sent
        By source: whether each neuron sent anything in each sample, (B, *shape).
    """
    for c, kernel, behind in pooled(program):
        (y, x), active = kernel.stride, sent[c.source]
        samples, channels, height, width = active.shape
        windows = active.reshape(samples, channels, height // y, y, width // x, x)
        met = windows.any(axis=(3, 5)).sum(axis=0)
        less = macs(program, c, {c.source: active.sum(axis=0)})[1]
        less -= int((met * behind.fan_out(met.shape)).sum())
        yield from multiplied(program, c, -less / samples, widths)
        yield Operations("ann", "additions of poolings", "int32_adds", active.sum() / samples)
        bits = widths.activations[c.source] + (y * x - 1).bit_length() + (met.size - 1).bit_length()
        yield memory("ann", "pooled activations", 2 * bits * met.sum() / samples)
