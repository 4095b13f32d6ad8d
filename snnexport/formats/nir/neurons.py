"""A node of NIR with a state -> a neuron of the machine in reals, as a profile reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hwsim.errors import RangeError, UnsupportedError
from hwsim.neurons import Cuba, CubaLateReset, CubaSubtract, LeakyIntegrator, MultiSpike
from hwsim.neurons.base import registers
from hwsim.synapses import Shape
from snnexport.formats.nir.nodes import Node
from snnexport.formats.nir.profiles import CurrentGain, Gain, Integrator, Leak, Profile, Reset, Unit
from snnexport.formats.nir.stages import machine_shape

FIRING = ("IF", "LIF", "CubaLIF", "Threshold")
SILENT = ("I", "LI", "CubaLI")
"""Kinds that have a neuron of the machine: those that fire, and those that are read."""
_LESS = 1e-6
"""By which a tau of one step may be shorter: files hold float32."""


@dataclass(frozen=True, eq=False)
class Read:
    """A neuron of reals: ``v <- decay(v) + gain * u + offset``; gain and offset of its shape.

    lost: what of the node has no part in it, in words.
    """

    neuron: Any
    gain: np.ndarray
    offset: np.ndarray
    inclusive: bool = False
    lost: list[str] = field(default_factory=list)


def read_neuron(node: Node, shape: Shape, profile: Profile, dt: float) -> Read:
    """Return what ``node``, a population of ``shape``, is to the machine.

    dt: seconds a step; steps a step, which is 1, where tau counts steps.

    Raises
    ------
    UnsupportedError
        If the profile does not read such a node.
    RangeError
        If a state would not decay by 0..1 a step, or gains are not those the profile needs.
    """
    if node.kind in profile.refuses:
        raise UnsupportedError(
            f"profile {profile.name} has no {node.kind}: {profile.refuses[node.kind]}",
            hint="give the profile of the framework that wrote the file",
        )
    values = {name: _reals(value, shape) for name, value in node.fields.items()}
    decay_v, gain, still = _voltage(values, profile, dt)
    decay_u, current = _current(values, profile, dt)
    gain = gain * current
    lost = []
    rest = values.get("v_leak", 0.0) * decay_v
    if node.kind in SILENT:
        neuron = LeakyIntegrator(decay_u=_plain(decay_u), decay_v=_plain(decay_v), bias=0.0)
        return Read(neuron, gain, rest + 0 * gain)
    threshold: Any = values.get("v_threshold", values.get("threshold"))
    reset: Any = 0.0
    if np.any(values.get("v_reset", 0.0)):
        if profile.reset is Reset.ZERO:
            reset = values["v_reset"]
            lost.append("voltages start at v_reset; NIR does not say where they start")
        else:
            lost.append("v_reset has no part in a reset by subtraction")
    plain = profile.gain is Gain.PLAIN and "tau_syn" not in values
    if plain and np.any(values.get("r", 1) != 1):
        lost.append(f"r is not looked at by profile {profile.name}")
    offset = rest - decay_v * reset
    unit: Any = {Unit.FILE: 1.0, Unit.INPUT: gain, Unit.THRESHOLD: threshold - reset}[profile.unit]
    unit = 1.0 if still else unit
    if np.any(np.asarray(unit) <= 0):
        raise RangeError(
            f"a gain of {np.min(unit):.6g}, by which profile {profile.name} divides the threshold",
            hint="a gain is above 0; give the profile of the framework that wrote the file",
        )
    neuron, inclusive = _firing(node, profile, decay_u, decay_v, (threshold - reset) / unit)
    return Read(neuron, gain / unit, (offset + 0 * gain) / unit, inclusive, lost)


def _voltage(values: dict[str, Any], profile: Profile, dt: float) -> tuple[Any, Any, bool]:
    """Return the decay of the voltage, its input's gain, and whether it has no memory."""
    if "r" not in values:  # Threshold
        return np.ones_like(values["threshold"]), np.ones_like(values["threshold"]), True
    tau, r = values.get("tau", values.get("tau_mem")), values["r"]
    if tau is None:
        ways = {Integrator.TIMED: r * dt, Integrator.STEP: r, Integrator.PLAIN: 1.0 + 0 * r}
        return 0.0 * r, ways[profile.integrator], False
    tau = tau / profile.tau_is_times
    ratio, decay = dt / tau, _decay(tau, profile, dt, "tau" if "tau" in values else "tau_mem")
    if profile.exact_gain:
        _require(r * ratio, "r", "tau/dt")
    gain = {
        Gain.EULER: r * ratio,
        Gain.EXPONENTIAL: r * -np.expm1(-ratio),
        Gain.PLAIN: r * ratio if "tau_syn" in values else ratio,
        Gain.STEP: r,
    }
    return decay, gain[profile.gain], False


