"""Which stock Process computes a connection, and what Lava would compute differently."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hwsim.activations import inside, messages, sums
from hwsim.arith import WORD, Range, truncate_weights
from hwsim.program import Connection, Program
from hwsim.synapses import Conv2d, Dense, Shape, Sparse, SumPool2d, Synapse
from snnexport.formats.lava.blocks import Arguments, Link, Store

_INT8 = (1 << 7) - 1


def connection_problems(program: Program, c: Connection) -> list[str]:
    """List what stock Lava has no Process for, or would compute differently."""
    synapse, sent = c.synapse, messages(program, c)
    if type(synapse) not in (Dense, Sparse, Conv2d, SumPool2d):
        return [f"{c.name}: there is no Lava Process for {type(synapse).__name__}"]
    if not isinstance(synapse, (Dense, Sparse)):
        return [f"{c.name}: {problem}" for problem in conv_problems(synapse, sent)]
    weight = synapse.weight
    changed = np.count_nonzero(truncate_weights(weight) != weight)
    return [f"{c.name}: Lava would change {changed} of {weight.size} weights"] * bool(changed)


def connection_link(program: Program, c: Connection, ids: dict[str, str], store: Store) -> Link:
    """Return the Process of ``c``; its weights go to ``store`` in Lava's layout."""
    source, synapse, name = program.shape_of(c.source), c.synapse, ids[c.name]
    if isinstance(synapse, (Dense, Sparse)):
        takes, gives = (_matrix_shape(synapse)[1],), (_matrix_shape(synapse)[0],)
        kind, arguments = _flat(_summed_in_32_bits(synapse, messages(program, c)), name, store)
    else:
        conv = fewer_groups(_as_conv(synapse, source[0]))
        takes, gives = source, conv.output_shape(source)
        kind, arguments = "Conv", _conv(conv, source, name, store)
    bits = repr(message_bits(messages(program, c)) if c.graded else 0)
    return Link(
        id=name,
        name=c.name,
        kind=kind,
        home=_HOMES[kind],
        arguments={"name": repr(c.name), **arguments, "num_message_bits": bits},
        source_id=ids.get(c.source, ""),
        target_id=ids[c.target],
        target=c.target,
        reshape_in=_reshape(source, takes),
        reshape_out=_reshape(gives, program.shape_of(c.target)),
    )


_HOMES = {
    "Conv": "lava.proc.conv.process",
    "DelayDense": "lava.proc.dense.process",
    "DelaySparse": "lava.proc.sparse.process",
    "Dense": "lava.proc.dense.process",
    "Sparse": "lava.proc.sparse.process",
}


def message_bits(sent: Range) -> int:
    """Return the bits of a message; Lava only asks whether there are any."""
    low, high = sent
    return max(1, max(high, -low - 1).bit_length() + (low < 0))


def _matrix_shape(synapse: Dense | Sparse) -> tuple[int, int]:
    """Return (outputs, inputs)."""
    if isinstance(synapse, Sparse):
        return synapse.shape
    outputs, inputs = synapse.weight.shape
    return outputs, inputs


def _is_late(synapse: Dense | Sparse) -> bool:
    """Say whether any synapse has a delay; Lava's kinds with delays are far slower."""
    return max(synapse.delays) > 0


def _summed_in_32_bits(synapse: Dense | Sparse, sent: Range) -> Dense | Sparse:
    """Return an equal synapse whose Process does not sum in 64 bits, as DelayDense does.

    It makes a difference where the sum leaves 32 bits and its high bits are shifted down.
    """
    if isinstance(synapse, Sparse) or not _is_late(synapse) or synapse.exponent >= 0:
        return synapse
    if inside(sums(synapse, sent), WORD):
        return synapse
    return Sparse.of(synapse.weight, synapse.exponent, synapse.delay)


