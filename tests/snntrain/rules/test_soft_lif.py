"""The soft LIF against the spikes it stands for, and its gradient at the ends of float32."""

import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from hwsim import load_chip, run
from hwsim.errors import CheckError
from snnexport import stages
from snnexport.source import coded
from snntrain import Delay, Readout, Recipe, Reset, Spiking, evaluate, fit, load, unroll
from snntrain._deploy import OnChip
from snntrain._loop import objective
from snntrain.nets.blocks import Plan, Shortcut
from snntrain.norms import TimeScaledNorm
from snntrain.rules import SoftLif
from snntrain.rules.soft_lif import firing_rate

GAMMA = 0.02
RECIPE = """
[data]
name = "digits"
[net]
kind = "dense"
input_shape = [1, 8, 8]
classes = 10
hidden = [40]
decay_u = 0.25
decay_v = 0.1
threshold = 4.0
refractory = 1
norm = true
readout = true
decay_readout = 1.0
[train]
steps = 40
epochs = 5
batch_size = 32
learning_rate = 0.02
loss = "membrane"
[rule]
name = "soft-lif"
"""


def rates_of(module, frames, rule):
    """Return the rates of ``module`` under the constant input ``frames`` (B, C)."""
    with rule.learning(module):
        return unroll(module, frames.unsqueeze(0))[0]


@pytest.mark.parametrize("refractory", [0, 3])
@pytest.mark.parametrize("decay_v", [0.045, 0.4])
def test_rate_is_that_of_the_spikes_within_half_a_step_of_their_interval(refractory, decay_v):
    layer = Spiking(1, decay_u=0.2, decay_v=decay_v, threshold=1.7, refractory=refractory).double()
    nn.init.constant_(layer.norm.weight, 1.3)
    nn.init.constant_(layer.norm.bias, 0.05)
    layer.norm.running_mean += 0.4
    layer.norm.running_var += 0.5
    frames = torch.linspace(-0.5, 3, 400).unsqueeze(1).double()
    with torch.no_grad():
        rates = rates_of(layer.eval(), frames, SoftLif(gamma=1e-4))
        # the filtered current has settled to 1e-13 after the first 150 steps
        spikes = unroll(layer, frames.expand(900, -1, -1))[150:]
    times = [row.nonzero().flatten() for row in spikes[:, :, 0].T]
    firing = [i for i, found in enumerate(times) if len(found) > 2]
    assert 200 < len(firing) < 400
    for i in firing:
        interval = times[i][-1] - times[i][-2]
        # a hundredth: what gamma softens of currents near the one that starts firing
        assert abs(1 / rates[i].item() - interval.item()) <= 0.51
    assert all(rates[i] < 1 / 60 for i in range(400) if i not in firing)


def test_gradient_in_float32_is_that_in_float64_where_the_plain_formula_overflows():
    y = torch.cat([torch.linspace(-300, 60, 2000), torch.tensor([1e4, 1e7])]).double()
    tau = -1 / math.log1p(-0.045)

    def plain(excess):
        j = GAMMA * softplus(excess / GAMMA)
        return 1 / (2 + 0.5 + tau * torch.log1p(1 / j))

    def gradient(function, dtype):
        excess = (GAMMA * y).to(dtype).requires_grad_()
        rates = function(excess)
        rates.sum().backward()
        return rates.detach().double(), excess.grad.double()

    exact = gradient(plain, torch.float64)
    stable = gradient(lambda excess: firing_rate(excess, 0.045, 2, GAMMA), torch.float32)
    for found, wanted in zip(stable, exact, strict=True):
        # float32 keeps 7 digits, of which log1p and the difference of two logarithms cost some
        assert torch.allclose(found, wanted, rtol=1e-4, atol=1e-12)
    assert not gradient(plain, torch.float32)[1].isfinite().all()
    far = torch.tensor([-1e30, -1e6, 1e30]).requires_grad_()
    firing_rate(far, 0.045, 2, GAMMA).sum().backward()
    assert far.grad.isfinite().all()


