"""Programs as SANA-FE 2.2.9 runs them: every spike, and what the run did, against our machine."""

from dataclasses import replace
from math import prod

import numpy as np
import pytest
from peers.sanafe_machine import LOIHI1, STEPS, on_sanafe

import hwsim
from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program, Sparse, SumPool2d
from hwsim.mapping import map_program
from hwsim.neurons import CubaRefractory, CubaSubtract, Gate, LeakyIntegrator
from snnexport.formats.sanafe.write import (
    ARCHITECTURE,
    NETWORK,
    sanafe_mapping,
    write_sanafe,
)

LEAKY = Cuba.leaky(700, 64 * 90, bias=64 * 3 + 5)


def weights(rng, *shape):
    return 2 * rng.integers(-20, 30, shape)


def chain(rng, shape, *layers, high=1):
    """A program of (synapse, neuron) layers, one behind the other."""
    source, before = Input("in", shape, 0, high), "in"
    populations, connections = [], []
    for number, (synapse, neuron) in enumerate(layers):
        shape, name = synapse.output_shape(shape), f"layer.{number}"
        populations.append(Population(name, shape, neuron, number + 1))
        connections.append(Connection(before, name, synapse, graded=before == "in" and high > 1))
        before = name
    return Program("small", "loihi1", source, populations, connections, before)


def test_convolutions_with_padding_strides_dilations_and_groups(agree, rng):
    program = chain(
        rng,
        (2, 9, 8),
        (Conv2d(weights(rng, 6, 2, 3, 3), (2, 1), (1, 2), (1, 2)), LEAKY),
        (Conv2d(weights(rng, 4, 3, 3, 2), (1, 2), (2, 0), groups=2), LEAKY),
        (SumPool2d((2, 2), (2, 2), weight=40), Cuba.integrator(64 * 50)),
        (Dense(weights(rng, 9, 24)), LEAKY),
    )
    assert set(agree(program)) == {"0_in", *(f"{n}_layer_{n - 1}" for n in (1, 2, 3, 4))}


def test_dense_and_sparse_synapses_with_exponents_and_registers_for_each_neuron(agree, rng):
    own = Cuba(
        4096, rng.integers(0, 4096, 70), 64 * rng.integers(40, 90, 70), rng.integers(-999, 999, 70)
    )
    sparse = Sparse.of(weights(rng, 40, 70) * (rng.random((40, 70)) < 0.2), exponent=1)
    program = chain(rng, (30,), (Dense(weights(rng, 70, 30)), own), (sparse, LEAKY))
    assert len(agree(program)) == 3


def test_feedback_and_a_shortcut(agree, rng):
    program = chain(
        rng, (20,), (Dense(weights(rng, 30, 20)), LEAKY), (Dense(weights(rng, 30, 30)), LEAKY)
    )
    back = Connection("layer.1", "layer.1", Dense(weights(rng, 30, 30)))
    shortcut = Connection("in", "layer.1", Dense(weights(rng, 30, 20)))
    assert len(agree(replace(program, connections=(*program.connections, back, shortcut)))) == 3


@pytest.mark.parametrize(
    "neuron",
    [
        CubaSubtract(4096, 300, 64 * 60, 64),
        CubaRefractory(4096, 300, 64 * 60, 64, np.arange(40) % 5),
        Gate(64 * 40),
        Cuba(4096, 4095, 64),
    ],
)
def test_every_neuron_that_is_not_refused(agree, rng, neuron):
    end = LeakyIntegrator(4096, 100, 640)
    program = chain(
        rng, (25,), (Dense(weights(rng, 40, 25)), neuron), (Dense(weights(rng, 5, 40)), end)
    )
    assert set(agree(program)) == {"0_in", "1_layer_0"}


@pytest.mark.parametrize("shape", [(12,), (2, 5, 5)])
def test_graded_input_as_one_channel_a_bit(agree, rng, shape):
    first = {
        1: Dense(weights(rng, 30, prod(shape))),
        3: Conv2d(weights(rng, 4, 1, 3, 3), padding=(1, 1), groups=2),
    }[len(shape)]
    program = chain(rng, shape, (first, LEAKY), high=9)
    assert len(agree(program, high=9)) == 2


def test_a_program_with_a_period_runs_as_one_sample_without_resets(agree, rng):
    program = chain(rng, (25,), (Dense(weights(rng, 40, 25)), LEAKY))
    assert len(agree(replace(program, period=5))) == 2


def test_hops_over_many_tiles_along_both_axes_of_the_mesh(agree, rng):
    program = chain(rng, (2, 6, 6), (Conv2d(weights(rng, 4, 2, 3, 3)), LEAKY), (
        Dense(weights(rng, 60, 64)), LEAKY))  # fmt: skip
    spread = map_program(program, LOIHI1, neurons_per_core={"in": 6, "layer.0": 4, "layer.1": 3})
    assert len({(c.x, c.y) for c in spread.cores}) > 8
    assert min(len({getattr(c, axis) for c in spread.cores}) for axis in "xy") > 1
    assert len(agree(program, cores=spread)) == 3


