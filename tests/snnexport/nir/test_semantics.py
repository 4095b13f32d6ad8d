"""Corners of what NIR files mean: constants, delays, profiles with choices, files of our own."""

import shutil
from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch
from nir_files import affine, chain, conv2d, lif, nir_file, port
from torch import nn

from hwsim.chip import load_chip
from hwsim.errors import CheckError, SpikeportError, UnsupportedError
from hwsim.neurons import MultiSpike
from snnexport import Calibration, Into, capture, fold, lower, quantize
from snnexport.convert import Conversion, convert_nir
from snnexport.formats.nir.file_in import read_file
from snnexport.formats.nir.file_out import write_file
from snnexport.formats.nir.graph_out import from_graph
from snnexport.formats.nir.load import read_nir
from snnexport.formats.nir.own import digest
from snnexport.formats.nir.profiles import PROFILES, Current, Reset
from snnexport.interpret import interpret
from snntrain.layers import Spiking

DT = 1e-4
CHIP = load_chip("loihi2")
OLD = PROFILES["nir-euler"].with_choices(hears=Current.OLD)


def leaky(size, **fields):
    """Return a LIF of ten steps and a threshold of 0.05."""
    values = {"tau": np.full(size, 1e-3), "v_threshold": np.full(size, 0.05), **fields}
    return lif(size, **values)


def slow(size):
    """Return a CubaLIF."""
    names = {"tau_mem": 1e-3, "tau_syn": 5e-4, "r": 1.0, "w_in": 3.0, "v_leak": 0.0}
    return {
        "type": "CubaLIF",
        **{n: np.full(size, v) for n, v in (names | {"v_threshold": 0.05}).items()},
    }


def two(tmp_path, make=leaky, bias=None, back=None):
    """Return a file of two populations; back: the bias of feedback into the second."""
    nodes = {
        "input": port("Input", 2),
        "w1": affine(np.eye(2), bias),
        "a": make(2),
        "w2": affine(np.full((2, 2), 0.5)),
        "b": make(2),
        "output": port("Output", 2),
    }
    edges = chain(*nodes)
    if back is not None:
        nodes["back"] = affine(np.full((2, 2), -0.3), np.asarray(back, np.float32))
        edges += [("b", "back"), ("back", "b")]
    return nir_file(tmp_path / "two.nir", nodes, edges)


@pytest.mark.parametrize(
    ("profile", "make", "bias", "back"),
    [
        (PROFILES["spyx"], leaky, None, None),
        (OLD, slow, None, None),
        (OLD, slow, np.float32([0.3, 0.4]), None),
        (PROFILES["norse"], leaky, None, [0.2, 0.3]),
    ],
)
def test_what_comes_late_becomes_a_program(tmp_path, profile, make, bias, back):
    file = two(tmp_path, make, bias, back)
    program, _ = convert_nir(file, tmp_path / "two.onnx", Conversion(CHIP, profile, dt=DT))
    assert len(program.populations) >= 2


def test_spyx_hears_populations_a_step_late_and_the_input_at_once(tmp_path):
    graph = read_nir(two(tmp_path), profile="spyx")
    frames = np.zeros((12, 1, 2), np.int64)
    frames[0] = 1
    spikes = interpret(graph, frames).spikes
    first = {name: int(np.flatnonzero(spikes[name].any((1, 2)))[0]) for name in ("a", "b")}
    assert first == {"a": 0, "b": 1}


def test_the_bias_of_a_population_that_only_hears_late_passes_its_gain(tmp_path):
    nodes = {
        "input": port("Input", 1),
        "a": leaky(1),
        "w": affine([[0.0]], np.float32([0.4])),
        "b": leaky(1),
        "output": port("Output", 1),
    }
    file = nir_file(tmp_path / "n.nir", nodes, chain(*nodes))
    voltages = interpret(read_nir(file, profile="spyx"), np.zeros((1, 1, 1), np.int64)).voltages
    assert voltages["b"].item() == pytest.approx(0.04)  # 0.4 dt/tau


