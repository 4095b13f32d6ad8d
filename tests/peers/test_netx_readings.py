"""lava-dl 0.6.0 reads as hwsim does what a netx file may say in several ways."""

import json
import subprocess

import numpy as np
import pytest
from netx_files import CUBA, conv_layer, dense_layer, write_layers

import hwsim
from snnexport.formats.netx.read import read_netx

STEPS = 30
ENTRY, FLAT = {"type": "input", "shape": [2, 7, 6]}, {"type": "flatten", "shape": [1]}
IMAGES = (6, 7, 2)
"""ENTRY as Lava holds it: width, height, channels."""


@pytest.fixture
def agree(lava_dl, root, rng, tmp_path):
    """A function that says how often both networks of some layers fired, if they agree."""

    def run(layers, shape, **options):
        spikes = (rng.random((*shape, STEPS)) < 0.4).astype(np.int32)
        file = write_layers(tmp_path / "small.net", layers)
        np.save(tmp_path / "in.npy", spikes)
        script = root / "benchmarks" / "peers" / "netx_steps.py"
        files = [file, tmp_path / "in.npy", tmp_path / "out.npy", str(len(layers))]
        done = subprocess.run(
            [lava_dl, script, *files, json.dumps(options)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-1000:]
        frames = spikes.T[:, None]
        ours = hwsim.run(read_netx(file), frames, record="spikes", steps=STEPS).trace
        wanted = list(ours.spikes.values())[-1][:, 0]
        np.testing.assert_array_equal(np.load(tmp_path / "out.npy").T, wanted)
        return int(wanted.sum())

    return run


def weights(rng, *shape, low=-60):
    return rng.integers(low, 61, shape)


def test_kernels_with_an_extra_axis_strides_dilations_and_groups(agree, rng):
    layer = conv_layer(
        weights(rng, 4, 1, 3, 2, 1), (4, 4, 4), stride=[2, 1], padding=[1, 0], dilation=[1, 2],
        groups=2, bias=rng.integers(-9, 9, 4),
    )  # fmt: skip
    assert agree([ENTRY, layer], IMAGES)


def test_a_bias_for_each_neuron_of_a_convolution(agree, rng):
    bias = rng.integers(-60, 60, (5, 6, 3))
    assert agree([ENTRY, conv_layer(weights(rng, 3, 2, 2, 2), (3, 6, 5), bias=bias)], IMAGES)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("delay", [None, 3, np.arange(9), np.arange(12) * 2])
def test_flat_weights_one_bias_and_every_kind_of_delay(agree, rng, delay, sparse):
    weight = weights(rng, 9 * 12) * (rng.random(9 * 12) < 0.5)
    layer = dense_layer(weight, shape=[9, 1, 1], bias=np.array([5]), delay=delay)
    assert agree([layer], (12,), sparse_fc_layer=sparse)


@pytest.mark.parametrize("sparse", [False, True])
def test_recurrent_layers_with_registers_for_each_neuron(agree, rng, sparse):
    neuron = {**CUBA, "iDecay": rng.integers(0, 4096, 9), "vThMant": rng.integers(9, 99, 9)}
    layer = dense_layer(
        weights(rng, 9, 12), neuron, type="dense_rec", weight_rec=weights(rng, 9, 9, low=-99)
    )
    assert agree([layer], (12,), sparse_fc_layer=sparse)


def test_a_flatten_between_a_convolution_and_odd_weights(agree, rng):
    dense = dense_layer(rng.integers(-128, 128, (5, 36)) | 1)
    conv = conv_layer(weights(rng, 3, 2, 4, 3), (3, 4, 4), padding=0, stride=1, dilation=1)
    dense["weight"] = rng.integers(-128, 127, (5, 48)) | 1
    assert agree([ENTRY, conv, FLAT, dense], IMAGES)


def test_graded_input_and_the_sums_of_sigma_neurons(agree, rng):
    neuron = {"type": "SDNN", "vThMant": 2, "activation": "relu"}
    layers = [
        dense_layer(weights(rng, 8, 12), neuron, bias=rng.integers(-9, 9, 8)),
        dense_layer(weights(rng, 5, 8), {**neuron, "sigma_output": True}),
    ]
    assert agree(layers, (12,))
