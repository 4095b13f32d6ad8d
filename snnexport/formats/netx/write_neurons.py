"""The ``neuron`` group and the bias of a netx layer, and what they cannot say of a population."""

from __future__ import annotations

from dataclasses import fields
from math import prod
from typing import Any

import numpy as np

from hwsim.arith import ACTIVATION_SHIFT, DECAY_UNITY, threshold_mantissa
from hwsim.neurons import Cuba, Delta, Gate, LeakyIntegrator, Sigma, SigmaDelta
from hwsim.program import Population, Program, expand
from snnexport.formats.netx.chain import Link
from snnexport.formats.netx.layout import (
    BIAS,
    BIAS_EXPONENT,
    CUBA_TYPES,
    NEVER_FIRES,
    NO_EFFECT,
    SDNN_THRESHOLD,
    SDNN_TYPE,
    SDNN_VALUE,
    SIGMA_OUTPUT,
    SPIKE_EXPONENT,
    STATE_EXPONENT,
)
from snnexport.resets import way_out

_CUBA = (Cuba, LeakyIntegrator, Gate)
_SIGMA_DELTA = (Sigma, SigmaDelta, Delta)
_SHIFT = SPIKE_EXPONENT + STATE_EXPONENT
_FIXED = {"state_exp": STATE_EXPONENT, "spike_exp": SPIKE_EXPONENT, "rectify": 1}
"""Registers of sigma-delta neurons that lava-dl sets itself."""


def neuron_group(p: Population) -> dict[str, Any]:
    """Return the datasets of the ``neuron`` group of ``p``, by name."""
    r = _registers(p)
    if isinstance(p.neuron, _CUBA):
        forget, never = np.asarray(DECAY_UNITY), np.asarray(NEVER_FIRES << ACTIVATION_SHIFT)
        threshold = threshold_mantissa(r.get("threshold", never))
        return {
            "type": CUBA_TYPES[0],
            "iDecay": _plain(r.get("decay_u", forget)),
            "vDecay": _plain(r.get("decay_v", forget)),
            "vThMant": _plain(threshold),
            "refDelay": NO_EFFECT["refDelay"],
            "gradedSpike": NO_EFFECT["gradedSpike"],
        }
    group = {"type": SDNN_TYPE, "activation": NO_EFFECT["activation"]}
    if isinstance(p.neuron, Sigma):
        return {**group, "vThMant": 0, SIGMA_OUTPUT: True}
    return {**group, "vThMant": _plain(r["threshold"] >> _SHIFT)}


def bias(p: Population) -> np.ndarray | None:
    """Return the mantissas of the biases, or None if there is no bias.

    One a channel, or one a neuron, with the axes of Lava: (W, H, C).
    """
    value = _registers(p).get("bias")
    if value is None or not value.any():
        return None
    mantissas = value >> (BIAS_EXPONENT if isinstance(p.neuron, _CUBA) else _SHIFT)
    return mantissas.T if value.shape == p.shape else np.broadcast_to(mantissas.ravel(), p.shape[0])


def neuron_problems(program: Program, link: Link) -> list[str]:
    """List what a netx layer cannot say of the population, or lava-dl would not compute."""
    p, r = link.population, _registers(link.population)
    if not isinstance(p.neuron, (*_CUBA, *_SIGMA_DELTA)):
        lacking = f"{p.name}: netx has no {type(p.neuron).__name__}; the lava format has"
        return [lacking + way_out(p.neuron)]
    found = [
        f"{name} has one value a neuron, netx one a channel"
        for name, value in r.items()
        if name != "bias" and prod(p.shape[1:]) > 1 and value.shape == p.shape
    ]
    if isinstance(p.neuron, _SIGMA_DELTA):
        found += _sigma_delta_problems(link, r)
        if program.period is not None:
            found.append("lava-dl never sets sigma-delta neurons to rest; leave the period out")
    elif "bias" in r:
        found += _value_problems("bias", r["bias"], BIAS_EXPONENT, BIAS)
    if link.is_input and r.get("bias", np.zeros(1)).any():
        found.append("a layer of input neurons has no bias; use a Dense before it")
    return [f"{p.name}: {problem}" for problem in found]


def _sigma_delta_problems(link: Link, r: dict[str, np.ndarray]) -> list[str]:
    found = [
        f"{name} = {value.flat[0]}, lava-dl sets {_FIXED[name]}"
        for name, value in r.items()
        if name in _FIXED and (value != _FIXED[name]).any()
    ]
    if isinstance(link.population.neuron, Delta) and not link.is_input:
        found.append("netx has a Delta only where each takes one value of the input")
    if "threshold" in r:
        if r["threshold"].min() != r["threshold"].max():
            found.append("threshold has several values, Lava's Process holds one")
        found += _value_problems("threshold", r["threshold"], _SHIFT, SDNN_THRESHOLD)
    if "bias" in r:
        found += _value_problems("bias", r["bias"], _SHIFT, SDNN_VALUE)
    return found


def _value_problems(name: str, value: np.ndarray, shift: int, limits: tuple[int, int]) -> list[str]:
    """Say so if a ``value`` is not a mantissa in ``limits`` times ``2**shift``."""
    low, high = (end << shift for end in limits)
    bad = value[(value < low) | (value > high) | (value % (1 << shift) != 0)]
    return [
        f"{name} = {x} does not fit {low}..{high} in steps of {1 << shift} "
        f"({bad.size} of {value.size} values)"
        for x in bad[:1].tolist()
    ]


def _registers(p: Population) -> dict[str, np.ndarray]:
    """Return the registers, each a scalar array, one value a channel, or one a neuron."""
    return {f.name: expand(getattr(p.neuron, f.name), p.shape) for f in fields(p.neuron)}


def _plain(value: np.ndarray) -> np.ndarray:
    """Return a scalar if all values are equal, else (channels,), which Lava's last axis takes."""
    return value.ravel()[0] if value.min() == value.max() else value.ravel()