@pytest.mark.parametrize("reset", [Reset.ZERO, Reset.LATE])
def test_a_reset_that_several_spikes_do_not_have_is_refused_and_not_ignored(tmp_path, reset):
    profile = PROFILES["sinabs"].with_choices(reset=reset)
    with pytest.raises(SpikeportError, match="subtract"):
        read_nir(two(tmp_path), profile=profile, dt=DT)


def test_several_spikes_a_step_of_a_profile_that_resets_to_zero_are_refused(tmp_path):
    with pytest.raises(SpikeportError, match="subtract"):
        read_nir(two(tmp_path), profile=PROFILES["nir-euler"].with_choices(most=5))


def test_one_spike_a_step_keeps_the_lowest_voltage_of_sinabs(tmp_path):
    fire = {"type": "IF", "r": np.ones(2), "v_threshold": np.full(2, 3.0), "v_reset": np.zeros(2)}
    nodes = {"input": port("Input", 2), "n": fire, "output": port("Output", 2)}
    file = nir_file(tmp_path / "n.nir", nodes, chain(*nodes))
    neuron = read_nir(file, profile=PROFILES["sinabs"].with_choices(most=1)).layers[0].neuron
    assert isinstance(neuron, MultiSpike)
    assert (neuron.most, neuron.lowest) == (1, -3.0)


def own_file(tmp_path, dt=1e-3):
    """Return a file of spikeport with its program, and its graph."""
    torch.manual_seed(0)
    layers = nn.Linear(4, 5), Spiking(5, decay_v=0.2), nn.Linear(5, 3), Spiking(3, decay_v=0.3)
    graph = capture(nn.Sequential(*layers).eval(), torch.zeros(10, 1, 4))
    program = lower(quantize(fold(graph), CHIP, Calibration(0, 1)), CHIP)
    path = tmp_path / "own.nir"
    write_file(path, from_graph(fold(graph, Into.WEIGHTS), dt, program, {}))
    return path


def test_a_file_whose_weights_were_changed_does_not_give_its_old_program(tmp_path):
    path = own_file(tmp_path)
    convert_nir(path, tmp_path / "a.onnx", Conversion(CHIP))
    changed = tmp_path / "changed.nir"
    shutil.copy(path, changed)
    with h5py.File(changed, "r+") as file:
        file["node/nodes/0/weight"][...] = 0
    with pytest.raises(UnsupportedError, match="another tool has changed it since"):
        convert_nir(changed, tmp_path / "b.onnx", Conversion(CHIP))
    assert not (tmp_path / "b.onnx").exists()


@pytest.mark.parametrize(
    "reading",
    [Conversion(load_chip("loihi1")), Conversion(CHIP, calibration=Calibration(0, 50))],
    ids=["chip", "range"],
)
def test_what_is_asked_for_is_not_overridden_by_a_stored_program(tmp_path, reading):
    program, _ = convert_nir(own_file(tmp_path), tmp_path / "a.onnx", reading)
    assert program.chip == reading.chip.name
    assert program.input.high == (50 if reading.calibration else 1)


def test_a_program_that_runs_alone_is_not_the_stored_one_that_streams(tmp_path):
    program, _ = convert_nir(
        own_file(tmp_path), tmp_path / "a.onnx", Conversion(CHIP, streamed=False)
    )
    assert not program.streamed


def test_the_step_of_a_file_of_ours_holds_for_any_profile(tmp_path):
    graph = read_nir(own_file(tmp_path), profile="nir-euler")
    assert graph.metadata["nir.dt"] == "0.001"
    assert graph.layers[0].neuron.decay_v == pytest.approx(0.2)


