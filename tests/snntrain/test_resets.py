"""Populations with a soft reset or a refractory period: the machine's neurons, trained."""

import numpy as np
import pytest
import torch
from torch import nn

import hwsim
from hwsim.errors import RangeError, UnsupportedError
from hwsim.neurons import Cuba, CubaRefractory, CubaSubtract
from snnexport import Calibration, Choices, LayerChoice, capture, fold, lower, quantize
from snntrain import Reset, Spiking, unroll

KINDS = [
    ({}, Cuba),
    ({"reset": Reset.SUBTRACT}, CubaSubtract),
    ({"refractory": 2}, CubaRefractory),
]


def spikes_of(layer: Spiking, currents: list[float]) -> list[float]:
    return unroll(layer, torch.tensor(currents).view(-1, 1, 1)).flatten().tolist()


def test_reset_by_subtraction_keeps_what_exceeds_the_threshold():
    zero, subtract = (Spiking(1, norm=False, reset=reset) for reset in Reset)
    assert spikes_of(zero, [1.9, 0.2, 0.0, 0.9]) == [1, 0, 0, 1]
    assert spikes_of(subtract, [1.9, 0.2, 0.0, 0.9]) == [1, 1, 0, 0]


def test_a_refractory_neuron_rests_that_many_steps_after_a_spike():
    layer = Spiking(1, norm=False, refractory=2)
    assert spikes_of(layer, [1.5] * 7) == [1, 0, 0, 1, 0, 0, 1]


@pytest.mark.parametrize("period", [-1, 64, 1.5])
def test_a_refractory_period_that_the_register_does_not_hold_is_refused(period):
    with pytest.raises(RangeError, match=rf"refractory = {period} does not fit 0..63"):
        Spiking(1, refractory=period)


def test_a_refractory_period_with_a_soft_reset_is_refused_by_name():
    with pytest.raises(UnsupportedError, match="refractory period with a reset by subtraction"):
        Spiking(1, refractory=1, reset=Reset.SUBTRACT)


@pytest.mark.parametrize(("options", "kind"), KINDS)
def test_exported_population_is_the_machines_neuron_and_fires_as_in_training(options, kind):
    torch.manual_seed(0)
    dense = nn.Linear(6, 5, bias=False)
    with torch.no_grad():
        dense.weight.copy_(torch.randint(-8, 9, (5, 6)) / 8)
    net = nn.Sequential(dense, Spiking(5, decay_v=0.0, threshold=1.0, norm=False, **options))
    sequence = np.random.default_rng(0).integers(0, 2, (9, 4, 6))
    folded = fold(capture(net, torch.zeros(9, 1, 6)))
    chip = hwsim.load_chip("loihi2")
    exact = Choices(layers={"1": LayerChoice(scale=(1 / 16,) * 5)})  # nothing is rounded
    program = lower(quantize(folded, chip, Calibration(0, 1), exact), chip)
    assert type(program.populations[-1].neuron) is kind
    spikes = hwsim.run(program, sequence, record="spikes").trace.spikes["1"]
    latency = program.populations[-1].latency
    trained = unroll(net, torch.tensor(sequence, dtype=torch.float32)).int().numpy()
    assert trained.sum() > 10
    assert np.array_equal(spikes[latency : latency + 9], trained)
