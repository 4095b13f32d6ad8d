"""Writes a Program as a folder that runs on Lava: ``network.py``, ``weights.npz``, ``probe/``.

The folder needs Python 3.10 and lava-nc 0.10.0 and nothing of spikeport. What stock Lava
would compute differently is refused here, by name.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import jinja2
import numpy as np

from hwsim.arith import bias_fits, bias_registers, threshold_mantissa, truncate_weights
from hwsim.errors import RangeError, UnsupportedError
from hwsim.files import write_atomic
from hwsim.neurons import Cuba
from hwsim.program import Connection, Population, Program, expand
from hwsim.synapses import Conv2d, Dense, Shape, SumPool2d, Synapse
from hwsim.trace import npz_bytes

BIAS_MANTISSA_LIMIT, BIAS_EXPONENT_LIMIT = 2**15 - 1, 16
"""Lava keeps ``bias_mant`` in 16 bits and wraps beyond (``AbstractPyLifModelFixed``)."""
_INT8 = (1 << 7) - 1
_INT32 = (1 << 31) - 1
_RESERVED = {"__debug__", "Conv", "Dense", "LIF", "LIFReset", "Path", "__file__", "np", "w"}
"""Names that ``build`` in network.py uses itself."""


@dataclass(frozen=True)
class _Block:
    """A Process of network.py: its variable, class and arguments, as Python text."""

    id: str
    name: str
    kind: str
    arguments: list[tuple[str, str]]


@dataclass(frozen=True)
class _Link(_Block):
    """A connection's Process, and the port expressions that join it to both populations."""

    source_id: str
    target_id: str
    reshape_in: str
    reshape_out: str


def write_lava(program: Program, folder: Path, *, sha256: str = "") -> None:
    """Write ``program`` into ``folder`` (made if absent), to be read and run by a Lava user.

    Parameters
    ----------
    program
        The network.
    folder
        Gets ``network.py``, ``weights.npz`` and ``probe/recorder.py``.
    sha256
        Identity of the program's file, kept as ``PROGRAM_SHA256`` in network.py.

    Raises
    ------
    UnsupportedError
        Listing everything that stock Lava 0.10.0 has no Process for or computes differently.
    RangeError
        If a bias does not fit Lava's mantissa of 16 bits.
    """
    problems = unsupported(program)
    if problems:
        lines = "\n".join(f"  - {p}" for p in problems)
        raise UnsupportedError(
            f"program {program.name} cannot run on Lava: {len(problems)} problem(s)\n{lines}",
            hint="a Dense of Lava holds weights 0..255, -255..0, or even ones in -256..254",
        )
    ids = _identifiers(x.name for x in (*program.populations, *program.connections))
    arrays: dict[str, np.ndarray] = {}
    artefact = files("snnexport.formats") / "lava_artefact"
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    environment.filters.update(repr=repr, quoted=repr)
    network = environment.from_string((artefact / "network.py.jinja").read_text("utf-8")).render(
        program=program,
        sha256=sha256,
        populations=[_population(program, p, ids, arrays) for p in program.populations],
        connections=[_link(program, c, ids, arrays) for c in program.connections],
    )
    recorder = (artefact / "probe" / "recorder.py").read_text("utf-8")
    write_atomic(folder / "probe" / "recorder.py", recorder)
    write_atomic(folder / "weights.npz", npz_bytes(arrays))
    write_atomic(folder / "network.py", network)


def unsupported(program: Program) -> list[str]:
    """List what stock Lava has no Process for, or would compute differently."""
    found = [
        f"{p.name}: there is no Lava Process for the neuron {type(p.neuron).__name__}"
        for p in program.populations
        if type(p.neuron) is not Cuba
    ]
    if max(-program.input.low, program.input.high) > _INT32:
        found.append(f"{program.input.name}: values do not fit Lava's 32-bit messages")
    for c in program.connections:
        found += _connection_problems(c, _largest_message(program, c))
    return found


def _connection_problems(c: Connection, message: int) -> list[str]:
    synapse = c.synapse
    if type(synapse) not in (Dense, Conv2d, SumPool2d):
        return [f"{c.name}: there is no Lava Process for {type(synapse).__name__}"]
    if isinstance(synapse, Dense):
        weight, exponent = synapse.weight, max(synapse.exponent, 0)
        changed = np.count_nonzero(truncate_weights(weight) != weight)
        found = [f"{c.name}: Lava would change {changed} of {weight.size} weights"] * bool(changed)
    else:
        conv, exponent = _as_conv(synapse, 1), 0
        weight, sizes = (
            conv.weight,
            (conv.weight.shape[2:], conv.stride, conv.padding, conv.dilation),
        )
        large = max(map(max, sizes))
        found = [f"{c.name}: {large} does not fit Lava's 8 bits"] * (large > _INT8)
    total = int(np.abs(weight.astype(np.int64)).reshape(len(weight), -1).sum(axis=1).max())
    if total * message << exponent > _INT32:
        found.append(f"{c.name}: a sum of {total * message << exponent} does not fit 32 bits")
    return found


