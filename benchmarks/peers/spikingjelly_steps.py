# /// script
# requires-python = ">=3.11"
# dependencies = ["spikingjelly==2.0.0", "torch==2.13.0", "numpy"]
# ///
"""Runs a network on SpikingJelly, in its multi-step mode unless recurrent: FOLDER."""

from __future__ import annotations

import numpy as np
from peer_network import Network
from spikingjelly.activation_based.neuron import LIFNode
from torch import Tensor
from torch_network import Spikes, Synapses, layer_by_layer, main, step_by_step


def run(network: Network, synapses: list[Synapses], frames: Tensor) -> Spikes:
    """Return the spikes of ``frames`` (T, B, *shape); the leak of v is not rounded.

    Its neurons fire at the threshold, so theirs is the next float above.
    """
    recurrent = any(into.recurrent is not None for into in synapses)
    settings = {"tau": 4096 / network.decay_v, "decay_input": False, "v_reset": 0.0}
    mode = "s" if recurrent else "m"
    thresholds = [np.nextafter(np.float32(x.threshold), np.float32(np.inf)) for x in network.layers]
    neurons = [LIFNode(v_threshold=float(x), step_mode=mode, **settings).eval() for x in thresholds]
    advance = step_by_step if recurrent else layer_by_layer
    return advance(synapses, frames, lambda number, current: neurons[number](current))


if __name__ == "__main__":
    main(run)
