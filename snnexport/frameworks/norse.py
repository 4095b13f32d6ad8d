"""Norse's cells, layers over time and containers, as its functional package computes a step.

Source: norse 1.1.0, ``norse.torch``. Cells start from rest: v at v_leak, i at 0.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from hwsim.errors import UnsupportedError
from hwsim.neurons import Cuba, CubaSubtract, LeakyIntegrator
from snnexport.frameworks.imported import Imported, linear

_OVER_TIME = ("IAF", "LI", "LIF", "LIFRecurrent", "Lift")
"""Modules that take all steps at once, (T, B, ...)."""


class Stateful(nn.ModuleDict):
    """A chain that is called with a state, as Norse's modules are, and returns (value, None)."""

    def forward(self, x: Any, state: Any = None) -> tuple[Any, None]:
        """Return what the last module makes of ``x``; cells need a ``state``, whatever it holds."""
        for module in self.values():
            takes = "state" in inspect.signature(module.forward).parameters
            pair = takes or getattr(module, "returned", 0)
            x = module(x, state)[0] if pair else module(x)
        return x, None


def _sequential(m: Any) -> nn.Module:
    """``SequentialState``; where it runs over time, a Flatten behind time is one behind batches."""
    if m.return_hidden:
        raise UnsupportedError(
            f"{_name(m)}: return_hidden=True returns what every module makes",
            hint="return_hidden=False",
        )
    if any(getattr(a, "is_stateful", 0) and getattr(b, "is_stateful", 0) for a, b in pairwise(m)):
        raise UnsupportedError(
            f"{_name(m)}: a Lift hands its last state to the Lift behind it",
            hint="neurons over time are LIF, LIFRecurrent, IAF and LI",
        )
    children = dict(m._modules)  # a module may stand there twice
    if any(type(child).__name__ in _OVER_TIME for child in children.values()):
        children = {name: _without_time(child) for name, child in children.items()}
    return Stateful(OrderedDict(children))


def _without_time(m: nn.Module) -> nn.Module:
    """Return a Flatten of (T, B, ...) as one of (B, ...), anything else as it is."""
    if not isinstance(m, nn.Flatten):
        return m
    return nn.Flatten(*(axis - 1 if axis > 0 else axis for axis in (m.start_dim, m.end_dim)))


def _lif_box(m: Any) -> Imported:
    """``lif_box_feed_forward_step``: v + dt * tau_mem_inv * (x + v_leak - v)."""
    decay_v = _decay(m, "tau_mem_inv")
    reset = m.p.reset_method.__name__
    if reset == "reset_value":
        return _firing(m, decay_u=1.0, decay_v=decay_v)
    if reset != "reset_subtract":
        raise UnsupportedError(
            f"{_name(m)}: reset_method = {reset}", hint="reset_value or reset_subtract"
        )
    _require_no_leak(m, "reset_value, or neurons that rest at 0")
    registers = {"decay_u": 1.0, "decay_v": decay_v, "threshold": _value(m, "v_th")}
    return Imported(CubaSubtract, registers, gain=decay_v, returned=2, keeps_state=_keeps_state(m))


def _lif(m: Any) -> Imported:
    """``lif_feed_forward_step``: the same of i + x, which leaves i * (1 - dt * tau_syn_inv)."""
    return _firing(m, decay_u=_decay(m, "tau_syn_inv"), decay_v=_decay(m, "tau_mem_inv"))


def _firing(m: Any, *, decay_u: Any, decay_v: Any) -> Imported:
    """Return neurons that go from v > v_th to v_reset, seen from v_leak, at which they start."""
    leak, reset = _value(m, "v_leak"), _value(m, "v_reset")
    if (leak != reset).any():
        raise UnsupportedError(
            f"{_name(m)}: starts at v_leak = {_text(leak)}, is reset to v_reset = {_text(reset)}",
            hint="give both one value: the machine's neurons start where a spike leaves them",
        )
    registers = {"decay_u": decay_u, "decay_v": decay_v, "threshold": _above(m, reset)}
    return Imported(Cuba, registers, gain=decay_v, returned=2, keeps_state=_keeps_state(m))