def test_a_constant_into_a_current_comes_back_as_one_or_is_refused_by_name(tmp_path):
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.AvgPool2d(2), Spiking(2, decay_u=0.2, decay_v=0.1, norm=False)
    ).eval()  # fmt: skip
    with torch.no_grad():
        module[0].bias.fill_(0.5)
    graph = capture(module, torch.zeros(8, 1, 1, 6, 6))
    with pytest.raises(CheckError, match=r"2: a constant enters its current, and no Linear"):
        from_graph(graph, DT)
    graph = fold(graph, Into.WEIGHTS)
    write_file(tmp_path / "n.nir", from_graph(graph, DT))
    frames = np.random.default_rng(0).integers(0, 2, (8, 1, 1, 6, 6))
    ours, theirs = (interpret(g, frames) for g in (graph, read_nir(tmp_path / "n.nir")))
    assert (ours.spikes["2"] == theirs.spikes["2"]).all()
    assert np.abs(ours.voltages["2"] - theirs.voltages["2"]).max() < 1e-9


def test_registers_of_single_neurons_in_planes_of_one_pixel_come_back(tmp_path):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 3, 4), Spiking(3, decay_v=0.1, norm=False)).eval()
    graph = capture(module, torch.zeros(8, 1, 1, 4, 4))
    layer = graph.layers[0]
    decays = np.array([0.1, 0.2, 0.3]).reshape(3, 1, 1)
    layer = replace(layer, neuron=replace(layer.neuron, decay_v=decays))
    graph = replace(graph, layers=(layer, *graph.layers[1:]))
    write_file(tmp_path / "n.nir", from_graph(graph, DT))
    back = read_nir(tmp_path / "n.nir").layers[0].neuron
    assert np.ravel(back.decay_v).tolist() == [0.1, 0.2, 0.3]


def late_bias(tmp_path):
    return read_nir(two(tmp_path, back=[0.2, 0.3]), profile="norse", dt=DT)


def test_a_constant_that_comes_late_is_refused_by_name(tmp_path):
    with pytest.raises(CheckError, match=r"\.constant: hears nothing, and NIR has no such node"):
        from_graph(late_bias(tmp_path), DT)


def test_the_line_of_a_constant_takes_no_name_that_is_taken(tmp_path):
    nodes = {
        "input": port("Input", 2),
        "n": leaky(2),
        "back": affine(np.eye(2), np.float32([0.2, 0.3])),
        "n.constant": leaky(2),
        "output": port("Output", 2),
    }
    edges = [*chain("input", "n", "n.constant", "output"), ("n", "back"), ("back", "n")]
    graph = read_nir(nir_file(tmp_path / "n.nir", nodes, edges), profile="norse", dt=DT)
    names = [layer.name for layer in graph.layers]
    assert len(names) == len(set(names))


def test_a_convolution_that_is_refused_behind_a_bias_is_refused_by_name(tmp_path):
    nodes = {
        "input": port("Input", 1, 6, 6),
        "c1": conv2d(np.ones((1, 1, 3, 3)), np.array([6, 6]), padding=np.array([1, 1]),
                     bias=np.ones(1, np.float32)),
        "c2": conv2d(np.ones((2, 1, 2, 2)), np.array([6, 6]), padding="same"),
        "flat": {"type": "Flatten", "start_dim": 0, "end_dim": -1},
        "n": leaky(72),
        "output": port("Output", 72),
    }  # fmt: skip
    with pytest.raises(CheckError, match="c2: padding = 'same'"):
        read_nir(nir_file(tmp_path / "n.nir", nodes, chain(*nodes)), profile="nir-euler")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("node/metadata/spikeport/steps", np.inf),
        ("node/nodes/1/metadata/spikeport/gain", np.ones(7)),
        ("node/nodes/1/metadata/spikeport/reals/threshold", np.ones(7)),
        ("node/nodes/1/metadata/spikeport/reals/bias", np.ones(7)),
        ("node/nodes/1/metadata/spikeport/reals/bias", np.nan),
        ("node/nodes/1/metadata/spikeport", 3.0),
        ("node/metadata/spikeport/steps", -5),
        ("node/metadata/spikeport/dt", -1.0),
    ],
)
def test_metadata_that_somebody_damaged_are_named(tmp_path, path, value):
    file = own_file(tmp_path)
    with h5py.File(file, "r+") as held:
        del held[path]
        held[path] = value
    with pytest.raises(UnsupportedError, match="another tool has changed it since"):
        read_nir(file)
    graph = read_file(file).graph
    with h5py.File(file, "r+") as held:  # signed again by whoever did that
        own = held["node/metadata/spikeport"]
        del own["digest"]
        own["digest"] = digest(graph, graph.metadata["spikeport"])
    with pytest.raises(SpikeportError, match="metadata spikeport are damaged"):
        read_nir(file)


