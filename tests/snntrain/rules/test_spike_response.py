"""Windows, potentials and random trains of S-PSPs, spike by spike and in plain numbers."""

from collections import Counter
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from snntrain import Reset, Spiking
from snntrain.rules import spike_response
from snntrain.rules.spike_response import count_slopes, delayed, potentials, rest, windows

quick = settings(deadline=None, derandomize=True, database=None, max_examples=25)
STEPS = 12


def population(refractory=0, decay_u=0.5, decay_v=0.25):
    return Spiking(1, decay_u=decay_u, decay_v=decay_v, norm=False, refractory=refractory).double()


def train_of(times, steps=STEPS):
    """One train of one neuron, (steps, 1, 1)."""
    train = torch.zeros(steps, 1, 1, dtype=torch.float64)
    train[list(times)] = 1
    return train


def apart(drawn, refractory):
    """Those of the drawn times that a neuron at rest after each spike can have."""
    times = []
    for time in sorted(drawn):
        if not times or time > times[-1] + refractory:
            times.append(time)
    return times


@quick
@given(
    drawn=st.sets(st.integers(0, STEPS - 1)),
    refractory=st.integers(0, 4),
    decay=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
)
def test_a_window_is_one_at_a_spike_less_what_is_left_since_the_rest_before(
    drawn, refractory, decay
):
    times = apart(drawn, refractory)
    expected = [0.0] * STEPS
    for time in times:
        expected[time] += 1
    for before, time in pairwise(times):
        held = before + refractory
        expected[held] -= (1 - decay) ** (time - held)
    found = windows(population(refractory, decay_v=decay), train_of(times))
    assert found.flatten().tolist() == expected  # powers of 3/4 and 1/2: exact in float64


@quick
@given(
    drawn=st.sets(st.integers(0, STEPS - 1)),
    source=st.lists(st.integers(0, 1), min_size=STEPS, max_size=STEPS),
    refractory=st.integers(0, 3),
)
def test_windows_of_potentials_add_up_to_the_voltage_that_a_resetting_neuron_loses(
    drawn, source, refractory
):
    layer, times = population(refractory), apart(drawn, refractory)
    u = v = lost = 0.0
    waiting = 0
    for time, spike in enumerate(source):
        u = u / 2 + spike
        v = 0.0 if waiting else 0.75 * v + u
        waiting = max(waiting - 1, 0)
        if time in times:
            lost, v, waiting = lost + v, 0.0, refractory
    incoming = torch.tensor(source, dtype=torch.float64).reshape(STEPS, 1, 1)
    found = (windows(layer, train_of(times)) * potentials(layer, incoming)).sum().item()
    # both are sums of a few numbers below 10 in float64, in another order
    assert found == pytest.approx(lost, abs=1e-12)


def test_windows_of_many_neurons_and_samples_are_those_of_each_alone():
    layer = population(1)
    random = np.random.default_rng(4)
    trains = torch.zeros(STEPS, 3, 4, dtype=torch.float64)
    for sample, neuron in np.ndindex(3, 4):
        trains[apart(random.integers(0, STEPS, 5).tolist(), 1), sample, neuron] = 1
    found = windows(layer, trains)
    for sample, neuron in np.ndindex(3, 4):
        alone = trains[:, sample, neuron].reshape(STEPS, 1, 1)
        assert torch.equal(found[:, sample, neuron], windows(layer, alone).flatten())
    assert trains.max() == 1, "windows leave what they are given alone"


def test_a_potential_filters_twice_and_is_never_reset():
    source = torch.zeros(4, 1, 2, dtype=torch.float64)
    source[0, 0, 0] = source[2, 0, 1] = 8
    found = potentials(population(), source)
    # u: 8, 4, 2, 1; v = 3/4 v + u
    assert found[:, 0, 0].tolist() == [8, 10, 9.5, 8.125]
    assert found[:, 0, 1].tolist() == [0, 0, 8, 10]


def test_a_recurrent_message_is_one_step_late_and_the_last_is_not_heard():
    spikes = torch.arange(12.0).reshape(3, 2, 2)
    found = delayed(spikes)
    assert found[0].eq(0).all()
    assert torch.equal(found[1:], spikes[:-1])
    assert spikes[0, 0, 1] == 1


def test_only_a_refractory_neuron_rests():
    assert rest(population(3)) == 3
    assert rest(population(0)) == 0
    assert rest(Spiking(1, reset=Reset.SUBTRACT)) == 0


@pytest.mark.parametrize(("count", "refractory"), [(1, 0), (3, 0), (2, 2), (3, 1), (6, 0), (3, 2)])
def test_random_trains_are_all_that_there_are_about_as_often(count, refractory):
    steps = 7 if refractory == 2 else 6
    drawn = spike_response._random_trains(np.random.default_rng(1), steps, count, refractory)
    assert drawn.shape == (steps, 1000)
    found = Counter(tuple(np.flatnonzero(train)) for train in drawn.T)
    every = {
        times
        for times in combinations(range(steps), count)
        if all(b - a > refractory for a, b in pairwise(times))
    }
    assert set(found) == every
    mean = 1000 / len(every)
    # five standard deviations of a binomial count
    assert all(abs(n - mean) <= 5 * mean**0.5 for n in found.values())


def test_slopes_have_an_entry_for_every_count_that_fits_and_are_the_same_each_time():
    for steps, refractory, most in ((7, 0, 7), (7, 1, 4), (7, 2, 3), (8, 2, 3), (7, 6, 1)):
        slopes = count_slopes(steps, 0.5, 0.25, refractory)
        assert len(slopes) == most + 1
        assert slopes[0] == 0
        count_slopes.cache_clear()
        assert torch.equal(count_slopes(steps, 0.5, 0.25, refractory), slopes)


def test_without_memory_every_spike_removes_the_input_of_its_own_step():
    # u and v forget at once, so n spikes remove n of the constant inputs of 1 / steps
    slopes = count_slopes(8, 1.0, 1.0, 0)
    assert slopes[1:].tolist() == pytest.approx([1 / 8] * 8, abs=1e-9)  # a fit of a line
