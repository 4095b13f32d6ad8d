"""Learned delays: what they spread in training, what they learn, and what is exported."""

import numpy as np
import pytest
import torch
from torch import nn

import hwsim
from hwsim import load_chip
from hwsim.errors import RangeError
from snnexport import Calibration, capture, fold, lower, quantize
from snnexport.graph import Late
from snntrain import Recipe, Spiking, fit, load, unroll
from snntrain.delays import Delay, LearnedDelay, sharpen_delays
from snntrain.nets.delayed import DelayedNetSettings

STEPS, LAG = 24, 6
RECIPE = """
[data]
name = "digits"
samples = 150
[net]
kind = "delayed"
input_shape = [1, 8, 8]
classes = 10
channels = []
dense = [24]
delays = [0, 1, 2]
longest = 4
decay_u = 1.0
decay_v = 0.25
[train]
steps = 6
epochs = 2
batch_size = 25
learning_rate = 0.3
seed = 1
"""


def pulses(lags):
    """Two channels (T, B, 2) that fire once; the second ``lags[b]`` steps after the first."""
    x = torch.zeros(STEPS, len(lags), 2)
    for b, lag in enumerate(lags):
        x[1, b, 0] = x[1 + lag, b, 1] = 1
    return x


def coincidence(delay):
    """A neuron that fires when both channels arrive in the same step."""
    weights = nn.Linear(2, 1, bias=False)
    nn.init.constant_(weights.weight, 0.7)
    return nn.Sequential(delay, weights, Spiking(1, decay_v=1.0, norm=False))


def trained_coincidence():
    """Learn, from delays of about 2 and 1, to fire for pairs that are LAG steps apart alone."""
    delay = LearnedDelay(torch.tensor([2.0, 1.0]), longest=10)
    net = coincidence(delay)
    x = pulses([LAG, LAG - 4, LAG + 3])
    optimizer = torch.optim.Adam([delay.raw], lr=0.1)
    for epoch in range(80):
        sharpen_delays(net, epoch / 80)
        peaks = unroll(net[:2], x)[..., 0].amax(dim=0)
        optimizer.zero_grad()
        (-(peaks / peaks.mean().detach()).log_softmax(dim=0)[0]).backward()
        optimizer.step()
    return net.eval(), delay, x


def test_a_narrow_learned_delay_is_the_delay_in_training_too():
    start = torch.tensor([1.0, 4.0, 2.0])
    learned, x = LearnedDelay(start, longest=5), torch.rand(7, 2, 3)
    learned.width.fill_(0.05)
    # float32: the density one step away is exp(-200)
    assert torch.allclose(unroll(learned, x), unroll(Delay(start.long()), x), atol=1e-6)


def test_in_evaluation_mode_delays_are_rounded_and_spikes_stay_spikes():
    learned = LearnedDelay(torch.tensor([1.4, 2.6])).eval()
    assert learned.delay.tolist() == [1, 3]
    x = torch.randint(2, (6, 2, 2, 3)).float()
    assert torch.equal(unroll(learned, x), unroll(Delay(torch.tensor([1, 3])), x))


def test_what_is_spread_in_training_is_the_density_around_the_delay_of_area_one():
    learned = LearnedDelay(torch.tensor([3.0]), longest=6)
    learned.width.fill_(1.5)
    x = torch.zeros(10, 1, 1)
    x[2] = 1
    weights = np.exp(-((np.arange(7) - 3) ** 2) / (2 * 1.5**2))
    expected = np.zeros(10)
    expected[2:9] = weights / weights.sum()
    # float32 sums of seven terms below 1
    assert np.allclose(unroll(learned, x).flatten().detach().numpy(), expected, atol=1e-6)


def test_nothing_arrives_before_it_was_sent():
    learned, x = LearnedDelay(torch.tensor([0.5])), torch.zeros(5, 1, 1)
    x[3] = 1
    assert not unroll(learned, x)[:3].any()


def test_the_width_falls_from_half_of_the_longest_delay_to_half_a_step():
    learned = LearnedDelay(torch.tensor([1.0]), longest=32)
    widths = []
    for progress in (0, 0.5, 1):
        sharpen_delays(nn.Sequential(learned), progress)
        widths.append(learned.width.item())
    assert widths == pytest.approx([16, 8**0.5, 0.5])


def test_a_task_that_needs_the_right_delay_is_learned_and_exported_with_equal_spikes():
    net, delay, x = trained_coincidence()
    first, second = delay.delay.tolist()
    assert first - second == LAG
    expected = unroll(net, x).detach()[..., 0]
    assert expected.sum(dim=0).tolist() == [1, 0, 0]
    chip = load_chip("loihi2")
    graph = fold(capture(net.double(), x.double()))
    program = lower(quantize(graph, chip, Calibration(0, 1)), chip)
    result = hwsim.run(program, x.long().numpy(), record="spikes")
    assert result.trace is not None
    (spikes,) = (result.trace.spikes[p.name] for p in program.populations)
    late = len(spikes) - STEPS
    assert (spikes[late:, :, 0] == expected.numpy()).all()


def test_a_recipe_trains_delays_narrows_them_to_the_end_and_exports_what_they_became():
    recipe = Recipe.from_text(RECIPE, "delays")
    net = fit(recipe).build().eval()
    (before,), (delay,) = (
        [m for m in module.modules() if isinstance(m, LearnedDelay)]
        for module in (recipe.build(), net)
    )
    assert before.delay.tolist() == [0, 1, 2] * 8
    assert not torch.equal(delay.delay, before.delay)
    assert (before.width, delay.width) == (2, 0.5)
    samples = load("digits", "validation").sequences(slice(0, 4), 6)
    frames = torch.tensor(samples, dtype=torch.float64)
    edges = fold(capture(net.double(), frames)).edges()
    (late,) = (s for edge, _ in edges for s in edge.stages if isinstance(s, Late))
    assert late.frames.tolist() == delay.delay.tolist()


def test_delays_that_cannot_start_below_the_longest_are_refused_by_name():
    settings = DelayedNetSettings((1, 8, 8), 10, (), (8,), (1, 3), 1.0, 0.5, longest=3)
    assert settings.problems() == ["longest = 3 is not above every one of the delays"]


@pytest.mark.parametrize(
    ("start", "longest", "message"),
    [
        (0.0, 62, "start of 0.0 steps is not between 0 and 62"),
        (5.0, 5, "start of 5.0 steps is not between 0 and 5"),
        (1.0, 63, r"longest = 63 does not fit 1\.\.62"),
    ],
)
def test_a_start_or_length_outside_is_refused_by_number(start, longest, message):
    with pytest.raises(RangeError, match=message):
        LearnedDelay(torch.tensor([start]), longest=longest)
