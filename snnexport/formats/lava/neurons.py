"""Which Process computes a population: a stock one where it can, else the neuron's own step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from hwsim.arith import (
    DECAY_UNITY,
    STATE_LIMIT,
    bias_fits,
    bias_registers,
    threshold_mantissa,
)
from hwsim.neurons import (
    Cuba,
    Delta,
    Gate,
    GradedRelay,
    LeakyIntegrator,
    Sigma,
    SigmaDelta,
    Ternary,
)
from hwsim.program import Population, Program, expand
from snnexport.formats.lava.blocks import Arguments, Block, Store

BIAS_MANTISSA_LIMIT, BIAS_EXPONENT_LIMIT = 2**15 - 1, 16
"""Lava keeps ``bias_mant`` in 16 bits and wraps beyond (``AbstractPyLifModelFixed``)."""

Registers = dict[str, np.ndarray]


@dataclass(frozen=True)
class Stock:
    """A Process of lava-nc 0.10.0 and how it holds a neuron's registers.

    arguments: Lava's registers from the neuron's, None if Lava has no such value.
    single: registers that the Process holds one value of, as its Var has shape (1,) and is an
    array in its model; du, dv and vth of a LIF are taken as they are and broadcast.
    resets_as: the Process that is also set to rest periodically, "" if there is none.
    named: whether its constructor takes a name.
    """

    kind: str
    home: str
    arguments: Callable[[Registers], Registers | None]
    single: tuple[str, ...] = ()
    resets_as: str = ""
    named: bool = True


def population_block(program: Program, p: Population, name: str, store: Store) -> Block:
    """Return the Process of ``p``, to be called ``name`` in network.py."""
    registers, shape = _registers(p), repr(p.shape[::-1])
    stock = STOCK.get(type(p.neuron))
    held = _held(program, p, registers)
    resets = bool(program.period and p.neuron.STATE)
    reset = {"reset_interval": repr(program.period), "reset_offset": repr(program.phase(p))}
    if stock is None or held is None:
        texts = {k: store.register(name, k, v, p.shape) for k, v in registers.items()}
        values = "{" + ", ".join(f'"{k}": {text}' for k, text in texts.items()) + "}"
        arguments = {"name": repr(p.name), "shape": shape, "registers": values}
        arguments |= reset if resets else {}
        return Block(name, p.name, f"machine.{type(p.neuron).__name__}", "machine", arguments)
    arguments: Arguments = {"name": repr(p.name)} if stock.named else {}
    arguments["shape"] = shape
    arguments |= {k: store.register(name, k, v, p.shape) for k, v in held.items()}
    if not resets:
        return Block(name, p.name, stock.kind, stock.home, arguments)
    return Block(name, p.name, stock.resets_as, stock.home, arguments | reset)


def population_problems(program: Program, p: Population) -> list[str]:
    """List the biases of ``p`` that its stock Process would change."""
    bias = _registers(p).get("bias")
    if bias is None or type(p.neuron) is SigmaDelta or _held(program, p, _registers(p)) is None:
        return []
    wrong = bias[~bias_fits(bias, BIAS_MANTISSA_LIMIT, BIAS_EXPONENT_LIMIT)]
    return [
        f"{p.name}: bias = {value} does not fit Lava's 16-bit mantissa and exponent "
        f"({wrong.size} of {bias.size} values); round biases with hwsim.arith.round_bias"
        for value in wrong[:1].tolist()
    ]


def _registers(p: Population) -> Registers:
    return {f.name: expand(getattr(p.neuron, f.name), p.shape) for f in fields(p.neuron)}


def _held(program: Program, p: Population, registers: Registers) -> Registers | None:
    """Return the arguments of the stock Process of ``p``, None if it does not compute the same."""
    stock = STOCK.get(type(p.neuron))
    if stock is None or (program.period and p.neuron.STATE and not stock.resets_as):
        return None
    if any(registers[name].min() != registers[name].max() for name in stock.single):
        return None
    return stock.arguments(registers)


def _lif(r: Registers) -> Registers:
    return {**_membrane(r), "vth": threshold_mantissa(r["threshold"])}


def _ternary(r: Registers) -> Registers:
    high, low = threshold_mantissa(r["threshold"]), threshold_mantissa(r["threshold_low"])
    return {**_membrane(r), "vth_hi": high, "vth_lo": low}


def _integrator(r: Registers) -> Registers:
    return {**_membrane(r), "vth": threshold_mantissa(np.asarray(STATE_LIMIT))}


def _membrane(r: Registers) -> Registers:
    mantissa, exponent = bias_registers(r["bias"], BIAS_MANTISSA_LIMIT, BIAS_EXPONENT_LIMIT)
    decays = {"du": r["decay_u"] - 1, "dv": r["decay_v"]}  # Lava adds 1 to du, not to dv
    return {**decays, "bias_mant": mantissa, "bias_exp": exponent}


def _gate(r: Registers) -> Registers:
    forget = np.asarray(DECAY_UNITY)
    return {"du": forget - 1, "dv": forget, "vth": threshold_mantissa(r["threshold"])}


def _relay(r: Registers) -> Registers:
    return {"vth": r["threshold"]}


def _sigma(_: Registers) -> Registers:
    return {}


def _delta(r: Registers) -> Registers | None:
    return _scaled(r, {"vth": r["threshold"]}, ("spike_exp", "state_exp"))


def _sigma_delta(r: Registers) -> Registers | None:
    scaled = _scaled(r, {"vth": r["threshold"], "bias": r["bias"]}, ("state_exp",))
    return None if scaled is None else {**scaled, "act_mode": r["rectify"]}


def _scaled(r: Registers, values: Registers, exponents: tuple[str, ...]) -> Registers | None:
    """Return ``values`` divided by what Lava multiplies them with, if nothing is lost."""
    shift = sum(r[name] for name in exponents)
    unscaled = {name: value >> shift for name, value in values.items()}
    exact = all((unscaled[name] << shift == value).all() for name, value in values.items())
    return {**unscaled, **{name: r[name] for name in exponents}} if exact else None


_LIF, _SDN, _GRADED = (f"lava.proc.{kind}.process" for kind in ("lif", "sdn", "graded"))
STOCK: dict[type[Any], Stock] = {
    Cuba: Stock("LIF", _LIF, _lif, resets_as="LIFReset"),
    Delta: Stock("Delta", _SDN, _delta, ("threshold", "spike_exp", "state_exp"), named=False),
    Gate: Stock("LIF", _LIF, _gate),
    GradedRelay: Stock(
        "GradedVec", "lava.proc.graded.process", _relay, ("threshold",), named=False
    ),
    LeakyIntegrator: Stock("LIF", _LIF, _integrator, resets_as="LIFReset"),
    Sigma: Stock("Sigma", _SDN, _sigma, named=False),
    SigmaDelta: Stock(
        "SigmaDelta", _SDN, _sigma_delta, ("threshold", "state_exp", "rectify"), named=False
    ),
    Ternary: Stock("TernaryLIF", _LIF, _ternary, ("threshold", "threshold_low")),
}
"""A neuron that is absent, or does not fit, runs as a Process of ``machine/process.py``."""
