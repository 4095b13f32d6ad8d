"""What lava-dl would ignore, change or fail on is refused by name, all of it at once."""

import numpy as np
import pytest
from netx_files import CUBA, conv_layer, dense_layer, write_layers

from hwsim.errors import CheckError, RangeError
from snnexport.formats.netx.read import read_netx

SDNN = {"type": "SDNN", "vThMant": 7, "activation": "relu"}
ONE = np.ones((2, 2), int)
KERNEL = np.ones((1, 1, 2, 2), int)


@pytest.fixture
def problems(tmp_path):
    """A function that returns what is wrong with the file of some layers."""

    def of(*layers, **options):
        path = write_layers(tmp_path / "small.net", list(layers))
        with pytest.raises(CheckError) as caught:
            read_netx(path, **options)
        assert str(path) in caught.value.message
        assert "docs/formats.md" in caught.value.hint
        return list(caught.value.problems)

    return of


def entry(*shape, **fields):
    return {"type": "input", "shape": shape, **fields}


def without(layer, name):
    return {key: value for key, value in layer.items() if key != name}


def test_all_problems_of_all_layers_are_listed(problems):
    assert problems(
        entry(1, 3, 3),
        conv_layer(KERNEL, (1, 2, 2), {**CUBA, "refDelay": 2}, delay=np.array([0, 3])),
        {"type": "pool", "shape": [1, 1, 1]},
        {"type": "dropout"},
        dense_layer(ONE, {**CUBA, "gradedSpike": True, "messageBits": 3, "weight_exp": 1.0}),
    ) == [
        "layer 1: delay = 3 is not a whole number 0..0 (1 of 2 values)",
        "layer 1: neuron: refDelay = 2: lava-dl ignores it, as if it were 1",
        "layer 2: type = 'pool' cannot be read: lava-dl raises NotImplementedError; leave it out",
        "layer 3: type = 'dropout' cannot be read: lava-dl skips it silently; leave it out",
        "layer 4: neuron: messageBits cannot be read: lava-dl raises TypeError on it; leave it out",
        "layer 4: neuron: weight_exp cannot be read: lava-dl ignores it, so that all weights are "
        "too small or too large; train with MeanOnlyBatchNorm",
        "layer 4: neuron: gradedSpike = True: lava-dl ignores it, as if it were False",
    ]


@pytest.mark.parametrize("kind", ["average", "concat", "convT", "dense_comp", "unpool"])
def test_layers_that_lava_dl_cannot_load_are_named(problems, kind):
    (found,) = problems(dense_layer(ONE), {"type": kind, "shape": [2]})
    assert found.startswith(f"layer 1: type = '{kind}' cannot be read: lava-dl ")


def test_every_value_out_of_range_is_named_with_its_limits(problems):
    wrong = {**CUBA, "iDecay": 4097, "vDecay": -1, "vThMant": 1 << 25}
    assert problems(
        dense_layer(ONE * 0.5, wrong, bias=[32768, 0], delay=[63, 0]),
        dense_layer(ONE, SDNN | {"vThMant": 4096}, bias=[1 << 19, 0]),
    ) == [
        "layer 0: weight = 0.5 is not a whole number -2147483648..2147483647 (4 of 4 values)",
        "layer 0: neuron: iDecay = 4097 is not a whole number 0..4096 (1 of 1 values)",
        "layer 0: neuron: vDecay = -1 is not a whole number 0..4096 (1 of 1 values)",
        "layer 0: neuron: vThMant = 33554432 is not a whole number 0..33554431 (1 of 1 values)",
        "layer 0: bias = 32768 is not a whole number -32768..32767 (1 of 2 values)",
        "layer 1: neuron: vThMant = 4096 is not a whole number 0..4095 (1 of 1 values)",
        "layer 1: bias = 524288 is not a whole number -524288..524287 (1 of 2 values)",
    ]