def _current(values: dict[str, Any], profile: Profile, dt: float) -> tuple[Any, Any]:
    """Return the decay of the current, 1 where there is none, and its input's gain."""
    if "tau_syn" not in values:
        return 1.0, 1.0
    tau = values["tau_syn"] / profile.tau_is_times
    ratio = dt / tau
    decay = _decay(tau, profile, dt, "tau_syn")
    if profile.current_gain is CurrentGain.PLAIN:
        return decay, values["w_in"]
    if profile.exact_gain:
        _require(values["w_in"] * ratio, "w_in", "tau_syn/dt")
    if profile.gain is Gain.EXPONENTIAL:
        return decay, values["w_in"] * -np.expm1(-ratio)
    return decay, values["w_in"] * ratio


def _decay(tau: np.ndarray, profile: Profile, dt: float, name: str) -> np.ndarray:
    """Return which fraction of a state a step takes; RangeError if that is not 0..1."""
    ratio = dt / tau
    decay = {Leak.EULER: ratio, Leak.EXPONENTIAL: -np.expm1(-ratio)}[profile.leak]
    if np.any(decay > 1 + _LESS):
        raise RangeError(
            f"{name} = {np.min(tau):.6g} s is less than a step of {dt:.6g} s",
            hint="give --dt, or --profile norse-export for a file of Norse's to_nir, which writes "
            "tau times its step",
        )
    return np.minimum(decay, 1.0)


def _require(product: np.ndarray, name: str, wanted: str) -> None:
    if not np.allclose(product, 1.0, rtol=1e-4):
        raise RangeError(
            f"{name} is {np.ravel(product)[0]:.6g} times {wanted}, and lava-dl has no other gain",
            hint="give --dt, or another --profile, as nir-euler",
        )


def _firing(
    node: Node, profile: Profile, decay_u: Any, decay_v: Any, threshold: np.ndarray
) -> tuple[Any, bool]:
    """Return the neuron that fires, and whether it does so when it reaches its threshold."""
    if np.any(threshold <= 0):
        raise RangeError(
            f"its threshold is {np.min(threshold):.6g} above its reset",
            hint="such a neuron fires without input, which no chip starts from",
        )
    shared: dict[str, Any] = {
        "decay_u": _plain(decay_u), "decay_v": _plain(decay_v), "threshold": _plain(threshold),
        "bias": 0.0,
    }  # fmt: skip
    if node.kind == "Threshold":
        return Cuba(**shared), False
    floor = profile.floor and node.kind == "IF"
    reaches = profile.inclusive and profile.reset is Reset.SUBTRACT
    if (profile.most != 1 or floor) and not reaches:
        raise UnsupportedError(
            f"several spikes a step, or a lowest voltage, with reset {profile.reset.value} at "
            f"{'>=' if profile.inclusive else '>'}",
            hint="neurons that do so reset by subtraction where they reach their threshold, as in "
            "profile sinabs without --reset; leave out --most and --reset, or give another profile",
        )
    if reaches:
        largest = registers(MultiSpike)
        lowest = -threshold if floor else float(largest["lowest"]["low"])
        most = profile.most or largest["most"]["high"]
        several = {"decrement": shared["threshold"], "lowest": _plain(lowest), "most": most}
        return MultiSpike(**shared, **several), False
    if profile.reset is Reset.LATE:
        return CubaLateReset(**shared, decrement=shared["threshold"]), profile.inclusive
    kind = Cuba if profile.reset is Reset.ZERO else CubaSubtract
    return kind(**shared), profile.inclusive


def _reals(value: Any, shape: Shape) -> Any:
    """Return a parameter as float64 of ``shape``, as the machine has it; another field as it is."""
    if isinstance(value, np.ndarray) and value.shape == shape:
        return value.astype(np.float64).reshape(machine_shape(shape))
    return value


def _plain(value: Any) -> Any:
    """Return a register as one number where all are equal, else one per channel or neuron."""
    values = np.asarray(value, np.float64)
    if values.size and np.all(values == values.flat[0]):
        return float(values.flat[0])
    per_channel = values.reshape(len(values), -1)
    same = np.all(per_channel == per_channel[:, :1])
    return per_channel[:, 0].copy() if same else values