def _iaf(m: Any) -> Imported:
    """``iaf_feed_forward_step``: v + x; it starts at v_reset."""
    threshold = _above(m, _value(m, "v_reset"))
    registers = {"decay_u": 1.0, "decay_v": 0.0, "threshold": threshold}
    return Imported(Cuba, registers, returned=2, keeps_state=_keeps_state(m))


def _above(m: Any, reset: torch.Tensor) -> torch.Tensor:
    """Return v_th, seen from ``reset``."""
    threshold = _value(m, "v_th") - reset
    if (threshold < 0).any():
        raise UnsupportedError(
            f"{_name(m)}: v_th = {_text(_value(m, 'v_th'))} is below v_reset = {_text(reset)}",
            hint="it fires without input; choose a threshold above the reset",
        )
    return threshold


def _lif_recurrent(m: Any) -> nn.Module:
    """``lif_step``: it reads inputs and the spikes of the step before by weights of its own."""
    neuron = _lif(m)
    neuron.recurrent = linear(m.recurrent_weights)
    return _weighted(m, neuron)


def _li(m: Any) -> Imported:
    """``li_feed_forward_step``, read by its voltage."""
    return _integrating(m, _decay(m, "tau_syn_inv"))


def _integrating(m: Any, decay_u: Any) -> Imported:
    _require_no_leak(m, "the voltages that are read start at 0")
    decay_v = _decay(m, "tau_mem_inv")
    registers = {"decay_u": decay_u, "decay_v": decay_v}
    return Imported(
        LeakyIntegrator, registers, gain=decay_v, returned=2, keeps_state=_keeps_state(m)
    )


def _weighted(m: Any, neuron: Imported) -> nn.Module:
    return Stateful(OrderedDict(input_weights=linear(m.input_weights), neuron=neuron))


def _require_no_leak(m: Any, hint: str) -> None:
    leak = _value(m, "v_leak")
    if leak.any():
        raise UnsupportedError(f"{_name(m)}: v_leak = {_text(leak)}", hint=hint)


def _decay(m: Any, name: str) -> torch.Tensor:
    """Return dt * the inverse time constant ``name``, the part of a state that a step loses."""
    decay = _value(m, name, m.dt)
    if ((decay < 0) | (decay > 1)).any():
        raise UnsupportedError(
            f"{_name(m)}: dt * {name} = {_text(decay)}", hint="a step can lose a part of 0..1"
        )
    return decay


def _keeps_state(m: Any) -> bool:
    """Say whether ``m`` goes through all steps in one call; a cell begins each call at rest."""
    return any(kind.__name__ in _OVER_TIME for kind in type(m).__mro__)


def _lift(m: Any) -> nn.Module:
    """``Lift`` calls its module step by step, with the state that it returned."""
    inner = m.lifted_module
    name = type(inner).__name__
    if not name.endswith("Cell") or name not in TABLE:
        return inner
    lifted = TABLE[name](inner)
    for neuron in lifted.modules():
        if isinstance(neuron, Imported):
            neuron.keeps_state = True
    return lifted


def _value(m: Any, name: str, factor: float = 1.0) -> torch.Tensor:
    """Return ``factor`` times a parameter, computed in the parameter's precision, in float64."""
    return (factor * torch.as_tensor(getattr(m.p, name))).detach().double()


def _text(values: torch.Tensor) -> str:
    ends = values.min().item(), values.max().item()
    return f"{ends[0]:g}" if ends[0] == ends[1] else f"{ends[0]:g}..{ends[1]:g}"


def _name(m: nn.Module) -> str:
    return f"Norse's {type(m).__name__}"


TABLE: Mapping[str, Callable[[Any], nn.Module]] = {
    "SequentialState": _sequential,
    "Lift": _lift,
    "LIFBoxCell": _lif_box,
    "LIFCell": _lif,
    "LIF": _lif,
    "LIFRecurrentCell": _lif_recurrent,
    "LIFRecurrent": _lif_recurrent,
    "IAFCell": _iaf,
    "IAF": _iaf,
    "LIBoxCell": lambda m: _integrating(m, 1.0),
    "LICell": _li,
    "LI": _li,
    "LILinearCell": lambda m: _weighted(m, _li(m)),
}
"""What stands for a module of Norse, by the name of its class."""