def test_a_long_chain_of_nodes_is_read(tmp_path):
    scale = {"type": "Scale", "scale": np.ones(2, np.float32)}
    nodes = {"input": port("Input", 2), **{f"s{i:04}": scale for i in range(1200)}}
    nodes |= {"n": leaky(2), "output": port("Output", 2)}
    file = nir_file(tmp_path / "n.nir", nodes, chain(*nodes))
    assert len(read_nir(file, profile="nir-euler").layers) == 1


def test_ways_that_double_with_every_node_are_refused_before_they_are_too_many(tmp_path):
    scale = {"type": "Scale", "scale": np.ones(2, np.float32)}
    nodes, edges = {"input": port("Input", 2)}, []
    before = "input"
    for i in range(40):
        nodes |= {f"{side}{i}": scale for side in "abc"}
        edges += [(before, f"a{i}"), (before, f"b{i}"), (f"a{i}", f"c{i}"), (f"b{i}", f"c{i}")]
        before = f"c{i}"
    nodes |= {"n": leaky(2), "output": port("Output", 2)}
    edges += chain(before, "n", "output")
    with pytest.raises(CheckError, match=r"n: hears its sources on more than 4,096 ways"):
        read_nir(nir_file(tmp_path / "n.nir", nodes, edges), profile="nir-euler")


def test_what_comes_from_the_input_is_not_late_where_spikes_are(tmp_path):
    nodes = {"input": port("Input", 2), "n": leaky(2), "output": port("Output", 2)}
    edges = [*chain("input", "n", "output"), ("input", "output")]
    graph = read_nir(nir_file(tmp_path / "n.nir", nodes, edges), profile="spyx", dt=DT)
    delays = {e.source: e.delays for e in graph.layer("output").edges}
    assert delays == {"n": (1, 1), "input": (0, 0)}


def test_a_gain_of_zero_where_voltages_are_in_inputs_says_so(tmp_path):
    nodes = {"input": port("Input", 2), "n": leaky(2, r=np.zeros(2)), "output": port("Output", 2)}
    file = nir_file(tmp_path / "n.nir", nodes, chain(*nodes))
    with pytest.raises(CheckError, match=r"n: a gain of 0, by which profile snntorch divides"):
        read_nir(file, profile="snntorch", dt=DT)


def only(tmp_path, node, profile, dt=DT):
    """Return the population that ``node`` becomes."""
    size = len(node["v_threshold"])
    nodes = {"input": port("Input", size), "n": node, "output": port("Output", size)}
    file = nir_file(tmp_path / "n.nir", nodes, chain(*nodes))
    return read_nir(file, profile=profile, dt=dt).layers[0]


def test_only_an_if_of_sinabs_has_a_lowest_voltage(tmp_path):
    neuron = only(tmp_path, leaky(2, tau=np.full(2, 20.0)), "sinabs", 1.0).neuron
    assert neuron.lowest < -1e6


def test_the_exact_solution_multiplies_what_enters_a_current_with_its_decay(tmp_path):
    layer = only(tmp_path, slow(2), "nir-exponential")
    taken_u, taken_v = 1 - np.exp(-DT / 5e-4), 1 - np.exp(-DT / 1e-3)
    assert layer.neuron.decay_u == pytest.approx(taken_u)
    assert layer.norm.gain == pytest.approx(3 * taken_u * taken_v)


