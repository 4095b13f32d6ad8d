"""Groups, edges and input of SANA-FE's files, read back as YAML and counted one by one."""

from itertools import pairwise

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from mappings import LOIHI1, chain

from hwsim import Connection, Conv2d, Cuba, CubaSubtract, Dense, Input, Population, Program, Sparse
from hwsim.neurons import CubaRefractory
from hwsim.synapses import SumPool2d
from snnexport.formats.sanafe.architecture import (
    PRICES,
    architecture_text,
    chip_problems,
    neurons_per_core,
)
from snnexport.formats.sanafe.groups import form_into, group_text, input_text
from snnexport.formats.sanafe.problems import program_problems
from snnexport.formats.sanafe.spiking import input_bits, spiking_frames
from snnexport.formats.sanafe.synapses import edge_text

SHAPE = (2, 1, 3)


def entries(lines):
    """Return the one group that ``lines`` hold: its entries by what they are called."""
    (group,) = yaml.safe_load("".join(lines))
    assert group["attributes"] == [{"log_spikes": True}]
    found = {}
    for entry in group["neurons"]:
        ((name, [settings]),) = entry.items()
        assert name not in found
        found[name] = settings["soma"]
    return found


REGISTER = st.lists(st.integers(0, 2), min_size=6, max_size=6).map(lambda v: np.reshape(v, SHAPE))


@settings(max_examples=40, deadline=None)
@given(threshold=REGISTER, decay=REGISTER, bias=REGISTER)
def test_each_neuron_is_in_one_run_with_its_own_registers_and_no_run_could_be_longer(
    threshold, decay, bias
):
    neuron = Cuba(4096, 1024 * decay, 64 * threshold, 32 * bias)
    found = entries(group_text(Population("x", SHAPE, neuron, 1), "0_x"))
    held = []
    for run, soma in found.items():
        first, last = map(int, run.split(".."))
        assert first == len(held)
        held += [soma] * (last - first + 1)
    wanted = [
        {
            "threshold": threshold[at],
            "leak_decay": 1 - decay[at] / 4,
            "bias": bias[at] / 2,
            "reset_mode": "hard",
        }
        for at in np.ndindex(SHAPE)
    ]
    assert held == wanted
    changes = sum(a != b for a, b in pairwise(wanted))
    assert len(found) == 1 + changes


def test_a_neuron_that_subtracts_resets_softly_and_a_refractory_one_counts_its_spike():
    found = entries(group_text(Population("x", (2,), CubaSubtract(4096, 0, 64), 1), "0_x"))
    assert found["0..1"]["reset_mode"] == "soft"
    neuron = CubaRefractory(4096, 0, 64, period=np.array([2, 5]))
    found = entries(group_text(Population("x", (2,), neuron, 1), "0_x"))
    assert [found["0..0"][k] for k in ("refractory_delay", "reset_mode")] == [3, "hard"]
    assert found["1..1"]["refractory_delay"] == 6


def test_each_input_neuron_has_its_own_train():
    spikes = np.array([[0, 1, 1], [1, 1, 0]])
    assert entries(input_text("0_in", spikes)) == {
        0: {"spikes": [0, 1]}, 1: {"spikes": [1, 1]}, 2: {"spikes": [1, 0]}
    }  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(
    high=st.integers(1, 300),
    frames=st.lists(st.integers(0, 300), min_size=12, max_size=12),
)
def test_bits_of_a_channel_are_neighbouring_channels_the_least_first(high, frames):
    program = Program(
        "net", "loihi1", Input("in", (2, 3), 0, high),
        (Population("x", (1,), Cuba.integrator(64), 1),),
        (Connection("in", "x", Dense(np.full((1, 6), 2)), graded=high > 1),), "x",
    )  # fmt: skip
    held = np.minimum(frames, high).reshape(2, 1, 2, 3)
    bits, found = input_bits(program), spiking_frames(program, held)
    assert 2 ** (bits - 1) <= high < 2**bits
    assert found.shape == (2, 1, 2 * bits, 3)
    assert set(np.unique(found)) <= {0, 1}
    for (t, b, channel, place), value in np.ndenumerate(held):
        own = [int(found[t, b, channel * bits + bit, place]) for bit in range(bits)]
        assert sum(spike * 2**bit for bit, spike in enumerate(own)) == value


def one(synapse, source, **options):
    """Return a program of one connection from an input of shape ``source``."""
    target = synapse.output_shape(source)
    connection = Connection("in", "x", synapse, **options)
    population = Population("x", target, Cuba.integrator(64), 1)
    return Program("net", "loihi1", Input("in", source), (population,), (connection,), "x")


def edges_of(program):
    """Return the entry of the only connection."""
    text = edge_text(program, program.connections[0], {"in": "0_in", "x": "1_x"})
    ((name, held),) = yaml.safe_load(text)[0].items()
    assert name == "0_in -> 1_x"
    return {key: value for part in held for key, value in part.items()}


