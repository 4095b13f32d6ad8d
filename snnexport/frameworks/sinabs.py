"""sinabs 3.1.3: IAF, LIF and ExpLeak layers, recurrent and squeezed ones, poolings and containers.

Source: ``sinabs/layers/functional/lif.py``, ``sinabs/activation/``, ``sinabs/layers/``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn

from hwsim.errors import UnsupportedError
from hwsim.neurons import Cuba, LeakyIntegrator, MultiSpike
from snnexport.frameworks.imported import Imported

_MOST = 255
"""Spikes in a step that a message can hold; sinabs sends any number (docs/guides/sinabs.md)."""


def _spiking(module: Any) -> Imported:
    """Return what v = alpha_mem * v + x computes, which fires where it reaches the threshold."""
    kind, registers = _firing(module)
    registers["threshold"] = module.spike_threshold
    return _neurons(module, kind, registers, inclusive=kind is not MultiSpike)


def _recurrent(module: Any) -> Imported:
    found = _spiking(module)
    found.recurrent = module.rec_connect
    return found


def _leaky(module: Any) -> Imported:
    """Return a readout: its messages are its voltages."""
    if module.min_v_mem is not None:
        raise UnsupportedError("min_v_mem: an integrator has no lower bound", hint="leave it out")
    return _neurons(module, LeakyIntegrator, {})


def _neurons(
    module: Any, kind: Any, registers: Mapping[str, Any], *, inclusive: bool = False
) -> Imported:
    """Return neurons with the leaks of ``module``; i_syn = alpha_syn * (i_syn + x) scales x too."""
    alpha = _double(module.alpha_mem_calculated)
    gain = 1 - alpha if module.norm_input else 1.0
    leaks = {"decay_u": 1.0, "decay_v": 1 - alpha}
    if module.alpha_syn_calculated is not None:
        kept = _double(module.alpha_syn_calculated)
        gain, leaks["decay_u"] = gain * kept, 1 - kept
    return Imported(kind, {**leaks, **registers}, gain=gain, inclusive=inclusive)


def _firing(module: Any) -> tuple[Any, dict[str, Any]]:
    """Return the neuron that fires and resets as ``module`` does, and its registers for that."""
    most, reset = _most(module.spike_fn), module.reset_fn
    rule, lowest = type(reset).__name__, module.min_v_mem
    if rule == "MembraneReset" and (reset.reset_value, most, lowest) == (0, 1, None):
        return Cuba, {}
    if rule != "MembraneSubtract":
        bound = "" if lowest is None else ", with min_v_mem"
        raise UnsupportedError(
            f"resets by {reset} after up to {most} spike(s){bound}: a chip resets to 0 after one "
            "spike, without a lower bound",
            hint="train with MembraneSubtract(), or with MembraneReset(), SingleSpike and no "
            "min_v_mem",
        )
    value = module.spike_threshold if reset.subtract_value is None else reset.subtract_value
    _require_signs(module.spike_threshold, value, lowest)
    bound = {} if lowest is None else {"lowest": lowest}
    return MultiSpike, {"decrement": value, "most": most, **bound}


def _require_signs(threshold: Any, subtracted: Any, lowest: Any) -> None:
    """Raise UnsupportedError naming every value that no chip's register holds."""
    found = {
        f"spike_threshold = {_text(threshold)}: above 0": (torch.as_tensor(threshold) <= 0).any(),
        f"subtract_value = {_text(subtracted)}: from 0": (torch.as_tensor(subtracted) < 0).any(),
    }
    if lowest is not None:
        found[f"min_v_mem = {_text(lowest)}: up to 0"] = (torch.as_tensor(lowest) > 0).any()
    wrong = [what for what, is_so in found.items() if is_so]
    if wrong:
        raise UnsupportedError(
            f"its values do not fit: {', '.join(wrong)}",
            hint="neurons that rest at 0 fire above it",
        )


def _text(value: Any) -> str:
    return f"{torch.as_tensor(value).min().item():g}"


def _most(spike_fn: Any) -> int:
    """Return how many spikes fit a step: ``spike_fn`` is a class, or a MaxSpike."""
    name = getattr(spike_fn, "__name__", type(spike_fn).__name__)
    if name == "SingleSpike":
        return 1
    if name == "MultiSpike":
        return _MOST
    if name == "MaxSpike":
        most = spike_fn.max_num_spikes_per_bin
        if most is not None and (most != int(most) or not 1 <= most <= _MOST):
            raise UnsupportedError(
                f"MaxSpike({most}): a message is of 1..{_MOST} spikes",
                hint=f"give a whole number of 1..{_MOST}",
            )
        return _MOST if most is None else int(most)
    raise UnsupportedError(
        f"fires by {name}: no chip does", hint="use SingleSpike, MaxSpike or MultiSpike"
    )


def _double(alpha: Tensor) -> Tensor:
    return alpha.detach().double()


def _sum_pool(module: Any) -> nn.Module:
    sizes = (module.kernel_size, module.stride, 0, module.ceil_mode)
    return nn.AvgPool2d(*sizes, divisor_override=1)


class _Merge(nn.Module):
    """Adds what comes from two sources."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the sum."""
        return a + b


TABLE: Mapping[str, Callable[[nn.Module], nn.Module]] = {
    **dict.fromkeys(("IAF", "IAFSqueeze", "LIF", "LIFSqueeze"), _spiking),
    **dict.fromkeys(("IAFRecurrent", "LIFRecurrent"), _recurrent),
    **dict.fromkeys(("ExpLeak", "ExpLeakSqueeze"), _leaky),
    **dict.fromkeys(("FlattenTime", "UnflattenTime"), lambda _: nn.Identity()),
    "SumPool2d": _sum_pool,
    "Merge": lambda _: _Merge(),
    "Repeat": attrgetter("module"),
    "Network": attrgetter("spiking_model"),
}
