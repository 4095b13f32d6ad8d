"""Surrogates: a hard step forward, the named curve backward."""

import math

import pytest
import torch
from scipy.integrate import quad

from snntrain import SURROGATES
from snntrain.surrogates import Surrogate

AREA = {
    "fast-sigmoid": lambda slope: 2 / slope,
    "atan": lambda slope: 1.0,
    "sigmoid": lambda slope: 1.0,
    "triangle": lambda slope: 1 / slope,
    "rectangle": lambda slope: 1.0,
    "gaussian": lambda slope: 1.0,
}
HEIGHT = {
    "fast-sigmoid": lambda slope: 1.0,
    "atan": lambda slope: slope / 2,
    "sigmoid": lambda slope: slope / 4,
    "triangle": lambda slope: 1.0,
    "rectangle": lambda slope: slope,
    "gaussian": lambda slope: slope / math.sqrt(2 * math.pi),
}


def at(surrogate: Surrogate, x: float) -> float:
    return surrogate.derivative(torch.tensor(x, dtype=torch.float64)).item()


@pytest.mark.parametrize("name", SURROGATES)
@pytest.mark.parametrize("slope", [0.5, 2.0, 5.0])
def test_derivative_has_the_height_and_the_area_of_its_formula(name, slope):
    surrogate = SURROGATES[name](slope)
    inside, _ = quad(lambda x: at(surrogate, x), 0, 0.5 / slope)
    outside, _ = quad(lambda x: at(surrogate, x), 0.5 / slope, math.inf)
    assert 2 * (inside + outside) == pytest.approx(AREA[name](slope), rel=1e-6)
    assert at(surrogate, 0.0) == pytest.approx(HEIGHT[name](slope))


@pytest.mark.parametrize("name", SURROGATES)
def test_a_slope_of_zero_is_flat(name):
    surrogate = SURROGATES[name](0.0)
    assert at(surrogate, 0.0) == at(surrogate, 9.0) == HEIGHT[name](0.0)


@pytest.mark.parametrize("name", SURROGATES)
def test_a_spike_is_strict_and_its_gradient_is_the_derivative_times_what_comes_back(name):
    surrogate = SURROGATES[name](2.0)
    x = torch.tensor([-0.2, 0.0, 1e-30, 0.1], dtype=torch.float64, requires_grad=True)
    spikes = surrogate(x)
    assert spikes.tolist() == [0, 0, 1, 1]
    back = torch.tensor([1.0, 2.0, 3.0, -1.0], dtype=torch.float64)
    spikes.backward(back)
    assert torch.equal(x.grad, back * surrogate.derivative(x.detach()))
    assert (x.grad != 0).all()
