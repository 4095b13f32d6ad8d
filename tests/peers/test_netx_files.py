"""The trained networks in lava-dl 0.6.0's wheel: written again as they are, and run by it."""

import h5py
import numpy as np
import pytest
from peers.lava_dl_wheel import lava_dl_data

import hwsim
from hwsim.errors import SpikeportError
from snnexport import netx
from snnexport.formats.netx.read import read_netx
from snnexport.formats.netx.write import write_netx

KEPT = ("weight", "weight_rec", "delay", "bias", "stride", "padding", "dilation", "groups")


@pytest.fixture(scope="module")
def data():
    try:
        return lava_dl_data()
    except OSError as error:
        pytest.skip(str(error))


def fields(path):
    """Return what the layers with synapses hold, layer by layer."""
    with h5py.File(path) as file:
        layers = [file["layer"][str(i)] for i in range(len(file["layer"]))]
        synapses = [layer for layer in layers if layer["type"][0] not in (b"input", b"flatten")]
        return [{name: layer[name][()] for name in KEPT if name in layer} for layer in synapses]


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("mnist.net", None),
        ("tiny.net", None),
        ("gts/ntidigits/ntidigits.net", 5),  # the sixth is an average, which lava-dl refuses
        ("gts/pilotnet_lif/network.net", None),
        ("gts/pilotnet_sdnn/network.net", None),
    ],
)
def test_reading_and_writing_keeps_weights_delays_and_biases_bit_for_bit(
    name, layers, data, tmp_path
):
    write_netx(read_netx(data / name, num_layers=layers), tmp_path / "again.net")
    before, after = fields(data / name)[:layers], fields(tmp_path / "again.net")
    for one, other in zip(before, after, strict=layers is None):
        assert other.keys() <= one.keys()
        for key, value in one.items():
            written = other.get(key, np.zeros_like(value))  # biases that are all 0 are left out
            same_axes = written.reshape(value.shape)  # slayer once wrote one row, or a time axis
            np.testing.assert_array_equal(same_axes, value, err_msg=key)


@pytest.fixture(scope="module")
def lava_dl():
    """Python with lava-dl; made in the user's cache by the first run, which takes a while."""
    try:
        return netx.obtain_python(60)
    except SpikeportError as error:
        pytest.skip(f"lava-dl 0.6.0 is not to be had: {error.message}")


def test_lava_dl_runs_its_own_mnist_network_as_hwsim_does(data, lava_dl):
    program = read_netx(data / "mnist.net", period=16, input_range=(0, 140))
    spikes = np.random.default_rng(5).integers(0, 140, (320, 1, 784), endpoint=True)
    ran = netx.run(program, spikes, file=data / "mnist.net", record="state").trace.arrays
    wanted = hwsim.run(program, spikes, record="state")
    assert all(c.spikes for c in wanted.counts.populations[:-1])
    for key, array in wanted.trace.arrays.items():
        np.testing.assert_array_equal(ran[key], array, err_msg=key)


def test_lava_dl_runs_a_written_ntidigits_network_with_its_delays_as_hwsim_does(data, lava_dl):
    program = read_netx(data / "gts/ntidigits/ntidigits.net", num_layers=5)
    spikes = np.load(data / "gts/ntidigits/input.npy").T.astype(np.int32)
    spikes = spikes.reshape(-1, 1, *program.input.shape)
    ran = netx.run(program, spikes, steps=300).trace.spikes
    for name, array in hwsim.run(program, spikes, steps=300, record="spikes").trace.spikes.items():
        assert array.sum() > 5000
        np.testing.assert_array_equal(ran[name], array, err_msg=name)
