"""Chip: what a chip file says, and everything in a Program that the chip cannot hold."""

from __future__ import annotations

import numpy as np

from hwsim._chip_values import (
    Bias,
    Chip,
    Figure,
    Messages,
    Price,
    PriceTable,
    Target,
    Weights,
)
from hwsim._chipfile import chip_names, load_chip
from hwsim.arith import SignMode, bias_fits, truncate_weights
from hwsim.blanking import border_problems, cycles, feedback
from hwsim.errors import raise_all
from hwsim.neurons import problems
from hwsim.program import Connection, Population, Program

__all__ = [
    "Bias", "Chip", "Figure", "Messages", "Price", "PriceTable", "Target", "Weights", "check",
    "checked", "chip_names", "load_chip",
]  # fmt: skip

_WAY_OUT = "choose smaller scales with snnexport.quantize"


def check(program: Program, chip: Chip) -> list[str]:
    """List every register, weight, message and latency that ``chip`` cannot hold.

    Each line ends with a way out. Capacity (cores, axons, memory) needs a mapping and is not
    checked. Raises UnsupportedError if ``chip`` only prices.
    """
    found = [p for population in program.populations for p in _neuron_problems(population, chip)]
    loops = cycles(program)
    for c in program.connections:
        found += _weight_problems(c, chip.weights)
        found += _latency_problems(program, c, (c.source, c.target) in loops)
        found += _message_problems(program, c, chip.messages)
    return found + border_problems(program)


def checked(program: Program, chip: Chip) -> Program:
    """Return ``program`` if ``chip`` can hold it, else raise CheckError listing all problems."""
    raise_all(
        f"program {program.name} on chip {chip.name}",
        check(program, chip),
        hint="each line ends with its way out",
    )
    return program


def _neuron_problems(p: Population, chip: Chip) -> list[str]:
    kind = type(p.neuron).__name__
    if kind not in chip.registers:
        return [f"{p.name}: chip {chip.name} has no neuron {kind}; use {', '.join(chip.registers)}"]
    narrower = {name: dict(spec) for name, spec in chip.registers[kind].items()}
    found = [f"{line}; {_WAY_OUT}" for line in problems(p.neuron, p.name, narrower)]
    if "v" not in p.neuron.STATE:
        return found  # only a voltage has a bias of mantissa and exponent
    bias = np.asarray(getattr(p.neuron, "bias", 0))
    limits = (chip.bias.mantissa_limit, chip.bias.exponent_limit)
    low, high = (narrower.get("bias", {}).get(end) for end in ("low", "high"))
    inside = (bias >= low) & (bias <= high) if low is not None and high is not None else True
    lost = ~bias_fits(bias, *limits) & inside
    if lost.any():
        found.append(
            f"{p.name}: bias = {bias[lost].flat[0]} does not fit a {chip.bias.mantissa_bits}-bit "
            f"mantissa << {chip.bias.exponent_bits}-bit exponent "
            f"({lost.sum()} of {bias.size} values); round it with hwsim.arith.round_bias"
        )
    return found


def _weight_problems(c: Connection, limits: Weights) -> list[str]:
    w = np.asarray(c.synapse.weights)
    outside = (w < limits.low) | (w > limits.high)
    lost = ~outside & (truncate_weights(w, limits.bits) != w)
    found = []
    if outside.any():
        found.append(
            f"{c.name}: weight = {w[outside][0]} does not fit {limits.low}..{limits.high} "
            f"({outside.sum()} of {w.size} weights); use a larger weight step"
        )
    if lost.any():
        mixed = SignMode.of(w) is SignMode.MIXED
        why = "even values in a matrix of mixed signs" if mixed else "what the weight memory keeps"
        found.append(
            f"{c.name}: weight = {w[lost][0]} does not fit {limits.bits} bits: only {why} "
            f"({lost.sum()} of {w.size} weights); round them as snnexport.quantize does"
        )
    exponent = getattr(c.synapse, "exponent", 0)
    if not limits.exponent_low <= exponent <= limits.exponent_high:
        found.append(
            f"{c.name}: weight exponent = {exponent} does not fit "
            f"{limits.exponent_low}..{limits.exponent_high}; scale the weights instead"
        )
    return found


def _latency_problems(program: Program, c: Connection, on_cycle: bool) -> list[str]:
    late = feedback(program, c)
    blanks = program.blank is not None and c.source == program.blank.name
    # the delay of a blank line brings its first message when the population's gap begins
    wanted = -max(c.synapse.delays) - program.gap if blanks else 0
    # synapses may take the other steps; without any, nothing comes early
    taken = min(c.synapse.delays) if c.synapse.weights.size else -late
    waited = not blanks and -taken <= late < 0
    if late == wanted or waited or (on_cycle and late > 0):
        return []
    target = program.population(c.target).latency
    return [
        f"{c.name}: latency of {c.target} = {target} does not fit {target + late - wanted}, one "
        f"step after {c.source} ({target + late - wanted - 1}); align it, with relays on the "
        "shorter path (snnexport.lower)"
    ]


def _message_problems(program: Program, c: Connection, limits: Messages) -> list[str]:
    low, high = program.messages_of(c.source)
    if not c.graded:
        bad = low if low < 0 else high
        return [] if low >= 0 and high <= 1 else [
            f"{c.name}: message = {bad} does not fit 0..1, it would count as 1 on a connection "
            "that is not graded; make it graded, or send spikes"
        ]  # fmt: skip
    if limits.repeated_input and c.source != program.input.name:
        return [] if low >= 0 and high <= 1 else [
            f"{c.name}: messages of {c.source} are {low}..{high}, neurons of this chip send "
            "spikes; use neurons that do, or a chip with graded messages"
        ]  # fmt: skip
    if limits.repeated_input:
        return [] if low >= 0 else [
            f"{c.name}: message = {low} does not fit 0.., graded input is sent as repeated unit "
            "spikes on this chip; shift the input, or use a chip with graded messages"
        ]  # fmt: skip
    most = 1 << (limits.bits - 1)
    return [
        f"{c.name}: message = {value} does not fit a payload of {limits.bits} bits "
        f"({-most}..{most - 1}); use fewer input bits"
        for value in (low, high)
        if not -most <= value < most
    ]
