"""The other simulators: a script of benchmarks/peers/ each, in an environment of its own."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import numpy as np
from peers.peer_network import Layer, Network, Timing, write

from hwsim import Conv2d, Cuba, Dense, Population, Program, Sparse, load_chip
from hwsim.arith import STATE_UNIT
from hwsim.synapses import Synapse
from simulate.case import Case, Figure, windows
from snnexport import lava
from snnexport.formats.lava import write_lava
from snnexport.formats.sanafe.write import sanafe_mapping, write_sanafe
from snnexport.lava.group import run_group
from snnexport.lava.python import VARIABLE, clean_environment, find_uv, obtain_python

FOLDER = Path(__file__).parents[1] / "peers"
COUNTERS = "SPIKEPORT_COUNTERS_PYTHON"
PEERS = {
    "lava": ("lava_steps.py", VARIABLE),
    "nengo-loihi": ("nengo_loihi_steps.py", "SPIKEPORT_NENGO_LOIHI_PYTHON"),
    "sana-fe": ("sanafe_steps.py", "SPIKEPORT_SANAFE_PYTHON"),
    "snntorch": ("snntorch_steps.py", COUNTERS),
    "spikingjelly": ("spikingjelly_steps.py", COUNTERS),
    "sinabs": ("sinabs_steps.py", COUNTERS),
    "torch": ("torch_steps.py", COUNTERS),
    "torch-layers": ("torch_layers_steps.py", COUNTERS),
}
"""Script, and the variable that names a Python which has the tool; else uv makes one."""
LEFT_OUT = {
    ("d4096", "sana-fe"): "16.8 million synapses of 3 kB are 50 GB of memory",
    ("cifar", "sana-fe"): "69 million synapses of 3 kB are 200 GB of memory",
    ("rec", "torch-layers"): "a recurrent layer cannot be advanced through all steps at once",
}
BATCH, BATCHES = 64, {"cifar": 8}
"""Samples that the torch tools have for a batch, usual and by case."""
LIMIT_S = 1800.0


def measure(case: Case, tool: str) -> list[Figure]:
    """Run ``tool`` on one sample, or on that and on a batch; raise SystemExit if it fails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _prepare(case, tool, folder)
        script, variable = PEERS[tool]
        environment = {**clean_environment(), "OMP_NUM_THREADS": "1"}
        report = folder / "report.json"
        command = [*_python(tool, variable), FOLDER / script, folder]
        ended = run_group(command, limit_s=LIMIT_S, environment=environment, result=report)
        if not report.exists():
            raise SystemExit(
                f"{tool} on {case.name} ended with code {ended.code}\n{ended.reason}\n"
                f"{variable} may name a Python for it: see {script}"
            )
        equal = case.agreement(_spikes(case, tool, folder))
        timings = [Timing(**fields) for fields in json.loads(report.read_text())]
    return [_figure(case.name, tool, equal, timing) for timing in timings]


def _python(tool: str, variable: str) -> list[str | Path]:
    uv = ["run", "--quiet", "--no-project"]
    if tool == "lava":
        return [find_uv(), *uv, "--python", obtain_python(LIMIT_S), "--script"]
    named = os.environ.get(variable)
    return [named] if named else [find_uv(), *uv, "--script"]


def _prepare(case: Case, tool: str, folder: Path) -> None:
    """Write what the script of ``tool`` reads."""
    one = case.frames[:, :1]
    batch = BATCHES.get(case.name, BATCH) if PEERS[tool][1] == COUNTERS else 1
    frames = case.frames[:, np.arange(batch) % case.frames.shape[1]]
    layers = [_layer(case.program, p) for p in case.program.populations]
    neuron = case.program.populations[0].neuron
    assert isinstance(neuron, Cuba)
    write(folder, Network(layers, frames, neuron.decay_v))
    if tool == "lava":
        write_lava(case.program, folder / "lava")
    if tool == "sana-fe":
        mapping = sanafe_mapping(case.program, load_chip("loihi1"))
        write_sanafe(mapping, one[:, 0], folder / "sanafe")


def _layer(program: Program, population: Population) -> Layer:
    into = {c.source == population.name: c.synapse for c in program.into(population.name)}
    neuron, forward = population.neuron, into[False]
    assert isinstance(neuron, Cuba)
    assert isinstance(forward, (Dense, Conv2d))
    geometry = {}
    if isinstance(forward, Conv2d):
        geometry = {"stride": forward.stride[0], "padding": forward.padding[0]}
    return Layer(
        population.name,
        forward.weight.astype(np.int16),
        int(neuron.threshold) // STATE_UNIT,
        population.latency,
        population.shape,
        recurrent=_matrix(into[True]) if True in into else None,
        **geometry,
    )


def _matrix(synapse: Synapse) -> np.ndarray:
    assert isinstance(synapse, Sparse)
    matrix = np.zeros(synapse.shape, np.int16)
    matrix[synapse.target, synapse.source] = synapse.weight
    return matrix


def _spikes(case: Case, tool: str, folder: Path) -> dict[str, np.ndarray]:
    if tool != "lava":
        return dict(np.load(folder / "spikes.npz"))
    trace = lava.run(case.program, case.frames[:, :1]).trace
    assert trace is not None
    return windows(case.program, trace, case.steps)


def _figure(case: str, tool: str, equal: str, timing: Timing) -> Figure:
    each = 1e6 / (timing.batch * timing.steps)
    cpu_us, wall_us = timing.cpu_s * each, timing.wall_s * each
    return Figure(case, tool, timing.batch, cpu_us, wall_us, timing.memory_mb, equal)
