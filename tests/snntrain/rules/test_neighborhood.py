"""Neighborhood aggregation against brute force over every spike train of five steps."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from hwsim import Cuba, load_chip, run
from hwsim.errors import CheckError
from snnexport import stages
from snnexport.source import coded
from snntrain import Recipe, Reset, Spiking, evaluate, fit, load, unroll
from snntrain.rules import NeighborhoodAggregation
from snntrain.rules.neighborhood import neighborhood

STEPS, THRESHOLD = 5, 1.5
TINY = 2.0**-30
"""Far below the grid of the currents here: it decides ``>`` and is gone after a reset."""
RECIPE = """
[data]
name = "digits"
[net]
kind = "dense"
input_shape = [1, 8, 8]
classes = 10
hidden = [40]
decay_u = 0.5
decay_v = 0.25
norm = true
[train]
steps = 4
epochs = 6
batch_size = 32
learning_rate = 0.01
[rule]
name = "neighborhood"
"""


def train_of(currents, decay):
    """Return spikes and voltages before reset of a list of currents, in plain Python."""
    v, spikes, voltages = 0.0, [], []
    for current in currents:
        v = v * (1 - decay) + current
        spikes.append(int(v > THRESHOLD))
        voltages.append(v)
        v = 0.0 if v > THRESHOLD else v
    return spikes, voltages


def currents_of(spikes, decay, generator):
    """Return currents, exact in binary, whose spikes are ``spikes``."""
    v, currents = 0.0, []
    for spike in spikes:
        away = int(generator.integers(0, 40)) / 16
        wanted = THRESHOLD + 1 / 16 + away if spike else THRESHOLD - away
        currents.append(wanted - v * (1 - decay))
        v = 0.0 if spike else wanted
    return currents


def flipped(currents, k, decay):
    """Return the spikes after the least current that flips the spike of step ``k``, and it."""
    spikes, voltages = train_of(currents, decay)
    least = THRESHOLD - voltages[k]
    enough, short = (least, least + TINY) if spikes[k] else (least + TINY, least)
    changed = list(currents)
    changed[k] = currents[k] + short
    assert train_of(changed, decay)[0][: k + 1] == spikes[: k + 1]
    changed[k] = currents[k] + enough
    return train_of(changed, decay)[0], least


@pytest.mark.parametrize("decay", [0.0, 0.25, 0.5, 1.0])
def test_differences_are_those_of_a_linear_loss_between_a_train_and_each_of_its_neighbors(decay):
    generator = np.random.default_rng(3)
    trains = [list(spikes) for spikes in product([0, 1], repeat=STEPS)] * 3
    currents = [currents_of(spikes, decay, generator) for spikes in trains]
    gradient = generator.integers(-9, 10, (len(trains), STEPS))
    neuron = Cuba(decay_u=1.0, decay_v=decay, threshold=THRESHOLD)
    driving = torch.tensor(currents, dtype=torch.float64).T
    difference, distance = neighborhood(driving, neuron, torch.from_numpy(gradient.T).double())
    for sample, (spikes, driven) in enumerate(zip(trains, currents, strict=True)):
        assert train_of(driven, decay)[0] == spikes
        for k in range(STEPS):
            neighbor, least = flipped(driven, k, decay)
            change = gradient[sample] @ (np.array(neighbor) - spikes)
            assert difference[k, sample].item() == change
            assert distance[k, sample].item() == least


def test_an_input_gets_the_weighted_differences_of_all_later_steps_through_the_current_filter():
    generator = torch.Generator().manual_seed(0)
    decay_u, decay_v, limit = 0.5, 0.25, 5.0
    x, linear = torch.randn(2, STEPS, 200, 1, generator=generator, dtype=torch.float64) * 2
    x.requires_grad_()
    layer = Spiking(1, decay_u=decay_u, decay_v=decay_v, threshold=THRESHOLD, norm=False)
    NeighborhoodAggregation(limit=limit).backward(
        layer, (x, torch.zeros(200)), lambda outputs, *_: (outputs * linear).sum()
    )
    u, driving = torch.zeros(200, 1).double(), []
    for current in x.detach():
        u = u * (1 - decay_u) + current
        driving.append(u)
    neuron = Cuba(decay_u=1.0, decay_v=decay_v, threshold=THRESHOLD)
    difference, distance = neighborhood(torch.stack(driving), neuron, linear)
    nearness = ((THRESHOLD / distance) ** 3).clamp(-limit, limit)
    assert (nearness.abs() == limit).any()
    assert (nearness.abs() < limit).any()
    expected = torch.zeros(200, 1).double()
    for step in reversed(range(STEPS)):
        expected = expected * (1 - decay_u) + (difference * nearness / THRESHOLD)[step]
        # the same sums in float64, of order 100, in another order
        assert torch.allclose(x.grad[step], expected, atol=1e-10)


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("decay_v", [0.2, torch.rand(6)])
def test_spikes_while_learning_are_those_of_the_network_itself(decay_v, norm):
    torch.manual_seed(1)
    layer = Spiking(6, decay_u=0.5, decay_v=decay_v, threshold=0.3, norm=norm)
    if norm:
        nn.init.constant_(layer.norm.bias, 0.1)
    # in float64 rounding in another order, where there is a norm, moves no voltage here so far
    module, x = nn.Sequential(nn.Linear(9, 6), layer).double(), torch.randn(7, 20, 9).double()
    step = NeighborhoodAggregation().backward(
        module, (x, torch.zeros(20)), lambda outputs, *_: outputs.mean()
    )
    outputs = unroll(module, x)
    assert 0.1 < outputs.mean() < 0.9
    assert torch.equal(step.outputs, outputs)


@pytest.mark.parametrize(
    ("layer", "problem"),
    [
        (Spiking(2, reset=Reset.SUBTRACT), "spike: its neuron is CubaSubtract, not Cuba"),
        (Spiking(2, refractory=1), "spike: its neuron is CubaRefractory, not Cuba"),
        (Spiking(2, recurrent=nn.Linear(2, 2)), "spike: hears its own spikes"),
        (Spiking(2, learned=["threshold"]), "spike: threshold is learned"),
        (Spiking(2, decay_v=0.5, learned=["decay_v"]), "spike: decay_v is learned"),
    ],
)
def test_what_has_no_such_neighbors_is_refused_by_name(layer, problem):
    module = nn.ModuleDict({"spike": layer, "plain": Spiking(2, decay_u=0.5, learned=["decay_u"])})
    (found,) = NeighborhoodAggregation().refusals(module)
    assert found.startswith(problem)


def test_a_recipe_with_such_a_network_is_refused_before_training():
    text = RECIPE.replace("norm = true", "norm = true\nrefractory = 1")
    with pytest.raises(CheckError, match=r"spike1: its neuron is CubaRefractory(.|\n)*output:"):
        fit(Recipe.from_text(text, "refractory"))


def test_what_it_trains_classifies_digits_and_runs_on_the_chip_as_well():
    checkpoint = fit(Recipe.from_text(RECIPE, "digits"))
    data = load("digits", "validation")
    exact = evaluate(checkpoint, data).accuracy
    assert exact >= 0.93
    program = stages(checkpoint, load_chip("loihi1"), name="digits").program
    predictions = run(program, coded(program, data.images)).predictions
    # 8 bits cost at most 3 of 180 images
    assert (predictions == data.labels).mean() >= exact - 3 / 180
