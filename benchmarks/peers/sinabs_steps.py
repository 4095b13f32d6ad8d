# /// script
# requires-python = ">=3.11"
# dependencies = ["sinabs==3.1.3", "torch==2.13.0", "numpy"]
# ///
"""Runs a network on sinabs, all steps of a layer at once: FOLDER."""

from __future__ import annotations

import numpy as np
import torch
from peer_network import Network
from sinabs.activation import MembraneReset, SingleSpike
from sinabs.layers import LIF, LIFRecurrent
from torch import Tensor, nn
from torch_network import Spikes, Synapses, layer_by_layer, main


def run(network: Network, synapses: list[Synapses], frames: Tensor) -> Spikes:
    """Return the spikes of ``frames`` (T, B, *shape); the leak of v is not rounded.

    Its neurons fire at the threshold, so theirs is the next float above; its batch comes first.
    """
    neurons = [_neurons(network, into) for into in synapses]
    batch_first = frames.transpose(0, 1).contiguous()
    fired = layer_by_layer(synapses, batch_first, lambda number, x: neurons[number](x))
    return [spikes.transpose(0, 1) for spikes in fired]


def _neurons(network: Network, into: Synapses) -> nn.Module:
    threshold = np.nextafter(np.float32(into.layer.threshold), np.float32(np.inf))
    settings = {
        "tau_mem": -1 / np.log(1 - network.decay_v / 4096),
        "spike_threshold": torch.tensor(threshold),
        "spike_fn": SingleSpike,
        "reset_fn": MembraneReset(),
        "norm_input": False,
    }
    if into.recurrent is None:
        return LIF(**settings)
    back = nn.Linear(*into.recurrent.shape, bias=False)
    back.weight.copy_(into.recurrent)
    return LIFRecurrent(rec_connect=back, **settings)


if __name__ == "__main__":
    main(run)