def _largest_message(program: Program, c: Connection) -> int:
    """Return the largest magnitude that ``c`` multiplies a weight with."""
    if c.graded and c.source == program.input.name:
        return max(1, -program.input.low, program.input.high)
    return 1


def _identifiers(names: Iterable[str]) -> dict[str, str]:
    """Give every name a Python identifier of its own, as like it as can be."""
    found: dict[str, str] = {}
    for name in names:
        base = re.sub(r"\W", "_", name.replace("->", "_to_"), flags=re.ASCII)
        if not base.isidentifier() or keyword.iskeyword(base) or base in _RESERVED:
            base = f"p_{base}"
        choice, number = base, 2
        while choice in found.values():
            choice, number = f"{base}_{number}", number + 1
        found[name] = choice
    return found


def _population(
    program: Program, p: Population, ids: dict[str, str], arrays: dict[str, np.ndarray]
) -> _Block:
    """Return the LIF of ``p``, or the LIFReset; registers that vary go to ``arrays``."""
    bias = expand(p.neuron.bias, p.shape)
    mantissa, exponent = bias_registers(bias, BIAS_MANTISSA_LIMIT, BIAS_EXPONENT_LIMIT)
    wrong = bias[~bias_fits(bias, BIAS_MANTISSA_LIMIT, BIAS_EXPONENT_LIMIT)]
    if wrong.size:
        raise RangeError(
            f"{p.name}: bias = {wrong.flat[0]} does not fit Lava's 16-bit mantissa and exponent "
            f"({wrong.size} of {bias.size} values)",
            hint="round biases with hwsim.arith.round_bias, as spikeport export does",
        )
    registers = {
        "du": expand(p.neuron.decay_u, p.shape) - 1,
        "dv": expand(p.neuron.decay_v, p.shape),
        "vth": threshold_mantissa(expand(p.neuron.threshold, p.shape)),
        "bias_mant": mantissa,
        "bias_exp": exponent,
    }
    arguments = [("name", repr(p.name)), ("shape", repr(p.shape[::-1]))]
    for name, value in registers.items():
        if (value == value.flat[0]).all():
            arguments.append((name, repr(int(value.flat[0]))))
        else:
            key = f"{ids[p.name]}.{name}"
            arrays[key] = (value.T if value.shape == p.shape else value.ravel()).astype(np.int32)
            arguments.append((name, f'w["{key}"]'))
    if program.period is None:
        return _Block(ids[p.name], p.name, "LIF", arguments)
    arguments += [
        ("reset_interval", repr(program.period)),
        ("reset_offset", repr(program.phase(p))),
    ]
    return _Block(ids[p.name], p.name, "LIFReset", arguments)


def _link(
    program: Program, c: Connection, ids: dict[str, str], arrays: dict[str, np.ndarray]
) -> _Link:
    """Return the Dense or Conv of ``c``; its weights go to ``arrays`` in Lava's layout."""
    source, synapse, key = program.shape_of(c.source), c.synapse, f"{ids[c.name]}.weight"
    bits = _largest_message(program, c).bit_length() + (program.input.low < 0) if c.graded else 0
    if isinstance(synapse, Dense):
        arrays[key] = synapse.weight.astype(np.int32)
        kind, takes, gives = "Dense", (synapse.weight.shape[1],), (synapse.weight.shape[0],)
        arguments = {"weights": f'w["{key}"]', "weight_exp": synapse.exponent, "num_weight_bits": 8}
    else:
        conv = _fewer_groups(_as_conv(synapse, source[0]))
        arrays[key] = conv.weight[:, :, ::-1, ::-1].transpose(0, 3, 2, 1).astype(np.int32)
        kind, takes, gives = "Conv", source, conv.output_shape(source)
        arguments = {
            "weight": f'w["{key}"]',
            "input_shape": source[::-1],
            "stride": conv.stride[::-1],
            "padding": conv.padding[::-1],
            "dilation": conv.dilation[::-1],
            "groups": conv.groups,
        }
    arguments = {"name": repr(c.name), **arguments, "num_message_bits": bits}
    return _Link(
        id=ids[c.name],
        name=c.name,
        kind=kind,
        arguments=[(name, str(value)) for name, value in arguments.items()],
        source_id=ids.get(c.source, ""),
        target_id=ids[c.target],
        reshape_in=_reshape(source, takes),
        reshape_out=_reshape(gives, program.shape_of(c.target)),
    )


def _as_conv(synapse: Synapse, channels: int) -> Conv2d:
    """Return the convolution that a Conv2d or a SumPool2d is."""
    if isinstance(synapse, SumPool2d):
        return synapse.as_conv(channels)
    assert isinstance(synapse, Conv2d)
    return synapse


def _fewer_groups(conv: Conv2d) -> Conv2d:
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
