"""Counts layers with SpikingJelly, sinabs or NeuroBench: TOOL LAYERS.npz -> JSON.

Runs in a Python of its own, which need not have spikeport. LAYERS.npz holds of each layer
``name/weight``, ``name/messages`` (frames, *source) and, of a convolution, ``name/geometry``: rows
stride, padding, dilation, and the groups twice; of a layer with neurons ``name/threshold``.
"""

import json
import sys
import warnings

import numpy as np
import torch
from torch import nn


def layers(path):
    """Yield (name, layer, messages, threshold or None), without biases, in float64."""
    arrays = np.load(path)
    for name in [key.removesuffix("/weight") for key in arrays if key.endswith("/weight")]:
        weight = torch.from_numpy(arrays[f"{name}/weight"]).double()
        if weight.dim() == 4:
            stride, padding, dilation, (groups, _) = arrays[f"{name}/geometry"].tolist()
            sizes = weight.shape[1] * groups, weight.shape[0], tuple(weight.shape[2:])
            layer = nn.Conv2d(*sizes, stride, padding, dilation, groups, bias=False)
        else:
            layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        layer.weight.data = weight
        messages = torch.from_numpy(arrays[f"{name}/messages"]).double()
        yield name, layer, messages, arrays.get(f"{name}/threshold")


def spikingjelly(layer, messages, _):
    """Return what ``SynOpCounter`` counts."""
    from spikingjelly.activation_based import op_counter

    counter = op_counter.SynOpCounter()
    with op_counter.DispatchCounterMode([counter]):
        layer(messages)
    return {"synops": counter.get_total()}


def sinabs(layer, messages, _):
    """Return what ``SNNAnalyzer`` counts, frame by frame: it takes means over a batch."""
    from sinabs.synopcounter import SNNAnalyzer

    model, total = nn.Sequential(layer.float()), 0  # its map of connections is float32
    analyzer = SNNAnalyzer(model)
    for frame in messages.float():
        model(frame[None])
        total += int(analyzer.get_layer_statistics()["parameter"]["0"]["synops"])
    return {"synops": total}


def neurobench(layer, messages, threshold):
    """Return what ``SynapticOperations`` counts, and ``MembraneUpdates`` of integrators."""
    from neurobench.metrics.workload import MembraneUpdates, SynapticOperations
    from neurobench.models import SNNTorchModel, TorchModel

    if threshold is None:
        model = TorchModel(nn.Sequential(layer))
        metric = _measured(model, messages, SynapticOperations())
        return {"macs": metric.MAC, "acs": metric.AC}
    import snntorch

    neuron = snntorch.Leaky(
        beta=1.0,
        threshold=float(threshold),
        init_hidden=True,
        output=True,
        reset_mechanism="zero",
        reset_delay=False,
    )
    metric = _measured(
        SNNTorchModel(nn.Sequential(layer, neuron)), messages[None], MembraneUpdates()
    )
    return {"membrane_updates": sum(metric.neuron_membrane_updates.values())}


def _measured(model, batch, metric):
    model.register_hooks()
    metric(model, model(batch), (batch, None))
    return metric


TOOLS = {"spikingjelly": spikingjelly, "sinabs": sinabs, "neurobench": neurobench}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_grad_enabled(False)
    count = TOOLS[sys.argv[1]]
    found = {name: count(*layer) for name, *layer in layers(sys.argv[2])}
    sys.stdout.write(json.dumps(found) + "\n")
