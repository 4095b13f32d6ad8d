"""Small netx files become the network that lava-dl makes of them."""

import h5py
import numpy as np
import pytest
from netx_files import CUBA, conv_layer, dense_layer, write_layers

import hwsim
from hwsim import Conv2d, Cuba, Delta, LeakyIntegrator, Program, Readout, Sigma, SigmaDelta
from hwsim.errors import UnsupportedError
from snnexport.convert import convert
from snnexport.formats.netx.read import read_netx

SDNN = {"type": "SDNN", "vThMant": 7, "activation": "relu"}


@pytest.fixture
def read(tmp_path):
    """A function that writes layers to a file and reads them again."""

    def write_and_read(*layers, **options):
        return read_netx(write_layers(tmp_path / "small.net", list(layers)), **options)

    return write_and_read


def entry(*shape, neuron=None, **fields):
    held = {"type": "input", "shape": shape, **fields}
    return held if neuron is None else {**held, "neuron": neuron}


def flatten(*shape):
    return {"type": "flatten", "shape": shape}


def test_layers_become_populations_in_a_chain_with_latencies_from_one_on(read, rng):
    program = read(
        entry(2, 5, 6),
        conv_layer(rng.integers(-9, 9, (3, 2, 3, 2)), (3, 3, 5)),
        flatten(45, 1, 1),
        dense_layer(rng.integers(-9, 9, (4, 45))),
        dense_layer(rng.integers(-9, 9, (2, 4))),
    )
    assert program.chip == "loihi2"
    assert (program.input.shape, program.input.low, program.input.high) == ((2, 5, 6), 0, 1)
    assert [(p.name, p.shape, p.latency) for p in program.populations] == [
        ("layer1", (3, 3, 5), 1), ("layer3", (4,), 2), ("layer4", (2,), 3),
    ]  # fmt: skip
    assert [c.name for c in program.connections] == [
        "input->layer1", "layer1->layer3", "layer3->layer4",
    ]  # fmt: skip
    assert not any(c.graded for c in program.connections)
    assert (program.output, program.readout) == ("layer4", Readout.COUNT)


def test_registers_are_those_of_the_neuron_group_in_units_of_the_machine(read):
    program = read(dense_layer(np.ones((3, 2), int), bias=np.array([1.0, -2.0, 0.0])))
    neuron = program.populations[0].neuron
    assert isinstance(neuron, Cuba)
    assert (neuron.decay_u, neuron.decay_v, neuron.threshold) == (1024, 128, 80 * 64)
    assert neuron.bias.tolist() == [64, -128, 0]


def test_registers_may_have_one_value_a_channel(read):
    neuron = {**CUBA, "vThMant": np.array([5, 6]), "iDecay": np.array([1, 2])}
    layer = conv_layer(np.ones((2, 1, 1, 1), int), (2, 3, 4), neuron, bias=np.array([3, 4]))
    neuron = read(entry(1, 3, 4), layer).populations[0].neuron
    assert neuron.threshold.tolist() == [320, 384]
    assert neuron.decay_u.tolist() == [1, 2]
    assert neuron.bias.tolist() == [192, 256]


def test_a_bias_for_each_neuron_has_the_axes_of_lava(read, rng):
    bias = rng.integers(-9, 9, (4, 3, 2))
    layer = conv_layer(np.ones((2, 1, 1, 1), int), (2, 3, 4), bias=bias)
    neuron = read(entry(1, 3, 4), layer).populations[0].neuron
    np.testing.assert_array_equal(neuron.bias, 64 * bias.transpose(2, 1, 0))


def test_a_dense_layer_without_a_neuron_sums_its_input_and_is_read_by_voltage(read):
    program = read(dense_layer(np.ones((3, 2), int), None))
    neuron = program.populations[0].neuron
    assert isinstance(neuron, LeakyIntegrator)
    assert (neuron.decay_u, neuron.decay_v, neuron.bias) == (0, 4096, 0)
    assert program.readout is Readout.VOLTAGE


def test_thresholds_beyond_the_register_never_fire(read):
    neuron = {**CUBA, "vThMant": (1 << 18) - 1}
    program = read(dense_layer(np.ones((3, 2), int), neuron))
    assert isinstance(program.populations[0].neuron, LeakyIntegrator)


