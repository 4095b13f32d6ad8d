"""The renderings of the neurons on torch."""

import numpy as np
import pytest
import torch

from hwsim.arith import Integer
from hwsim.neurons import Cuba, CubaSubtract, MultiSpike, SigmaDelta
from snntrain.neurons import INTEGER, Real
from snntrain.surrogates import FastSigmoid

SCALE = 64 * 100
"""Units of the integer voltage per unit of the real one."""


def run(arithmetic, neuron, currents):
    state = (currents[0] * 0, currents[0] * 0)
    spikes = []
    for x in currents:
        s, state = neuron.step(arithmetic, state, x)
        spikes.append(s)
    return spikes, state


@pytest.mark.parametrize("slope", [0.5, 2.0, 10.0])
def test_surrogate_gradient_is_the_squared_fast_sigmoid_with_height_one(slope):
    x = torch.tensor([-2.0, -0.1, 0.0, 0.1, 3.0], dtype=torch.float64, requires_grad=True)
    FastSigmoid(slope)(x).sum().backward()
    expected = 1 / (1 + slope * x.detach().abs()) ** 2
    assert x.grad is not None
    assert torch.equal(x.grad, expected)
    assert x.grad[2] == 1


def test_surrogate_fires_strictly_above_zero_and_keeps_the_type():
    spikes = FastSigmoid()(torch.tensor([-1.0, 0.0, 1e-30, 1.0], dtype=torch.float64))
    assert spikes.tolist() == [0, 0, 1, 1]
    assert spikes.dtype == torch.float64


@pytest.mark.parametrize("detach_reset", [True, False])
def test_reset_carries_a_gradient_to_the_spike_only_when_not_detached(detach_reset):
    s = torch.tensor([1.0], requires_grad=True)
    v = torch.tensor([3.0], requires_grad=True)
    Real(FastSigmoid(), detach_reset).reset(v, s).sum().backward()
    assert (s.grad is None) == detach_reset


def test_integers_on_torch_equal_the_machine_with_wraps_and_saturation():
    random = np.random.default_rng(0)
    currents = random.integers(-(2**23), 2**23, (20, 50)) * 3 // 2
    neuron = Cuba(decay_u=700, decay_v=300, threshold=64 * 90000, bias=-5000)
    expected, _ = run(Integer(), neuron, list(currents))
    found, _ = run(INTEGER, neuron, list(torch.from_numpy(currents)))
    assert (np.stack(expected) == torch.stack(found).numpy()).all()
    assert np.stack(expected).any()


def test_reals_equal_integers_scaled_when_no_decay_ever_rounds():
    # decay 1 and 0 are exact in integers, and sums of multiples of 1/64 are exact in float64
    random = np.random.default_rng(1)
    currents = random.integers(-100, 200, (12, 40)) * 64
    exact, (_, v) = run(INTEGER, Cuba(4096, 0, SCALE, 64), list(torch.from_numpy(currents)))
    real_input = torch.from_numpy(currents / SCALE)
    neuron = Cuba(1.0, 0.0, 1.0, 64 / SCALE)
    real, (_, real_v) = run(Real(FastSigmoid()), neuron, list(real_input))
    assert torch.equal(torch.stack(exact).double(), torch.stack(real))
    # float64 keeps 52 bits; 12 additions of numbers below 40 lose at most 1e-12
    assert (v.double() / SCALE - real_v).abs().max() < 1e-12


def test_reals_stay_within_one_unit_a_step_and_register_of_integers_under_dyadic_decays():
    random = np.random.default_rng(2)
    currents = random.integers(-100, 100, (8, 200)) * 64
    never = 131071 * 64
    exact, (_, v) = run(INTEGER, Cuba(3072, 1024, never), list(torch.from_numpy(currents)))
    neuron = Cuba(0.75, 0.25, float(never))
    real, (_, real_v) = run(Real(FastSigmoid()), neuron, list(torch.from_numpy(currents / 1.0)))
    # each of 8 steps truncates u by < 1 (which then decays by 3/4) and v by < 1: the voltage is
    # off by less than 8 * (4/3 + 1) units
    assert (v - real_v).abs().max() < 8 * (4 / 3 + 1)
    assert not torch.stack(exact).any()
    assert not torch.stack(real).any()


def _real(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("detach_reset", [True, False])
def test_pick_carries_the_gradient_of_what_it_takes_and_of_spikes_only_when_not_detached(
    detach_reset,
):
    condition, x, y = _real(1.0, 0.0), _real(3.0, 4.0), _real(5.0, 7.0)
    taken = Real(FastSigmoid(), detach_reset).pick(condition, x, y)
    assert taken.tolist() == [3, 7]
    taken.sum().backward()
    assert x.grad is not None
    assert y.grad is not None
    assert (x.grad.tolist(), y.grad.tolist()) == ([1, 0], [0, 1])
    assert (condition.grad is None) == detach_reset


def test_above_is_strict_and_without_a_gradient_where_fire_has_the_surrogate():
    real, v = Real(FastSigmoid()), _real(-1.0, 2.0, 3.0)
    assert real.above(v, 2.0).tolist() == [0, 0, 1]
    assert real.above(2.0, v).tolist() == [1, 0, 0]
    assert not real.above(v, 2.0).requires_grad
    assert real.fire(v, 2.0).requires_grad


def test_shifts_of_reals_do_not_round_and_pass_gradients():
    real, x, bits = Real(FastSigmoid()), _real(3.0, -3.0), torch.tensor([1.0, 2.0])
    assert real.shift_left(x, bits).tolist() == [6, -12]
    shifted = real.shift_right(x, 2)
    assert shifted.tolist() == [0.75, -0.75]
    shifted.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.25, 0.25]


@pytest.mark.parametrize("detach_reset", [True, False])
def test_a_subtracting_neuron_keeps_its_voltage_gradient_through_a_spike(detach_reset):
    current = _real(5.0)
    _, (_, v) = CubaSubtract(1.0, 0.0, 2.0).step(
        Real(FastSigmoid(1.0), detach_reset), (torch.zeros(1), torch.zeros(1)), current
    )
    v.sum().backward()
    # v = x - 2 s, with ds/dx = 1 / (1 + |5 - 2|)**2 where the reset is not detached
    assert current.grad is not None
    assert current.grad.item() == (1.0 if detach_reset else 1 - 2 / 16)


def test_several_spikes_pass_the_surrogate_of_the_first_and_keep_the_voltage_gradient():
    current = _real(1.0, 2.0, 9.0)
    rest = (torch.zeros(3),) * 2
    neuron = MultiSpike(1.0, 0.0, 2.0, 2.0, most=255)
    n, (_, v) = neuron.step(Real(FastSigmoid(1.0)), rest, current)
    assert n.tolist() == [0, 1, 4]
    n.sum().backward(retain_graph=True)
    assert current.grad is not None
    # 1 / (1 + |x - 2|)**2
    assert current.grad.tolist() == [0.25, 1.0, 1 / 64]
    v.sum().backward()
    assert current.grad.tolist() == [1.25, 2.0, 1 + 1 / 64]


def test_a_sigma_delta_neuron_passes_the_gradient_of_what_it_sends():
    x = _real(4.0, 0.5)
    state = (torch.zeros(2),) * 3
    sent, _ = SigmaDelta(1.0).step(Real(FastSigmoid()), state, x)
    assert sent.tolist() == [4, 0]
    sent.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1, 0]
