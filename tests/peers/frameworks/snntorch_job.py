"""Run by a Python with snnTorch 1.0.0: ``snntorch_job.py neurons|networks`` prints JSON.

``networks FOLDER`` also writes what snnTorch's own exporter makes of them, and reads it.
"""

import itertools
import json
import sys
from pathlib import Path

import nir
import snntorch as snn
import torch
from peers.frameworks.judging import Trained, digits, distance, exchanged, figures
from snntorch import functional, surrogate
from snntorch.export_nir import export_to_nir
from torch import nn

from snnexport import capture
from snnexport.formats.nir.profiles import PROFILES, Reset
from snnexport.interpret import interpret

STEPS = 16
SPLIT = "test"
RESETS = [("subtract", True), ("zero", True), ("zero", False), ("none", True), ("none", False)]
DYADIC = {"beta": [0.5, 0.75, 0.875, 1.0, 0.25], "threshold": 1.5}
ODD = {"beta": [0.9, 0.37, 0.81, 1.2, -0.3], "threshold": [0.7, 1.1, 0.9, 2.1, 1.3]}


def neurons(kind, numbers, **options):
    """Yield layers of one kind with every reset that is supported."""
    if "Synaptic" in kind:
        options["alpha"] = torch.tensor([0.5, 0.0, 0.25, 0.75, 0.5])
    for (rule, late), hidden in itertools.product(RESETS, (True, False)):
        if kind == "RSynaptic" and hidden and not late:  # the library fails there
            continue
        how = {"reset_mechanism": rule, "reset_delay": late, "init_hidden": hidden}
        yield getattr(snn, kind)(**numbers, **how, **options, output=not hidden)


def every_neuron():
    """Yield layers of 5 neurons; in float64, voltages reach thresholds exactly."""
    for kind, numbers in ((torch.float64, DYADIC), (torch.float32, ODD)):
        torch.set_default_dtype(kind)
        numbers = {name: torch.tensor(values) for name, values in numbers.items()}
        if kind is torch.float64:  # the library's own step function answers in float32
            numbers["spike_grad"] = lambda x: (x > 0).to(x.dtype)
        for name in ("Leaky", "Synaptic"):
            yield from neurons(name, numbers)
        for name in ("RLeaky", "RSynaptic"):
            yield from neurons(name, numbers, linear_features=5)
            for own in (-0.5, [0.5, -0.25, 1.0, 0.0, -1.0]):
                yield from neurons(name, numbers, all_to_all=False, V=torch.tensor(own))


def compared(layer):
    """Return how a layer and what it is captured as differ on random input from rest."""
    kind = layer.beta.dtype
    x = torch.randint(-8, 12, (120, 4, 5)) / 4.0
    if kind is torch.float32:
        x += 0.1 * torch.randn_like(x)
    found = interpret(capture(nn.Sequential(layer), x, checked=False), x.numpy())
    spikes, voltages = (kept.detach().numpy() for kept in answered(layer, x))
    ours, threshold = found.voltages["0"], layer.threshold.numpy()
    ties = int((ours == threshold).sum())
    if layer.reset_mechanism == "zero" and resets_at_once(layer):
        ours = ours * (1 - found.spikes["0"])  # mem is reset already when it is handed out
    return {
        "layer": f"{type(layer).__name__} {layer.reset_mechanism} {layer.reset_delay}",
        "dtype": str(kind),
        "fired": float(spikes.mean()),
        "spikes": int((spikes != found.spikes["0"]).sum()),
        "voltage": distance(ours, voltages),
        "ties": ties,
    }


def resets_at_once(layer):
    """Say whether the step of a spike ends with the reset; RSynaptic drops it."""
    return not (layer.reset_delay or isinstance(layer, snn.RSynaptic))


def answered(layer, x):
    """Return spikes and mem of a layer after every step of ``x`` (T, B, n)."""
    layer.spk = layer.syn = layer.mem = torch.zeros_like(x[0])
    spikes, voltages = [], []
    for frame in x:
        handed = isinstance(layer, snn.RSynaptic) and not layer.init_hidden
        answer = layer(frame, *((layer.spk, layer.syn, layer.mem) if handed else ()))
        spikes.append(answer[0] if isinstance(answer, tuple) else answer)
        voltages.append(layer.mem)
    return torch.stack(spikes), torch.stack(voltages)


