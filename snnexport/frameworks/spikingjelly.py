"""SpikingJelly's neurons, containers and layers, as its activation_based package computes them.

Source: SpikingJelly 2.0.0, ``spikingjelly.activation_based``. A module of step mode "m" computes
in every step what it does in step mode "s", and is read as that.
"""

from __future__ import annotations

import copy
import operator
from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import torch
from torch import fx, nn
from torch.fx.proxy import TraceError

from hwsim.errors import UnsupportedError
from hwsim.neurons import Cuba, CubaSubtract, LeakyIntegrator
from snnexport.frameworks.imported import GroupMean, Imported, linear

_Translate = Callable[[Any], nn.Module]


def _integrate_and_fire(m: Any) -> Imported:
    """``functional.if_step``: h = v + x."""
    return _spiking(m, decay_v=0.0)


def _leaky(m: Any) -> Imported:
    """``functional.lif_step``: h = v + (x - (v - v_reset)) / tau; x alone without decay_input."""
    return _spiking(m, decay_v=1 / m.tau, gain=1 / m.tau if m.decay_input else 1.0)


def _parametric(m: Any) -> Imported:
    """``functional.plif_step``: the same with 1 / tau = sigmoid(w)."""
    decay = float(m.w.detach().sigmoid())
    return _spiking(m, decay_v=decay, gain=decay if m.decay_input else 1.0)


def _current_based(m: Any) -> Imported:
    """``functional.cuba_lif_step``: c = c_decay * c + x; h = v_decay * v + c.

    v decays to 0 and not to v_reset, seen from which a constant pulls it.
    """
    decays = {"c_decay": m.c_decay, "v_decay": m.v_decay}
    wrong = [f"{name} = {value}" for name, value in decays.items() if not 0 <= value <= 1]
    if wrong:
        raise UnsupportedError(
            f"{_name(m)}: {', '.join(wrong)}", hint="states are kept by factors of 0..1 a step"
        )
    pull = -(m.v_reset or 0.0) * (1 - m.v_decay)
    return _spiking(m, decay_u=1 - m.c_decay, decay_v=1 - m.v_decay, offset=pull)


def _spiking(
    m: Any, *, decay_v: float, decay_u: float = 1.0, gain: float = 1.0, offset: float = 0.0
) -> Imported:
    """Return neurons that fire where h >= v_threshold, seen from v_reset, at which v starts.

    ``functional.voltage_reset``: v_reset where they fire, or h - v_threshold if that is None.
    """
    if m.surrogate_function(torch.tensor([0.0, 1.0])).tolist() != [1.0, 1.0]:
        raise UnsupportedError(
            f"{_name(m)}: its {type(m.surrogate_function).__name__} does not send 1 from 0 upwards",
            hint="take a surrogate function that is a step forwards, in set_spiking_mode(True)",
        )
    rest = m.v_reset or 0.0
    if torch.as_tensor(m.v_threshold).le(torch.as_tensor(rest)).any():
        raise UnsupportedError(
            f"{_name(m)}: v_threshold = {m.v_threshold} is not above v_reset = {rest}",
            hint="it fires without input; choose a threshold above the reset",
        )
    registers = {"decay_u": decay_u, "decay_v": decay_v, "threshold": m.v_threshold - rest}
    kind = CubaSubtract if m.v_reset is None else Cuba
    return Imported(kind, registers, gain=gain, offset=offset, inclusive=True)


def _readout(m: Any, decay_v: float) -> Imported:
    """Return neurons that never fire; classes are read from the sum of v, as from its mean."""
    if m.decode not in (None, "mean-mem"):
        raise UnsupportedError(
            f"{_name(m)}: decode = {m.decode!r}",
            hint='a readout sums v over the steps: decode=None or "mean-mem"',
        )
    registers = {"decay_u": 1.0, "decay_v": decay_v}
    return Imported(LeakyIntegrator, registers, gain=decay_v or 1.0)


def _element_wise_recurrent(m: Any) -> nn.Module:
    """``ElementWiseRecurrentContainer`` that adds each neuron's spike to its next input."""
    if not _adds(m.element_wise_function):
        raise UnsupportedError(
            f"{_name(m)}: its element_wise_function does more than to add two values",
            hint="element_wise_function=operator.add",
        )
    neuron = _neuron_inside(m)
    neuron.recurrent = 1.0
    return neuron


