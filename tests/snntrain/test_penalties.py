"""What activity costs while training."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from snntrain import penalties

SPIKES = {
    "one": torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0]]),  # T = 2, B = 2
    "two": torch.tensor([[0.0], [1.0], [0.0], [0.0]]),
    "last": torch.ones(4, 3),
}
FAN_OUTS = {"one": torch.tensor([10.0, 1.0]), "two": torch.tensor([3.0])}


def test_operations_are_spikes_times_the_fan_out_of_their_neuron():
    assert penalties.synaptic_operations(SPIKES, FAN_OUTS) == 3 * 10 + 1 + 3


def test_what_exceeds_a_budget_counts_an_inference_as_a_share_of_all_that_could_be():
    most = 2 * (10 + 1 + 3)
    assert penalties.excess_operations(SPIKES, FAN_OUTS, 2, 0.0) == 17 / most
    assert penalties.excess_operations(SPIKES, FAN_OUTS, 2, 10.0) == 7 / most
    assert penalties.excess_operations(SPIKES, FAN_OUTS, 2, 17.0) == 0


def test_every_spike_is_charged_its_fan_out_in_the_gradient():
    spikes = {name: s.clone().requires_grad_() for name, s in SPIKES.items()}
    penalties.synaptic_operations(spikes, FAN_OUTS).backward()
    assert spikes["one"].grad is not None
    assert spikes["one"].grad.tolist() == [[10.0, 1.0]] * 4
    assert spikes["last"].grad is None


def test_the_rate_is_the_mean_over_layers_not_over_neurons():
    assert penalties.rate(SPIKES) == torch.tensor([0.5, 0.25, 1.0]).mean()


@settings(deadline=None, derandomize=True, database=None, max_examples=40)
@given(seed=st.integers(0, 9999), steps=st.integers(1, 4), samples=st.integers(1, 3))
def test_operations_and_their_excess_are_those_of_every_spike_counted_alone(seed, steps, samples):
    generator = torch.Generator().manual_seed(seed)
    shapes = {"conv": (2, 2, 3), "flat": (4,), "output": (3,)}
    spikes = {
        name: torch.randint(2, (steps * samples, *shape), generator=generator).double()
        for name, shape in shapes.items()
    }
    fan_outs = {
        name: torch.randint(1, 20, shapes[name], generator=generator) for name in ("conv", "flat")
    }
    total = most = 0
    for name, fan_out in fan_outs.items():
        for neuron, reached in enumerate(fan_out.flatten().tolist()):
            most += steps * reached
            for row in spikes[name].flatten(1).tolist():
                total += int(row[neuron]) * reached
    assert penalties.synaptic_operations(spikes, fan_outs) == total
    for budget in (0, total / samples / 2, total / samples, 2 * total):
        excess = penalties.excess_operations(spikes, fan_outs, samples, budget)
        assert excess.item() == pytest.approx(max(total / samples - budget, 0) / most)


def test_every_neuron_firing_in_every_step_is_an_excess_of_one_over_no_budget():
    ones = {name: torch.ones_like(s) for name, s in SPIKES.items()}
    assert penalties.excess_operations(ones, FAN_OUTS, 2, 0.0) == 1
    assert penalties.excess_operations(ones, FAN_OUTS, 2, 14.0) == 0.5


def test_a_budget_that_is_kept_pulls_at_no_spike_and_one_that_is_not_at_all_alike():
    spikes = {name: s.clone().requires_grad_() for name, s in SPIKES.items()}
    for budget, pull in ((18.0, False), (16.0, True)):  # an inference has 17
        penalties.excess_operations(spikes, FAN_OUTS, 2, budget).backward()
        expected = 3 / 2 / 28 if pull else 0
        assert spikes["two"].grad.flatten().tolist() == pytest.approx([expected] * 4)


def test_the_rate_weighs_every_layer_alike_in_its_gradient():
    spikes = {name: s.clone().requires_grad_() for name, s in SPIKES.items()}
    penalties.rate(spikes).backward()
    for s in spikes.values():
        assert s.grad.sum().item() == pytest.approx(1 / 3)
