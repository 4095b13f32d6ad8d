# /// script
# requires-python = ">=3.11"
# dependencies = ["sanafe==2.2.9", "numpy"]
# ///
"""Runs the network that ``spikeport export`` writes for SANA-FE 2.2.9, timing `simple`: FOLDER.

FOLDER/sanafe: network.yaml, with the frames of one sample, for the loihi.yaml of SANA-FE.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np
import sanafe
from peer_network import Layer, answer, read, timed


def main() -> None:
    """Run the sample without traces, then once more for its spikes, and answer."""
    folder = Path(sys.argv[1])
    network = read(folder)
    steps = len(network.frames) + network.layers[-1].latency
    settings = {"timing_model": "simple", "processing_threads": 1}
    chip = _loaded(folder)
    _, timing = timed(partial(chip.sim, steps, **settings), 1, steps)
    del chip
    trace = _loaded(folder).sim(steps, spike_trace=True, **settings)["spike_trace"]
    answer(folder, [timing], _trains(network.layers, trace, len(network.frames)))


def _loaded(folder: Path) -> sanafe.SpikingChip:
    """Return a chip at rest: one that is reset does not send its input again."""
    architecture = sanafe.load_arch(str(Path(sanafe.__file__).parent / "examples" / "loihi.yaml"))
    chip = sanafe.SpikingChip(architecture)
    chip.load(sanafe.load_net(str(folder / "sanafe" / "network.yaml"), architecture))
    return chip


def _trains(layers: list[Layer], trace: list, frames: int) -> dict[str, np.ndarray]:
    """Return the spikes of each layer for each frame (T, n); groups are ``<number>_<name>``."""
    trains = {x.name: np.zeros((len(trace), int(np.prod(x.shape))), bool) for x in layers}
    for step, fired in enumerate(trace):
        for neuron in fired:
            name = neuron.group_name.split("_", 1)[1]
            if name in trains:
                trains[name][step, neuron.neuron_offset] = True
    return {x.name: trains[x.name][x.latency : x.latency + frames] for x in layers}


if __name__ == "__main__":
    main()
