"""The datasets of a netx layer that carries weights, and what keeps connections out of netx."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from hwsim.activations import as_conv, inside, messages, sums
from hwsim.arith import WEIGHT_MIN, WORD, Range
from hwsim.neurons import Delta
from hwsim.program import Connection, Program
from hwsim.synapses import Conv2d, Dense, SumPool2d
from snnexport.formats.lava.synapses import conv_problems, fewer_groups
from snnexport.formats.netx.chain import Link
from snnexport.formats.netx.layout import BIAS, SDNN_VALUE
from snnexport.formats.netx.weights import changed_weights

Layer = dict[str, Any]
"""Datasets by name, and groups of them."""


def flatten_layer(program: Program, link: Link) -> Layer:
    """Return the layer that precedes a dense one whose source has channels, rows and columns."""
    neurons = prod(program.shape_of(link.connection.source))
    return {"type": "flatten", "shape": np.array([neurons, 1, 1])}


def dense_layer(_: Program, link: Link) -> Layer:
    """Return the datasets of a dense layer, or of a recurrent one."""
    synapse = link.connection.synapse
    assert isinstance(synapse, Dense)
    outputs, inputs = synapse.weight.shape
    layer: Layer = {
        "type": "dense",
        "shape": np.array([outputs]),
        "inFeatures": inputs,
        "outFeatures": outputs,
        "weight": synapse.weight.astype(np.int32),
    }
    if max(synapse.delays) > 0:
        layer["delay"] = _delay(np.asarray(synapse.delay))
    if link.recurrent is not None:
        weight = link.recurrent.synapse.weights.astype(np.int32)
        layer |= {"type": "dense_rec", "weight_rec": weight}
    return layer


def conv_layer(program: Program, link: Link) -> Layer:
    """Return the datasets of a convolution; a sum over windows is a depthwise one."""
    source = program.shape_of(link.connection.source)
    conv = as_conv(link.connection.synapse, source)
    assert isinstance(conv, Conv2d)
    conv = fewer_groups(conv)
    sizes = {name: np.array(getattr(conv, name)) for name in ("stride", "padding", "dilation")}
    return {
        "type": "conv",
        "shape": np.array(link.population.shape),
        "inChannels": source[0],
        "outChannels": len(conv.weight),
        "kernelSize": np.array(conv.weight.shape[2:]),
        **sizes,
        "groups": conv.groups,
        "weight": conv.weight.astype(np.int32),
    }


def _delay(delay: np.ndarray) -> np.ndarray:
    """Return delays (outputs, inputs), as short as lava-dl reads them the same."""
    outputs, inputs = delay.shape
    if (delay == delay[:, :1]).all():
        return delay[:, 0]
    if (delay == delay[:1]).all() and outputs != inputs:
        return delay[0]
    return delay


def connection_problems(program: Program, link: Link) -> list[str]:
    """List what a netx layer cannot say of the connections into ``link``'s population."""
    if link.is_input:
        return _shape_problems(program, link) + _entry_problems(program, link)
    conv = isinstance(link.connection.synapse, (Conv2d, SumPool2d))
    found = _shape_problems(program, link)
    found += (_conv_problems if conv else _dense_problems)(program, link)
    return found + _payload_problems(program, link)


def _shape_problems(program: Program, link: Link) -> list[str]:
    c, p = link.connection, link.population
    source = program.shape_of(c.source)
    given = source if link.is_input else c.synapse.output_shape(source)
    found = []
    if len(source) not in (1, 3):
        found.append(f"{c.source}: shape {source} is neither (n,) nor (C, H, W)")
    if p.shape != given:
        found.append(f"{p.name}: shape {p.shape}, netx's layer has {given}")
    return found


def _entry_problems(program: Program, link: Link) -> list[str]:
    c, found = link.connection, []
    if link.recurrent is not None:
        found.append(f"{link.recurrent.name}: netx has no recurrent input neurons")
    sent = program.messages_of(c.source)
    limits = SDNN_VALUE if isinstance(link.population.neuron, Delta) else BIAS
    if not inside(sent, limits):
        found.append(f"{c.source}: {sent[0]}..{sent[1]} does not fit {limits[0]}..{limits[1]}")
    if not c.graded and not inside(sent, (0, 1)):
        found.append(f"{c.name}: input neurons read payloads; make it graded")
    return found


def _conv_problems(program: Program, link: Link) -> list[str]:
    c, sent = link.connection, messages(program, link.connection)
    found = [f"{c.name}: {p}" for p in conv_problems(c.synapse, (0, 1) if sent == WORD else sent)]
    if link.recurrent is not None:
        found.append(f"{link.recurrent.name}: netx has recurrent layers after a Dense only")
    return found


def _dense_problems(program: Program, link: Link) -> list[str]:
    joined = [c for c in (link.connection, link.recurrent) if c is not None]
    found = []
    for c in joined:
        if not isinstance(c.synapse, Dense):
            kind = type(c.synapse).__name__
            found.append(f"{c.name}: netx has no {kind} (nor delays of a convolution); use Dense")
        elif c.synapse.exponent:
            found.append(f"{c.name}: weight exponent {c.synapse.exponent}, netx has none")
        if link.recurrent is not None and max(c.synapse.delays) > 0:
            found.append(f"{c.name}: delays in a recurrent layer, which lava-dl cannot load")
    if found:
        return found
    weights = [c.synapse.weights.astype(np.int64) for c in joined]
    name = " and ".join(c.name for c in joined)
    changed = changed_weights(weights) or _sum_problems(weights, messages(program, joined[0]))
    return [f"{name}: {problem}" for problem in changed]


def _sum_problems(weights: list[np.ndarray], sent: Range) -> list[str]:
    """Say so if a sum does not fit 32 bits: lava-dl first scales weights until they fill 8 bits.

    Messages that may be anything, those of sigma-delta neurons, are not bounded here.
    """
    low, high = sums(Dense(weights[0]), sent)
    scale = -WEIGHT_MIN // max(int(np.abs(w).max()) for w in weights)
    if sent == WORD or inside((low * scale, high * scale), WORD):
        return []
    return [f"a sum of {max(-low, high) * scale} in lava-dl does not fit 32 bits"]


def _payload_problems(program: Program, link: Link) -> list[str]:
    """Say so where lava-dl reads payloads and the program does not, or the other way round.

    A layer reads them if the one before sends sigma-delta messages, the first one if it is told
    to; a recurrent layer reads both of its synapses the same way.
    """

    def several(c: Connection) -> bool:
        return program.messages_of(c.source) == WORD

    entry = link.connection.source == program.input.name
    read = link.connection.graded if entry else several(link.connection)
    verb = "reads" if read else "ignores"
    return [
        f"{c.name}: graded = {c.graded}, but lava-dl {verb} payloads there"
        for c in (link.connection, link.recurrent)
        if c is not None and c.graded != read and several(c)
    ]
