"""A network starts from the weights of another one, whose neurons a spike leaves otherwise."""

import copy
from dataclasses import replace

import architectures
import numpy as np
import pytest
import torch
from torch import nn

from hwsim.errors import CheckError
from hwsim.neurons import Cuba, CubaLateReset, CubaRefractory, CubaSubtract, GradedRelay, MultiSpike
from snnexport import capture
from snnexport._matching import without_sums
from snnexport.formats.nir import from_graph, read_nir, write_file
from snnexport.graph import Diagonal, Edge, Graph, Layer, Linear, SumPool
from snnexport.graph import Norm as GraphNorm
from snnexport.initial import initialised
from snntrain import CurrentNorm, Readout, Spiking, load, unroll

STEPS, N = 3, 4
EXAMPLE = torch.zeros(STEPS, 1, 1, 8, 8)
WEIGHT = np.arange(12.0).reshape(3, N) / 8 - 0.5


def answers(module, sequence):
    with torch.no_grad():
        return unroll(module.eval(), sequence)


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def restarted(recipe):
    """Return the recipe's network with other random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)
        return recipe.build().double()


def net(*layers, size=N):
    """Return a chain and zeros as it takes them."""
    return nn.Sequential(*layers).double(), torch.zeros(STEPS, 1, size)


def graph(neuron, *stages, norm=None, constant=0.0):
    """Return one population of three neurons, as a file might hold it."""
    edge = Edge("in", "fc", stages or (Linear(WEIGHT),))
    layer = Layer("lif", (3,), neuron, (edge,), norm, constant)
    return Graph("file", "in", (N,), (layer,), "lif", STEPS)


def restarted_as(module):
    """Return a copy with other weights."""
    other = copy.deepcopy(module)
    for parameter in other.parameters():
        parameter.data.fill_(0.125)
    return other


def problems_of(module, file, example):
    with pytest.raises(CheckError) as refused:
        initialised(module, file, example)
    return list(refused.value.problems)


@pytest.mark.parametrize("name", architectures.KINDS)
def test_every_architecture_takes_its_own_graph_and_answers_the_same(name):
    made = architectures.checkpoint(name)
    trained = made.build().double()
    copied = initialised(restarted(made.recipe), capture(trained, EXAMPLE, checked=False), EXAMPLE)
    sequence = torch.tensor(load("digits", "train").sequences(slice(0, 24), 4)).double()
    expected = answers(trained, sequence)
    assert expected.any()
    # gains go into weights, which rounds otherwise: no voltage is so near a threshold
    torch.testing.assert_close(answers(copied, sequence), expected)


@pytest.mark.parametrize(
    "name", ["convnet", "recurrent", "delayed", "residual sew-add", "residual membrane"]
)
def test_architectures_take_their_weights_from_a_nir_file_of_their_own(name, tmp_path):
    made = architectures.checkpoint(name)
    trained = made.build().double()
    captured = capture(trained, EXAMPLE, checked=False)
    write_file(tmp_path / "own.nir", from_graph(captured, 1e-4))
    copied = initialised(restarted(made.recipe), read_nir(tmp_path / "own.nir"), EXAMPLE)
    sequence = torch.tensor(load("digits", "train").sequences(slice(0, 24), 4)).double()
    torch.testing.assert_close(answers(copied, sequence), answers(trained, sequence))


def test_the_module_that_was_given_is_left_as_it_is():
    made = architectures.checkpoint("convnet")
    module = restarted(made.recipe)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    initialised(module, capture(made.build(), EXAMPLE, checked=False), EXAMPLE)
    assert all(torch.equal(before[name], t) for name, t in module.state_dict().items())


@pytest.mark.parametrize(
    "neuron",
    [
        Cuba(1.0, 0.25, 1.0),
        CubaSubtract(1.0, 0.25, 1.0),
        CubaLateReset(1.0, 0.25, 1.0, 0.5),
        MultiSpike(1.0, 0.25, 1.0, 1.0, most=7),
    ],
    ids=lambda neuron: type(neuron).__name__,
)
def test_neurons_that_reset_otherwise_give_their_weights_bit_for_bit(neuron):
    module, example = net(nn.Linear(N, 3), Spiking(3, decay_v=0.25, norm=False))
    begun = initialised(module, graph(neuron, constant=np.array([0.5, 0.0, -1.0])), example)
    assert np.array_equal(begun[0].weight.detach().numpy(), WEIGHT)
    assert begun[0].bias.tolist() == [0.5, 0.0, -1.0]
    assert begun[1].kind is Cuba


def test_registers_that_are_numbers_must_agree_and_all_that_do_not_are_listed_with_both_values():
    module, example = net(nn.Linear(N, 3), Spiking(3, decay_v=0.25, norm=False))
    refractory = CubaRefractory(1.0, 0.5, np.array([1.0, 2.0, 1.0]), period=2)
    assert problems_of(module, graph(refractory), example) == [
        "1: decay_v = 0.25; lif in the file has 0.5",
        "1: threshold = 1.0; lif in the file has 1..2",
        "1: period = 0; lif in the file has 2",
    ]
    close = Cuba(1.0, 0.25 + 5e-7, 1.0)
    assert initialised(module, graph(close), example)[1].decay_v == 0.25


def test_registers_that_are_tensors_or_learned_are_taken():
    own = Spiking(3, decay_v=torch.zeros(3), threshold=2.0, norm=False, learned=["threshold"])
    module, example = net(nn.Linear(N, 3), own)
    file = graph(Cuba(1.0, np.array([0.1, 0.2, 0.3]), 1.5))
    begun = initialised(module, file, example)
    assert begun[1].decay_v.tolist() == [0.1, 0.2, 0.3]
    assert begun[1].threshold.item() == pytest.approx(1.5)  # kept above 0 by an exponential


def test_a_shared_or_learned_register_cannot_hold_what_it_is_not_made_for():
    own = Spiking(3, decay_v=0.5, threshold=torch.tensor(1.0), norm=False, learned=["decay_v"])
    module, example = net(nn.Linear(N, 3), own)
    file = graph(Cuba(1.0, 0.0, np.array([1.0, 2.0, 1.0])))
    assert problems_of(module, file, example) == [
        "1: decay_v is learned, within 0..1; lif in the file has 0",
        "1: threshold is one value a layer; lif in the file has 1..2",
    ]


def test_gain_and_offset_of_a_norm_go_into_weights_and_bias_of_a_network_without():
    norm = GraphNorm(np.array([2.0, -1.0, 0.5]), np.array([0.25, 0.0, -0.75]))
    file = graph(Cuba(1.0, 0.25, 1.0), norm=norm, constant=np.array([0.5, 1.0, 0.0]))
    module, example = net(nn.Linear(N, 3), Spiking(3, decay_v=0.25, norm=False))
    begun = initialised(module, file, example)
    assert np.array_equal(begun[0].weight.detach().numpy(), WEIGHT * [[2.0], [-1.0], [0.5]])
    assert begun[0].bias.tolist() == [1.25, -1.0, -0.75]


@pytest.mark.parametrize("decay_u", [1.0, 0.5])
def test_a_bias_of_the_current_and_one_of_the_voltage_are_the_same_only_without_memory(decay_u):
    norm = GraphNorm(np.ones(3), np.full(3, 0.5))
    file = graph(Cuba(decay_u, 0.25, 1.0), norm=norm, constant=0.25)
    neurons = {"decay_u": decay_u, "decay_v": 0.25}
    only_current, example = net(nn.Linear(N, 3), Spiking(3, norm=False, **neurons))
    only_voltage, _ = net(nn.Linear(N, 3, bias=False), Spiking(3, **neurons))
    neither, _ = net(nn.Linear(N, 3, bias=False), Spiking(3, norm=False, **neurons))
    both, _ = net(nn.Linear(N, 3), Spiking(3, **neurons))
    begun = initialised(both, file, example)
    placed = begun[1].norm.bias, begun[0].bias
    if decay_u == 1.0:
        assert [p.tolist() for p in placed] == [[0.75] * 3, [0.0] * 3]
        assert initialised(only_current, file, example)[0].bias.tolist() == [0.75] * 3
        assert initialised(only_voltage, file, example)[1].norm.bias.tolist() == [0.75] * 3
        lacking = ["1: has no bias; lif in the file has one of 0.75"]
        assert problems_of(neither, file, example) == lacking
        return
    assert [p.tolist() for p in placed] == [[0.5] * 3, [0.25] * 3]
    one, other = (f"1: has no bias; lif in the file has one of {x}" for x in ("0.5", "0.25"))
    assert problems_of(only_current, file, example) == [one]
    assert problems_of(only_voltage, file, example) == [other]
    assert problems_of(neither, file, example) == [one, other]


def test_a_norm_starts_as_the_identity_whatever_it_had_learned():
    module, example = net(nn.Linear(N, 3, bias=False), Spiking(3, norm=CurrentNorm(3, eps=0.25)))
    for name, value in (("running_mean", 3.0), ("running_var", 9.0), ("weight", 5.0)):
        getattr(module[1].norm, name).data.fill_(value)
    norm = initialised(module, graph(CubaSubtract(1.0, 0.0, 1.0)), example)[1].norm
    assert norm.running_mean.tolist() == [0.0] * 3
    assert norm.running_var.tolist() == [0.75] * 3
    assert [factor.tolist() for factor in norm.affine()] == [[1.0] * 3, [0.0] * 3]


def test_a_norm_that_scales_with_the_leak_makes_up_for_it():
    module, example = net(nn.Linear(N, 3), Spiking.plif(3, decay_v=0.5))
    file = graph(CubaSubtract(1.0, 0.2, 1.0), constant=np.array([1.0, 2.0, 3.0]))
    begun = initialised(module, file, example)[1]
    assert begun.decay_v.item() == pytest.approx(0.2)
    gain, offset = begun.norm.affine()
    torch.testing.assert_close(gain, torch.ones(3).double())
    torch.testing.assert_close(offset, torch.tensor([1.0, 2.0, 3.0]).double())


def test_what_scales_a_path_is_taken_into_its_weights():
    pools = SumPool((2, 2), (2, 2), (0, 0), np.ones(1))  # sums, where torch's pool takes means
    stages = (pools, Linear(WEIGHT), Diagonal(np.array([1.0, 2.0, 3.0])), Diagonal(np.full(3, -1)))
    file = replace(graph(Cuba(1.0, 0.0, 1.0), *stages), input_shape=(1, 4, 4))
    module, _ = net(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 3), Spiking(3, norm=False))
    begun = initialised(module, file, torch.zeros(STEPS, 1, 1, 4, 4))
    assert np.array_equal(begun[2].weight.detach().numpy(), -4 * WEIGHT * [[1.0], [2.0], [3.0]])


def test_all_that_has_no_counterpart_is_listed_at_once():
    module, _ = net(nn.Conv2d(1, 2, 3), Spiking(2), nn.Flatten(), nn.Linear(72, 5), Readout(5))
    with torch.random.fork_rng(devices=[]):
        other = nn.Sequential(
            nn.Conv2d(1, 2, 3, stride=1, padding=1), Spiking(2), nn.AvgPool2d(2), nn.Flatten(),
            nn.Linear(32, 5), Spiking(5),
        )  # fmt: skip
    file = capture(other, EXAMPLE, checked=False)
    assert problems_of(module, file, EXAMPLE) == [
        "1 2x6x6 is 1 2x8x8 in the file",
        "4: LeakyIntegrator, 5 in the file neurons that fire",
    ]
    same, _ = net(
        nn.Conv2d(1, 2, 3, padding=1), Spiking(2, decay_v=0.5), nn.Flatten(), nn.Linear(128, 5),
        Spiking(5),
    )  # fmt: skip
    linear = "Linear (weight 5x{})"
    pool = "SumPool (kernel (2, 2), stride (2, 2), padding (0, 0), weight 1)"
    assert problems_of(same, file, EXAMPLE) == [
        "1: decay_v = 0.5; 1 in the file has 0",
        f"4: 3 is {linear.format(128)}; 4 in the file is {pool} > {linear.format(32)}",
    ]
    assert problems_of(nn.Sequential(same[:2]), file, EXAMPLE) == [
        "the recipe has 1 populations (0.1 2x8x8), the file 2 (1 2x8x8, 5 5)"
    ]


def test_input_and_output_must_be_the_same_ones():
    two, example = net(nn.Linear(N, 3), Spiking(3), nn.Linear(3, 3), Spiking(3), size=N)
    file = capture(two, example, checked=False)
    other = replace(file, input_shape=(N + 1,), output="1")
    assert problems_of(two, other, example) == [
        "input: (4,), in the file (5,)",
        "3 is the output, in the file 1, not 3",
    ]


def test_a_path_whose_weights_no_single_module_holds_is_refused():
    for layers in ([nn.Linear(N, 3), nn.Linear(3, 3)], [nn.Conv1d(1, 3, 1), nn.AvgPool1d(2)]):
        size = (N,) if isinstance(layers[0], nn.Linear) else (1, N)
        module = nn.Sequential(*layers, Spiking(3))
        example = torch.zeros(STEPS, 1, *size)
        (problem,) = problems_of(module, capture(module, example, checked=False), example)
        assert problem == "2: no single module holds the weights of its path"


def test_a_path_without_weights_cannot_take_a_factor():
    module = nn.Sequential(nn.AvgPool2d(2), Spiking(1))
    file = graph(Cuba(1.0, 0.0, 1.0), SumPool((2, 2), (2, 2), (0, 0), np.ones(1)))
    layers = (replace(file.layers[0], shape=(1, 2, 2)),)
    file, example = replace(file, input_shape=(1, 4, 4), layers=layers), torch.zeros(3, 1, 1, 4, 4)
    (problem,) = problems_of(module, file, example)
    assert problem == "1: no single module holds the weights of its path"


def test_populations_of_one_shape_are_matched_by_their_distance_from_the_input():
    deep, example = net(
        nn.Linear(N, N), Spiking(N, norm=False), nn.Linear(N, N), Spiking(N, norm=False)
    )
    file = capture(deep, example, checked=False)
    begun = initialised(restarted_as(deep), replace(file, layers=file.layers[::-1]), example)
    for layer in (0, 2):
        assert torch.equal(begun[layer].weight, deep[layer].weight)


def test_a_network_that_ends_in_currents_takes_the_last_bias_too():
    ending, example = net(nn.Linear(N, 3), Spiking(3, norm=False), nn.Linear(3, 2))
    begun = initialised(restarted_as(ending), capture(ending, example, checked=False), example)
    assert all(torch.equal(begun[layer].bias, ending[layer].bias) for layer in (0, 2))


def test_delays_into_a_sum_and_behind_it_add_up():
    lag, line = Edge("in", "first", (Linear(WEIGHT),), late=1), Edge("add", "back", (), late=2)
    total = Layer("add", (3,), GradedRelay(), (lag,))
    reader = Layer("out", (3,), Cuba(1.0, 0.0, 1.0), (line,))
    found = without_sums(Graph("late", "in", (N,), (total, reader), "out", STEPS))
    (edge,) = found.layer("out").edges
    assert (edge.source, edge.module, edge.late) == ("in", "back", 3)
    assert found.layers == (found.layer("out"),)


class Branches(nn.Module):
    """Two populations side by side, of which one hears itself, and a third that hears both."""

    def __init__(self, names):
        super().__init__()
        self.sizes = {"left": 3, "right": 5}
        self.names = names
        for name in names:
            size = self.sizes[name]
            back = nn.Linear(size, size, bias=False) if name == "left" else None
            self.add_module(f"into_{name}", nn.Linear(N, size))
            self.add_module(name, Spiking(size, norm=False, decay_v=0.5, recurrent=back))
            self.add_module(f"from_{name}", nn.Linear(size, 2, bias=False))
        self.out = Spiking(2, norm=False, threshold=0.1)

    def forward(self, x):
        part = {
            name: self.get_submodule(f"from_{name}")(
                self.get_submodule(name)(self.get_submodule(f"into_{name}")(x))
            )
            for name in self.names
        }
        return self.out(part["left"] + part["right"])


def test_populations_side_by_side_are_matched_whatever_their_order_and_feedback_is_taken():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        file, module = (Branches(n).double() for n in (["left", "right"], ["right", "left"]))
    example = torch.zeros(STEPS, 1, N)
    begun = initialised(module, capture(file, example, checked=False), example)
    sequence = 9 * noise(STEPS, 16, N)
    assert answers(file, sequence).any()
    assert torch.equal(answers(begun, sequence), answers(file, sequence))
    assert torch.equal(begun.left.recurrent.weight, file.left.recurrent.weight)


class Joined(nn.Module):
    """Weights read the sum of two populations' spikes."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(N, 3), nn.Linear(N, 3)
        self.a, self.b = Spiking(3, norm=False), Spiking(3, norm=False)
        self.join, self.out = nn.Linear(3, 2), Spiking(2, norm=False)

    def forward(self, x):
        return self.out(self.join(self.a(self.first(x)) + self.b(self.second(x))))


