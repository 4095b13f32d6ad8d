"""Neurons with resets that stock targets do not have, and the way out that refusals name."""

from __future__ import annotations

from typing import Any

from hwsim.neurons import CubaLateReset, CubaSubtract, MultiSpike

SUBTRACTING = (CubaLateReset, CubaSubtract, MultiSpike)
"""Neurons that keep what exceeds the threshold."""


def way_out(neuron: Any) -> str:
    """Return how the refusal of ``neuron`` ends: "" where there is no other way."""
    if not isinstance(neuron, SUBTRACTING):
        return ""
    return "; `spikeport train RECIPE --init FILE` fine-tunes with reset to zero"
