"""Delays: a shift along time, channel by channel."""

import numpy as np
import pytest
import torch
from torch import nn

from hwsim.errors import RangeError
from snntrain import Delay, unroll


def late(x, delays):
    result = np.zeros_like(x)
    for channel, delay in enumerate(delays):
        if delay < len(x):
            result[delay:, :, channel] = x[: len(x) - delay, :, channel]
    return result


@pytest.mark.parametrize("shape", [(4,), (4, 3, 2)])
def test_each_channel_is_late_by_its_own_steps_and_zeros_come_in(shape):
    x = np.random.default_rng(0).integers(0, 9, (5, 3, *shape)).astype(np.float32)
    delays = [0, 2, 5, 1]
    shifted = unroll(Delay(torch.tensor(delays)), torch.from_numpy(x))
    assert (shifted.numpy() == late(x, delays)).all()


def test_one_number_delays_all_channels():
    x = np.random.default_rng(0).integers(0, 9, (5, 3, 4)).astype(np.float32)
    assert (unroll(Delay(2), torch.from_numpy(x)).numpy() == late(x, [2] * 4)).all()


def test_what_is_late_keeps_its_gradient_and_what_is_lost_has_none():
    x = torch.ones(3, 1, 1, requires_grad=True)
    unroll(Delay(1), x).sum().backward()
    assert x.grad is not None
    assert x.grad.flatten().tolist() == [1, 1, 0]


def test_delays_are_stored_with_the_weights_as_integers():
    delay = Delay(torch.tensor([0, 62]))
    assert delay.state_dict()["delay"].tolist() == [0, 62]
    assert delay.delay.dtype == torch.int64
    assert nn.Sequential(delay).double()[0].delay.dtype == torch.int64
    assert Delay(3).delay.shape == (1,)


@pytest.mark.parametrize("steps", [-1, 63, 1.5, torch.tensor([0, 63])])
def test_a_delay_that_no_synapse_has_is_refused(steps):
    with pytest.raises(RangeError, match=r"time steps do not fit 0\.\.62"):
        Delay(steps)


def test_unroll_leaves_one_step_behind():
    delay = Delay(1)
    unroll(delay, torch.zeros(4, 2, 3))
    assert delay.steps == 1
