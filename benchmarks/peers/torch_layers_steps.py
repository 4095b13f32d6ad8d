# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "numpy"]
# ///
"""Runs a network on torch, all steps of a layer at once but for its exact neurons: FOLDER."""

from __future__ import annotations

import torch
from exact_lif import ExactLif
from peer_network import Network
from torch import Tensor
from torch_network import Spikes, Synapses, main


def run(network: Network, synapses: list[Synapses], frames: Tensor) -> Spikes:
    """Return the spikes of ``frames`` (T, B, *shape); dense layers multiply bytes, exactly."""
    fired = []
    for into in synapses:
        rows = frames.flatten(0, 1)
        dense = into.weight.dim() == 2
        currents = (
            torch._int_mm(rows.flatten(1).to(torch.int8), into.columns) if dense else into(rows)
        )
        currents = currents.unflatten(0, frames.shape[:2])
        neurons = ExactLif(into.layer.threshold, network.decay_v)
        frames = torch.empty(currents.shape)
        for spikes, current in zip(frames, currents, strict=True):
            spikes.copy_(neurons.step(current))
        fired.append(frames)
    return fired


if __name__ == "__main__":
    main(run)