def test_a_convolution_keeps_height_and_width_apart(read, rng):
    weight = rng.integers(-9, 9, (4, 1, 3, 2)).astype(np.float32)
    layer = conv_layer(
        weight[..., None], (4, 4, 4), stride=[2, 1], padding=[1, 0], dilation=[1, 3], groups=2
    )
    synapse = read(entry(2, 7, 7), layer).connections[0].synapse
    assert isinstance(synapse, Conv2d)
    np.testing.assert_array_equal(synapse.weight, weight)
    assert (synapse.stride, synapse.padding, synapse.dilation) == ((2, 1), (1, 0), (1, 3))
    assert synapse.groups == 2


def test_sizes_may_be_one_number(read):
    layer = conv_layer(np.ones((1, 1, 2, 2), int), (1, 3, 3), stride=2, padding=0, dilation=1)
    assert read(entry(1, 6, 6), layer).connections[0].synapse.stride == (2, 2)


@pytest.mark.parametrize(
    ("delay", "wanted"),
    [
        (3, [[3, 3], [3, 3], [3, 3]]),
        (np.array([1.0, 2.0, 0.0]), [[1, 1], [2, 2], [0, 0]]),
        (np.array([4, 62]), [[4, 62], [4, 62], [4, 62]]),
        (np.arange(6).reshape(3, 2), [[0, 1], [2, 3], [4, 5]]),
    ],
)
def test_delays_are_one_number_or_by_output_or_by_input(read, delay, wanted):
    program = read(dense_layer(np.ones((3, 2), int), delay=delay))
    assert program.connections[0].synapse.delay.tolist() == wanted


def test_as_many_delays_as_outputs_and_inputs_are_by_output(read):
    program = read(dense_layer(np.ones((2, 2), int), delay=np.array([1, 2])))
    assert program.connections[0].synapse.delay.tolist() == [[1, 1], [2, 2]]


def test_weights_may_be_flat_and_the_shape_have_axes(read):
    program = read(dense_layer(np.arange(6), shape=[3, 1, 1]))
    assert program.connections[0].synapse.weight.tolist() == [[0, 1], [2, 3], [4, 5]]


def test_a_recurrent_layer_has_a_connection_to_itself(read, rng):
    weight, again = rng.integers(-9, 9, (3, 2)), rng.integers(-9, 9, (3, 3))
    program = read(dense_layer(weight, type="dense_rec", weight_rec=again))
    assert [c.name for c in program.connections] == ["input->layer0", "layer0->layer0"]
    np.testing.assert_array_equal(program.connections[1].synapse.weight, again)