@pytest.mark.parametrize("decay_v", [2.0**-12, 1e-6, 1e-8])
def test_a_leak_that_float32_barely_tells_from_none_keeps_its_time_constant(decay_v):
    excess = torch.tensor([0.5, 3.0])
    found = firing_rate(excess, decay_v, 0, GAMMA)
    wanted = firing_rate(excess.double(), decay_v, 0, GAMMA)
    # what float32 has of digits
    assert torch.allclose(found.double(), wanted, rtol=1e-5, atol=0)


@pytest.mark.parametrize("refractory", [0, 2])
def test_no_rate_is_above_that_of_the_neuron_and_gradients_do_not_end_there(refractory):
    module = nn.Sequential(Spiking(1, decay_v=0.4, norm=False, refractory=refractory))
    frames = torch.tensor([[3.0], [300.0]]).requires_grad_()
    for noise in (0.0, 1.0):
        rates = rates_of(module, frames, SoftLif(noise=noise))
        assert (rates <= 1 / (refractory + 1)).all()
        (found,) = torch.autograd.grad(rates.sum(), frames)
        assert (found > 0).all()
    spikes = unroll(module, frames.detach().expand(30, -1, -1)).mean(dim=0)
    quiet = rates_of(module, frames, SoftLif(noise=0.0))
    assert torch.allclose(quiet[1], spikes[1])


def test_noise_is_added_in_training_to_firing_neurons_alone_and_hidden_from_gradients():
    module = nn.Sequential(Spiking(2, decay_v=0.1, threshold=2.0, norm=False))
    frames = torch.tensor([[1.0, 0.1]]).repeat(20000, 1).requires_grad_()  # excess 4 and -0.5
    quiet = rates_of(module, frames, SoftLif(noise=0.0))
    (wanted,) = torch.autograd.grad(quiet.sum(), frames)
    noisy = rates_of(module, frames, SoftLif(noise=0.03))
    loud = rates_of(module, frames, SoftLif(noise=1.0))
    assert loud.min() == 0  # most of it would be below
    for rates in (noisy, loud):
        (found,) = torch.autograd.grad(rates.sum(), frames)
        assert torch.equal(found, wanted)
    difference = (noisy - quiet).detach()
    assert torch.equal(difference[:, 1], torch.zeros(20000))
    # mean and deviation of 20,000 draws, to five standard errors
    assert difference[:, 0].mean().item() == pytest.approx(0, abs=5 * 0.03 / math.sqrt(20000))
    assert difference[:, 0].std().item() == pytest.approx(0.03, rel=5 / math.sqrt(40000))
    assert torch.equal(rates_of(module.eval(), frames, SoftLif(noise=0.03)), quiet)


@pytest.mark.parametrize("decay_u", [0.2, 1.0])
def test_norm_learns_the_statistics_of_the_current_the_filter_settles_at(decay_u):
    layer = Spiking(3, decay_u=decay_u, decay_v=0.1)
    frames = torch.randn(5000, 3) * 2 + 1
    rates_of(layer, frames, SoftLif())
    momentum = layer.norm.momentum
    settled = frames / decay_u
    assert torch.allclose(layer.norm.running_mean, momentum * settled.mean(0), rtol=1e-4)
    wanted = (1 - momentum) + momentum * settled.var(0)
    assert torch.allclose(layer.norm.running_var, wanted, rtol=1e-4)


@pytest.mark.parametrize(
    ("layer", "problem"),
    [
        (Spiking(2, decay_v=0.0), "decay_v = 0 or 1 has no time constant"),
        (Spiking(2, decay_v=1.0), "decay_v = 0 or 1 has no time constant"),
        (Spiking(2, decay_v=0.5, decay_u=0.0), "decay_u = 0 never settles"),
        (Spiking(2, decay_v=0.5, reset=Reset.SUBTRACT), "its neuron is CubaSubtract"),
        (Spiking(2, decay_v=0.5, recurrent=nn.Linear(2, 2)), "hears its own spikes"),
        (Spiking(2, decay_v=0.5, norm=TimeScaledNorm(2, 3)), "its norm scales every step"),
        (Readout(2, decay_u=0.5), "decay_u of a readout is not 1"),
        (Delay(1), "Delay looks at more than one step"),
        (nn.MaxPool2d(2), "the largest spike of a pool"),
    ],
)
def test_what_has_no_rate_is_refused_by_name(layer, problem):
    plain = [Spiking(2, decay_u=0.2, decay_v=0.5, refractory=1), Readout(2), nn.AvgPool2d(2)]
    module = nn.ModuleDict({"refused": layer, **{f"plain{i}": m for i, m in enumerate(plain)}})
    (found,) = SoftLif().refusals(module)
    assert found.startswith(f"refused: {problem}")