@pytest.mark.parametrize(
    ("layer", "problem"),
    [
        (dense_layer(0 * ONE), "weight is all 0, on which lava-dl raises OverflowError"),
        (dense_layer(256 * ONE), "weight = 256 does not fit 0..255; use a smaller weight scale"),
        (dense_layer([[-1, 255]]), "weight = 255 does not fit -256..254"),
        (dense_layer([[-257, 0]]), "weight = -257 does not fit -256..254"),
        (dense_layer([[-128, 0]]), "Lava would compute with weight = -64 for -128 (1 of 2"),
        (dense_layer([[-201, 0]]), "Lava would shift all weights by a negative number of bits"),
        (dense_layer(ONE, delay=63), "delay = 63 is not a whole number 0..62"),
        (dense_layer(ONE, delay=[1, 2, 3]), "delay has shape (3,), not (), (2,) or (2,)"),
        (dense_layer(ONE, type="dense_rec", weight_rec=ONE, delay=1), "delay cannot be read"),
        (dense_layer(ONE, type="dense_rec"), "there is no weight_rec"),
        (dense_layer(ONE, inFeatures=3), "inFeatures = 3, but the weights have 2"),
        (dense_layer(ONE, bias=[1, 2, 3]), "bias has shape (3,), not (2,) or (2,)"),
        (dense_layer(ONE, mask=ONE), "mask cannot be read: lava-dl ignores it or fails"),
        (dense_layer(ONE) | {"weight": {"real": ONE, "imag": ONE}}, "weight holds no numbers"),
        (dense_layer(ONE, shape=[3]), "weight has shape (2, 2), not (outputs = 3, inputs)"),
        (dense_layer(ONE, {**CUBA, "type": "RF"}), "type = 'RF': hwsim has no such neuron"),
        (dense_layer(ONE, {**CUBA, "iDecay": 7.0}), "iDecay is a float, on which Lava hangs"),
        (dense_layer(ONE, {**CUBA, "wgtExp": 1}), "wgtExp = 1: lava-dl ignores it"),
        (dense_layer(ONE, {**SDNN, "activation": "tanh"}), "activation = tanh: lava-dl ignores"),
        (dense_layer(ONE, {**SDNN, "vThMant": [1, 2]}), "vThMant has shape (2,), not () or (1,)"),
        (dense_layer(ONE, {**SDNN, "sigma_output": True}, bias=[1, 2]), "a Sigma neuron has no"),
        (dense_layer(ONE, {"type": "CUBA"}), "there is no iDecay"),
    ],
)  # fmt: skip
def test_a_dense_layer_that_lava_would_not_compute_as_it_is_is_refused(problems, layer, problem):
    found = problems(layer)
    assert any(problem in f for f in found), found


@pytest.mark.parametrize(
    ("layer", "problem"),
    [
        (without(conv_layer(KERNEL, (1, 2, 2)), "neuron"), "it has no neuron: lava-dl raises Key"),
        (without(conv_layer(KERNEL, (1, 2, 2)), "stride"), "there is no stride"),
        (conv_layer(KERNEL, (1, 2, 2), stride=[1]), "stride has shape (1,), not () or (2,)"),
        (conv_layer(KERNEL, (1, 2, 2), stride=0), "stride = 0 is not a whole number 1..127"),
        (conv_layer(KERNEL, (1, 2, 2), groups=[1]), "groups has shape (1,), not ()"),
        (conv_layer(KERNEL, (1, 2, 2), groups=128), "groups = 128 is not a whole number 1..127"),
        (conv_layer(KERNEL, (1, 9, 2)), "shape = (1, 9, 2), but the convolution gives (1, 2, 2)"),
        (conv_layer(KERNEL, (1, 2, 2), kernelSize=[3, 3]), "kernelSize = 3, but the weights have"),
        (conv_layer(KERNEL[0], (1, 2, 2)), "weight has shape (1, 2, 2), not (outputs, inputs, hei"),
        (conv_layer(np.ones((1, 3, 2, 2)), (1, 2, 2)), "a Conv2d of 3 input channels cannot foll"),
    ],
)  # fmt: skip
def test_a_convolution_that_lava_would_not_compute_as_it_is_is_refused(problems, layer, problem):
    found = problems(entry(1, 3, 3), layer)
    assert any(problem in f for f in found), found


CONV, FLAT = conv_layer(KERNEL, (1, 2, 2)), {"type": "flatten", "shape": [4, 1, 1]}


@pytest.mark.parametrize(
    ("layers", "problem"),
    [
        ([CONV], "layer 0: the shape of its input is not known: give input_shape (C, H, W)"),
        ([entry(2)], "there is no layer with neurons"),
        ([entry(1, 3, 3), CONV, dense_layer(np.ones((2, 4)))], "put a flatten layer between"),
        ([entry(1, 3, 3), CONV, FLAT], "the last layer is a flatten, which lava-dl ignores"),
        ([entry(1, 3, 3), FLAT, CONV], "layer 2: it follows a flatten layer"),
        ([dense_layer(ONE), FLAT, dense_layer(ONE)], "lava-dl cannot flatten a layer of shape"),
        ([dense_layer(ONE), entry(2)], "lava-dl connects nothing to an input layer behind"),
        ([dense_layer(ONE), dense_layer([[1, 2, 3]])], "weight has 3 inputs, and (2,) comes"),
        ([entry(1 << 13, 1 << 13, 1), CONV], "is not that of up to 16777216 neurons"),
    ],
)
def test_layers_that_do_not_fit_together_are_refused(problems, layers, problem):
    found = problems(*layers)
    assert any(problem in f for f in found), found


def test_sigma_delta_neurons_are_never_reset(problems):
    assert problems(dense_layer(ONE, SDNN), period=8) == [
        "layer0: lava-dl never resets sigma-delta neurons; give no period"
    ]


def test_input_beyond_what_its_neurons_hold_is_refused(problems):
    assert problems(entry(2, neuron=CUBA), input_range=(0, 40000)) == [
        "layer 0: input_range = (0, 40000) does not fit -32768..32767"
    ]


@pytest.mark.parametrize("which", [{"num_layers": 3}, {"skip_layers": 2}, {"num_layers": 0}])
def test_layers_that_the_file_does_not_have_are_refused(tmp_path, which):
    write_layers(tmp_path / "two.net", [entry(2), dense_layer(ONE)])
    with pytest.raises(RangeError, match=r"there are no layers .* of 2"):
        read_netx(tmp_path / "two.net", **which)
