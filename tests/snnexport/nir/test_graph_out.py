"""Graphs -> NIR files and back: every weight bit for bit, every spike the same."""

import numpy as np
import pytest
import torch
from nir_files import affine, chain, conv2d, lif, nir_file, port
from torch import nn

from hwsim.chip import load_chip
from hwsim.errors import CheckError, UnsupportedError
from hwsim.program import Program
from snnexport import Format, Into, capture, export, fold, stages
from snnexport._export import golden_input
from snnexport.formats.nir.file_in import read_file
from snnexport.formats.nir.file_out import write_file
from snnexport.formats.nir.flat import flattened
from snnexport.formats.nir.graph_out import from_graph
from snnexport.formats.nir.load import read_nir, stored_program
from snnexport.graph import Convolution, Diagonal, Linear
from snnexport.interpret import interpret
from snnexport.shipped import shipped_checkpoint
from snntrain.checkpoint import Checkpoint
from snntrain.delays import Delay
from snntrain.layers import Readout, Reset, Spiking

DT = 1e-4


def with_statistics(module):
    """Give all normalisations of ``module`` other statistics than those they start with."""
    for m in module.modules():
        if hasattr(m, "running_mean"):
            m.running_mean.normal_()
            m.running_var.uniform_(0.5, 2)
    return module.eval()


class Residual(nn.Module):
    """A sum of spikes that weights read, one branch of it a step late."""

    def __init__(self):
        super().__init__()
        self.one, self.two = Spiking(6, decay_v=0.2), Spiking(6, decay_v=0.5)
        self.first, self.second, self.last = nn.Linear(8, 6), nn.Linear(6, 6), nn.Linear(6, 4)
        self.late, self.out = Delay(torch.tensor([0, 1, 2, 0, 1, 2])), Readout(4, decay_v=0.1)

    def forward(self, x):
        x = self.one(self.first(x))
        return self.out(self.last(x + self.late(self.two(self.second(x)))))


def networks():
    torch.manual_seed(1)
    conv = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), Spiking(4, decay_v=0.3), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(36, 10, bias=False),
        Spiking(10, decay_u=0.4, decay_v=0.2, norm=False, recurrent=nn.Linear(10, 10, bias=False)),
        nn.Linear(10, 5), Spiking(5, decay_v=0.1, reset=Reset.SUBTRACT),
    )  # fmt: skip
    slow = nn.Sequential(
        nn.Linear(6, 8),
        Spiking(8, decay_u=0.3, decay_v=0.0),
        nn.Linear(8, 3),
        Spiking(3, decay_v=1.0),
    )
    ends = nn.Sequential(
        nn.Linear(6, 8), Spiking.integrate_and_fire(8, norm=False), nn.Linear(8, 3)
    )
    shapes = {"conv": (2, 6, 6), "residual": (8,), "slow": (6,), "ends": (6,)}
    modules = {"conv": conv, "residual": Residual(), "slow": slow, "ends": ends}
    return {name: (module, shapes[name]) for name, module in modules.items()}


@pytest.fixture(params=["conv", "residual", "slow", "ends"])
def network(request):
    """A captured network, and frames (T, B, *shape) for it."""
    module, shape = networks()[request.param]
    graph = capture(with_statistics(module), torch.zeros(15, 1, *shape))
    return graph, np.random.default_rng(0).integers(0, 2, (15, 3, *shape))


@pytest.mark.parametrize("into", [None, Into.WEIGHTS, Into.CHOSEN])
def test_a_network_comes_back_with_every_spike_and_its_integrals(tmp_path, network, into):
    graph, frames = network
    graph = graph if into is None else fold(graph, into)
    write_file(tmp_path / "net.nir", from_graph(graph, DT))
    back = read_nir(tmp_path / "net.nir")
    ours, theirs = interpret(graph, frames), interpret(back, frames)
    assert (back.steps, back.readout, back.output) == (graph.steps, graph.readout, graph.output)
    for layer in back.layers:
        assert (ours.spikes[layer.name] == theirs.spikes[layer.name]).all()
        v = ours.voltages[layer.name]
        assert np.abs(v - theirs.voltages[layer.name]).max() <= 1e-12 * max(np.abs(v).max(), 1)
    fired = [np.count_nonzero(s) for s in theirs.spikes.values()]
    assert max(fired) > 0


def test_without_the_metadata_the_fields_say_the_same_but_for_resets(tmp_path, network):
    graph, frames = network
    write_file(tmp_path / "net.nir", from_graph(graph, DT))
    back = read_nir(tmp_path / "net.nir", profile="nir-euler", dt=DT)
    soft = {p.name for p in graph.layers if "Subtract" in type(p.neuron).__name__}
    ours, theirs = interpret(graph, frames), interpret(back, frames)
    for layer in back.layers:
        if layer.name not in soft:
            assert (ours.spikes[layer.name] == theirs.spikes[layer.name]).all()