@pytest.mark.parametrize(("shortcut", "refused"), [("sew-and", 1), ("sew-iand", 1), ("sew-add", 0)])
def test_products_of_spikes_are_refused_and_sums_are_not(shortcut, refused):
    plan = Plan(Shortcut(shortcut), partial(Spiking, decay_v=0.5))
    found = SoftLif().refusals(nn.ModuleDict({"block": plan.block(4, 4)}))
    assert len(found) == refused
    assert all(problem.startswith("block: joins spikes by AND or IAND") for problem in found)


def test_a_recipe_with_such_a_network_is_refused_before_training():
    with pytest.raises(CheckError, match=r"spike1: decay_v = 0 or 1"):
        fit(Recipe.from_text(RECIPE.replace("decay_v = 0.1", "decay_v = 0.0"), "no leak"))


def test_a_budget_of_operations_is_one_of_all_steps_though_rates_have_one():
    hardware = 'synops_penalty = 2.0\nsynops_budget = 100.0\n[hardware]\nchip = "loihi1"\n[rule]'
    settings = Recipe.from_text(RECIPE.replace("[rule]", hardware), "budget").train
    rates = torch.tensor([[0.25, 0.5], [0.25, 0.0]])  # 40 steps of a batch of 2: 40 spikes
    outputs, labels = torch.eye(2, 10).unsqueeze(0), torch.arange(2)
    lowered = objective(settings, OnChip(fan_outs={"spike1": torch.tensor([10.0, 10.0])}))
    loss = objective(Recipe.from_text(RECIPE, "plain").train)(outputs, labels, {})
    # 200 operations an inference, of at most 40 steps times 2 neurons times 10 synapses
    excess = (lowered(outputs, labels, {"spike1": rates}) - loss).item() / 2
    assert excess == pytest.approx((200 - 100) / 800)


@pytest.mark.parametrize(
    ("data", "encoder", "refused"),
    [
        ("digits", "rate", True),
        ("digits", "latency", True),
        ("digits", "delta", True),
        ("nmnist", "", True),
        ("digits", "direct", False),
    ],
)
def test_an_input_that_is_not_the_same_in_every_step_is_refused(data, encoder, refused):
    text = RECIPE.replace('name = "digits"', f'name = "{data}"\nencoder = "{encoder}"')
    if not refused:
        assert Recipe.from_text(text, "constant").data.encoder == encoder
        return
    with pytest.raises(CheckError, match=r"data.encoder is '.*', and SoftLif learns from direct"):
        Recipe.from_text(text, "changing")


def test_spikes_classify_as_well_as_the_rates_that_were_trained_and_so_does_the_chip():
    checkpoint = fit(Recipe.from_text(RECIPE, "digits"))
    metrics = checkpoint.metrics
    data = load("digits", "validation")
    spiking = evaluate(checkpoint, data).accuracy
    assert metrics["validation_accuracy"] == spiking >= 0.93
    # 40 steps tell rates of a few spikes apart: at most 3 of 180 images are lost
    assert spiking >= metrics["learning_accuracy"] - 3 / 180
    frames = torch.from_numpy(data.images).float()
    with torch.no_grad():
        rates = rates_of(checkpoint.build(), frames, checkpoint.recipe.rule)
    learned = (rates.argmax(dim=1).numpy() == data.labels).mean()
    assert learned == metrics["learning_accuracy"]
    assert checkpoint.recipe.rule.steps(40) == 1
    program = stages(checkpoint, load_chip("loihi2"), name="digits").program
    predictions = run(program, coded(program, data.images)).predictions
    # 8 bits cost at most 3 of 180 images
    assert (predictions == data.labels).mean() >= spiking - 3 / 180