def _flat(synapse: Dense | Sparse, name: str, store: Store) -> tuple[str, Arguments]:
    """Return the kind and the arguments of a Dense, a Sparse, or one with delays."""
    late = _is_late(synapse)
    if isinstance(synapse, Dense):
        kind, held = "Dense", {"weights": store.put(name, "weight", synapse.weight)}
        if late:  # Lava asks for the type int
            held["delays"] = store.put(name, "delay", np.asarray(synapse.delay), int)
    else:
        target = store.put(name, "target", synapse.target)
        at = f"({target}, {store.put(name, 'source', synapse.source)})"
        shape = f"shape={tuple(map(int, synapse.shape))}"
        weight = store.put(name, "weight", synapse.weight)
        kind, held = "Sparse", {"weights": f"csr_matrix(({weight}, {at}), {shape})"}
        if late:
            delay = store.put(name, "delay", np.asarray(synapse.delay), int)
            held["delays"] = f"csr_matrix(({delay}, {at}), {shape})"
    kind = f"Delay{kind}" if late else kind
    return kind, {**held, "weight_exp": repr(int(synapse.exponent)), "num_weight_bits": "8"}


def _conv(conv: Conv2d, source: Shape, name: str, store: Store) -> Arguments:
    """Return the arguments of a Conv: Lava flips the kernel, and its axes are W, H, C."""
    weight = conv.weight[:, :, ::-1, ::-1].transpose(0, 3, 2, 1)
    sizes: dict[str, Any] = {
        "input_shape": source[::-1],
        "stride": conv.stride[::-1],
        "padding": conv.padding[::-1],
        "dilation": conv.dilation[::-1],
        "groups": conv.groups,
    }
    return {
        "weight": store.put(name, "weight", weight),
        **{key: repr(value) for key, value in sizes.items()},
    }


def conv_problems(synapse: Synapse, sent: Range) -> list[str]:
    """List what Lava's Conv would compute differently for messages ``sent``."""
    conv = _as_conv(synapse, 1)
    large = max(map(max, (conv.weight.shape[2:], conv.stride, conv.padding, conv.dilation)))
    found = [f"{large} does not fit Lava's 8 bits"] * (large > _INT8)
    low, high = sums(conv, sent)
    if not inside((low, high), WORD):  # Lava casts its float64 sum to int32: then undefined
        found.append(f"a sum of {low if -low > high else high} does not fit 32 bits")
    return found


def _as_conv(synapse: Synapse, channels: int) -> Conv2d:
    """Return the convolution that a Conv2d or a SumPool2d is."""
    if isinstance(synapse, SumPool2d):
        return synapse.as_conv(channels)
    assert isinstance(synapse, Conv2d)
    return synapse


def fewer_groups(conv: Conv2d) -> Conv2d:
    """Return an equal convolution whose number of groups fits Lava's 8 bits.

    Groups are joined, with zeros between them; Lava keeps ``groups`` in an int8 and would
    compute nothing for 128 (``AbstractPyConvModel``).
    """
    groups = max(g for g in range(1, _INT8 + 1) if conv.groups % g == 0)
    joined = conv.groups // groups
    out_channels, inner, *kernel = conv.weight.shape
    weight = np.zeros((out_channels, joined, inner, *kernel), np.int64)
    channel = np.arange(out_channels)
    weight[channel, channel * conv.groups // out_channels % joined] = conv.weight
    weight = weight.reshape(out_channels, joined * inner, *kernel)
    return replace(conv, weight=weight, groups=groups)


def _reshape(gives: Shape, takes: Shape) -> str:
    """Return the port expression from a Process of shape ``gives`` to one of ``takes``.

    Lava's ports hold the shapes reversed; in between, neurons are counted in C order.
    """

    def reversal(shape: Shape) -> str:
        return f".transpose({list(range(len(shape)))[::-1]})" if len(shape) > 1 else ""

    if gives == takes:
        return ""
    flatten = f"{reversal(gives)}.flatten()" if len(gives) > 1 else ""
    return flatten + (f".reshape({takes}){reversal(takes)}" if len(takes) > 1 else "")
