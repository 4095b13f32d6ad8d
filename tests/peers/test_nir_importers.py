"""NIR files of ours, read and run by the importers of four frameworks: the same spikes."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from peers.frameworks.running import in_framework, interpreter
from torch import nn

from hwsim.neurons import MultiSpike
from snnexport import capture
from snnexport.formats.nir import from_graph, read_nir, write_file
from snnexport.frameworks.imported import Imported
from snnexport.interpret import interpret
from snntrain.layers import Spiking

IMPORTER = Path(__file__).parent / "frameworks" / "nir_importer.py"
DT = 1e-4


def weights(*sizes):
    """Return a Linear without bias whose values are far from any threshold's ties."""
    layer = nn.Linear(*sizes, bias=False)
    nn.init.normal_(layer.weight, std=0.6)
    return layer


def integrators(channels):
    return Spiking.integrate_and_fire(channels, norm=False)


def several(channels):
    """sinabs' IAF: several spikes a step, voltages from minus the threshold on."""
    values = {"decay_u": 1.0, "decay_v": 0.0, "threshold": 1.0, "decrement": 1.0}
    return Imported(MultiSpike, {**values, "lowest": -1.0, "most": 255})


def networks():
    """Return modules and input shapes by what they are made of."""
    torch.manual_seed(3)
    leaky = [Spiking.lif(n, decay_v=0.2, norm=False) for n in (20, 5)]
    slow = [Spiking(n, decay_u=0.4, decay_v=0.1, norm=False) for n in (20, 5)]
    conv = nn.Conv2d(2, 4, 3, bias=False)
    nn.init.normal_(conv.weight, std=0.4)
    return {
        "IF": ([weights(8, 20), integrators(20), weights(20, 5), integrators(5)], (8,)),
        "LIF": ([weights(8, 20), leaky[0], weights(20, 5), leaky[1]], (8,)),
        "CubaLIF": ([weights(8, 20), slow[0], weights(20, 5), slow[1]], (8,)),
        "planes": ([conv, integrators(4), nn.Flatten(), weights(64, 5), integrators(5)], (2, 6, 6)),
        "several": ([weights(8, 20), several(20), weights(20, 5), several(5)], (8,)),
    }


@pytest.mark.parametrize(
    ("framework", "made_of"),
    [
        ("snntorch", "LIF"),
        ("snntorch", "CubaLIF"),
        ("spikingjelly", "IF"),
        ("spikingjelly", "LIF"),
        ("spikingjelly", "CubaLIF"),
        ("spikingjelly", "planes"),
        ("norse", "IF"),
        ("norse", "CubaLIF"),
        ("norse", "planes"),
        ("sinabs", "several"),
    ],
)
def test_an_importer_runs_our_file_with_our_spikes(tmp_path, framework, made_of):
    layers, shape = networks()[made_of]
    graph = capture(nn.Sequential(*layers), torch.zeros(50, 1, *shape))
    write_file(tmp_path / "net.nir", from_graph(graph, DT))
    frames = np.random.default_rng(0).integers(0, 2, (50, 4, *shape))
    np.save(tmp_path / "in.npy", frames)
    paths = [tmp_path / name for name in ("net.nir", "in.npy", "out.npy")]
    in_framework(framework, IMPORTER, framework, *paths)
    ours = interpret(graph, frames).spikes[graph.output]
    assert (np.load(tmp_path / "out.npy") == ours).all()
    assert 0 < np.count_nonzero(ours) < ours.size


def test_the_trained_recurrent_network_in_norses_wheel_does_what_norse_runs(tmp_path):
    find = "import norse; print(norse.__path__[0])"
    command = [interpreter("norse"), "-c", find]
    package = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    file = Path(package) / "torch" / "utils" / "test" / "braille.nir"
    graph = read_nir(file, profile="norse", dt=DT)
    frames = (np.random.default_rng(0).random((256, 3, 12)) < 0.3).astype(np.int64)
    np.save(tmp_path / "in.npy", frames)
    in_framework("norse", IMPORTER, "norse", file, tmp_path / "in.npy", tmp_path / "out.npy")
    ours = interpret(graph, frames).spikes[graph.output]
    assert (np.load(tmp_path / "out.npy") == ours).all()
    assert 0 < np.count_nonzero(ours) < ours.size
