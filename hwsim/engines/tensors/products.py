"""Synapses as exact products of float64 tensors, on any device of torch.

No device but the processor multiplies matrices of 64-bit integers, while float64 holds every
integer up to 2**53: a product whose sums never leave that range is exact, in whatever order its
terms are added. Weights and the range of the messages tell how large the sums can be; where that
is too large, messages are cut into digits of fewer bits and multiplied digit by digit.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from hwsim.activations import delivered, inside, sums
from hwsim.arith import WORD, Range, scale_sum, wrap24, wrap32
from hwsim.errors import UnsupportedError
from hwsim.synapses import Conv2d, Dense, Sparse, Synapse

Tensor = Any
"""A tensor of torch, which is not imported here: it is optional."""
Product = Callable[[Tensor], Tensor]

_EXACT: Range = (-(1 << 53), 1 << 53)
"""The integers around 0 that float64 holds, all of them."""
_WORD_BITS = 32
_WINDOW_VALUES = 1 << 23
"""Values that the windows of a convolution hold at once, at least those of one frame."""


def delivery(torch: Any, device: Any, synapse: Synapse, sent: Range) -> Product:
    """Return what ``synapse.deliver`` is on ``device``, for messages in the range ``sent``.

    It turns messages (N, *source) into activations (N, ...), both int64 tensors.

    Raises
    ------
    UnsupportedError
        If the weights of one neuron add up to more than float64 holds.
    """
    bits, multiply = _digit_bits(synapse, sent), _multiplication(torch, device, synapse)
    keep = _registers(synapse, sent)

    def deliver(messages: Tensor) -> Tensor:
        if bits == _WORD_BITS:
            return keep(multiply(messages))
        total = 0
        for shift in range(0, _WORD_BITS, bits):
            digit = (messages >> shift) & ((1 << bits) - 1)
            total = total + (wrap32(multiply(digit)) << shift)  # in all below 2**63
        return keep(total)

    return deliver


def _registers(synapse: Synapse, sent: Range) -> Product:
    """Return what the registers behind ``synapse`` make of its sums: nothing, if all fit."""
    if isinstance(synapse, Conv2d):
        _, wraps = delivered(synapse, sent)
        return wrap24 if wraps else _unchanged
    assert isinstance(synapse, Dense | Sparse)
    if synapse.exponent == 0 and inside(sums(synapse, sent), WORD):
        return _unchanged
    return lambda total: wrap32(scale_sum(wrap32(total), synapse.exponent))


def _unchanged(total: Tensor) -> Tensor:
    return total


def _digit_bits(synapse: Synapse, sent: Range) -> int:
    """Return how many bits of a message may be multiplied at once; all of them: 32."""
    if inside(sums(synapse, sent), _EXACT):
        return _WORD_BITS
    for bits in (16, 8, 4, 2, 1):
        if inside(sums(synapse, (0, (1 << bits) - 1)), _EXACT):
            return bits
    raise UnsupportedError(
        f"engine 'torch': the weights of one neuron of a {type(synapse).__name__} add up to more "
        f"than {_EXACT[1]}, the largest sum that is exact in float64",
        hint='use engine="reference"',
    )


def _multiplication(torch: Any, device: Any, synapse: Synapse) -> Product:
    """Return the product of int64 messages (N, *source) with the weights, int64 (N, ...)."""
    weight = torch.from_numpy(synapse.weights.astype(np.float64)).to(device)
    if isinstance(synapse, Conv2d):
        return _convolution(torch, synapse, weight)
    if isinstance(synapse, Dense):
        return lambda messages: (messages.flatten(1).to(weight.dtype) @ weight.T).long()
    assert isinstance(synapse, Sparse)
    index = torch.from_numpy(np.stack([synapse.target, synapse.source]).astype(np.int64))
    matrix = torch.sparse_coo_tensor(
        index.to(device), weight, synapse.shape, check_invariants=True
    ).coalesce()
    return lambda messages: torch.sparse.mm(matrix, messages.flatten(1).T.to(weight.dtype)).T.long()


def _convolution(torch: Any, conv: Conv2d, weight: Tensor) -> Product:
    """Return a convolution as one product of all its windows.

    Libraries may compute one by Winograd's or Fourier's transform, whose terms are not integers.
    """
    kernels = weight.reshape(conv.groups, weight.shape[0] // conv.groups, -1)
    rows, columns = conv.padding

    def convolve(frames: Tensor) -> Tensor:
        around = (columns, columns, rows, rows)
        found = torch.nn.functional.pad(frames.to(weight.dtype), around)
        for axis in range(2):
            reach = conv.dilation[axis] * (weight.shape[2 + axis] - 1) + 1
            found = found.unfold(2 + axis, reach, conv.stride[axis])[..., :: conv.dilation[axis]]
        count, _, height, width = found.shape[:4]
        windows = found.permute(1, 4, 5, 0, 2, 3).reshape(conv.groups, kernels.shape[2], -1)
        total = (kernels @ windows).reshape(-1, count, height, width).transpose(0, 1)
        return total.to(torch.int64, memory_format=torch.contiguous_format)

    def multiply(messages: Tensor) -> Tensor:
        source = tuple(messages.shape[1:])
        positions = prod(conv.output_shape(source)[1:])
        at_once = max(1, _WINDOW_VALUES // (positions * source[0] * prod(weight.shape[2:])))
        return torch.cat([convolve(frames) for frames in messages.split(at_once)])

    return multiply
