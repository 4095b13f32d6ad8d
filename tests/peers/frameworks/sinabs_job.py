"""Run by a Python with sinabs 3.1.3: ``sinabs_job.py neurons|networks`` prints JSON.

``networks FOLDER`` also writes what sinabs' own exporter makes of one, and reads it.
"""

import contextlib
import itertools
import json
import sys
from pathlib import Path

import nir
import numpy as np
import sinabs.activation as sina
import sinabs.layers as sl
import sinabs.nir
import torch
from peers.frameworks.judging import Trained, digits, distance, exchanged, figures, left_behind
from torch import nn

from snnexport import capture
from snnexport.interpret import interpret
from snnexport.passes.choices import Bound

STEPS = 16
SPLIT = "test"
FIRING = [sina.MultiSpike, sina.SingleSpike, sina.MaxSpike(2), sina.MaxSpike()]
RESETS = [sina.MembraneSubtract(), sina.MembraneSubtract(0.75)]
RULES = [
    *({"spike_fn": fires, "reset_fn": resets} for fires in FIRING for resets in RESETS),
    {"spike_fn": sina.SingleSpike, "reset_fn": sina.MembraneReset()},
    {"spike_fn": sina.MultiSpike, "min_v_mem": -0.5},
    {"spike_fn": sina.SingleSpike, "min_v_mem": -0.5},
]
TAUS = torch.tensor([5.0, 2.0, 11.0, 3.3, 20.0])


def every_neuron():
    """Yield layers of 5 neurons; those of float64 have voltages that reach thresholds exactly."""
    for kind, rule in itertools.product((torch.float64, torch.float32), RULES):
        threshold = torch.full((5,), 1.5) if kind is torch.float64 else torch.linspace(0.7, 2, 5)
        own = {**rule, "spike_threshold": threshold, "record_states": True}
        yield sl.IAF(**own).to(kind)
        yield sl.IAFSqueeze(**own, batch_size=4, tau_syn=2.5).to(kind)
        yield sl.LIF(TAUS, **own).to(kind)
        leaks = {"tau_mem": 4.0, "tau_syn": TAUS, "train_alphas": True, "norm_input": False}
        yield sl.LIFSqueeze(**leaks, **own, num_timesteps=120).to(kind)
        if kind is torch.float32:  # spikes are float32 always, so weights have to be
            yield sl.IAFRecurrent(nn.Linear(5, 5, bias=False), **own)
            yield sl.LIFRecurrent(TAUS, nn.Linear(5, 5, bias=False), **own)
    for normed in (True, False):
        yield sl.ExpLeak(TAUS, norm_input=normed, record_states=True)


def compared(layer):
    """Return how a layer and what it is captured as differ on random input from rest."""
    kind = next(layer.parameters()).dtype
    x = torch.randint(-8, 12, (120, 4, 5), dtype=kind) / 4.0
    if kind is torch.float32:
        x += 0.1 * torch.randn_like(x)
    graph = capture(nn.Sequential(layer), x, checked=False)
    found = interpret(graph, x.numpy())
    spikes = answers(layer, x).detach().numpy()
    # a recurrent layer's records are overwritten in the next step; its last state is right
    voltages = layer.v_mem[:, None] if hasattr(layer, "rec_connect") else layer.recordings["v_mem"]
    voltages = voltages.detach().transpose(0, 1).numpy()
    ours, threshold = found.voltages["0"], getattr(graph.layers[0].neuron, "threshold", np.inf)
    return {
        "layer": repr(layer),
        "dtype": str(kind),
        "fired": float(spikes.mean()),
        "most": float(spikes.max()),
        "spikes": int((spikes != found.spikes["0"]).sum()) if layer.does_spike else 0,
        "voltage": distance(left_behind(graph, found)[-len(voltages) :], voltages),
        "ties": int((ours == threshold).sum()),
    }


def answers(network, frames):
    """Return what a network or layer answers to frames (T, B, ...) from rest: (T, B, n)."""
    for layer in network.modules():
        if isinstance(layer, sl.StatefulLayer):
            layer.reset_states()
    x, shape = frames.transpose(0, 1), (frames.shape[1], frames.shape[0])
    squeezed = any(isinstance(layer, sl.SqueezeMixin) for layer in network.modules())
    y = network(x.flatten(0, 1)).unflatten(0, shape) if squeezed else network(x)
    return y.transpose(0, 1)


def integrating():
    """Return integrate-and-fire that sends several spikes a step, as ``from_model`` makes it."""
    firing = {"num_timesteps": STEPS, "min_v_mem": -1.0}
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False),
        sl.IAFSqueeze(**firing),
        sl.SumPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 10, bias=False),
        sl.IAFSqueeze(**firing),
    )


def leaky():
    """Return leaky layers with biases that fire once a step at most."""
    firing = {"spike_fn": sina.SingleSpike, "tau_mem": 8.0, "num_timesteps": STEPS}
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 64),
        sl.LIFSqueeze(**firing),
        nn.Linear(64, 10),
        sl.LIFSqueeze(**firing, reset_fn=sina.MembraneReset()),
    )


def trained(name, network, epochs, **how):
    """Train a network on digits; return it with what it answers to the judged split."""
    frames, labels = digits("train", STEPS)
    with torch.no_grad():  # pixels are 0..16
        next(network.parameters()).div_(8)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.004)
    for _ in range(epochs):
        for batch in torch.randperm(len(labels)).split(64):
            optimizer.zero_grad()
            rates = answers(network, frames[:, batch]).mean(0)
            nn.functional.cross_entropy(rates, labels[batch]).backward()
            optimizer.step()
    test, wanted = digits(SPLIT, STEPS)
    with torch.no_grad():
        outputs = answers(network, test).numpy()
    arrays = (frames.numpy(), test.numpy(), wanted.numpy(), outputs)
    return Trained(name, network, *arrays, **how)


def read_back(network, path):
    """Return how the file answers that sinabs' exporter writes of a network."""
    graph = sinabs.nir.to_nir(network.step, torch.zeros(STEPS, 1, 8, 8))
    with contextlib.redirect_stdout(sys.stderr):
        graph.infer_types()  # without it nir 1.0.4 cannot write poolings
    nir.write(path, graph)
    return exchanged(network, path, "sinabs")


def networks(folder):
    """Train networks; return their figures, and those of the files that are exported of them."""
    # sums that 255 spikes a step could reach leave the weights few bits
    several = trained("integrating", integrating(), 15, bound=Bound.OBSERVED)
    both = [several, trained("leaky", leaky(), 30)]
    return {
        "networks": [figures(network) for network in both],
        "exchange": [read_back(several, Path(folder, "integrating.nir"))],
    }


def main():
    """Print what the first argument asks for."""
    torch.manual_seed(0)
    if sys.argv[1] == "neurons":
        found = [compared(layer) for layer in every_neuron()]
    else:
        found = networks(Path(sys.argv[2]))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
