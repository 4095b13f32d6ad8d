"""Trains one network with one library for a few steps and prints what they cost, as JSON.

    python train_steps.py TOOL CASE LAYOUT STEPS

Runs in the environment of TOOL: ``spikeport``, ``spikingjelly``, ``snntorch`` or ``norse``; LAYOUT
is ``contiguous`` or ``channels_last``. A step is zero_grad, forward, cross-entropy on the mean
over time, backward and an Adam update, on one thread. Every LIF halves its voltage in a step
(tau 2), fires at 1, is reset to zero, and has the ATan surrogate of slope 2 where there is one.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from train_networks import CASES, Neuron  # beside this file


class Multi(nn.Module):
    """Neurons of a library that take (T, B, ...), between layers that take (T * B, ...)."""

    def __init__(self, neurons: nn.Module, steps: int) -> None:
        super().__init__()
        self.neurons, self.steps = neurons, steps

    def forward(self, x: Tensor) -> Tensor:
        """Return the spikes (T * B, ...)."""
        return self.neurons(x.unflatten(0, (self.steps, -1))).flatten(0, 1)


class Stepped(nn.Module):
    """Neurons of a library that take one step ``(x, state) -> (spikes, state)``."""

    def __init__(self, neurons: nn.Module, rest: Callable[[], Any]) -> None:
        super().__init__()
        self.neurons, self.rest, self.state = neurons, rest, None

    def forward(self, x: Tensor) -> Tensor:
        """Return the spikes of a step."""
        spikes, self.state = self.neurons(x, self.state)
        return spikes


def spikeport(_: int) -> Neuron:
    """Return how snntrain builds neurons."""
    from snntrain import ATan, Spiking

    return lambda n, norm: Spiking(n, decay_v=0.5, norm=norm, surrogate=ATan(2.0))


def spikingjelly(steps: int) -> Neuron:
    """Return how SpikingJelly builds neurons that run ``steps`` at once."""
    from spikingjelly.activation_based import neuron, surrogate

    def build(channels: int, normalised: bool) -> nn.Module:
        lif = neuron.LIFNode(
            v_threshold=1 + 2**-23,  # it fires at >=: the next float32 makes that our > 1
            tau=2.0, decay_input=False, v_reset=0.0, detach_reset=True, step_mode="m",
            surrogate_function=surrogate.ATan(2.0),
        )  # fmt: skip
        return _normalised(Multi(lif, steps), channels, normalised)

    return build


def snntorch(_: int) -> Neuron:
    """Return how snnTorch builds neurons."""
    import snntorch as library

    def build(channels: int, normalised: bool) -> nn.Module:
        atan = library.surrogate.atan(2.0)
        leaky = library.Leaky(beta=0.5, spike_grad=atan, reset_mechanism="zero")
        return _normalised(Stepped(leaky, leaky.reset_mem), channels, normalised)

    return build


def norse(_: int) -> Neuron:
    """Return how norse builds neurons."""
    from norse.torch import LIFBoxCell
    from norse.torch.functional.lif_box import LIFBoxParameters

    # v + (x - v) / 2 is half of our voltage, and so is its threshold
    parameters = LIFBoxParameters(tau_mem_inv=torch.tensor(500.0), v_th=torch.tensor(0.5))
    return lambda n, norm: _normalised(Stepped(LIFBoxCell(parameters), lambda: None), n, norm)


TOOLS = {"spikeport": spikeport, "spikingjelly": spikingjelly}
STEPPED = {"snntorch": snntorch, "norse": norse}
"""Libraries whose users loop over time around the whole network; so do we, as it is faster here
than layer by layer. Their batch statistics are then those of one step."""


def _normalised(neurons: nn.Module, channels: int, normalised: bool) -> nn.Module:
    return nn.Sequential(nn.BatchNorm2d(channels), neurons) if normalised else neurons


def forward(tool: str, network: nn.Module, sequence: Tensor) -> Tensor:
    """Return the outputs (T, B, 10) of ``network``, from rest."""
    if tool == "spikeport":
        from snntrain import unroll

        return unroll(network, sequence)
    if tool == "spikingjelly":
        from spikingjelly.activation_based.functional import reset_net

        reset_net(network)
        return network(sequence.flatten(0, 1)).unflatten(0, (len(sequence), -1))
    for module in network.modules():
        if isinstance(module, Stepped):
            module.state = module.rest()
    return torch.stack([network(x) for x in sequence])


def peak_mib() -> float:
    """Return the most memory that this process held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(tool: str, name: str, layout: str, steps: str) -> None:
    """Print outputs for four samples before training, then train; two steps warm up, untimed."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    case = CASES[name]
    network = case.build((TOOLS | STEPPED)[tool](case.steps))
    if layout == "channels_last":
        network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    (sequence, labels), before = case.data(), peak_mib()
    with torch.no_grad():
        outputs = forward(tool, network, sequence[:, :4]).mean(0).tolist()
    seconds = []
    for _ in range(int(steps) + 2):
        start = time.process_time()
        optimizer.zero_grad()
        loss = functional.cross_entropy(forward(tool, network, sequence).mean(0), labels)
        loss.backward()
        optimizer.step()
        seconds.append(time.process_time() - start)
    result = {"seconds": seconds[2:], "peak_mib": peak_mib() - before, "outputs": outputs}
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
