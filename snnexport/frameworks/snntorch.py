"""snnTorch 1.0.0: Leaky, Synaptic, RLeaky and RSynaptic, with every reset that a chip can do.

Source: ``snntorch/_neurons/{neurons,leaky,synaptic,rleaky,rsynaptic}.py``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hwsim.errors import UnsupportedError
from hwsim.neurons import Cuba, CubaLateReset, CubaRefractory
from snnexport.frameworks.imported import Imported

_RESETS = ("_base_sub", "_base_zero", "_base_int")
"""What a layer does in a step, in the order of ``SpikingNeuron.reset_dict``."""


def _leaky(module: Any) -> Imported:
    """Return Leaky, which resets to zero late, but before it adds what comes in."""
    return _neurons(module, states=1, late_zero=(Cuba, {}))


def _synaptic(module: Any) -> Imported:
    return _neurons(module, states=2)


def _recurrent_leaky(module: Any) -> Imported:
    return _with_feedback(_neurons(module, states=1), module)


def _recurrent_synaptic(module: Any) -> Imported:
    """Return RSynaptic, whose ``reset_delay=False`` changes nothing: its result is dropped."""
    return _with_feedback(_neurons(module, states=2, late=True), module)


def _neurons(
    module: Any,
    *,
    states: int,
    late: bool | None = None,
    late_zero: tuple[Any, Mapping[str, Any]] = (CubaRefractory, {"period": 1}),
) -> Imported:
    """Return the neurons of ``module``.

    states: how many values follow its spikes. late: its reset comes a step late, by default
    if it says so. late_zero: what a late reset to zero is; by default the step after a spike
    ends at zero, and what comes in is lost.
    """
    _require_plain(module)
    late = module.reset_delay if late is None else late
    threshold = module.threshold
    kind, more = {
        "_base_sub": (CubaLateReset, {"decrement": threshold}),
        "_base_int": (CubaLateReset, {"decrement": 0.0}),
        "_base_zero": late_zero if late else (Cuba, {}),
    }[module.state_function.__name__]
    if module.state_function.__name__ == "_base_sub" and not late:
        raise UnsupportedError(
            'subtracts at once, but not where the voltage stays above the threshold ("avoid double '
            'reset"): no neuron of a chip does that',
            hint="train with reset_delay=True, or reset_mechanism='zero'",
        )
    registers = {
        "decay_u": _decay(module.alpha) if states == 2 else 1.0,
        "decay_v": _decay(module.beta),
        "threshold": threshold,
        **more,
    }
    alone = module.init_hidden and not module.output
    return Imported(kind, registers, returned=0 if alone else 1 + states)


def _decay(factor: Tensor) -> Tensor:
    """Return what is lost in a step where ``factor``, clamped to 0..1, is kept."""
    return 1 - factor.detach().double().clamp(0, 1)


def _with_feedback(neurons: Imported, module: Any) -> Imported:
    """Return ``neurons`` that hear their spikes; the bias there enters in the first step too."""
    way = module.recurrent
    if not module.all_to_all:
        neurons.recurrent = way.V
        return neurons
    neurons.current = way.bias.detach().reshape(-1, *(1,) * (way.weight.dim() - 2))
    neurons.recurrent = copy.copy(way)
    neurons.recurrent._parameters = {**way._parameters, "bias": None}
    return neurons


def _require_plain(module: Any) -> None:
    """Raise UnsupportedError naming every option that no chip has."""
    edge = torch.tensor([-1.0, -1e-6, 0.0, 1e-6, 1.0])
    found = {
        "inhibition": module.inhibition,
        "state_quant": module.state_quant,
        "graded_spikes_factor": (module.graded_spikes_factor != 1).any(),
        "a spike_grad that fires elsewhere than above the threshold": (
            module.spike_grad(edge).detach().tolist() != [0, 0, 0, 1, 1]
        ),
        "a reset_mechanism that was changed after the layer was made": (
            _RESETS[int(module.reset_mechanism_val)] != module.state_function.__name__
        ),
    }
    if any(found.values()):
        raise UnsupportedError(
            f"{', '.join(what for what, is_so in found.items() if is_so)}: no chip has that",
            hint="train without; a factor on spikes belongs into the weights behind them",
        )


TABLE: Mapping[str, Callable[[nn.Module], nn.Module]] = {
    "Leaky": _leaky,
    "RLeaky": _recurrent_leaky,
    "RSynaptic": _recurrent_synaptic,
    "Synaptic": _synaptic,
}
