"""Runs neurons of snnTorch and sinabs: IN.npy OUT.npz, in a Python of its own.

IN.npy holds float32 inputs (T, n); OUT.npz gets ``<case>/spikes`` and ``<case>/v``, both (T, n).
"""

import sys

import numpy as np
import torch
from sinabs import activation, layers
from sinabs.layers.functional.lif import lif_forward
from snntorch import Leaky, Synaptic

HALF = 0.5
SNNTORCH = {
    "leaky subtract": Leaky(HALF, threshold=1.5),
    "leaky none": Leaky(HALF, threshold=1.5, reset_mechanism="none"),
    "synaptic subtract": Synaptic(HALF, HALF, threshold=1.5),
}
SINABS = {
    "lif multi": (HALF, None, activation.MultiSpike, None, None),
    "lif multi current": (HALF, HALF, activation.MultiSpike, None, -0.75),
    "lif max": (HALF, None, activation.MaxSpike(3), None, -0.75),
    "lif max value": (HALF, None, activation.MaxSpike(3), 2.25, -0.75),
    "lif single": (HALF, None, activation.SingleSpike, None, None),
}
IAF = {
    "iaf multi": (activation.MultiSpike, None),
    "iaf max": (activation.MaxSpike(2), -1.25),
}


def of_snntorch(neuron, inputs):
    """Return spikes and ``mem`` of every step."""
    states, found = (), []
    for x in inputs:
        spikes, *states = neuron(x, *states)
        found.append((spikes, states[-1]))
    return [torch.stack(values) for values in zip(*found, strict=True)]


def of_lif(case, inputs):
    """Return spikes and ``v_mem`` of what the layer LIF runs, its factors given exactly."""
    keep, keep_current, spike_fn, value, lowest = case
    rest = torch.zeros_like(inputs[0])[None]
    spikes, _, record = lif_forward(
        inputs[None],
        alpha_mem=keep,
        alpha_syn=keep_current,
        state={"v_mem": rest, "i_syn": rest},
        spike_threshold=torch.tensor(1.5),
        spike_fn=spike_fn,
        reset_fn=activation.MembraneSubtract(value),
        surrogate_grad_fn=activation.Heaviside(0),
        min_v_mem=lowest,
        norm_input=False,
        record_states=True,
    )
    return spikes[0], record["v_mem"][0]


def of_iaf(case, inputs):
    """Return spikes and ``v_mem`` of the layer IAF."""
    spike_fn, lowest = case
    layer = layers.IAF(1.5, spike_fn, min_v_mem=lowest, record_states=True)
    spikes = layer(inputs[None])[0]
    return spikes, layer.recordings["v_mem"][0]


def main(source, target):
    """Run every case."""
    inputs, found = torch.from_numpy(np.load(source)), {}
    for run, cases in ((of_snntorch, SNNTORCH), (of_lif, SINABS), (of_iaf, IAF)):
        for name, case in cases.items():
            with torch.no_grad():
                found[f"{name}/spikes"], found[f"{name}/v"] = run(case, inputs)
    np.savez(target, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