def weights(graph):
    """Return every weight of ``graph``, by layer and source."""
    return {
        (layer.name, edge.source, i): stage.weight
        for layer in graph.layers
        for edge in layer.edges
        for i, stage in enumerate(edge.stages)
        if isinstance(stage, Convolution | Diagonal | Linear)
    }


def test_weights_of_any_float32_pass_through_the_graph_bit_for_bit(tmp_path, rng):
    def bits(*shape):
        words = rng.integers(0, 2**32, shape, dtype=np.uint32).view(np.float32)
        return np.where(np.isfinite(words) & (np.abs(words) < 1e30), words, np.float32(1e-40))

    nodes = {
        "input": port("Input", 2, 5, 5),
        "conv": conv2d(bits(3, 2, 3, 3), np.array([5, 5])),
        "a": lif(3, 3, 3, tau=np.full((3, 3, 3), 1e-3, np.float32)),
        "flat": {"type": "Flatten", "start_dim": 0, "end_dim": -1},
        "w": affine(bits(4, 27), bits(4)),
        "b": lif(4, tau=np.full(4, 1e-3, np.float32)),
        "output": port("Output", 4),
    }
    first = nir_file(tmp_path / "first.nir", nodes, chain(*nodes))
    graph = read_nir(first, profile="nir-euler", dt=DT)
    write_file(tmp_path / "second.nir", from_graph(graph, DT))
    one, two = (read_file(tmp_path / f"{n}.nir").graph.nodes for n in ("first", "second"))
    for name in ("conv", "w"):
        before, after = one[name].fields, two[name].fields
        for array in ("weight", "bias"):
            assert after[array].dtype == before[array].dtype == np.float32
            assert after[array].tobytes() == before[array].tobytes()
    again = read_nir(tmp_path / "second.nir")
    assert {k: w.tobytes() for k, w in weights(again).items()} == {
        k: w.tobytes() for k, w in weights(graph).items()
    }


def test_a_file_that_another_tool_changed_is_not_believed(tmp_path, network):
    graph, _ = network
    made = from_graph(graph, DT)
    name = next(p.name for p in graph.layers if "v_threshold" in made.nodes[p.name].fields)
    made.nodes[name].fields["v_threshold"] *= 2
    write_file(tmp_path / "net.nir", made)
    with pytest.raises(UnsupportedError, match=r"another tool has changed it since"):
        read_nir(tmp_path / "net.nir")
    assert read_nir(tmp_path / "net.nir", profile="nir-euler")


def test_all_that_nir_has_no_node_for_is_listed_at_once():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = (Spiking(4, norm=False) for _ in range(3))
            self.w = nn.Linear(4, 4)

        def forward(self, x):
            a, b = self.a(x), self.b(self.w(x))
            return self.c(self.w(a * b))

    graph = capture(Gated(), torch.zeros(4, 1, 4))
    with pytest.raises(CheckError, match=r"NIR has no Gate"):
        from_graph(graph, DT)
    rests = nn.Sequential(nn.Linear(4, 4), Spiking(4, refractory=3))
    with pytest.raises(CheckError, match=r"1: NIR has no CubaRefractory \(known: "):
        from_graph(capture(rests, torch.zeros(4, 1, 4)), DT)
    planes = torch.nn.Sequential(nn.Conv2d(1, 2, 1), Spiking(2, norm=False))

    class Joined(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.out = planes, Spiking(3, norm=False)

        def forward(self, x):
            return self.out(torch.cat([self.net(x), x], 1))

    with pytest.raises(CheckError, match=r"NIR has no Place"):
        from_graph(capture(Joined(), torch.zeros(4, 1, 1, 3, 3)), DT)


def test_an_export_as_nir_holds_the_program_and_its_integers(tmp_path):
    checkpoint = Checkpoint.load(shipped_checkpoint("digits-conv"))
    done = stages(checkpoint, load_chip("loihi2"), name="digits")
    samples, origin = golden_input(checkpoint, done.program)
    export(done, tmp_path / "out", [Format.NIR], samples, origin)
    path = tmp_path / "out" / "network.nir"
    written = (tmp_path / "out" / "program.onnx").read_bytes()
    assert stored_program(path).to_bytes() == written
    assert Program.load(tmp_path / "out" / "program.onnx").to_bytes() == written
    graph = read_file(path).graph
    held = graph.nodes["spike3"].metadata["spikeport"]["integers"]
    neuron = done.program.population("spike3").neuron
    assert np.array_equal(np.ravel(held["threshold"]), np.ravel(neuron.threshold))
    assert float(graph.metadata["spikeport"]["dt"]) == DT
    assert flattened(graph, "out").repaired == ()
