# /// script
# requires-python = ">=3.11"
# dependencies = ["snntorch==1.0.0", "torch==2.13.0", "numpy"]
# ///
"""Runs a network on snnTorch, whose neurons fire above the threshold, step by step: FOLDER."""

from __future__ import annotations

import snntorch
from peer_network import Network
from torch import Tensor
from torch_network import Spikes, Synapses, main, step_by_step


def run(network: Network, synapses: list[Synapses], frames: Tensor) -> Spikes:
    """Return the spikes of ``frames`` (T, B, *shape); the leak of v is not rounded."""
    beta = 1 - network.decay_v / 4096
    settings = {"beta": beta, "reset_mechanism": "zero", "reset_delay": False}
    neurons = [snntorch.Leaky(threshold=layer.threshold, **settings) for layer in network.layers]
    memories = [neuron.reset_mem() for neuron in neurons]

    def fire(number: int, current: Tensor) -> Tensor:
        spikes, memories[number] = neurons[number](current, memories[number])
        return spikes

    return step_by_step(synapses, frames, fire)


if __name__ == "__main__":
    main(run)
