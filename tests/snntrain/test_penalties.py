"""What activity costs while training."""

import torch

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