class Convolutional(nn.Module):
    """Two layers that keep their states themselves, the second also returns its voltage."""

    def __init__(self):
        super().__init__()
        own = {"beta": 0.9, "spike_grad": surrogate.fast_sigmoid(), "init_hidden": True}
        self.conv, self.lif1 = nn.Conv2d(1, 8, 3, padding=1), snn.Leaky(**own)
        self.pool, self.flat = nn.AvgPool2d(2), nn.Flatten()
        self.fc, self.lif2 = nn.Linear(128, 10), snn.Leaky(**own, learn_threshold=True, output=True)

    def forward(self, x):
        """Answer one step: spikes and voltages (B, 10)."""
        return self.lif2(self.fc(self.flat(self.pool(self.lif1(self.conv(x))))))


class Recurrent(nn.Module):
    """Layers that are handed their states, the first with feedback to all its neurons."""

    def __init__(self):
        super().__init__()
        own = {"reset_mechanism": "zero", "reset_delay": False}
        own["spike_grad"] = surrogate.fast_sigmoid(5)
        self.flat, self.fc1, self.fc2 = nn.Flatten(), nn.Linear(64, 64), nn.Linear(64, 10)
        self.lif1 = snn.RLeaky(0.8, linear_features=64, **own)
        self.lif2 = snn.Synaptic(0.6, 0.9, **own)

    def forward(self, x, spk1=None, mem1=None, syn2=None, mem2=None):
        """Answer one step: spikes (B, 10), then the states of both layers."""
        spk1, mem1 = self.lif1(self.fc1(self.flat(x)), spk1, mem1)
        spk2, syn2, mem2 = self.lif2(self.fc2(spk1), syn2, mem2)
        return spk2, spk1, mem1, syn2, mem2


class Default(nn.Sequential):
    """Feedback and resets as snnTorch makes them if nothing is said: subtracted a step late."""

    def __init__(self):
        feedback = snn.RSynaptic(0.5, 0.8, linear_features=32, init_hidden=True)
        last = snn.Synaptic(0.6, 0.9, init_hidden=True, output=True)
        super().__init__(nn.Flatten(), nn.Linear(64, 32), feedback, nn.Linear(32, 10), last)


def unrolled(network, frames):
    """Return the spikes (T, B, 10) of a network from rest."""
    for layer in network.modules():
        if isinstance(layer, snn.SpikingNeuron):
            layer.reset_mem()
    sent, states = [], ()
    for frame in frames:
        answer = network(frame, *states)
        states = answer[1:] if isinstance(network, Recurrent) else ()
        sent.append(answer[0])
    return torch.stack(sent)


def trained(network, epochs, **how):
    """Train ``network`` on digits; return it with what it answers to the judged split."""
    frames, labels = digits("train", STEPS)
    loss = functional.ce_rate_loss()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.005)
    for _ in range(epochs):
        for batch in torch.randperm(len(labels)).split(64):
            optimizer.zero_grad()
            loss(unrolled(network, frames[:, batch]), labels[batch]).backward()
            optimizer.step()
    test, wanted = digits(SPLIT, STEPS)
    with torch.no_grad():
        outputs = unrolled(network.eval(), test).numpy()
    arrays = (frames.numpy(), test.numpy(), wanted.numpy(), outputs)
    return Trained(type(network).__name__.lower(), network, *arrays, **how)


def read_back(network, reset, path):
    """Return how the file answers that snnTorch's exporter writes of a network."""
    for layer in network.step.modules():
        own = [getattr(layer, name, None) for name in ("alpha", "beta", "threshold")]
        for numbers in (n for n in own if n is not None):  # its types need one per neuron
            numbers.data = numbers.data.expand(layer.mem.shape[1:]).clone()
    nir.write(path, export_to_nir(network.step, torch.zeros(1, 1, 8, 8), ignore_dims=[0]))
    return exchanged(network, path, PROFILES["snntorch"].with_choices(reset=reset))


def networks(folder):
    """Train networks; return their figures, and those of the files that are exported of them."""
    chain, loop = trained(Convolutional(), 15), trained(Recurrent(), 10)
    alone = trained(Default(), 20, streamed=False)  # nothing silences it between samples
    exchange = [
        read_back(chain, Reset.LATE, Path(folder, "chain.nir")),
        read_back(loop, Reset.ZERO, Path(folder, "loop.nir")),
    ]
    return {
        "networks": [figures(network) for network in (chain, loop, alone)],
        "exchange": exchange,
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
