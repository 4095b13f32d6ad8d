"""Tuned surrogates: what is measured, what is found, and that nothing else changes."""

import copy
import itertools
import math

import pytest
import torch
from torch import nn

from hwsim.errors import CheckError, RangeError
from snntrain import ATan, FastSigmoid, Real, Recipe, Reset, Spiking, fit, unroll
from snntrain.layers import spiking_layers
from snntrain.losses import count, membrane
from snntrain.rules.calibrate import calibrate_surrogate, current_gradients, spread

DEPTH, STEPS = 6, 4


def deep(depth=DEPTH, **changed):
    torch.manual_seed(0)
    layers = []
    for i in range(depth):
        layers += [nn.Linear(12 if i else 8, 12), Spiking(12, **{"decay_v": 0.1} | changed)]
    return nn.Sequential(*layers, nn.Linear(12, 3))


def some(samples=16):
    generator = torch.Generator().manual_seed(1)
    sequence = torch.rand(STEPS, samples, 8, generator=generator)
    return sequence, torch.arange(samples) % 3


def slopes(module):
    return {layer.arithmetic.surrogate.slope for layer in spiking_layers(module).values()}


def test_gradients_of_first_and_last_layer_are_alike_at_the_slope_that_was_found():
    module = deep()
    found = calibrate_surrogate(module, some())
    assert slopes(module) == {found.slope}
    assert list(found.rms) == list(spiking_layers(module))
    first, *_, last = found.rms.values()
    assert found.ratio == first / last
    assert abs(math.log(found.ratio)) <= math.log(1.1)
    assert spread(module, some(), found.slope) == found


def test_steeper_surrogates_let_less_of_the_gradient_through_to_the_first_layer():
    ratios = [spread(deep(), some(), slope).ratio for slope in (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)]
    assert all(before > after for before, after in itertools.pairwise(ratios))
    assert ratios[0] > 1 > ratios[-1]


@pytest.mark.parametrize("neuron", [{}, {"reset": Reset.SUBTRACT}])
def test_what_is_measured_is_the_derivative_by_the_current_of_each_layer(neuron):
    module = deep(3, norm=False, threshold=0.2, **neuron)
    sequence, labels = some()
    currents = []
    for layer in spiking_layers(module).values():
        layer.register_forward_pre_hook(lambda _m, inputs: currents.append(inputs[0]))
    outputs = unroll(module, sequence)
    gradients = torch.autograd.grad(membrane(outputs, labels), currents)
    expected = [g.square().mean().sqrt().item() for g in gradients]
    assert all(expected)
    assert list(spread(module, (sequence, labels), 2.0).rms.values()) == pytest.approx(expected)


def test_a_norm_is_behind_what_is_measured():
    module = deep(2)
    with torch.no_grad():
        module[0].weight *= 1000
        module[0].bias *= 1000
    assert spread(module, some(), 2.0).rms == pytest.approx(spread(deep(2), some(), 2.0).rms, 1e-3)


def test_the_loss_that_is_lowered_is_the_one_asked_for():
    def summed(outputs, labels, _spikes):
        return count(outputs, labels)

    mean, total = spread(deep(), some(), 2.0), spread(deep(), some(), 2.0, summed)
    assert total.rms["1"] > 1.5 * mean.rms["1"]


@pytest.mark.parametrize("surrogate", [FastSigmoid(7.0), ATan(7.0)])
def test_only_the_slope_changes(surrogate):
    module = nn.Sequential(nn.Dropout(0.2), deep(surrogate=surrogate))
    kept = module[1][1]
    kept.arithmetic = Real(surrogate, detach_reset=False)
    unroll(module, some()[0]).sum().backward()
    before = copy.deepcopy(module.state_dict())
    gradients = [parameter.grad.clone() for parameter in module.parameters()]
    torch.manual_seed(5)
    found = calibrate_surrogate(module, some())
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))
    arithmetics = [layer.arithmetic for layer in spiking_layers(module).values()]
    assert {a.surrogate for a in arithmetics} == {type(surrogate)(found.slope)}
    assert [a.detach_reset for a in arithmetics] == [False, *[True] * (DEPTH - 1)]
    state = module.state_dict()
    assert all(torch.equal(state[name], value) for name, value in before.items())
    pairs = zip(module.parameters(), gradients, strict=True)
    assert all(torch.equal(parameter.grad, gradient) for parameter, gradient in pairs)
    assert module.training


def test_gradients_are_no_longer_watched_after_an_error():
    module = deep(2)
    before = [layer.arithmetic for layer in spiking_layers(module).values()]
    with pytest.raises(ZeroDivisionError), current_gradients(module):
        1 / 0  # noqa: B018
    assert [layer.arithmetic for layer in spiking_layers(module).values()] == before


def test_a_network_through_which_no_gradient_comes_is_refused_with_what_was_tried():
    module = deep()
    module[-1].requires_grad_(False).weight.zero_()
    with pytest.raises(RangeError, match=r"no slope balances .* is 0 at 0\.01, .* 0 at 1000"):
        calibrate_surrogate(module, some())
    assert slopes(module) == {2.0}


def test_one_spiking_layer_has_nothing_to_balance():
    with pytest.raises(RangeError, match="fewer than two spiking layers"):
        calibrate_surrogate(deep(1), some())


def recipe(hidden, rule):
    return Recipe.from_text(
        '[data]\nname = "digits"\nsamples = 200\n[net]\nkind = "dense"\ninput_shape = [1, 8, 8]\n'
        f"classes = 10\nhidden = {hidden}\ndecay_u = 1.0\ndecay_v = 0.1\nnorm = true\n"
        "readout = true\ndecay_readout = 1.0\n[train]\nsteps = 3\nepochs = 2\nbatch_size = 50\n"
        f'learning_rate = 0.005\nloss = "membrane"\n[rule]\nname = "surrogate"\n{rule}\n',
        "recipe.toml",
    )


def test_a_recipe_calibrates_the_surrogate_that_it_names_for_its_own_loss():
    plan = recipe([16, 16, 16], 'surrogate = "atan"\nslope = 50.0\ncalibrate = true')

    def doubled(outputs, labels, _spikes):
        return membrane(2 * outputs, labels)

    torch.manual_seed(0)
    module = plan.build()
    batch = 16 * torch.rand(3, 50, 1, 8, 8), torch.arange(50) % 10
    plan.rule.prepare(module, batch, doubled)
    (slope,) = slopes(module)
    assert {type(layer.arithmetic.surrogate) for layer in spiking_layers(module).values()} == {ATan}
    assert abs(math.log(spread(module, batch, slope, doubled).ratio)) <= math.log(1.1)


def test_a_network_without_depth_is_not_calibrated_by_a_recipe():
    with pytest.raises(CheckError, match=r"rule\.calibrate = true needs two spiking layers"):
        fit(recipe([16], "calibrate = true"))
