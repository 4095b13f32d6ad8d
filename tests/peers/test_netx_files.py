"""The trained networks in lava-dl 0.6.0's wheel: written again as they are, and run by it."""

import h5py
import numpy as np
import pytest

import hwsim
from hwsim import Program
from snnexport import netx
from snnexport.convert import convert
from snnexport.formats.netx.read import read_netx
from snnexport.formats.netx.write import write_netx

KEPT = ("weight", "weight_rec", "delay", "bias", "stride", "padding", "dilation", "groups")


def fields(path):
    """Return what the layers with synapses hold, layer by layer."""
    with h5py.File(path) as file:
        layers = [file["layer"][str(i)] for i in range(len(file["layer"]))]
        synapses = [layer for layer in layers if layer["type"][0] not in (b"input", b"flatten")]
        return [{name: layer[name][()] for name in KEPT if name in layer} for layer in synapses]


trained = pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("mnist.net", None),
        ("tiny.net", None),
        ("gts/ntidigits/ntidigits.net", 5),  # the sixth is an average, which lava-dl refuses
        ("gts/pilotnet_lif/network.net", None),
        ("gts/pilotnet_sdnn/network.net", None),
    ],
)


@trained
def test_converted_programs_are_byte_equal_after_loading_and_saving(name, layers, data, tmp_path):
    convert(data / name, tmp_path / "one.onnx", num_layers=layers)
    Program.load(tmp_path / "one.onnx").save(tmp_path / "two.onnx")
    assert (tmp_path / "two.onnx").read_bytes() == (tmp_path / "one.onnx").read_bytes()


@trained
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
