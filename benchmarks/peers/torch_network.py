"""A benchmark network in torch: its synapses, the two ways to step it, and the timing of both."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import torch
from peer_network import Layer, Network, Timing, answer, read, timed
from torch import Tensor, nn
from torch.nn import functional

REPEATS = 3
Spikes = list[Tensor]
"""Of each layer, (T, B, *shape)."""
Run = Callable[[Network, list["Synapses"], Tensor], Spikes]


class Synapses(nn.Module):
    """The connection into a layer, and the recurrent one within it, if any."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.layer = layer
        self.weight = torch.from_numpy(layer.weight).float()
        recurrent = layer.recurrent
        self.recurrent = None if recurrent is None else torch.from_numpy(recurrent).float()

    @cached_property
    def columns(self) -> Tensor:
        """The weights of a dense layer as bytes, (m, n)."""
        return torch.from_numpy(self.layer.weight.T.astype("int8"))

    def forward(self, spikes: Tensor, before: Tensor | None = None) -> Tensor:
        """Return the currents (B, *shape) of ``spikes``, and of the layer's own one step ago."""
        if self.weight.dim() == 4:
            layer = self.layer
            return functional.conv2d(
                spikes, self.weight, stride=layer.stride, padding=layer.padding
            )
        current = functional.linear(spikes.flatten(1), self.weight)
        if self.recurrent is not None and before is not None:
            current += functional.linear(before, self.recurrent)
        return current


def step_by_step(synapses: list[Synapses], frames: Tensor, fire: Callable) -> Spikes:
    """Advance all layers a step at a time; ``fire(layer, current) -> spikes`` keeps the state."""
    fired: list[list[Tensor]] = [[] for _ in synapses]
    for sent in frames:
        for number, into in enumerate(synapses):
            before = fired[number][-1] if fired[number] else None
            sent = fire(number, into(sent, before))
            fired[number].append(sent)
    return [torch.stack(trains) for trains in fired]


def layer_by_layer(synapses: list[Synapses], frames: Tensor, fire: Callable) -> Spikes:
    """Advance a layer through all steps, then the next; ``fire`` takes the currents (T, B, ...).

    The two leading axes may be in any order.
    """
    fired = []
    for number, into in enumerate(synapses):
        currents = into(frames.flatten(0, 1))
        frames = fire(number, currents.unflatten(0, frames.shape[:2]))
        fired.append(frames)
    return fired


def main(run: Run) -> None:
    """Time ``run`` on one sample, and on the better of two batches, and answer as every peer."""
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    network = read(folder)
    synapses = [Synapses(layer) for layer in network.layers]
    samples = network.frames.shape[1]
    one, spikes = _fastest(run, network, synapses, 1)
    batches = [_fastest(run, network, synapses, n)[0] for n in (samples // 4, samples)]
    timings = [one, min(batches, key=lambda timing: timing.cpu_s / timing.batch)]
    names = [layer.name for layer in network.layers]
    first = [train[:, 0].flatten(1).numpy() for train in spikes]
    answer(folder, timings, dict(zip(names, first, strict=True)))


def _fastest(
    run: Run, network: Network, synapses: list[Synapses], batch: int
) -> tuple[Timing, Spikes]:
    frames = torch.from_numpy(network.frames[:, :batch]).float()
    runs = [
        timed(lambda: run(network, synapses, frames), batch, len(frames)) for _ in range(REPEATS)
    ]
    return min((timing for _, timing in runs), key=lambda t: t.cpu_s), runs[-1][0]
