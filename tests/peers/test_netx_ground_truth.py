"""The networks in lava-dl's wheel compute the arrays stored beside them, value for value."""

from dataclasses import replace

import numpy as np
import pytest
from netx_files import conv_layer, dense_layer, write_layers

import hwsim
from snnexport.formats.netx.read import read_netx


def time_first(array):
    """Return what Lava stores (..., time) as (time, ...), and images (W, H, C) as (C, H, W)."""
    return array.transpose(*range(array.ndim)[::-1]) if array.ndim == 4 else array.T


def run(program, frames, steps):
    """Return the trace of one sample; ``frames`` are (T, *shape)."""
    spikes = np.asarray(frames).astype(np.int32)[:, None]
    spikes = spikes.reshape(len(spikes), 1, *program.input.shape)
    return hwsim.run(program, spikes, record="state", steps=steps).trace


def repeated(image, steps):
    return np.broadcast_to(image.transpose(2, 1, 0), (steps, *image.shape[::-1]))


def test_ntidigits_gives_all_outputs_one_step_earlier_than_stored(data):
    program = read_netx(data / "gts/ntidigits/ntidigits.net", num_layers=5)
    spikes = np.load(data / "gts/ntidigits/input.npy").T
    wanted = np.load(data / "gts/ntidigits/output.npy").T
    ours = run(program, spikes, len(spikes)).spikes["layer4"][:, 0]
    np.testing.assert_array_equal(wanted[1:], ours[:-1])
    assert not wanted[0].any()


@pytest.mark.parametrize(("name", "period"), [("input", 17), ("input-s", 16)])
def test_pilotnet_lif_input_neurons_encode_the_image(data, name, period):
    folder = data / "gts/pilotnet_lif"
    program = read_netx(folder / "network.net", period=period)
    ours = run(program, repeated(np.load(folder / "image.npy"), 24), 25).spikes["layer0"]
    np.testing.assert_array_equal(ours[1:, 0], stored(folder, name))


@pytest.fixture(scope="module")
def pilotnet_lif(data):
    folder = data / "gts/pilotnet_lif"
    program = read_netx(folder / "network.net", period=17, skip_layers=1)
    return run(program, stored(folder, "input"), 25), folder


def stored(folder, name):
    return time_first(np.load(folder / f"{name}.npy"))


def assert_states(trace, layer, spikes, u, v):
    """v is compared outside spike steps, in which the stored probe reads 128."""
    steps, fired = len(spikes), spikes != 0
    np.testing.assert_array_equal(trace.spikes[layer][:steps, 0], spikes)
    np.testing.assert_array_equal(trace.u[layer][:steps, 0], u)
    np.testing.assert_array_equal(trace.v[layer][:steps, 0][~fired], v[~fired])
    assert (v[fired] == 128).all()


@pytest.mark.parametrize(
    ("name", "layer"),
    [*((f"conv-{i}", f"layer{1 + i}") for i in range(5)),
     *((f"fc-{i}", f"layer{7 + i}") for i in range(3))],
)  # fmt: skip
def test_pilotnet_lif_has_every_stored_spike_u_and_v(pilotnet_lif, name, layer):
    trace, folder = pilotnet_lif
    spikes, u, v = (stored(folder, f"{name}{kind}") for kind in ("", "-u", "-v"))
    assert_states(trace, layer, spikes, u, v)


def test_pilotnet_lif_output_was_stored_with_resets_one_step_earlier(data):
    """That is lava-dl's default, ``reset_offset`` 0, which is too early where a source feeds."""
    folder = data / "gts/pilotnet_lif"
    program = read_netx(folder / "network.net", period=16, skip_layers=1)
    early = tuple(replace(p, latency=p.latency - 1) for p in program.populations)
    trace = run(replace(program, populations=early), stored(folder, "input-s"), 25)
    assert_states(trace, "layer10", *(stored(folder, f"fc-3-{kind}") for kind in "suv"))


def test_pilotnet_sdnn_input_neurons_send_the_stored_changes(data):
    folder = data / "gts/pilotnet_sdnn"
    image = np.load(folder / "input.npy")[..., 0]
    ours = run(read_netx(folder / "network.net"), repeated(image, 20), 21).spikes["layer0"]
    np.testing.assert_array_equal(ours[1:, 0], stored(folder, "act0"))


@pytest.mark.parametrize(
    ("file", "width", "sums"),
    [("network", 100, ["sigma1", "sigma2"]),
     ("square_network", 33, [f"sigma{i}_square" for i in (1, 2, 3, 4)])],
)  # fmt: skip
def test_pilotnet_sdnn_has_every_stored_sum(data, file, width, sums):
    folder = data / "gts/pilotnet_sdnn"
    changes = stored(folder, "act0")[..., :33, :width]
    trace = run(read_netx(folder / f"{file}.net", skip_layers=1), changes, 20)
    for name in sums:
        ours = trace.state["sigma"][f"layer{name[5]}"]
        np.testing.assert_array_equal(ours[:, 0], stored(folder, name))


