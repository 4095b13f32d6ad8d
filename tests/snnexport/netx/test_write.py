"""Netx files hold what lava-dl reads; what they cannot hold is refused, all of it at once."""

import json
from dataclasses import replace

import h5py
import netx_chains
import numpy as np
import pytest
from netx_chains import Layer, chain
from strategies import even, registers, small_program

from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program, blanked
from hwsim.errors import MissingExtraError, UnsupportedError
from hwsim.neurons import CubaSubtract, Delta, Gate, LeakyIntegrator, SigmaDelta
from hwsim.synapses import Sparse
from snnexport.formats.netx.write import write_netx

LEAKY = Cuba.leaky(100, 640)


@pytest.fixture
def layers(tmp_path):
    """A function that writes a program and returns the datasets of its layers, by path."""

    def write(program):
        write_netx(program, tmp_path / "network.net", sha256="abc")
        found = [{} for _ in range(9)]

        def keep(name, item):
            layer, _, key = name.partition("/")
            if isinstance(item, h5py.Dataset):
                found[int(layer)][key] = item[()]

        with h5py.File(tmp_path / "network.net") as file:
            assert set(file) == {"layer"}
            file["layer"].visititems(keep)
        return [layer for layer in found if layer]

    return write


def dense(n_out, n_in, value=2):
    return Dense(np.full((n_out, n_in), value))


def refused(program, tmp_path):
    with pytest.raises(UnsupportedError) as caught:
        write_netx(program, tmp_path / "network.net")
    assert not (tmp_path / "network.net").exists()
    return caught.value.message


def test_layers_have_torchs_axes_and_slayers_names(layers, rng):
    program = small_program(rng)
    conv, pool, last = (c.synapse for c in program.connections)
    entry, first, second, flatten, third = layers(program)
    assert entry["shape"].tolist() == [2, 9, 8]
    kinds = [layer["type"].tolist() for layer in (entry, first, second, flatten, third)]
    assert kinds == [[b"input"], [b"conv"], [b"conv"], [b"flatten"], [b"dense"]]
    np.testing.assert_array_equal(first["weight"], conv.weight)
    for name in ("stride", "padding", "dilation"):
        assert tuple(first[name]) == getattr(conv, name)
    assert first["groups"] == conv.groups
    assert second["groups"] == 4
    assert second["weight"].shape == (4, 1, *pool.kernel)
    assert (second["weight"] == pool.weight).all()
    assert flatten["shape"].tolist() == [last.weight.shape[1], 1, 1]
    np.testing.assert_array_equal(third["weight"], last.weight)


def test_registers_are_mantissas_one_a_channel_or_one_for_all(layers, rng):
    program = small_program(rng)
    layer = layers(program)[1]
    neuron = program.populations[0].neuron
    assert layer["neuron/type"].tolist() == [b"CUBA"]
    np.testing.assert_array_equal(layer["neuron/iDecay"], neuron.decay_u)
    np.testing.assert_array_equal(layer["neuron/vDecay"], neuron.decay_v)
    np.testing.assert_array_equal(layer["neuron/vThMant"] * 64, neuron.threshold)
    np.testing.assert_array_equal(layer["bias"] * 64, neuron.bias)
    plain = layers(chain(Input("in", (3,)), [Layer(LEAKY, dense(2, 3))]))[1]
    assert [plain[f"neuron/{n}"].shape for n in ("iDecay", "vDecay", "vThMant")] == [()] * 3
    assert "bias" not in plain


def test_channels_of_one_neuron_keep_their_own_registers(layers, rng):
    program = chain(
        Input("in", (2, 3, 3)), [Layer(registers(rng, 4, 900), Conv2d(even(rng, (4, 2, 3, 3))))]
    )
    neuron, layer = program.populations[0].neuron, layers(program)[1]
    assert layer["shape"].tolist() == [4, 1, 1]
    np.testing.assert_array_equal(layer["neuron/iDecay"], neuron.decay_u)