def test_norses_exporter_writes_both_taus_of_a_current_times_its_step(tmp_path):
    node = slow(2) | {"tau_mem": np.full(2, 1e-5), "tau_syn": np.full(2, 5e-6)}
    layer = only(tmp_path, node, "norse-export", 1e-3)
    assert layer.neuron.decay_v == pytest.approx(0.1)
    assert layer.neuron.decay_u == pytest.approx(0.2)
    assert layer.norm.gain == pytest.approx(3 * 0.1)  # w_in alone up to the current


def test_nengos_unit_is_the_way_from_reset_to_threshold(tmp_path):
    layer = only(tmp_path, leaky(2, v_reset=np.full(2, -0.15)), "nengo")
    assert layer.neuron.threshold == pytest.approx(1.0)
    assert layer.norm.gain == pytest.approx((1 - np.exp(-0.1)) / 0.2)


def test_same_padding_is_that_of_each_axis(tmp_path):
    nodes = {
        "input": port("Input", 1, 4, 6),
        "conv": conv2d(np.ones((1, 1, 1, 5)), np.array([4, 6]), padding="same"),
        "flat": {"type": "Flatten", "start_dim": 0, "end_dim": -1},
        "n": leaky(24),
        "output": port("Output", 24),
    }
    file = nir_file(tmp_path / "n.nir", nodes, chain(*nodes))
    graph = read_nir(file, profile="nir-euler", dt=DT)
    assert graph.layers[0].edges[0].stages[0].padding == (0, 2)


def test_the_way_back_is_a_step_late_behind_a_profile_that_is_late_itself(tmp_path):
    graph = read_nir(two(tmp_path, back=[0, 0]), profile="spyx")
    frames = np.zeros((12, 1, 2), np.int64)
    frames[0] = 1
    spikes = interpret(graph, frames).spikes["b"]
    assert spikes.any()
    assert {e.source for e in graph.layer("b").edges} == {"a", "b"}


def test_feedback_is_written_without_the_gain_of_the_norm_that_it_does_not_pass(tmp_path):
    torch.manual_seed(0)
    back = nn.Linear(5, 5, bias=False)
    module = nn.Sequential(nn.Linear(4, 5), Spiking(5, decay_v=0.2, recurrent=back)).eval()
    module[1].norm.running_var.fill_(0.01)
    graph = capture(module, torch.zeros(15, 1, 4))
    write_file(tmp_path / "n.nir", from_graph(graph, DT))
    frames = np.random.default_rng(0).integers(0, 2, (15, 3, 4))
    ours, theirs = (interpret(g, frames) for g in (graph, read_nir(tmp_path / "n.nir")))
    assert graph.layers[0].norm is not None
    assert ours.spikes["1"].any()
    assert np.abs(ours.voltages["1"] - theirs.voltages["1"]).max() < 1e-9


@pytest.mark.parametrize("name", ["r", "v_leak"])
def test_a_gain_or_leak_that_was_changed_is_not_believed(tmp_path, name):
    path = own_file(tmp_path)
    with h5py.File(path, "r+") as file:
        file[f"node/nodes/1/{name}"][...] += 1
    with pytest.raises(UnsupportedError, match="another tool has changed it since"):
        read_nir(path)


def test_values_of_more_axes_than_a_chip_has_are_named_all_at_once(tmp_path):
    scale = {"type": "Scale", "scale": np.ones((2, 3, 4, 5), np.float32)}
    nodes = {"input": port("Input", 2, 3, 4, 5), "s": scale, "output": port("Output", 2, 3, 4, 5)}
    with pytest.raises(CheckError) as caught:
        read_nir(nir_file(tmp_path / "n.nir", nodes, chain(*nodes)), profile="nir-euler")
    assert [line.partition(":")[0] for line in caught.value.problems] == ["input", "s", "output"]
