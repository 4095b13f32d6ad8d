# /// script
# requires-python = "==3.9.*"
# dependencies = ["nengo-loihi==1.1.0", "nengo==4.1.0", "numpy==1.23.*"]
# ///
"""Runs a network on the emulator of nengo-loihi 1.1, with our own integers: FOLDER.

Its discretization would scale weights and thresholds anew; the blocks get integers instead.
"""
# ruff: noqa: B905, E402 -- Python 3.9 has no zip(strict=True); nengo warns when it is imported

from __future__ import annotations

import sys
import warnings
from itertools import product
from pathlib import Path

import numpy as np
from peer_network import Layer, Network, answer, read, timed

warnings.filterwarnings("ignore")

from nengo_loihi.block import Axon, LoihiBlock, Synapse
from nengo_loihi.builder import Model
from nengo_loihi.emulator import EmulatorInterface
from nengo_loihi.inputs import SpikeInput
from nengo_loihi.probe import LoihiProbe

UNIT, LIMIT, NO_MEMORY = 64, 2**23 - 1, 4095
"""Of states in weights, of v, and the decay of a current that is gone after a step."""


def main() -> None:
    """Run the first sample, without its first step, and answer."""
    folder = Path(sys.argv[1])
    network = read(folder)
    model, probes = build(network)
    emulator = EmulatorInterface(model, seed=0)
    frames, last = len(network.frames), network.layers[-1].latency
    emulator.run_steps(1)
    _, timing = timed(lambda: emulator.run_steps(frames + last - 1), 1, frames + last - 1)
    spikes = {}
    for layer, probe in zip(network.layers, probes):
        steps = np.asarray(emulator.collect_probe_output(probe))
        spikes[layer.name] = steps[layer.latency : layer.latency + frames]
    answer(folder, [timing], spikes)


def build(network: Network) -> tuple[Model, list[LoihiProbe]]:
    """Return the network as blocks, one a layer, and a probe of the spikes of each."""
    model, probes = Model(), []
    source = SpikeInput(network.frames[0, 0].size)
    for step, frame in enumerate(network.frames[:, 0], 1):
        source.add_spikes(step, np.flatnonzero(frame).tolist(), permanent=True)
    model.add_input(source)
    shape = network.frames.shape[2:]
    for layer in network.layers:
        block = LoihiBlock(int(np.prod(layer.shape)))
        configure(block, layer, network.decay_v)
        if layer.weight.ndim == 2:
            connect(source, block, dense(layer.weight))
        else:
            atoms, axons = np.divmod(np.arange(np.prod(shape)), np.prod(shape[1:]))
            connect(source, block, convolution(layer, shape), axons, atoms)
        if layer.recurrent is not None:
            connect(block, block, dense(layer.recurrent))
        model.add_block(block)
        probes.append(LoihiProbe(target=block, key="spiked"))
        model.add_probe(probes[-1])
        source, shape = block, layer.shape
    return model, probes


def configure(block: LoihiBlock, layer: Layer, decay_v: int) -> None:
    """Give the compartments of ``block`` the registers of ``layer`` as integers."""
    compartment, count = block.compartment, block.n_neurons
    compartment.decay_u = np.full(count, NO_MEMORY, np.int32)
    compartment.decay_v = np.full(count, decay_v, np.int32)
    compartment.vth = np.full(count, layer.threshold * UNIT, np.int32)
    compartment.bias = np.zeros(count, np.int32)
    compartment.scale_u = compartment.scale_v = False
    compartment.vmin, compartment.vmax = -LIMIT, LIMIT


def connect(source, block: LoihiBlock, synapse: Synapse, axons=None, atoms=None) -> None:
    """Send the spikes of ``source`` through ``synapse`` to ``block``."""
    axon = Axon(synapse.n_axons)
    axon.target = synapse
    axon.set_compartment_axon_map(axons, atoms=atoms)
    source.add_axon(axon)
    block.add_synapse(synapse)


def dense(weight: np.ndarray) -> Synapse:
    """Return all-to-all synapses of ``weight`` (n, m)."""
    synapse = Synapse(weight.shape[1])
    synapse._set_weights_indices(list(weight.T.astype(np.int32) * UNIT), weight_dtype="int32")
    return synapse


def convolution(layer: Layer, source: tuple[int, ...]) -> Synapse:
    """Return an axon a position of ``source`` (C, H, W), an atom a channel.

    Axons whose taps fall alike share weights, and indices that count from a base; those
    of base -1 lead nowhere.
    """
    _, height, width = layer.shape
    patterns: dict[tuple, int] = {}
    weights, indices, shared, bases = [], [], [], []
    for position in product(range(source[1]), range(source[2])):
        hits = landing(layer, position)
        bases.append(min((y * width + x for _, (y, x) in hits), default=-1))
        shared.append(0)
        if not hits:
            continue
        places = tuple((tap, y * width + x - bases[-1]) for tap, (y, x) in hits)
        if places not in patterns:
            patterns[places] = len(weights)
            columns = [layer.weight[:, :, i, j].T.astype(np.int32) * UNIT for (i, j), _ in places]
            channels = np.arange(layer.shape[0]) * height * width
            index = np.concatenate([channels + place for _, place in places])
            weights.append(np.concatenate(columns, axis=1))
            indices.append(np.broadcast_to(index, weights[-1].shape))
        shared[-1] = patterns[places]
    synapse = Synapse(len(bases))
    synapse.axon_to_weight_map, synapse.axon_compartment_bases = shared, bases
    synapse._set_weights_indices(weights, indices, weight_dtype="int32")
    return synapse


def landing(layer: Layer, position: tuple[int, int]) -> list:
    """Return which taps (i, j) take ``position`` to which outputs (y, x)."""
    found = []
    for tap in product(*map(range, layer.weight.shape[2:])):
        pairs = [divmod(p + layer.padding - t, layer.stride) for p, t in zip(position, tap)]
        inside = all(0 <= o < n for (o, _), n in zip(pairs, layer.shape[1:]))
        if inside and not any(rest for _, rest in pairs):
            found.append((tap, tuple(o for o, _ in pairs)))
    return found


if __name__ == "__main__":
    main()
