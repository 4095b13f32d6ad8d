"""Tests of the two published break-even tests, at, inside and outside their limits."""

from dataclasses import replace

import numpy as np
import pytest

from hwsim import Connection, Cuba, Dense, Input, LeakyIntegrator, Population, Program, SigmaDelta
from hwsim._report.break_even import break_even, spikes_per_synapse
from hwsim._report.values import UNKNOWN, Bracket
from hwsim.counts import ConnectionCounts, Counts, PopulationCounts
from hwsim.simulate import run

NET = Program(
    "net",
    "loihi2",
    Input("in", (10,)),
    (Population("a", (10,), Cuba.integrator(64), 1),),
    (Connection("in", "a", Dense(np.full((10, 10), 2))),),
    "a",
)
"""100 synapses, 10 neurons."""


def counted(steps=5, synops=0, spikes=0, samples=2):
    """Counts of the network: operations of all samples, spikes of all of them."""
    updates = 10 * steps * samples
    return Counts(
        samples,
        steps,
        steps + 1,
        (PopulationCounts("a", 10, spikes, updates, updates, 0, 0, 0, 0),),
        (ConnectionCounts("in", "a", False, synops // 10, synops),),
    )


@pytest.mark.parametrize(
    ("synops", "verdict"),
    [
        (0, "pays"), (29, "pays"), (30, "depends"), (276, "depends"), (277, "does not pay"),
    ],
)  # fmt: skip
def test_spikes_per_synapse_against_0_15_and_1_38(synops, verdict):
    by_synapse, _ = break_even(counted(synops=synops), NET)
    assert by_synapse.value == synops / 2 / 100
    assert by_synapse.limits == Bracket(0.15, 1.38)
    assert by_synapse.verdict == verdict


@pytest.mark.parametrize(
    ("steps", "rate", "verdict", "limits"),
    [
        (5, 0.05, "pays", Bracket(0.057, 0.064)),
        (5, 0.06, "depends", Bracket(0.057, 0.064)),
        (5, 0.07, "does not pay", Bracket(0.057, 0.064)),
        (10, 0.06, "pays", Bracket(0.064, 0.064)),
        (10, 0.065, "does not pay", Bracket(0.064, 0.064)),
        (4, 0.05, "no figure", UNKNOWN),
        (11, 0.05, "no figure", UNKNOWN),
    ],
)
def test_spike_rate_against_the_limit_of_its_t(steps, rate, verdict, limits):
    _, by_rate = break_even(counted(steps, spikes=round(rate * 10 * steps * 20), samples=20), NET)
    assert by_rate.value == pytest.approx(rate)  # a quotient of whole numbers
    assert (by_rate.verdict, by_rate.limits) == (verdict, limits)


def test_reasons_are_sentences_with_the_numbers():
    by_synapse, by_rate = break_even(counted(synops=121, spikes=9), NET)
    assert by_synapse.reason == (
        "Each synapse is used 0.605 times per inference, within the published 0.15 to 1.38."
    )
    assert by_rate.reason == (
        "The mean spike rate is 9 % at T = 5, above the published 5.7 % to 6.4 %."
    )
    _, outside = break_even(counted(64), NET)
    assert outside.reason.endswith("at T = 64; the source has limits for T in 5..10 only.")


def test_leaking_neurons_are_said_to_cost_more_than_the_source_has():
    leaky = replace(NET, populations=(Population("a", (10,), Cuba.leaky(1, 64), 1),))
    by_synapse, _ = break_even(counted(synops=10), leaky)
    assert by_synapse.reason.endswith("and 1 of 1 populations leak, which costs more.")


def test_networks_that_send_numbers_have_no_figure():
    numbers = replace(NET, populations=(Population("a", (10,), SigmaDelta(64), 1),))
    for test in break_even(counted(synops=10, spikes=1), numbers):
        assert test.verdict == "no figure"
        assert "a send numbers" in test.reason


def test_a_readout_that_never_fires_does_not_lower_the_rate():
    readout = Population("v", (990,), LeakyIntegrator(0, 0), 2)
    more = replace(NET, populations=(*NET.populations, readout))
    silent = PopulationCounts("v", 990, 0, 9900, 0, 0, 0, 990, 0)
    counts = counted(spikes=10)
    counts = replace(counts, populations=(*counts.populations, silent))
    assert break_even(counts, more)[1].value == 10 / 100


def test_a_population_that_fires_by_itself_does_not_raise_the_rate():
    ones = Population("ones", (10,), Cuba.integrator(0, bias=64), 0)
    fires = PopulationCounts("ones", 10, 100, 100, 0, 0, 0, 0, 10)
    lit = Connection("ones", "a", Dense(np.full((10, 10), 2)))
    more = replace(NET, populations=(*NET.populations, ones), connections=(*NET.connections, lit))
    counts = counted(spikes=10)
    counts = replace(counts, populations=(*counts.populations, fires))
    assert break_even(counts, more)[1].value == 10 / 100


def test_networks_without_synapses_or_spiking_neurons_have_no_figure():
    readout = Population("v", (10,), LeakyIntegrator(0, 0), 1)
    bare = replace(NET, populations=(readout,), connections=(), output="v")
    counts = run(bare, np.ones((5, 2, 10), np.int64)).counts
    assert [test.verdict for test in break_even(counts, bare)] == ["no figure", "no figure"]
    assert spikes_per_synapse(counts, bare) is None


def test_synaptic_operations_of_a_run_are_divided_by_its_synapses():
    counts = run(NET, np.ones((5, 2, 10), np.int64)).counts
    assert spikes_per_synapse(counts, NET) == 5
