"""Connections of the machine: what a layer's spikes do to its targets, event by event."""

from hwsim.synapses.base import DELAY_MAX, EXPONENT_MAX, Form, Pair, Shape, Synapse
from hwsim.synapses.conv import Conv2d, SumPool2d
from hwsim.synapses.flat import Dense, Sparse

__all__ = [
    "DELAY_MAX", "EXPONENT_MAX", "Conv2d", "Dense", "Form", "Pair", "Shape", "Sparse",
    "SumPool2d", "Synapse",
]  # fmt: skip
