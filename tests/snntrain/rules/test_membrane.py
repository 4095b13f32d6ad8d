"""Membrane potentials as signals against the paper's formulas, and differences of mean counts."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cosine_similarity

from hwsim import load_chip, run
from hwsim.errors import CheckError
from snnexport import stages
from snnexport.source import messages
from snntrain import Readout, Recipe, Reset, Spiking, evaluate, fit, load, recorded, unroll
from snntrain.rules import RULES, MembranePotential, Rule

RULE = MembranePotential()
RECIPE = """
[data]
name = "digits"
encoder = "rate"
[net]
kind = "dense"
input_shape = [1, 8, 8]
classes = 10
hidden = [40]
decay_u = 0.5
decay_v = 0.05
reset = "subtract"
initial = 0.1
[train]
steps = 12
epochs = 5
batch_size = 32
learning_rate = 0.01
[rule]
name = "membrane"
"""


def spiking(channels, **changed):
    neuron = {"decay_v": 0.1, "reset": Reset.SUBTRACT, "norm": False}
    return Spiking(channels, **neuron | changed)


def network(sizes=(5, 7, 4), seed=0, low=-0.5, **neuron):
    """Return Linear layers with weights in ``low``..0.5, and neurons, in float64."""
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for before, after in pairwise(sizes):
        linear = nn.Linear(before, after, bias=False)
        nn.init.uniform_(linear.weight, low, 0.5, generator=generator)
        layers += [linear, spiking(after, **neuron)]
    return nn.Sequential(*layers).double()


def poisson(steps, batch, *shape, rate=0.4, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(steps, batch, *shape, generator=generator) < rate).double()


def learn(module, sequence, objective):
    """Return what the rule makes of an objective that is a function of the outputs alone."""
    labels = torch.zeros(sequence.shape[1], dtype=torch.int64)
    return RULE.backward(module, (sequence, labels), lambda outputs, *_: objective(outputs))


def leaked(sequence, decay_u, decay_v):
    """Return what a voltage keeps of currents (T, ...) at the end, by a plain loop."""
    u = v = np.zeros(sequence.shape[1:])
    for current in sequence:
        u = u * (1 - decay_u) + current
        v = v * (1 - decay_v) + u
    return v


def test_gradients_are_the_error_at_the_end_times_the_leaked_inputs_over_the_threshold():
    threshold, decay = 0.75, 0.1
    module = network(threshold=threshold, decay_v=decay)
    nn.init.constant_(module[0].weight[0].detach(), 3.0)  # driven beyond a spike a step
    inputs = poisson(12, 30, 5)
    error = torch.randn(12, 30, 4, generator=torch.Generator().manual_seed(2)).double()
    with recorded(module) as spikes:
        learn(module, inputs, lambda outputs: (outputs * error).sum())
    first, second = (s.detach().numpy().reshape(12, 30, -1) for s in spikes.values())
    x, hidden, answer = (leaked(s, 1.0, decay) for s in (inputs.numpy(), first, second))
    assert (hidden == 0).any()
    assert (answer == 0).any()
    weight = module[2].weight.detach().numpy()
    least = leaked(np.ones(12), 1.0, decay) / 12  # what a spike leaves in the mean over steps
    assert ((answer > 0) & (answer < least)).any()
    assert ((answer > least) & (answer < 2)).any()
    share = np.where(answer > 0, second, 1 / 12) / np.maximum(answer, least)
    above = (error.numpy() * share).sum(axis=0) / threshold
    voltage = x @ module[0].weight.detach().numpy().T - threshold * hidden
    assert (voltage > threshold).any()
    passes = (hidden > 0) * (voltage <= threshold) * np.minimum(hidden / least, 1)
    below = (above @ weight) * passes / threshold
    # float64 sums in another order
    assert np.allclose(module[2].weight.grad.numpy(), above.T @ hidden, atol=1e-10)
    assert np.allclose(module[0].weight.grad.numpy(), below.T @ x, atol=1e-10)


@pytest.mark.parametrize("decay_u", [0.4, 1.0])
def test_the_signal_is_exact_but_for_the_voltage_that_is_left(decay_u):
    threshold, decay_v = 0.75, 0.1
    layer = spiking(3, decay_u=decay_u, decay_v=decay_v, threshold=threshold)
    x = torch.randn(15, 40, 3, generator=torch.Generator().manual_seed(4)).double()
    x.requires_grad_()
    v, u, sent = 0.0, 0.0, []
    for current in x.detach().numpy():
        u = u * (1 - decay_u) + current
        v = v * (1 - decay_v) + u
        sent.append(1.0 * (v > threshold))
        v = v - threshold * sent[-1]
    spikes = np.stack(sent)
    kept = leaked(spikes, 1.0, decay_v)
    assert np.allclose(leaked(x.detach().numpy(), decay_u, decay_v) - threshold * kept, v)
    weight = torch.from_numpy((1 - decay_v) ** np.arange(15)[::-1].copy()).view(-1, 1, 1)
    step = learn(layer, x, lambda outputs: (outputs * weight).sum())  # the sum of all ``kept``
    assert (step.outputs.numpy() == spikes).all()
    assert step.loss.item() == pytest.approx(kept.sum())
    derivative = leaked(np.eye(15), decay_u, decay_v)[:, None, None] / threshold
    # of a signal that is linear in the inputs: the same for every neuron, silent or not, but
    # for those whose signal is less than a spike leaves in the mean over steps
    least = weight.mean().item()
    small = (kept > 0) & (kept < least)
    assert small.any()
    assert (kept == 0).any()
    assert np.allclose(x.grad.numpy(), derivative * np.where(small, kept / least, 1))


@pytest.mark.parametrize("decay_v", [0.5, 0.99])
def test_gradients_are_bounded_however_little_a_fast_leak_leaves_of_spikes(decay_v):
    steps = 200
    layer = spiking(2, decay_v=decay_v)
    x = torch.zeros(steps, 1, 2)
    x[0, 0, 0] = x[-1, 0, 1] = 3.0  # float32 has nothing left of the first
    x.requires_grad_()
    learn(layer, x, lambda outputs: outputs.square().sum() / 2)
    # a spike leaves 1 / (steps * decay_v) in the mean over steps; only spikes are asked for
    assert x.grad[-1, 0].tolist() == pytest.approx([steps * decay_v, 1.0], rel=1e-5)


def test_autocast_leaves_signals_in_float32():
    layer, x = spiking(4), torch.rand(20, 30, 4, generator=torch.Generator().manual_seed(3))
    gradients = []
    for enabled in (False, True):
        x = x.detach().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            learn(layer, x, lambda outputs: (outputs * torch.arange(20.0).view(-1, 1, 1)).sum())
        gradients.append(x.grad)
    assert gradients[0].any()
    assert torch.equal(*gradients)


def test_gradients_agree_with_differences_of_mean_counts():
    module = network((6, 8, 4), low=-0.2, decay_v=0.05)  # no output is silent
    inputs = poisson(30, 400, 6, rate=0.3)
    wanted = torch.tensor([1.0, -2.0, 0.5, 1.5]).double()

    def count(outputs):
        return (outputs.sum(dim=0) * wanted).sum(dim=1).mean()

    @torch.no_grad()
    def difference(weight, place, step=0.05):
        counts = []
        for sign in (1, -1):
            before = weight[place].item()
            weight[place] = before + sign * step
            counts.append(count(unroll(module, inputs)).item())
            weight[place] = before
        return (counts[0] - counts[1]) / (2 * step)

    learn(module, inputs, count)
    for linear in (module[0], module[2]):
        places = list(np.ndindex(*linear.weight.shape))
        found = torch.tensor([difference(linear.weight, place) for place in places])
        assert cosine_similarity(found, linear.weight.grad.flatten().float(), dim=0) > 0.9


def test_hidden_neurons_that_are_silent_or_overdriven_learn_nothing_and_such_outputs_do():
    module = network((5, 3, 3), low=0.1)
    with torch.no_grad():
        for linear in (module[0], module[2]):
            linear.weight[0] = -1.0
            linear.weight[1] = 5.0
    with recorded(module) as spikes:
        learn(module, poisson(20, 10, 5), lambda outputs: outputs.sum())
    for sent in spikes.values():
        assert not sent[:, 0].any()
        assert sent[:, 1].mean() > 0.8
    assert module[0].weight.grad.any(dim=1).tolist() == [False, False, True]
    assert module[2].weight.grad.any(dim=1).tolist() == [True, True, True]


def test_hidden_neurons_stay_masked_where_the_network_ends_in_a_readout():
    module = nn.Sequential(nn.Linear(5, 2, bias=False), spiking(2), nn.Linear(2, 3), Readout(3))
    nn.init.constant_(module[0].weight, -1.0)
    learn(module, poisson(20, 10, 5).float(), lambda outputs: outputs.square().sum())
    assert not module[0].weight.grad.any()
    assert RULE.refusals(module) == []


def test_a_convolution_gets_the_gradient_of_the_matrix_that_it_is():
    conv = nn.Conv2d(1, 2, 3, padding=1, bias=False).double()
    nn.init.uniform_(conv.weight, -0.5, 0.5, generator=torch.Generator().manual_seed(0))
    matrix = conv(torch.eye(16).double().view(16, 1, 4, 4)).flatten(1).T
    linear = nn.Linear(16, 32, bias=False).double()
    linear.weight = nn.Parameter(matrix.detach().clone())
    inputs, error = poisson(10, 6, 1, 4, 4), torch.linspace(-1, 1, 32).double()
    for module in (
        nn.Sequential(conv, spiking(2), nn.Flatten()),
        nn.Sequential(linear, spiking(32)),
    ):
        shaped = inputs if module[0] is conv else inputs.flatten(2)
        learn(module.double(), shaped, lambda outputs: (outputs.sum(dim=0) * error).sum())
    (expected,) = torch.autograd.grad((matrix * linear.weight.grad).sum(), conv.weight)
    assert torch.allclose(conv.weight.grad, expected)


def test_a_learned_threshold_gets_what_its_spikes_took_from_the_voltage():
    start = torch.tensor([0.5, 1.0, 100.0])
    module = network((5, 3), low=0.1, threshold=start, learned=["threshold"])
    step = learn(module, poisson(20, 10, 5), lambda outputs: outputs.sum(dim=0).mean())
    fired = step.outputs.sum(dim=(0, 1)) > 0
    assert fired.tolist() == [True, True, False]
    # da / d threshold = -a / threshold, times threshold for the logarithm that is stored
    expected = -step.outputs.sum(dim=0).mean(dim=0) / 3
    found = module[1].parametrizations.threshold.original.grad
    assert torch.allclose(found, expected, atol=1e-10)
    assert RULE.refusals(module) == []


@pytest.mark.parametrize(
    ("layer", "problem"),
    [
        (spiking(2, reset=Reset.ZERO), "spike: its voltage forgets at a spike"),
        (spiking(2, reset=Reset.ZERO, refractory=1), "spike: its voltage forgets at a spike"),
        (spiking(2, norm=True), "spike: normalises its current"),
        (spiking(2, recurrent=nn.Linear(2, 2)), "spike: hears its own spikes"),
        (spiking(2, decay_u=0.5, learned=["decay_u"]), "spike: decay_u is a tensor"),
        (spiking(2, decay_v=torch.tensor([0.1, 0.2])), "spike: decay_v is a tensor"),
        (spiking(2, decay_v=1.0), "spike: decay_v = 1 leaves nothing"),
    ],
)
def test_a_voltage_that_is_no_sum_of_inputs_and_spikes_is_refused_by_name(layer, problem):
    module = nn.Sequential()
    module.add_module("linear", nn.Linear(3, 2))
    module.add_module("spike", layer)
    (found,) = RULE.refusals(module)
    assert found.startswith(problem)


def test_an_answer_that_is_not_of_the_last_population_is_refused():
    (found,) = RULE.refusals(nn.Sequential(spiking(2), nn.Linear(2, 2)))
    assert found.startswith("output: is not that of the population")
    (found,) = RULE.refusals(nn.Sequential(nn.Linear(2, 2)))
    assert found.startswith("output:")


def test_a_recipe_with_such_a_network_is_refused_before_training():
    text = RECIPE.replace('reset = "subtract"', "norm = true")
    with pytest.raises(CheckError, match=r"spike1: its voltage(.|\n)*output: normalises"):
        fit(Recipe.from_text(text, "normalised"))


def test_a_recipe_names_no_loss_or_penalty_that_its_rule_does_not_lower(monkeypatch):
    class Own(Rule):
        LOSS = False

    monkeypatch.setitem(RULES, "own", Own)
    text = RECIPE.replace('"membrane"', '"own"')
    assert isinstance(Recipe.from_text(text, "plain").rule, Own)
    asked = text.replace("[train]", '[train]\nloss = "tet"\nrate_penalty = 0.5')
    with pytest.raises(CheckError, match="2 problem") as caught:
        Recipe.from_text(asked, "asked")
    assert "train.loss is set, which Own does not lower" in str(caught.value)
    assert "train.rate_penalty is set" in str(caught.value)


def test_what_it_trains_classifies_digits_and_runs_on_the_chip_as_well():
    checkpoint = fit(Recipe.from_text(RECIPE, "digits"))
    data = load("digits", "validation", encoder="rate")
    exact = evaluate(checkpoint, data).accuracy
    assert exact >= 0.9
    program = stages(checkpoint, load_chip("loihi2"), name="digits").program
    frames = messages(program, data.sequences(slice(None), 12))
    predictions = run(program, frames).predictions
    # 8 bits cost at most 3 of 180 images
    assert (predictions == data.labels).mean() >= exact - 3 / 180
