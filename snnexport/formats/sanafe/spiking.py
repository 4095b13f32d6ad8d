"""The program as SANA-FE runs it: one sample, never reset, and an input of spikes alone."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from hwsim.program import Connection, Program
from hwsim.synapses import Conv2d, Dense, Shape, Sparse, SumPool2d, Synapse


def spiking(program: Program) -> Program:
    """Return ``program`` without resets, each channel of a graded input as one channel a bit.

    Nothing is reset, so nothing needs to be silenced between samples: the period and the blank
    line are gone. Bit b of channel c is channel ``c * bits + b`` of the new input, and its
    weights are those of the channel times ``2**b``: the sums are the same.
    """
    blank = program.blank.name if program.blank else None
    bits, source = input_bits(program), program.input
    channels, *rest = source.shape
    kept = [c for c in program.connections if c.source != blank]
    return replace(
        program,
        input=replace(source, shape=(channels * bits, *rest), low=0, high=1),
        connections=[
            _of_bits(c, source.shape, bits) if c.source == source.name else c for c in kept
        ],
        period=None,
        blank=None,
    )


def spiking_frames(program: Program, frames: np.ndarray) -> np.ndarray:
    """Return ``frames`` (T, B, *shape) of ``program`` as the input of its :func:`spiking`."""
    bits = input_bits(program)
    front, (channels, *rest) = frames.shape[:2], program.input.shape
    places = np.arange(bits).reshape(-1, *(1,) * len(rest))
    planes = frames[:, :, :, None].astype(np.int64) >> places & 1
    return planes.astype(np.int8).reshape(*front, channels * bits, *rest)


def input_bits(program: Program) -> int:
    """Return how many bits the largest value of the input has, at least 1."""
    return max(1, program.input.high.bit_length())


def _of_bits(c: Connection, source: Shape, bits: int) -> Connection:
    return c if bits == 1 else replace(c, synapse=_scaled(c.synapse, source, bits), graded=False)


def _scaled(synapse: Synapse, source: Shape, bits: int) -> Synapse:
    """Return ``synapse`` with one input channel a bit of each channel of ``source``."""
    if isinstance(synapse, SumPool2d):
        synapse = synapse.as_conv(source[0])
    if isinstance(synapse, Conv2d):
        return replace(synapse, weight=_repeated(synapse.weight, bits))
    if isinstance(synapse, Dense):
        channels = synapse.weight.reshape(-1, source[0], prod(source[1:]))
        return replace(synapse, weight=_repeated(channels, bits).reshape(len(channels), -1))
    assert isinstance(synapse, Sparse)
    channel, place = np.divmod(synapse.source, prod(source[1:]))
    each = np.arange(bits)[:, None]
    return Sparse(
        (synapse.shape[0], synapse.shape[1] * bits),
        np.tile(synapse.target, bits),
        ((channel * bits + each) * prod(source[1:]) + place).ravel(),
        (synapse.weight << each).ravel(),
        synapse.exponent,
    )


def _repeated(weight: np.ndarray, bits: int) -> np.ndarray:
    """Return ``weight`` (outputs, channels, ...) with each channel once a bit, times its value."""
    places = np.arange(bits).reshape(-1, *(1,) * (weight.ndim - 2))
    planes = weight[:, :, None].astype(np.int64) << places
    return planes.reshape(len(weight), -1, *weight.shape[2:])