def test_biases_of_single_neurons_have_the_axes_of_lava(layers):
    bias = 64 * np.arange(8).reshape(2, 2, 2)
    conv = Conv2d(np.full((2, 1, 2, 2), 2))
    program = chain(Input("in", (1, 3, 3)), [Layer(replace(LEAKY, bias=bias), conv)])
    np.testing.assert_array_equal(layers(program)[1]["bias"], bias.transpose() // 64)


def test_gate_forgets_and_integrator_never_fires(layers):
    parts = [Layer(Gate(640), dense(2, 3)), Layer(LeakyIntegrator(5, 6), dense(2, 2))]
    _, gate, silent = layers(chain(Input("in", (3,)), parts))
    names = ("neuron/iDecay", "neuron/vDecay", "neuron/vThMant")
    assert [int(gate[n]) for n in names] == [4096, 4096, 10]
    assert [int(silent[n]) for n in names] == [5, 6, 131072]


def test_delays_are_as_short_as_lava_dl_reads_them_the_same(layers):
    rows, columns = np.array([[1, 1, 1], [2, 2, 2]]), np.array([[1, 2, 3], [1, 2, 3]])
    mixed, square = np.array([[1, 2, 3], [0, 0, 62]]), np.array([[1, 2], [1, 2]])
    for delay, kept in ((rows, [1, 2]), (columns, [1, 2, 3]), (mixed, mixed), (square, square)):
        synapse = Dense(np.full(delay.shape, 2), delay=delay)
        program = chain(Input("in", delay.shape[1:]), [Layer(LEAKY, synapse)])
        np.testing.assert_array_equal(layers(program)[1]["delay"], kept)
    none = Dense(np.full((2, 2), 2), delay=np.zeros((2, 2), int))
    assert "delay" not in layers(chain(Input("in", (2,)), [Layer(LEAKY, none)]))[1]


def test_recurrent_layer_holds_both_matrices(layers, rng):
    weight, again = even(rng, (3, 4)), even(rng, (3, 3))
    program = chain(Input("in", (4,)), [Layer(LEAKY, Dense(weight), Dense(again))])
    layer = layers(program)[1]
    assert layer["type"].tolist() == [b"dense_rec"]
    np.testing.assert_array_equal(layer["weight"], weight)
    np.testing.assert_array_equal(layer["weight_rec"], again)


def test_input_neurons_are_a_neuron_of_the_input_layer(layers, rng):
    entry, _ = layers(netx_chains.input_neurons(rng))
    assert entry["type"].tolist() == [b"input"]
    assert int(entry["neuron/vThMant"]) == 80
    entry, conv, *_, last = layers(netx_chains.sigma_delta(rng))
    assert entry["neuron/type"].tolist() == [b"SDNN"]
    assert int(entry["neuron/vThMant"]) == 3
    assert conv["bias"].shape == (3,)
    assert last["neuron/sigma_output"]


@pytest.mark.parametrize(
    ("build", "interval", "offset", "bits"),
    [(small_program, 5, 1, 5), (netx_chains.input_neurons, 7, 0, 0)],
)
def test_attribute_says_how_lava_dl_must_be_called(build, interval, offset, bits, rng, tmp_path):
    scales = "7" * 100_000  # more than the header of an HDF5 object holds
    program = replace(build(rng), metadata={"scales": scales})
    path = tmp_path / "network.net"
    write_netx(program, path, sha256="abc")
    with h5py.File(path) as file:
        facts = json.loads(file.attrs["spikeport"])
    source = program.input
    assert facts == {
        "schema": "spikeport.netx/1",
        "name": program.name,
        "chip": program.chip,
        "program_sha256": "abc",
        "network": {
            "reset_interval": interval,
            "reset_offset": offset,
            "input_message_bits": bits,
        },
        "input": {"name": source.name, "low": source.low, "high": source.high},
        "populations": [p.name for p in program.populations],
        "readout": "count",
        "metadata": {"scales": scales},
    }


def test_same_program_gives_the_same_bytes(rng, tmp_path):
    program = small_program(rng)
    for name in ("one.net", "two.net"):
        write_netx(program, tmp_path / name)
    assert (tmp_path / "one.net").read_bytes() == (tmp_path / "two.net").read_bytes()


def test_groups_beyond_lavas_8_bits_are_joined(layers):
    conv = Conv2d(np.full((130, 1, 1, 1), 2), groups=130)
    layer = layers(chain(Input("in", (130, 2, 2)), [Layer(LEAKY, conv)]))[1]
    assert int(layer["groups"]) == 65
    assert layer["weight"].shape == (130, 2, 1, 1)


def test_everything_that_netx_cannot_hold_is_listed_at_once(tmp_path):
    wide = np.array([[300, -2], [4, 4]])
    parts = [
        Layer(Cuba(decay_u=np.full((1, 2, 2), 4), decay_v=0, threshold=64, bias=7),
              Conv2d(np.full((1, 1, 2, 2), 2))),
        Layer(CubaSubtract(1, 1, 64), dense(2, 4)),
        Layer(Cuba.leaky(1, 64, bias=64 * 2**15), Dense(wide, exponent=1), dense(2, 2)),
        Layer(Gate(), Dense(wide)),
        Layer(LEAKY, Sparse.identity(2, 4)),
        Layer(LEAKY, Dense(np.zeros((2, 2), int))),
        Layer(SigmaDelta(np.array([1, 4096])), dense(2, 2)),
        Layer(LEAKY, Dense(dense(2, 2).weight, delay=np.ones((2, 2), int)), dense(2, 2)),
    ]  # fmt: skip
    program = chain(Input("in", (1, 3, 3)), parts, period=5)
    late = replace(program.populations[0], latency=2)
    message = refused(replace(program, populations=(late, *program.populations[1:])), tmp_path)
    for problem in (
        "a: decay_u has one value a neuron, netx one a channel",
        "a: bias = 7 does not fit -2097152..2097088 in steps of 64 (1 of 1 values)",
        "a: latency = 2, netx's layer has 1",
        "b: netx has no CubaSubtract; the lava format has",
        "c: bias = 2097152 does not fit",
        "b->c: weight exponent 1, netx has none",
        "c->d: weight = 300 does not fit -256..254",
        "d->e: netx has no Sparse (nor delays of a convolution); use Dense",
        "e->f: weight is all 0",
        "g: state_exp = 0, lava-dl sets 6",
        "g: threshold has several values, Lava's Process holds one",
        "g: threshold = 1 does not fit",
        "g: lava-dl never sets sigma-delta neurons to rest; leave the period out",
        "g->h: graded = False, but lava-dl reads payloads there",
        "g->h: delays in a recurrent layer, which lava-dl cannot load",
    ):
        assert f"- {problem}" in message


def test_networks_that_are_no_chain_are_refused_naming_every_branch(tmp_path):
    names = [Population(name, (2,), LEAKY, i) for i, name in enumerate("abcd", 1)]
    names[1] = replace(names[1], neuron=CubaSubtract(1, 1, 64))
    pairs = [("in", "a"), ("a", "b"), ("b", "c"), ("a", "c"), ("d", "d")]
    links = [Connection(source, target, dense(2, 2)) for source, target in pairs]
    links += [Connection("d", "d", dense(2, 2), label="again")]
    program = Program("branches", "loihi1", Input("in", (2,)), names, links, output="c")
    message = refused(program, tmp_path)
    for problem in (
        "a: it leads to b, c; netx layers form a chain",
        "c: 2 connections lead into it (b->c, a->c); netx layers form a chain",
        "d: 0 connections lead into it (none); netx layers form a chain",
        "d: d->d and d->d#again are recurrent; netx holds one",
        "b: netx has no CubaSubtract; the lava format has",
    ):
        assert f"- {problem}" in message


def test_cycles_and_a_readout_in_the_middle_are_refused(tmp_path):
    populations = [Population(name, (2,), LEAKY, i) for i, name in enumerate("abc", 1)]
    pairs = [("in", "a"), ("b", "c"), ("c", "b")]
    links = [Connection(source, target, dense(2, 2)) for source, target in pairs]
    program = Program("cycle", "loihi1", Input("in", (2,)), populations, links, output="a")
    assert "- b, c: only a cycle leads there" in refused(program, tmp_path)
    program = chain(Input("in", (2,)), [Layer(LEAKY, dense(2, 2))] * 2)
    message = refused(replace(program, output="a"), tmp_path)
    assert "- output a is not the last population, b" in message


def test_blank_lines_are_refused(rng, tmp_path):
    recurrent = Layer(LEAKY, dense(2, 2), dense(2, 2))
    program = blanked(chain(Input("in", (2,)), [recurrent], period=5))
    assert "- blank: netx has no blank line" in refused(program, tmp_path)


def test_deltas_and_payloads_elsewhere_than_netx_has_them_are_refused(tmp_path):
    delta = Delta(1 << 12, 6, 6)
    two = [Layer(delta, Sparse.identity(2)), Layer(delta, dense(2, 2), graded=True)]
    message = refused(chain(Input("in", (2,), 0, 2**19), two), tmp_path)
    assert "- in: 0..524288 does not fit -524288..524287" in message
    assert "- in->a: input neurons read payloads; make it graded" in message
    assert "- b: netx has a Delta only where each takes one value of the input" in message
    again = Layer(registers(np.random.default_rng(1), 2), Sparse.identity(2), dense(2, 2))
    leaky = replace(again.neuron, decay_u=4096)
    message = refused(chain(Input("in", (2,)), [replace(again, neuron=leaky)]), tmp_path)
    assert "- a->a: netx has no recurrent input neurons" in message
    assert "- a: a layer of input neurons has no bias" in message


@pytest.mark.parametrize("change", [{"exponent": 1}, {"delay": np.array([0, 1])}])
def test_an_input_that_is_delayed_or_scaled_is_no_layer_of_input_neurons(change, tmp_path):
    synapse = replace(Sparse.identity(2), **change)
    program = chain(Input("in", (2,)), [Layer(replace(LEAKY, decay_u=4096), synapse)])
    assert "- in->a: netx has no Sparse" in refused(program, tmp_path)


def test_recurrence_of_the_first_layer_must_read_payloads_as_its_input_does(tmp_path):
    neuron = SigmaDelta(1 << 12, state_exp=6)
    program = chain(Input("in", (2,), 0, 9), [Layer(neuron, dense(2, 2), dense(2, 2), True)])
    entry, again = program.connections
    program = replace(program, connections=(entry, replace(again, graded=False)))
    message = refused(program, tmp_path)
    assert "- a->a: graded = False, but lava-dl reads payloads there" in message


def test_sums_that_lava_dls_scaling_overflows_are_refused(tmp_path):
    source = Input("in", (2,), 0, 2**24)
    program = chain(source, [Layer(LEAKY, dense(2, 2, 1), graded=True)])
    assert "- in->a: a sum of 8589934592 in lava-dl does not fit 32 bits" in refused(
        program, tmp_path
    )


def test_without_h5py_the_missing_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    program = chain(Input("in", (2,)), [Layer(LEAKY, dense(2, 2))])
    with pytest.raises(MissingExtraError, match=r"h5py.*\n.*spikeport\[export\]"):
        write_netx(program, tmp_path / "network.net")