def test_a_sum_of_spikes_may_be_two_paths_in_the_file_if_their_weights_are_the_same():
    module, example = Joined().double(), torch.zeros(STEPS, 1, N)
    drawn = noise(3, 3, N).numpy()
    joining = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    neuron = CubaSubtract(1.0, 0.0, 1.0)
    into = [Layer(f"p{i}", (3,), neuron, (Edge("in", "", (Linear(drawn[i]),)),)) for i in (0, 1)]

    def file(*weights):
        edges = tuple(Edge(f"p{i}", "", (Linear(w),)) for i, w in enumerate(weights))
        return Graph("f", "in", (N,), (*into, Layer("o", (2,), neuron, edges)), "o", STEPS)

    begun = initialised(module, file(joining, joining), example)
    for linear, wanted in (
        (begun.first, drawn[0]),
        (begun.second, drawn[1]),
        (begun.join, joining),
    ):
        assert np.array_equal(linear.weight.detach().numpy(), wanted)
    assert problems_of(module, file(joining, 2 * joining), example) == [
        "join.weight: two paths in the file have different values for it"
    ]


def test_feedback_that_the_network_does_not_have_is_named():
    looped, example = net(nn.Linear(N, 3), Spiking(3, norm=False, recurrent=nn.Linear(3, 3, False)))
    plain, _ = net(nn.Linear(N, 3), Spiking(3, norm=False))
    file = capture(looped, example, checked=False)
    assert problems_of(plain, file, example) == [
        "1: hears 0 path(s) from 1, 1 late; 1 in the file 1"
    ]
