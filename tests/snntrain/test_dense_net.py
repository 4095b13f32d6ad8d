"""The multilayer perceptron: what its settings mean, and that it trains and saves."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from hwsim.errors import CheckError
from snntrain import Checkpoint, Readout, Recipe, Reset, evaluate, fit, load, unroll
from snntrain.layers import spiking_layers
from snntrain.nets.dense import DenseNet, DenseNetSettings

SETTINGS = DenseNetSettings((1, 8, 8), 10, (20, 15), decay_u=0.75, decay_v=0.25)
RECIPE = """
[data]
name = "digits"
samples = 100
[net]
kind = "dense"
input_shape = [1, 8, 8]
classes = 10
hidden = [12]
decay_u = 1.0
decay_v = 0.1
[train]
steps = 3
epochs = 2
batch_size = 25
learning_rate = 0.01
"""


def net(**changed):
    torch.manual_seed(0)
    return DenseNet(replace(SETTINGS, **changed))


def test_populations_have_the_widths_and_neurons_of_the_settings():
    layers = spiking_layers(net(threshold=2.0, reset=Reset.SUBTRACT))
    assert {name: layer.channels for name, layer in layers.items()} == {
        "spike1": 20,
        "spike2": 15,
        "output": 10,
    }
    for layer in layers.values():
        registers = {name: getattr(layer, name) for name in layer.REGISTERS}
        assert registers == {"decay_u": 0.75, "decay_v": 0.25, "threshold": 2.0}
        assert layer.norm is None
        assert layer.recurrent is None
        assert layer.kind is spiking_layers(nn.Sequential(layer))["0"].kind
        assert layer.kind.__name__ == "CubaSubtract"


def test_hidden_populations_alone_hear_themselves_and_rest_is_everyones():
    layers = spiking_layers(net(recurrent=True, refractory=2, norm=True))
    assert [layer.recurrent is not None for layer in layers.values()] == [True, True, False]
    assert all(layer.period == 2 for layer in layers.values())
    assert all(layer.norm is not None for layer in layers.values())


def test_a_readout_takes_the_place_of_the_last_spikes():
    module = net(readout=True, decay_readout=0.3)
    assert list(spiking_layers(module)) == ["spike1", "spike2"]
    assert isinstance(module.output, Readout)
    assert module.output.decay_v == 0.3
    assert module.output.norm is None
    assert net(readout=True, norm=True).output.norm is not None


@pytest.mark.parametrize("initial", [0.5, 0.0])
def test_weights_start_within_their_bound_which_is_by_default_that_of_torch(initial):
    module = net(initial=initial, recurrent=True)
    linears = [m for m in module.modules() if isinstance(m, nn.Linear)]
    assert len(linears) == 5
    for linear in linears:
        bound = initial or linear.in_features**-0.5
        assert linear.bias is None
        assert 0.8 * bound < linear.weight.abs().max() <= bound


def test_one_frame_of_any_shape_becomes_one_spike_or_none_for_each_class():
    outputs = unroll(net(input_shape=(2, 4, 8)), torch.rand(6, 3, 2, 4, 8))
    assert outputs.shape == (6, 3, 10)
    assert set(outputs.unique().tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize("extra", ["readout = true\nrecurrent = true", "norm = true"])
def test_it_trains_reproducibly_and_its_file_evaluates_to_the_same(extra, tmp_path):
    recipe = Recipe.from_text(RECIPE.replace("[net]", f"[net]\n{extra}"), "dense")
    trained = fit(recipe)
    assert fit(recipe).sha256 == trained.sha256
    trained.save(tmp_path / "checkpoint.safetensors")
    loaded = Checkpoint.load(tmp_path / "checkpoint.safetensors")
    data = load("digits", "validation")
    assert (evaluate(loaded, data).outputs == evaluate(trained, data).outputs).all()


@pytest.mark.parametrize(
    ("extra", "problem"),
    [
        ('refractory = 2\nreset = "subtract"', 'net.refractory = 2 needs reset = "zero"'),
        ("norm = 1", "net.norm = 1 is not bool"),
        ("decay_readout = true", "net.decay_readout = True is not a number"),
        ("decay_readout = 0.5", "net.decay_readout = 0.5 needs readout = true"),
        ("refractory = 64", "net.refractory = 64 does not fit 0..63"),
    ],
)
def test_settings_that_no_network_has_are_named(extra, problem):
    with pytest.raises(CheckError) as caught:
        Recipe.from_text(RECIPE.replace("[net]", f"[net]\n{extra}"), "bad")
    assert problem in str(caught.value)


def test_feedback_of_no_population_is_named():
    text = RECIPE.replace("hidden = [12]", "hidden = []\nrecurrent = true")
    with pytest.raises(CheckError, match=r"net.recurrent = true needs a hidden population"):
        Recipe.from_text(text, "bad")