def _adds(function: Callable[..., Any]) -> bool:
    """Say whether ``function`` returns the sum of its two arguments and does nothing else."""
    if not isinstance(function, FunctionType):
        return function in _SUMS
    try:
        *given, result, _ = fx.Tracer().trace(function).nodes
    except (TraceError, TypeError):
        return False
    terms = sorted(str(argument) for argument in result.args)
    plain = result.target in _SUMS and not result.kwargs
    return plain and terms == sorted(str(node) for node in given)


def _linear_recurrent(m: Any) -> nn.Module:
    """``LinearRecurrentContainer``: one Linear reads input and the spikes of the step before."""
    neuron = _neuron_inside(m)
    split = m.rc.in_features - m.sub_module_out_features
    neuron.recurrent = linear(m.rc.weight[:, split:])
    layers = {"rc": linear(m.rc.weight[:, :split], m.rc.bias), "sub_module": neuron}
    return nn.Sequential(OrderedDict(layers))


def _neuron_inside(m: Any) -> Imported:
    """Return the neurons that a recurrent container holds, and nothing else."""
    kind, package = type(m.sub_module).__name__, type(m.sub_module).__module__
    if kind not in _NEURONS or not package.startswith("spikingjelly"):
        raise UnsupportedError(
            f"{_name(m)}: feeds back through a {kind}",
            hint=f"only neurons are fed back directly ({', '.join(_NEURONS)})",
        )
    return _NEURONS[kind](m.sub_module)


def _sequential(m: nn.Module) -> nn.Sequential:
    held = {name: child for name, child in m._modules.items() if child}  # some stand there twice
    return nn.Sequential(OrderedDict(held))


def _without_time(m: nn.Module) -> nn.Sequential:
    """``SeqToANNContainer`` gives its modules all steps as one batch, which neurons may not be."""
    held = [name for name, child in m.named_modules() if type(child).__name__ in _NEURONS]
    if held:
        raise UnsupportedError(
            f"{_name(m)}: holds neurons ({', '.join(held)}), which would see time as a batch",
            hint="put neurons beside it, or into a MultiStepContainer",
        )
    return _sequential(m)


def _plain(kind: type[nn.Module]) -> _Translate:
    """Return what makes torch's layer ``kind`` of the layer that was derived from it."""

    def translate(m: nn.Module) -> nn.Module:
        twin = copy.copy(m)
        twin.__class__ = kind
        vars(twin)["step_mode"] = "s"  # which the forward of a network may ask for
        return twin

    return translate


def _name(m: nn.Module) -> str:
    return f"SpikingJelly's {type(m).__name__}"


_SUMS = (operator.add, torch.add)
_LAYERS = (
    nn.Conv1d, nn.Conv2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d, nn.Flatten, nn.MaxPool1d,
    nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d,
)  # fmt: skip
"""Layers of torch that SpikingJelly gives a step mode and nothing else, under the same names."""
_NEURONS: Mapping[str, Callable[[Any], Imported]] = {
    "IFNode": _integrate_and_fire,
    "LIFNode": _leaky,
    "ParametricLIFNode": _parametric,
    "CUBALIFNode": _current_based,
}
TABLE: Mapping[str, _Translate] = {
    **_NEURONS,
    "NonSpikingIFNode": lambda m: _readout(m, 0.0),
    "NonSpikingLIFNode": lambda m: _readout(m, 1 / m.tau),
    "ElementWiseRecurrentContainer": _element_wise_recurrent,
    "LinearRecurrentContainer": _linear_recurrent,
    "MultiStepContainer": _sequential,
    "SeqToANNContainer": _without_time,
    "StepModeContainer": _sequential,
    "VotingLayer": lambda m: GroupMean(m.voting_size),
    "Dropout": lambda _: nn.Identity(),
    "Dropout2d": lambda _: nn.Identity(),
    "ThresholdDependentBatchNorm1d": _plain(nn.BatchNorm1d),
    "ThresholdDependentBatchNorm2d": _plain(nn.BatchNorm2d),
    **{kind.__name__: _plain(kind) for kind in _LAYERS},
}
"""What stands for a module of SpikingJelly, by the name of its class."""