def test_input_neurons_take_each_value_of_the_input_as_their_bias(read):
    program = read(
        entry(1, 2, 3, neuron={**CUBA, "iDecay": 7}, weight=[36.0], bias=[34.0]),
        conv_layer(np.ones((1, 1, 1, 1), int), (1, 2, 3)),
    )
    assert (program.input.low, program.input.high) == (-32768, 32767)
    first = program.population("layer0")
    assert (first.shape, first.latency, first.neuron.decay_u) == ((1, 2, 3), 1, 4096)
    assert program.metadata["netx.input.weight"] == "36"
    frames = np.full((9, 1, 1, 2, 3), 9, np.int32)
    v = hwsim.run(program, frames, record="state").trace.v["layer0"][:3, 0, 0, 0, 0]
    assert v.tolist() == [0, 9 * 64, 9 * 64 + 9 * 64 * (4096 - 128) // 4096]


def test_sigma_delta_layers_send_graded_messages(read):
    one = np.ones((2, 2), int)
    program = read(
        entry(2, neuron=SDNN),
        dense_layer(one, SDNN, bias=[3, -4]),
        dense_layer(one, {**SDNN, "sigma_output": True}),
    )
    first, middle, last = (p.neuron for p in program.populations)
    assert isinstance(first, Delta)
    assert isinstance(middle, SigmaDelta)
    assert isinstance(last, Sigma)
    assert (first.threshold, first.spike_exp, first.state_exp) == (7 << 12, 6, 6)
    assert (middle.threshold, middle.bias.tolist()) == (7 << 12, [3 << 12, -4 << 12])
    assert all(c.graded for c in program.connections)


def test_a_period_resets_each_population_at_its_own_step(read):
    one = np.ones((2, 2), int)
    program = read(dense_layer(one), dense_layer(one), period=10)
    assert [program.phase(p) for p in program.populations] == [2, 3]


def test_an_input_range_makes_the_first_messages_graded(read):
    program = read(dense_layer(np.ones((2, 2), int)), input_range=(-3, 200))
    assert (program.input.low, program.input.high) == (-3, 200)
    assert program.connections[0].graded


def test_negative_input_is_read_as_payloads(read):
    program = read(dense_layer(np.ones((2, 2), int)), input_range=(-1, 1))
    assert program.connections[0].graded


def test_layers_can_be_left_out_at_both_ends(read):
    one = np.ones((2, 2), int)
    average = {"type": "average", "shape": [1]}
    program = read(
        entry(2, neuron=SDNN), dense_layer(one), dense_layer(one), average,
        skip_layers=1, num_layers=3,
    )  # fmt: skip
    assert [p.name for p in program.populations] == ["layer1", "layer2"]
    assert program.connections[0].graded
    assert program.input.low < 0


def test_a_flatten_before_any_neuron_changes_nothing(read):
    program = read(entry(1, 1, 4), flatten(4, 1, 1), dense_layer(np.ones((2, 4), int)))
    assert program.input.shape == (1, 1, 4)


def test_a_dense_layer_takes_an_image_of_the_input_without_a_flatten(read):
    program = read(entry(1, 2, 2), dense_layer(np.ones((2, 4), int)))
    assert program.input.shape == (1, 2, 2)


def test_channels_of_all_groups_are_the_ones_that_a_file_counts(read):
    kernel = np.ones((2, 2, 1, 1), int)
    layer = conv_layer(kernel, (2, 3, 3), groups=2, inChannels=4, outChannels=2)
    assert read(entry(4, 3, 3), layer).connections[0].synapse.groups == 2


def test_a_channel_that_never_fires_has_the_highest_threshold(read):
    neuron = CUBA | {"vThMant": np.array([80, 200_000])}
    program = read(dense_layer(np.ones((2, 2), int), neuron))
    assert program.populations[0].neuron.threshold.tolist() == [80 * 64, 131072 * 64]


def test_the_shape_of_the_input_can_be_given(read):
    layer = conv_layer(np.ones((1, 1, 2, 2), int), (1, 2, 2))
    assert read(layer, input_shape=(1, 3, 3)).input.shape == (1, 3, 3)


def test_a_file_names_itself_in_the_program(read, tmp_path):
    program = read(dense_layer(np.ones((2, 2), int)))
    assert program.name == "small"
    assert len(program.metadata["netx.sha256"]) == 64


def test_converted_programs_survive_their_file_byte_for_byte(tmp_path, rng):
    source = write_layers(
        tmp_path / "small.net",
        [
            entry(1, 4, 4, neuron=CUBA),
            conv_layer(rng.integers(-9, 9, (2, 1, 2, 2)), (2, 3, 3), bias=rng.integers(-9, 9, 2)),
            flatten(18, 1, 1),
            dense_layer(rng.integers(-9, 9, (3, 18)), delay=rng.integers(0, 9, 3)),
        ],
    )
    program = convert(source, tmp_path / "out.onnx", period=8)
    written = (tmp_path / "out.onnx").read_bytes()
    assert written == program.to_bytes() == Program.load(tmp_path / "out.onnx").to_bytes()


@pytest.mark.parametrize(("source", "target"), [("a.nir", "b.onnx"), ("a.net", "b.npz")])
def test_converting_anything_else_is_refused_by_name(tmp_path, source, target):
    with pytest.raises(UnsupportedError, match=r"does not end in \.(net|onnx)"):
        convert(tmp_path / source, tmp_path / target)


def test_a_file_of_the_newest_layout_is_read_too(tmp_path):
    path = write_layers(tmp_path / "new.net", [dense_layer(np.ones((2, 2), int))], libver="latest")
    with h5py.File(path, "a") as file:
        file["simulation/Ts"] = 1
    assert read_netx(path).output == "layer0"
