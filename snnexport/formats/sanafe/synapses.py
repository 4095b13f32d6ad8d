"""Synapses one by one, as the edges of a SANA-FE network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from hwsim.errors import UnsupportedError
from hwsim.program import Connection, Program
from hwsim.synapses import Conv2d, Dense, Shape, Sparse, SumPool2d


class Edges(NamedTuple):
    """Synapse i leads from neuron ``source[i]`` to ``target[i]``, in C order; all (n,)."""

    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray


def edge_text(program: Program, c: Connection, names: dict[str, str]) -> str:
    """Return the entry of ``c`` in the network's ``edges``; ``names``: groups by population."""
    head = f"    - {names[c.source]} -> {names[c.target]}: "
    if isinstance(c.synapse, Dense):
        rows = c.synapse.weight.T.astype(np.int64) << c.synapse.exponent
        return f"{head}[type: dense, weight: {_listed(rows.ravel())}]\n"
    edges = single(program, c)
    pairs = ",".join(
        f"[{s},{t}]" for s, t in zip(edges.source.tolist(), edges.target.tolist(), strict=True)
    )
    weight = _listed(edges.weight)
    return f"{head}[type: sparse, source_target_pairs: [{pairs}], weight: {weight}]\n"


def single(program: Program, c: Connection) -> Edges:
    """Return every synapse of a connection that is not all to all, weights of 0 included."""
    synapse, shape = c.synapse, program.shape_of(c.source)
    if isinstance(synapse, SumPool2d):
        synapse = synapse.as_conv(shape[0])
    if isinstance(synapse, Conv2d):
        return _of_conv(synapse, shape)
    if isinstance(synapse, Sparse):
        weight = synapse.weight.astype(np.int64) << synapse.exponent
        return Edges(synapse.source, synapse.target, weight)
    raise UnsupportedError(
        f"{c.name}: no edges are known for {type(synapse).__name__}",
        hint="name them in snnexport/formats/sanafe/synapses.py",
    )


def _of_conv(conv: Conv2d, shape: Shape) -> Edges:
    """Lay the kernel at every output: SANA-FE's own conv2d has no padding and no groups."""
    outputs, _, *kernel = conv.weight.shape
    _, height, width = conv.output_shape(shape)
    (down, across), (y, x) = conv.padding, conv.dilation
    numbers = np.arange(np.prod(shape)).reshape(shape)
    outside = np.pad(numbers, ((0, 0), (down, down), (across, across)), constant_values=-1)
    under = np.stack(
        [
            outside[:, ky * y :: conv.stride[0], kx * x :: conv.stride[1]][:, :height, :width]
            for ky in range(kernel[0])
            for kx in range(kernel[1])
        ],
        axis=1,
    )  # (channels, taps, height, width): the input that each tap of each output reads
    group = under.reshape(conv.groups, -1, *under.shape[1:])
    source = np.repeat(group, outputs // conv.groups, axis=0)
    weight = conv.weight.reshape(*conv.weight.shape[:2], -1, 1, 1)
    places = np.arange(outputs * height * width).reshape(outputs, 1, 1, height, width)
    inside = source >= 0
    target, weight = (np.broadcast_to(a, source.shape)[inside] for a in (places, weight))
    return Edges(source[inside], target, weight)


def _listed(values: Iterable[int] | np.ndarray) -> str:
    return f"[{','.join(map(str, np.asarray(values).tolist()))}]"
