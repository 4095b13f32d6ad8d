"""Tuned surrogates: what is measured, what is found, and that nothing else changes."""

import copy
import itertools
import math

import pytest
import torch
from torch import nn

from hwsim.errors import CheckError, RangeError
from snntrain import (
    SURROGATES,
    ATan,
    FastSigmoid,
    Gaussian,
    Real,
    Recipe,
    Reset,
    Spiking,
    Triangle,
    fit,
    unroll,
)
from snntrain._integers import Exact
from snntrain.layers import spiking_layers
from snntrain.losses import count, membrane
from snntrain.rules.calibrate import (
    Calibrated,
    _balanced,
    calibrate_surrogate,
    current_gradients,
    spread,
)
from snntrain.rules.surrogate import Shape

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
    tried = ", ".join(f"0 at {slope}" for slope in (0.01, 0.1, 1, 10, 100, 1000))
    with pytest.raises(RangeError, match=f"no slope balances .* is {tried}\n"):
        calibrate_surrogate(module, some())
    assert slopes(module) == {2.0}


@pytest.mark.parametrize(("depth", "names"), [(0, "none"), (1, "1")])
def test_fewer_than_two_spiking_layers_have_nothing_to_balance(depth, names):
    module = nn.Sequential(nn.Linear(8, 12), deep(1)[-1]) if depth == 0 else deep(1)
    with pytest.raises(RangeError, match=rf"fewer than two spiking layers \({names}\)"):
        calibrate_surrogate(module, some())


def ratios(ratio):
    return lambda slope: Calibrated(slope, ratio(slope), {})


def test_of_balanced_slopes_on_one_side_the_most_balanced_is_taken():
    assert _balanced(ratios(lambda slope: 0.98 if slope == 10 else 0.95)).slope == 10
    with pytest.raises(RangeError, match="no slope balances"):
        _balanced(ratios(lambda _: 0.9))


def test_a_jump_from_growing_to_shrinking_gradients_is_no_balance():
    with pytest.raises(RangeError, match=r"is 2 at 0\.01, 2 at 0\.1, 2 at 1, .*0\.5 at 10\n"):
        _balanced(ratios(lambda slope: 2.0 if slope < 5 else 0.5))


def test_the_search_ends_at_the_first_balanced_slope_inside_the_interval():
    asked = []

    def ratio(slope):
        asked.append(slope)
        return 2.0 / slope

    assert _balanced(ratios(ratio)).slope == pytest.approx(2.0, rel=0.1)
    assert len(asked) < 12


def test_gradients_whose_squares_are_below_float32_are_measured():
    module = deep(2)
    with torch.no_grad():
        module[-1].weight *= 1e-25
    assert spread(module, some(), 2.0).ratio == pytest.approx(
        spread(deep(2), some(), 2.0).ratio, 0.05
    )


@pytest.mark.parametrize(
    ("sequence", "labels"),
    [((16, 8), (16,)), ((16, 2, 4), (16,)), ((4, 16, 8), (15,)), ((4, 0, 8), (0,))],
    ids=["vectors without time", "images without time", "labels missing", "empty"],
)
def test_what_is_no_batch_of_sequences_is_refused_with_its_shapes(sequence, labels):
    batch = torch.rand(sequence), torch.zeros(labels, dtype=torch.int64)
    with pytest.raises(RangeError) as caught:
        calibrate_surrogate(deep(), batch)
    assert f"sequence {list(sequence)} and labels {list(labels)} are not" in str(caught.value)


@pytest.mark.parametrize("frozen", [slice(0, 2), slice(None)], ids=["first layer", "all"])
def test_layers_that_do_not_learn_are_measured_as_if_they_did(frozen):
    module = deep()
    module[frozen].requires_grad_(False)
    with torch.no_grad():
        assert spread(module, some(), 2.0) == spread(deep(), some(), 2.0)


def test_neurons_without_weights_before_them_are_the_first_layer():
    module = nn.Sequential(Spiking(8, norm=False, threshold=0.5), deep(2))
    assert list(spread(module, some(), 2.0).rms) == ["0", "1.1", "1.3"]


def test_layers_that_the_loss_does_not_depend_on_do_not_count():
    class Beside(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.beside = deep(), Spiking(3)

        def forward(self, x):
            y = self.body(x)
            self.beside(y)
            return y

    expected = spread(deep(), some(), 2.0)
    found = spread(Beside(), some(), 2.0)
    assert found.ratio == expected.ratio
    assert list(found.rms.values()) == list(expected.rms.values())


def test_integers_of_a_chip_spread_gradients_as_the_reals_they_stand_for():
    unit = 4096.0
    reals = deep(3, norm=False, threshold=1.0, decay_v=0.0).double()
    integers = copy.deepcopy(reals)
    for layer in spiking_layers(integers).values():
        layer.arithmetic = Exact(FastSigmoid())
        layer.decay_u, layer.threshold = unit, torch.tensor(unit)
    for i in (0, 2, 4):
        for parameter in integers[i].parameters():
            parameter.data *= unit
    sequence, labels = some()
    batch = sequence.double(), labels
    # currents are rounded to 1/4096 of the threshold
    assert spread(integers, batch, 2.0).rms == pytest.approx(spread(reals, batch, 2.0).rms, 0.01)


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


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("", Triangle(3.0)),
        ("slope = 7.0", Triangle(7.0)),
        ('surrogate = "gaussian"', Gaussian(3.0)),
        ('surrogate = "gaussian"\nslope = 7.0', Gaussian(7.0)),
    ],
)
def test_a_recipe_changes_of_the_surrogate_what_it_names(rule, expected):
    module = deep(surrogate=Triangle(3.0))
    recipe([16], rule).rule.prepare(
        module, some(), lambda outputs, labels, _spikes: membrane(outputs, labels)
    )
    assert {layer.arithmetic.surrogate for layer in spiking_layers(module).values()} == {expected}


def test_a_recipe_may_name_every_surrogate():
    assert {shape.value for shape in Shape} == {"own", *SURROGATES}


def test_a_network_without_depth_is_not_calibrated_by_a_recipe():
    with pytest.raises(CheckError, match=r"rule\.calibrate = true needs two spiking layers"):
        fit(recipe([16], "calibrate = true"))
