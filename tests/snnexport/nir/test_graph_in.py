"""NIR files -> graphs: the same values as NIR's equations, stepped; and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
from nir_euler import stepped
from nir_files import affine, chain, conv2d, lif, nir_file, port, subgraph

from hwsim.errors import CheckError, RangeError, UnsupportedError
from hwsim.neurons import Cuba, CubaLateReset, CubaSubtract, LeakyIntegrator, MultiSpike
from hwsim.program import Readout
from snnexport.formats.nir.load import assumed, read_nir
from snnexport.formats.nir.profiles import PROFILES, Current, Reset
from snnexport.interpret import interpret

DT = 1e-4


def neuron(kind, shape, rng, **fields):
    """Return a node of this kind with random parameters, of float32 as exporters write."""
    values = {
        "tau": rng.uniform(3e-4, 5e-3, shape),
        "tau_mem": rng.uniform(3e-4, 5e-3, shape),
        "tau_syn": rng.uniform(3e-4, 5e-3, shape),
        "r": rng.uniform(0.5, 2.0, shape),
        "v_leak": rng.uniform(-0.1, 0.1, shape),
        "w_in": rng.uniform(0.5, 2.0, shape),
        "v_threshold": rng.uniform(0.02, 0.08, shape),
        "v_reset": np.zeros(shape),
    }
    names = {
        "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
        "CubaLIF": ("tau_mem", "tau_syn", "r", "v_leak", "w_in", "v_threshold", "v_reset"),
        "IF": ("r", "v_threshold", "v_reset"),
        "LI": ("tau", "r", "v_leak"),
        "CubaLI": ("tau_mem", "tau_syn", "r", "v_leak", "w_in"),
        "I": ("r",),
    }[kind]
    arrays = {name: values[name].astype(np.float32) for name in names}
    if kind in ("IF", "I"):
        arrays["r"] = (arrays["r"] / 1e-3).astype(np.float32)
    return {"type": kind, **arrays, **fields}


def compared(tmp_path, nodes, edges, order, frames, current="new", **options):
    """Read the graph, run both, and return the graph once all that fires is equal."""
    path = nir_file(tmp_path / "net.nir", nodes, edges)
    profile = PROFILES["nir-euler"].with_choices(hears=Current(current))
    profile = replace(profile, late_bias=True)  # as the stepper, which knows no step before 0
    graph = read_nir(path, profile=profile, dt=DT, **options)
    ours = interpret(graph, frames[:, None])
    theirs = stepped(nodes, edges, order, frames, DT, current)
    for layer in graph.layers:
        if layer.name not in nodes or layer.name == "output":
            continue
        if isinstance(layer.neuron, LeakyIntegrator):
            got = ours.voltages[layer.name][:, 0].reshape(theirs[layer.name].shape)
            assert np.abs(got - theirs[layer.name]).max() < 1e-12
        else:
            got = ours.spikes[layer.name][:, 0].reshape(theirs[layer.name].shape)
            assert 0 < got.sum() < got.size
            assert (got == theirs[layer.name]).all()
    return graph


@pytest.mark.parametrize("current", ["new", "old"])
@pytest.mark.parametrize("kind", ["LIF", "CubaLIF", "IF"])
@pytest.mark.parametrize("last", ["LI", "CubaLI", "I"])
def test_chains_of_neurons_equal_nirs_equations(tmp_path, rng, kind, last, current):
    nodes = {
        "input": port("Input", 5),
        "w1": affine(rng.normal(0, 1, (7, 5)), rng.normal(0, 0.05, 7).astype(np.float32)),
        "n1": neuron(kind, 7, rng),
        "w2": affine(rng.normal(0, 1, (4, 7))),
        "n2": neuron(last, 4, rng),
        "output": port("Output", 4),
    }
    frames = (rng.random((60, 5)) < 0.4).astype(np.int64)
    graph = compared(tmp_path, nodes, chain(*nodes), list(nodes), frames, current)
    assert (graph.output, graph.readout) == ("n2", Readout.VOLTAGE)


def per_channel(values, size, kind=np.float32):
    """Return an array (C, size, size) of one value per channel."""
    return np.broadcast_to(np.reshape(values, (-1, 1, 1)), (len(values), size, size)).astype(kind)


def test_planes_pools_scales_and_delays_equal_nirs_equations(tmp_path, rng):
    pairs = {"stride": np.array([2, 2]), "padding": np.array([0, 0])}
    one, none = np.ones((4, 6, 6), np.float32), np.zeros((4, 6, 6), np.float32)
    weight = rng.normal(0, 0.4, (4, 1, 3, 3))
    nodes = {
        "input": port("Input", 2, 6, 6),
        "conv": conv2d(weight, np.array([6, 6]), groups=2, padding=np.array([1, 1])),
        "a": {
            **neuron("LIF", (4, 6, 6), rng, r=one, v_leak=none),
            "tau": 1e-3 * one,
            "v_threshold": 0.05 * one,
        },
        "sum": {"type": "SumPool2d", "kernel_size": np.array([2, 2]), **pairs},
        "scale": {"type": "Scale", "scale": per_channel([0.5, 1, -1, 2], 3)},
        "late": {"type": "Delay", "delay": per_channel([0, DT, 2 * DT, 3 * DT], 3)},
        "mean": {"type": "AvgPool2d", "kernel_size": np.array([3, 3]), **pairs},
        "flat": {"type": "Flatten", "start_dim": 0, "end_dim": -1},
        "w": {"type": "Linear", "weight": rng.normal(0, 3, (5, 4)).astype(np.float32)},
        "b": neuron("IF", 5, rng),
        "output": port("Output", 5),
    }
    frames = (rng.random((40, 2, 6, 6)) < 0.4).astype(np.int64)
    graph = compared(tmp_path, nodes, chain(*nodes), list(nodes), frames)
    assert [layer.name for layer in graph.layers] == ["a", "b"]


@pytest.mark.parametrize("groups", [1, 2])
def test_convolutions_over_one_axis_equal_nirs_equations(tmp_path, rng, groups):
    sizes = {"stride": 2, "padding": 1, "dilation": 1, "groups": groups}
    conv = {
        "type": "Conv1d",
        "input_shape": 9,
        "weight": rng.normal(0, 0.6, (4, 2 // groups, 3)).astype(np.float32),
        "bias": rng.normal(0, 0.2, 4).astype(np.float32),
        **sizes,
    }
    nodes = {
        "input": port("Input", 2, 9),
        "conv": conv,
        "a": {
            **neuron("LIF", (4, 5), rng, r=np.ones((4, 5), np.float32)),
            "tau": np.full((4, 5), 1e-3, np.float32),
            "v_leak": np.zeros((4, 5), np.float32),
        },
        "flat": {"type": "Flatten", "start_dim": 0, "end_dim": -1},
        "w": affine(rng.normal(0, 1, (3, 20))),
        "b": neuron("LIF", 3, rng),
        "output": port("Output", 3),
    }
    frames = (rng.random((40, 2, 9)) < 0.4).astype(np.int64)
    graph = compared(tmp_path, nodes, chain(*nodes), list(nodes), frames)
    assert graph.layers[0].shape == (4, 1, 5)


def test_recurrent_subgraphs_with_dotted_names_in_any_order_equal_nirs_equations(tmp_path, rng):
    lif1, w_rec = neuron("CubaLIF", 6, rng), affine(rng.normal(0, 0.5, (6, 6)))
    inner = subgraph(
        {"z.lif": lif1, "a.rec": w_rec, "input": port("Input", 6), "output": port("Output", 6)},
        [("z.lif", "a.rec"), ("a.rec", "z.lif"), ("input", "z.lif"), ("z.lif", "output")],
    )
    w1, w2 = affine(rng.normal(0, 1, (6, 4))), affine(rng.normal(0, 1, (3, 6)))
    lif2 = neuron("LIF", 3, rng)
    nodes = {
        "a_last": lif2, "input": port("Input", 4), "m.inner": inner, "output": port("Output", 3),
        "w1": w1, "0": w2,
    }  # fmt: skip
    edges = chain("input", "w1", "m.inner", "0", "a_last", "output")
    frames = (rng.random((80, 4)) < 0.5).astype(np.int64)
    graph = read_nir(nir_file(tmp_path / "net.nir", nodes, edges), profile="nir-euler", dt=DT)
    flat = {"in": port("Input", 4), "w1": w1, "lif": lif1, "rec": w_rec, "w2": w2, "lif2": lif2}
    links = [*chain("in", "w1", "lif", "w2", "lif2"), ("lif", "rec"), ("rec", "lif")]
    theirs = stepped(flat, links, ["in", "w1", "lif", "rec", "w2", "lif2"], frames, DT)
    ours = interpret(graph, frames[:, None]).spikes
    assert (ours["m.inner.z.lif"][:, 0] == theirs["lif"]).all()
    assert (ours["a_last"][:, 0] == theirs["lif2"]).all()
    assert theirs["lif2"].any()
    assert any("feeds back, a step later" in line for line in assumed(graph))


@pytest.mark.parametrize("late", [True, False])
def test_a_bias_on_the_way_back_enters_from_the_second_step_or_from_the_first(tmp_path, rng, late):
    nodes = {
        "input": port("Input", 3),
        "n": neuron("LIF", 3, rng),
        "back": affine(rng.normal(0, 1, (3, 3)), np.full(3, 2.0, np.float32)),
        "output": port("Output", 3),
    }
    edges = [("input", "n"), ("n", "back"), ("back", "n"), ("n", "output")]
    path = nir_file(tmp_path / "net.nir", nodes, edges)
    profile = replace(PROFILES["nir-euler"], late_bias=late)
    graph = read_nir(path, profile=profile, dt=DT)
    frames = (rng.random((30, 3)) < 0.4).astype(np.int64)
    theirs = stepped(nodes, edges, ["input", "n", "back", "output"], frames, DT)["n"]
    ours = interpret(graph, frames[:, None]).spikes["n"][:, 0]
    assert (ours == theirs).all() == late
    assert any("the bias on the way back" in line for line in assumed(graph)) != late


def test_several_edges_into_a_node_are_summed_and_a_sum_at_the_end_is_integrated(tmp_path, rng):
    nodes = {
        "input": port("Input", 3),
        "w1": affine(rng.normal(0, 1, (3, 3))),
        "n1": neuron("LIF", 3, rng),
        "w2": affine(rng.normal(0, 1, (3, 3)), rng.normal(0, 1, 3).astype(np.float32)),
        "output": port("Output", 3),
    }
    edges = [*chain("input", "w1", "n1", "w2", "output"), ("input", "n1"), ("n1", "output")]
    frames = (rng.random((30, 3)) < 0.5).astype(np.int64)
    graph = read_nir(nir_file(tmp_path / "net.nir", nodes, edges), profile="nir-euler", dt=DT)
    theirs = stepped(nodes, edges, list(nodes), frames, DT)
    ours = interpret(graph, frames[:, None])
    assert (graph.output, graph.readout) == ("output", Readout.VOLTAGE)
    assert np.abs(ours.voltages["output"][:, 0] - theirs["output"]).max() < 1e-12


def test_a_threshold_node_is_a_neuron_without_memory(tmp_path, rng):
    nodes = {
        "input": port("Input", 3),
        "w": affine(rng.normal(0, 1, (3, 3))),
        "gate": {"type": "Threshold", "threshold": np.float32([0.1, 0.2, 0.3])},
        "output": port("Output", 3),
    }
    frames = (rng.random((40, 3)) < 0.5).astype(np.int64)
    compared(tmp_path, nodes, chain(*nodes), list(nodes), frames)


def one(tmp_path, node, inputs=2, **options):
    """Return the only layer of a network of one neuron node behind weights of 1."""
    nodes = {
        "input": port("Input", inputs),
        "w": affine(np.ones((len(node["v_threshold"]), inputs))),
        "n": node,
        "output": port("Output", len(node["v_threshold"])),
    }
    graph = read_nir(nir_file(tmp_path / "one.nir", nodes, chain(*nodes)), **options)
    return graph.layers[0], assumed(graph)


def test_a_reset_to_another_value_shifts_all_voltages_and_says_where_they_start(tmp_path):
    node = lif(2, tau=np.full(2, 1e-3), v_reset=np.full(2, -0.5), v_leak=np.full(2, 0.25))
    layer, lines = one(tmp_path, node, profile="nir-euler", dt=DT)
    assert layer.neuron.threshold == 1.5
    assert np.allclose(layer.norm.offset, 0.1 * (0.25 + 0.5))
    assert any("n: voltages start at v_reset" in line for line in lines)


@pytest.mark.parametrize(
    ("profile", "kind", "inclusive"),
    [
        ("nir-euler", Cuba, False),
        ("spikingjelly", Cuba, True),
        ("sinabs", MultiSpike, False),
        ("spyx", CubaLateReset, False),
    ],
)
def test_a_profile_decides_the_neuron(tmp_path, profile, kind, inclusive):
    layer, _ = one(tmp_path, lif(2), profile=profile)
    assert type(layer.neuron) is kind
    assert layer.inclusive is inclusive


def test_sinabs_reads_tau_in_steps_and_ends_integrators_at_minus_their_threshold(tmp_path):
    layer, lines = one(tmp_path, lif(2, tau=np.full(2, 20.0)), profile="sinabs")
    assert layer.neuron.decay_v == pytest.approx(1 - np.exp(-1 / 20))
    assert any("255 spikes a step" in line for line in lines)
    fire = {"type": "IF", "r": np.ones(2), "v_threshold": np.full(2, 3.0), "v_reset": np.zeros(2)}
    layer, _ = one(tmp_path, fire, profile=PROFILES["sinabs"].with_choices(most=7))
    assert (layer.neuron.lowest, layer.neuron.most, layer.neuron.decrement) == (-3.0, 7, 3.0)


def test_reset_by_subtraction_is_the_reset_of_a_profile_that_is_told_so(tmp_path):
    chosen = PROFILES["snntorch"].with_choices(reset=Reset.SUBTRACT)
    layer, lines = one(tmp_path, lif(2, r=np.full(2, 200.0)), profile=chosen)
    assert type(layer.neuron) is CubaSubtract
    assert not any("assumed: reset" in line for line in lines)


def test_norses_exporter_is_told_from_its_importer(tmp_path):
    node = lif(2, tau=np.full(2, 1e-5))  # 0.01 s times its step of 0.001 s
    layer, _ = one(tmp_path, node, profile="norse-export")
    assert layer.neuron.decay_v == pytest.approx(0.1)
    with pytest.raises(CheckError, match=r"n: tau = 1e-05 s is less than a step .*norse-export"):
        one(tmp_path, node, profile="norse")


def test_nothing_is_read_in_silence(tmp_path):
    with pytest.raises(UnsupportedError, match=r"NIR does not say how long a step is") as error:
        one(tmp_path, lif(2))
    assert all(name in error.value.hint for name in PROFILES)
    with pytest.raises(UnsupportedError, match=r"as snnTorch and SpikingJelly write"):
        one(tmp_path, lif(2, tau=np.full(2, 1e-3), r=np.full(2, 10.0)))
    with pytest.raises(UnsupportedError, match=r"tau is 1 or more, .*sinabs"):
        one(tmp_path, lif(2, tau=np.full(2, 10.0)))


def test_a_profile_refuses_what_its_framework_does_not_have(tmp_path, rng):
    with pytest.raises(CheckError, match=r"n: profile speck has no LIF: Speck has no leak"):
        one(tmp_path, lif(2), profile="speck")
    with pytest.raises(CheckError, match=r"n: profile rockpool has no CubaLIF"):
        one(tmp_path, neuron("CubaLIF", 2, rng), profile="rockpool")
    with pytest.raises(CheckError, match=r"n: r is 10 times tau/dt"):
        one(tmp_path, lif(2, tau=np.full(2, 1e-3), r=np.full(2, 100.0)), profile="lava-dl", dt=DT)
    with pytest.raises(UnsupportedError, match=r"there is no profile 'nest'"):
        one(tmp_path, lif(2), profile="nest")


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ({"type": "Delay", "delay": np.full(3, 1.5e-4)}, r"x: a delay of 1.5 steps"),
        ({"type": "Delay", "delay": np.full(3, 1.0)}, r"x: a delay of 10000 steps"),
        (
            lif(3, tau=np.full(3, 1e-3), v_threshold=np.zeros(3)),
            r"x: its threshold is 0 above its reset",
        ),
    ],
)
def test_what_the_machine_does_not_have_is_refused_by_node_and_value(tmp_path, node, said):
    nodes = {
        "input": port("Input", 3),
        "x": node,
        "n": lif(3, tau=np.full(3, 1e-3)),
        "output": port("Output", 3),
    }
    with pytest.raises(CheckError, match=said):
        read_nir(nir_file(tmp_path / "n.nir", nodes, chain(*nodes)), profile="nir-euler", dt=DT)


def test_a_voltage_that_another_node_reads_is_refused_by_name(tmp_path, rng):
    nodes = {
        "input": port("Input", 3),
        "li": neuron("LI", 3, rng),
        "w": affine(np.ones((2, 3))),
        "n": lif(2, tau=np.full(2, 1e-3)),
        "output": port("Output", 2),
    }
    with pytest.raises(CheckError, match=r"n: reads voltages of li"):
        read_nir(nir_file(tmp_path / "n.nir", nodes, chain(*nodes)), profile="nir-euler", dt=DT)


def test_the_graph_says_how_it_was_read(tmp_path):
    nodes = {
        "input": port("Input", 2),
        "n": lif(2, tau=np.full(2, 1e-3)),
        "output": port("Output", 2),
    }
    path = nir_file(tmp_path / "n.nir", nodes, chain(*nodes))
    graph = read_nir(path, profile="nir-euler", steps=9)
    assert graph.steps == 9
    assert graph.metadata["nir.profile"] == "nir-euler"
    assert graph.metadata["nir.dt"] == "0.0001"
    lines = json.loads(graph.metadata["nir.assumed"])
    assert lines == assumed(graph)
    assert any("a step of 0.0001 s, the profile's" in line for line in lines)
    told = assumed(read_nir(path, profile="nir-euler", dt=2e-4))
    assert not any("a step of" in line for line in told)


def test_a_step_that_is_no_number_above_zero_is_refused(tmp_path):
    with pytest.raises(RangeError, match=r"dt = -1"):
        one(tmp_path, lif(2), profile="nir-euler", dt=-1.0)
