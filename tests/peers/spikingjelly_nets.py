"""Runs SpikingJelly's deep networks and neurons: JOB.npz -> RESULT.npz.

Runs in a Python of its own, which need not have spikeport. JOB.npz holds ``models``, whose
parameters are counted; or ``model`` and ``cnf`` with its parameters ``p0, p1, ...`` and buffers
``b0, ...`` in the order of definition, and frames ``x`` (T, B, C, H, W).
"""

import sys

import numpy as np
import torch
from spikingjelly.activation_based import functional, layer, neuron, surrogate

try:  # a torchvision for CUDA beside a torch without: none of its operators is used here
    import torchvision  # noqa: F401
except RuntimeError:
    operators = torch.library.Library("torchvision", "DEF")
    for missing in ("nms", "qnms"):
        operators.define(f"{missing}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
from spikingjelly.activation_based.model import ms_resnet, sew_resnet, spiking_resnet

NEURONS = {
    "spiking_neuron": neuron.IFNode,
    "surrogate_function": surrogate.ATan(2.0),
    "detach_reset": True,
    "step_mode": "m",
}
MS_SIZES = {"ms_resnet18": (2, 2, 2, 2), "ms_resnet34": (3, 4, 6, 3), "ms_resnet104": (3, 8, 32, 8)}


def network(name, cnf):
    """Return an untrained network."""
    if name in MS_SIZES:
        return ms_resnet.MSResNet(layers=MS_SIZES[name])
    if name.startswith("sew"):
        return getattr(sew_resnet, name)(cnf=cnf, **NEURONS)
    return getattr(spiking_resnet, name)(**NEURONS)


def main():
    """Do the job in the first argument, write the second."""
    job = np.load(sys.argv[1])
    if "models" in job:
        with torch.device("meta"):
            found = {name: sizes(network(name, "ADD")) for name in job["models"].tolist()}
    elif "raw" in job:
        found = parametric(job)
    else:
        found = {"outputs": outputs(network(str(job["model"]), str(job["cnf"])), job)}
    np.savez(sys.argv[2], **found)


def sizes(model):
    """Return the shapes of all parameters, as text."""
    return np.array([str(list(parameter.shape)) for parameter in model.parameters()])


def outputs(model, job):
    """Return what ``model`` answers in evaluation mode, in float64: (T, B, classes)."""
    model = model.double().eval()
    functional.set_step_mode(model, "m")
    with torch.no_grad():
        for i, parameter in enumerate(model.parameters()):
            parameter.copy_(torch.from_numpy(job[f"p{i}"]))
        numbers = [b for b in model.buffers() if b.dtype.is_floating_point]
        for i, buffer in enumerate(numbers):
            buffer.copy_(torch.from_numpy(job[f"b{i}"]))
        return model(torch.from_numpy(job["x"])).numpy()


def parametric(job):
    """Return spikes and gradients of normalisation and a parametric LIF, in training mode."""
    x = torch.from_numpy(job["x"]).requires_grad_()
    norm = layer.BatchNorm2d(x.shape[2], step_mode="m").double()
    kind = neuron.ParametricLIFNode
    cells = kind(init_tau=2.0, decay_input=True, detach_reset=True, step_mode="m").double()
    cells.surrogate_function = surrogate.ATan(2.0)
    with torch.no_grad():
        norm.weight.copy_(torch.from_numpy(job["weight"]))
        norm.bias.copy_(torch.from_numpy(job["bias"]))
        cells.w.copy_(torch.from_numpy(job["raw"]))
    spikes = cells(norm(x))
    (spikes * torch.from_numpy(job["factor"])).sum().backward()
    gradients = {
        "x": x.grad,
        "weight": norm.weight.grad,
        "bias": norm.bias.grad,
        "raw": cells.w.grad,
    }
    return {"spikes": spikes.detach().numpy()} | {n: g.numpy() for n, g in gradients.items()}


if __name__ == "__main__":
    main()