def test_pilotnet_sdnn_gives_the_stored_steering_angles(data):
    """The first eight steps are what the biases alone cause; the image needs nine."""
    folder = data / "gts/pilotnet_sdnn"
    changes = stored(folder, "act0")[:9]
    trace = run(read_netx(folder / "network.net", skip_layers=1), changes, 9)
    np.testing.assert_array_equal(trace.spikes["layer9"][:, 0], stored(folder, "output"))


# tinynet's arrays begin with a silent step, in which nothing of a sample has arrived


def test_tinynet_has_every_stored_array_from_the_image_on(data):
    folder = data / "gts/tinynet"
    trace = run(
        read_netx(data / "tiny.net", period=17),
        repeated(np.load(folder / "input_bias.npy"), 16),
        19,
    )
    for layer, name in enumerate(["input", "layer1", "output"]):
        spikes = np.moveaxis(np.load(folder / f"{name}.npy")[0], -1, 0)
        assert not spikes[0].any()
        ours = trace.spikes[f"layer{layer}"][layer + 1 :, 0]
        np.testing.assert_array_equal(ours[: len(spikes) - 1], spikes[1:])
    u = np.moveaxis(np.load(folder / "current.npy")[0], -1, 0)
    np.testing.assert_array_equal(trace.u["layer1"][1 : 1 + len(u), 0], 64 * u)


def lava_kernel(array):
    """Return a kernel (O, W, H, C) of Lava, which flips it, as netx stores it: (O, C, H, W)."""
    return array.transpose(0, 3, 2, 1)[:, :, ::-1, ::-1]


def test_tinynet_has_the_stored_kernel_and_bias(data):
    layer = read_netx(data / "tiny.net").connections[1].synapse
    kernel = np.load(data / "gts/tinynet/layer1_kernel.npy")
    np.testing.assert_array_equal(layer.weight, lava_kernel(kernel))
    bias = read_netx(data / "tiny.net").population("layer1").neuron.bias
    np.testing.assert_array_equal(bias, 64 * np.load(data / "gts/tinynet/layer1_bias.npy"))


@pytest.fixture
def tinynet_sdnn(data, tmp_path):
    """The stored kernels as a netx file; its dense layer was stored for the order W, H, C."""
    folder = data / "gts/tinynet_sdnn"
    dense = np.load(folder / "layer2_weight.npy").reshape(100, 6, 6, 24).transpose(0, 3, 2, 1)
    neuron = {"type": "SDNN", "vThMant": 20, "activation": "relu"}
    kernel, bias = (np.load(folder / f"layer1_{name}.npy") for name in ("kernel", "bias"))
    layers = [
        {"type": "input", "shape": [3, 16, 16], "neuron": neuron},
        conv_layer(lava_kernel(kernel), (24, 6, 6), neuron, stride=[2, 2], bias=bias),
        {"type": "flatten", "shape": [864, 1, 1]},
        dense_layer(dense.reshape(100, -1), {**neuron, "sigma_output": True}),
    ]
    return write_layers(tmp_path / "tiny_sdnn.net", layers), folder


def test_tinynet_sdnn_input_neurons_send_the_stored_changes(tinynet_sdnn):
    file, folder = tinynet_sdnn
    wave = np.sin(2 * np.pi * np.arange(15) / 15)
    values = (np.load(folder / "input_bias.npy")[..., None] * wave).astype(int)
    ours = run(read_netx(file), time_first(values), 16).spikes["layer0"]
    np.testing.assert_array_equal(ours[1:, 0], stored(folder, "input"))


def test_tinynet_sdnn_convolution_sends_the_stored_messages(tinynet_sdnn):
    """lava-dl ran one step, and stored the rest of its buffer."""
    file, folder = tinynet_sdnn
    trace = run(read_netx(file, skip_layers=1), stored(folder, "input"), 1)
    wanted = stored(folder, "layer1")
    np.testing.assert_array_equal(trace.spikes["layer1"][0], wanted[:1])
    assert not wanted[1:].any()


def test_tinynet_sdnn_dense_layer_sends_the_stored_sums(tinynet_sdnn):
    """lava-dl's test gives no message bits: whatever is sent counts as 1."""
    file, folder = tinynet_sdnn
    program = read_netx(file, skip_layers=2)
    dense = replace(program.connections[0], graded=False)
    program = replace(program, connections=(dense,))
    trace = run(program, stored(folder, "layer1"), 16)
    np.testing.assert_array_equal(trace.spikes["layer3"][:, 0], stored(folder, "layer2"))


def test_the_stored_dense_layer_gives_every_stored_spike(data, tmp_path):
    folder = data / "gts/dense"
    neuron = {"type": "CUBA", "iDecay": 4096, "vDecay": 415, "vThMant": 6}
    file = write_layers(
        tmp_path / "dense.net", [dense_layer(np.load(folder / "weight.npy"), neuron)]
    )
    ours = run(read_netx(file), stored(folder, "in"), 2000).spikes["layer0"]
    np.testing.assert_array_equal(ours[:, 0], stored(folder, "out"))