@pytest.mark.parametrize("exponent", [0, 2])
@pytest.mark.parametrize("kind", [Dense, Sparse.of])
def test_weights_of_edges_are_shifted_and_lead_from_source_to_target(rng, kind, exponent):
    weight = 2 * rng.integers(-9, 9, (2, 3))
    program = one(kind(weight, exponent), (3,))
    held = edges_of(program)
    matrix = np.zeros((3, 2), int)
    if kind is Dense:
        assert held["type"] == "dense"
        matrix[:] = np.reshape(held["weight"], (3, 2))  # all of a source, then of the next
    else:
        assert held["type"] == "sparse"
        for (source, target), value in zip(
            held["source_target_pairs"], held["weight"], strict=True
        ):
            matrix[source, target] = value
    np.testing.assert_array_equal(matrix, weight.T * 2**exponent)


def test_an_edge_of_a_convolution_is_a_product_of_its_sum(rng):
    conv = Conv2d(
        2 * rng.integers(1, 99, (4, 1, 2, 3)), stride=(2, 1), padding=(1, 2), dilation=(1, 2),
        groups=2,
    )  # fmt: skip
    source = (2, 4, 5)
    held = edges_of(one(conv, source))
    pairs = map(tuple, held["source_target_pairs"])
    found = dict(zip(pairs, held["weight"], strict=True))
    wanted, target = {}, conv.output_shape(source)
    for (o, _, ky, kx), weight in np.ndenumerate(conv.weight):
        for y, x in np.ndindex(target[1:]):
            row, column = 2 * y + ky - 1, x + 2 * kx - 2
            if 0 <= row < 4 and 0 <= column < 5:
                sender = np.ravel_multi_index((o // 2, row, column), source)
                wanted[int(sender), int(np.ravel_multi_index((o, y, x), target))] = int(weight)
    assert found == wanted
    assert len(held["weight"]) == len(wanted), "no synapse comes from the padding"


@pytest.mark.parametrize(
    ("synapses", "form"),
    [
        ((), "dense"),
        ((Conv2d(np.full((1, 1, 1, 1), 2)),), "conv"),
        ((Conv2d(np.full((1, 1, 1, 1), 2)), Sparse.identity(4)), "sparse"),
        ((SumPool2d((1, 1), (1, 1)), Sparse.identity(4), Dense(np.full((4, 4), 2))), "dense"),
    ],
)
def test_a_population_is_priced_by_the_dearest_form_of_its_synapses(synapses, form):
    connections = tuple(Connection("in", "x", s, label=str(n)) for n, s in enumerate(synapses))
    program = Program(
        "net", "loihi1", Input("in", (1, 2, 2)),
        (Population("x", (1, 2, 2), Cuba.integrator(64), 1),), connections, "x",
    )  # fmt: skip
    assert form_into(program, "x").value == form


def test_what_a_core_costs_is_read_back_from_the_architecture():
    document = yaml.safe_load(architecture_text(LOIHI1, 3))["architecture"]
    mesh, table = LOIHI1.mesh, LOIHI1.table(PRICES)
    (tile,) = document["tile"]
    (core,) = tile["core"]
    assert tile["name"] == f"tile[0..{mesh.columns * mesh.rows - 1}]"
    assert core["attributes"]["max_neurons_supported"] == neurons_per_core(LOIHI1)
    prices = {price.name: price for price in (*table.terms, *table.transport)}
    ways = {"east": "east_west", "west": "east_west", "north": "north_south"}
    for way, name in {**ways, "south": "north_south"}.items():
        price = prices[f"hop_{name}"]
        said = [float(tile["attributes"][f"{what}_{way}_hop"]) for what in ("energy", "latency")]
        assert said == pytest.approx([price.energy_pj * 1e-12, price.time_ns * 1e-9])
    lif, inputs = core["soma"]
    names = ("access_neuron", "update_neuron", "spike_out")
    for event, name in zip(names, ("neuron_access", "neuron_update", "spike"), strict=True):
        assert float(lif["attributes"][f"energy_{event}"]) == float(f"{prices[name].energy_pj}e-12")
        assert inputs["attributes"][f"energy_{event}"] == 0
    assert inputs["name"] == "loihi_inputs[0..2]"
    barrier = document["attributes"]["latency_sync"]
    assert {tiles: float(time) for tiles, time in barrier.items()} == {
        tiles: pytest.approx(time * 1e-9) for tiles, time in table.barrier_by_tiles
    }
    assert chip_problems(LOIHI1) == []


@pytest.mark.parametrize(
    ("decay_u", "said"),
    [
        (4096, []),
        (np.array([4096, 4096, 4095]), ["decay_u = 4095 does not fit 4096", "(1 of 3 values)"]),
        (np.array([7, 4096, 9]), ["decay_u = 7 does not fit 4096", "(2 of 3 values)"]),
    ],
)
def test_currents_that_decay_are_named_by_the_first_and_how_many(decay_u, said):
    program = chain((2,), 3)
    neuron = Cuba(decay_u, 0, 640)
    population = Population("layer0", program.populations[0].shape, neuron, 1)
    found = program_problems(
        Program("net", "loihi1", program.input, (population,), program.connections, "layer0"),
        LOIHI1,
    )
    assert len(found) == bool(said)
    assert all(part in found[0] for part in said)