def test_parallel_connections_share_their_messages(sanafe, root, rng, tmp_path):
    program = chain(rng, (25,), (Dense(weights(rng, 40, 25)), LEAKY))
    second = Connection("in", "layer.0", Dense(weights(rng, 40, 25)), label="1")
    program = replace(program, connections=(*program.connections, second))
    spikes = rng.integers(0, 2, (STEPS, 25))
    mapping = sanafe_mapping(program, LOIHI1)
    write_sanafe(mapping, spikes, tmp_path)
    theirs = on_sanafe(sanafe, root, tmp_path, ARCHITECTURE)
    assert theirs["synapse_events"] == spikes.sum() * 80
    assert theirs["messages"] == spikes.sum()
    fired = {"in": spikes.sum(axis=0), "layer.0": np.zeros(40, int)}
    assert sum(int(t.messages.sum()) for t in mapping.messages(fired)) == 2 * spikes.sum()


def test_the_files_run_with_the_architecture_that_comes_with_sana_fe(agree, rng):
    program = chain(rng, (2, 6, 6), (Conv2d(weights(rng, 4, 2, 3, 3)), LEAKY))
    assert len(agree(program, architecture="loihi")) == 2


def test_both_architectures_cost_the_same(sanafe, root, rng, tmp_path):
    program = chain(
        rng, (2, 6, 6), (Conv2d(weights(rng, 4, 2, 3, 3)), LEAKY),
        (Sparse.identity(64, 80), LEAKY), (Dense(weights(rng, 10, 64)), LEAKY),
    )  # fmt: skip
    frames = rng.integers(0, 2, (STEPS, *program.input.shape))
    write_sanafe(sanafe_mapping(program, LOIHI1), frames, tmp_path)
    ours, theirs = (on_sanafe(sanafe, root, tmp_path, a) for a in (ARCHITECTURE, "loihi"))
    for result in (ours, theirs):
        del result["load_s"], result["run_s"]
    assert ours == theirs


HOSTILE = (
    "on", "1e3", "000", "1_000", "null", "~", "0x1f", "a'b\"c", "x: y", "x:y", "a.b", "a:b", "a b",
    "line\nbreak", "tab\t", "é ü", "日本", "- a", "#c", "&a", "*b", "!t", "%d", "@e", "`f", "a..b",
    "a[0]", "{x}", "x->y", " ", "\u2028", "\x85",
)  # fmt: skip


def test_names_that_are_syntax_of_yaml_or_equal_after_escaping(agree, rng):
    busy = Cuba.leaky(100, 64 * 5, 64 * 3 + 1)
    layers = [(Dense(weights(rng, 5, 5)), busy) for _ in HOSTILE]
    program = chain(rng, (5,), *layers)
    new = {p.name: name for p, name in zip(program.populations, HOSTILE, strict=True)}
    hostile = replace(
        program,
        name="p\n x: [",
        input=replace(program.input, name="- in: {"),
        populations=[replace(p, name=new[p.name]) for p in program.populations],
        connections=[
            replace(c, source=new.get(c.source, "- in: {"), target=new[c.target])
            for c in program.connections
        ],
        output=HOSTILE[-1],
    )
    assert len(agree(hostile)) == 1 + len(HOSTILE)


def test_an_architecture_of_a_hostile_chip_file_runs(sanafe, root, rng, tmp_path):
    program = chain(rng, (25,), (Dense(weights(rng, 40, 25)), LEAKY))
    chip = replace(LOIHI1, name="on: \n[{", description="a\nevil: [")
    write_sanafe(sanafe_mapping(program, chip), rng.integers(0, 2, (STEPS, 25)), tmp_path)
    assert on_sanafe(sanafe, root, tmp_path, ARCHITECTURE)["fired"] > 0


@pytest.fixture
def one_spike(sanafe, root, tmp_path):
    """A function that returns the steps in which SANA-FE's neuron fires after an edit of its file.

    It receives one spike of weight 1 in step 1.
    """

    def run(neuron, old, new):
        program = chain(None, (1,), (Dense(np.array([[1]])), neuron))
        spikes = np.eye(STEPS, 1, dtype=int)
        write_sanafe(sanafe_mapping(program, LOIHI1), spikes, tmp_path)
        network = tmp_path / NETWORK
        assert network.read_text().count(old) == 1
        network.write_text(network.read_text().replace(old, new))
        fired = on_sanafe(sanafe, root, tmp_path, "loihi")["spikes"]
        return [step for step, group, _ in fired if group == "1_layer_0"]

    return run


def test_a_current_that_decays_would_differ_for_want_of_rounding(one_spike):
    neuron = Cuba(3072, 0, 512, 61)  # u = 64, 16, 4, 1, 0: the voltage is 512 in step 7
    program = chain(None, (1,), (Dense(np.array([[1]])), neuron))
    spikes = np.eye(STEPS, 1, dtype=int)[:, None]
    ours = np.flatnonzero(hwsim.run(program, spikes, record="spikes").trace.spikes["layer.0"]) + 1
    kept = replace(neuron, decay_u=4096)
    theirs = one_spike(kept, "[soma: {threshold", "[soma: {input_decay: 0.25, threshold")
    assert (theirs[0], ours[0]) == (7, 8)


def test_a_delayed_spike_would_be_lost(one_spike):
    at_once, dendrite = Cuba.leaky(0, 0), "loihi_dendrites, soma: loihi_lif"
    assert one_spike(at_once, dendrite, dendrite) == [2]
    assert one_spike(at_once, dendrite, dendrite.replace("dendrites", "dendrites_delay")) == []
