"""The numbers of a network of integers: what rounds to what, and the chip's arithmetic on them."""

import numpy as np
import pytest
import torch

from hwsim.arith import STATE_LIMIT, Integer, bias_fits, round_bias, truncate_weights
from hwsim.chip import load_chip
from hwsim.neurons import Cuba, CubaSubtract
from snntrain import FastSigmoid, Spiking, unroll
from snntrain._integers import BiasRegister, Exact, OnGrid, Register
from snntrain.hardware import on_chip, real_network

EXACT, MACHINE = Exact(FastSigmoid(2.0)), Integer()
LOIHI = load_chip("loihi1")


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_weights_in_use_are_what_a_synapse_of_mixed_signs_keeps_of_them(bits):
    grid = OnGrid(3, bits, recurrent=False)
    grid.factor.copy_(torch.tensor([1.0, 100.0, 3000.0]))
    weight = torch.linspace(-1, 1, 60).reshape(3, 20)
    integers = grid(weight).numpy().astype(np.int64)
    assert np.array_equal(truncate_weights(integers, bits), integers)
    step, top = 1 << (9 - bits), 256 - (1 << (9 - bits))
    wanted = np.clip(weight.numpy() * grid.factor.numpy()[:, None], -top, top)
    assert np.abs(integers - wanted).max() <= step / 2
    assert np.abs(integers[2]).max() == top


def test_a_value_is_what_each_integer_brings_row_by_row():
    grid = OnGrid(2, 8, recurrent=False)
    grid.value.copy_(torch.tensor([4.0, 0.5]))
    assert grid(torch.full((2, 1), 10.0)).flatten().tolist() == [40.0, 5.0]


@pytest.mark.parametrize(
    ("rounding", "end"),
    [
        (OnGrid(4, 8, recurrent=False), 254.0),
        (Register((-640, 640), 64, torch.ones(())), 640.0),
        (
            BiasRegister(4, LOIHI.bias),
            float(LOIHI.bias.mantissa_limit << LOIHI.bias.exponent_limit),
        ),
    ],
)
def test_gradients_reach_the_reals_behind_integers_unless_they_lead_out_of_the_range(rounding, end):
    value = torch.tensor([0.6, end, 2 * end, -2 * end], requires_grad=True)
    rounding(value).sum().backward()
    lowered, value.grad = value.grad, None
    (-rounding(value).sum()).backward()
    assert lowered is not None
    assert value.grad is not None
    assert lowered.tolist() == [1.0, 1.0, 1.0, 0.0]
    assert value.grad.tolist() == [-1.0, -1.0, 0.0, -1.0]


def test_a_register_holds_multiples_of_its_step_within_its_limits():
    register = Register((64, 640), 64, torch.tensor([1.0, 0.5]))
    assert register(torch.tensor([97.0, 97.0])).tolist() == [128.0, 192.0]
    assert register(torch.tensor([0.0, 1e6])).tolist() == [64.0, 640.0]


def test_biases_are_those_that_mantissa_and_exponent_hold():
    limits = LOIHI.bias.mantissa_limit, LOIHI.bias.exponent_limit
    values = torch.cat([torch.linspace(-6e5, 6e5, 999), torch.linspace(-5000, 5000, 999)])
    held = BiasRegister(len(values), LOIHI.bias)(values).numpy().astype(np.int64)
    assert bias_fits(held, *limits).all()
    inside = np.abs(values.numpy()) < 4095 << 7
    wanted = round_bias(values.numpy(), *limits)
    distance = np.abs(wanted - values.numpy())
    assert (np.abs(held - values.numpy())[inside] <= distance[inside] + 1).all()
    assert np.array_equal(round_bias(held, *limits), held)


@pytest.mark.parametrize("kind", [Cuba, CubaSubtract])
def test_the_arithmetic_is_the_machines_on_random_numbers_wraps_and_clips_included(kind):
    random = np.random.default_rng(3)
    size = 4000
    registers = {
        "decay_u": random.integers(0, 4097, size),
        "decay_v": random.integers(0, 4097, size),
        "threshold": 64 * random.integers(1, 131072, size),
        "bias": random.integers(-(2**19), 2**19, size),
    }
    low, high = -STATE_LIMIT + 1, STATE_LIMIT
    state = tuple(random.integers(low, high, size) for _ in range(2))
    for scale in (100, STATE_LIMIT, 4 * STATE_LIMIT):
        x = random.integers(-scale, scale + 1, size)
        ours, after = kind(**{n: torch.tensor(r).double() for n, r in registers.items()}).step(
            EXACT, tuple(torch.tensor(s).double() for s in state), torch.tensor(x).double()
        )
        theirs, state = kind(**registers).step(MACHINE, state, x)
        assert np.array_equal(ours.numpy(), theirs)
        for one, other in zip(after, state, strict=True):
            assert np.array_equal(one.numpy(), other)


@pytest.mark.parametrize("value", [-2 * STATE_LIMIT, -STATE_LIMIT, STATE_LIMIT, 2 * STATE_LIMIT])
def test_registers_wrap_and_saturate_at_either_end_alone(value):
    x = torch.tensor([value, 0]).double()
    for name in ("wrap", "clip"):
        ours, theirs = getattr(EXACT, name)(x), getattr(MACHINE, name)(np.array([value, 0]))
        assert ours.tolist() == theirs.tolist()


def test_the_surrogate_sees_the_distance_to_the_threshold_in_thresholds():
    v = torch.tensor([96.0], dtype=torch.float64, requires_grad=True)
    threshold = torch.tensor([64.0], dtype=torch.float64, requires_grad=True)
    EXACT.fire(v, threshold).backward()
    assert v.grad is not None
    assert threshold.grad is not None
    wanted = FastSigmoid(2.0).derivative(torch.tensor(0.5)).item() / 64
    assert (v.grad.item(), threshold.grad.item()) == pytest.approx((wanted, -wanted))


def test_a_copy_as_a_network_of_reals_leaves_the_integers_as_they_were():
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Linear(6, 4), Spiking(4, decay_u=0.5, learned=["decay_u"])
    )
    hard = on_chip(module, LOIHI, 8)
    sequence = torch.ones(3, 2, 6)
    before, names = unroll(hard, sequence), [n for n, _ in hard.named_parameters()]
    real = real_network(hard)
    assert torch.equal(unroll(hard, sequence), before)
    assert [n for n, _ in hard.named_parameters()] == names
    assert torch.equal(real[0].weight, hard[0].weight)  # pyright: ignore
    assert real[1].decay_u.item() == 0.5  # pyright: ignore
    assert hard[1].decay_u.item() == 2048  # pyright: ignore
