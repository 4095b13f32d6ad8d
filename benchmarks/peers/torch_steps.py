# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "numpy"]
# ///
"""Runs a network on eager torch with exact integer states, step by step: FOLDER."""

from __future__ import annotations

import torch
from exact_lif import ExactLif
from peer_network import Network
from torch import Tensor
from torch_network import Spikes, Synapses, main, step_by_step


def run(network: Network, synapses: list[Synapses], frames: Tensor) -> Spikes:
    """Return the spikes of ``frames`` (T, B, *shape)."""
    neurons = [ExactLif(layer.threshold, network.decay_v) for layer in network.layers]

    def fire(number: int, current: Tensor) -> Tensor:
        return neurons[number].step(current).to(torch.float32)

    return step_by_step(synapses, frames, fire)


if __name__ == "__main__":
    main(run)
