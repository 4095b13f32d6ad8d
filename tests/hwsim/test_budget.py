"""Budgets: what is exceeded, what cannot be guarded, what is no budget."""

from dataclasses import replace

import pytest
from distinct_report import distinct_report

from hwsim._report.values import UNKNOWN
from hwsim.budget import FIGURES, parse_budget, require_within
from hwsim.errors import BudgetError, CheckError

REPORT = distinct_report()
NOTHING = replace(
    REPORT,
    per_inference=replace(
        REPORT.per_inference, energy_uj=UNKNOWN, latency_us=UNKNOWN, edp_uj_us=UNKNOWN,
        messages=None, hops=None, spikes_per_synapse=None,
    ),
    mapping=None,
)  # fmt: skip


def test_figures_are_those_under_per_inference_in_the_file():
    assert set(FIGURES) == REPORT.to_dict()["per_inference"].keys()


def test_numbers_are_read_as_written():
    assert parse_budget("energy_uj=12, latency_us = 500,synops=2e5,hops=0") == {
        "energy_uj": 12.0, "latency_us": 500.0, "synops": 200000.0, "hops": 0.0
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "energy_uj", "energy_uj=", "=3", "energy_uj=x", "energy=1",
                                  "energy_uj=-1", "energy_uj=nan", "energy_uj=inf",
                                  "energy_uj=1,energy_uj=2", "energy_uj=1,", "energy_uj=1=2",
                                  "table=1", "energy_uj=1;synops=2"])  # fmt: skip
def test_what_is_no_budget_is_refused_with_the_figures_there_are(text):
    with pytest.raises(CheckError) as error:
        parse_budget(text)
    assert len(error.value.problems) == 1
    assert all(name in error.value.hint for name in FIGURES)


def test_all_that_is_wrong_with_a_budget_is_listed_at_once():
    with pytest.raises(CheckError) as error:
        parse_budget("energy=x,synops=-1,,hops=nan,synops=2")
    assert list(error.value.problems) == [
        "'energy' is not a figure of per_inference",
        "energy = 'x' is not a number from 0 up",
        "synops = '-1' is not a number from 0 up",
        "a part is empty; write NAME=MOST",
        "hops = 'nan' is not a number from 0 up",
        "synops is given twice",
    ]


def test_a_range_counts_with_its_high_end_and_equality_is_within():
    require_within(REPORT, {"energy_uj": 2.2, "latency_us": 120, "edp_uj_us": 264, "synops": 1800})
    for name, most in (("energy_uj", 2.19999999), ("latency_us", 119), ("edp_uj_us", 263.9)):
        with pytest.raises(BudgetError, match=rf"{name} = .* at its high end exceeds"):
            require_within(REPORT, {name: most})


@pytest.mark.parametrize("name", FIGURES)
def test_each_figure_can_be_guarded(name):
    with pytest.raises(BudgetError, match=f"{name} = .* exceeds 0"):
        require_within(REPORT, {name: 0.0})
    require_within(REPORT, {name: 1e9})


def test_every_exceeded_figure_is_listed_with_how_much_it_is_over():
    with pytest.raises(BudgetError) as error:
        require_within(REPORT, {"synops": 900.0, "spikes": 80.0, "messages": 100.0, "steps": 5.0})
    assert error.value.message.splitlines() == [
        "budget of net on loihi1: 3 problem(s)",
        "  - synops = 1800 exceeds 900, 2 times the budget",
        "  - messages = 106 exceeds 100, 1.06 times the budget",
        "  - steps = 6 exceeds 5, 1.2 times the budget",
    ]


def test_a_hair_above_the_budget_is_seen_in_the_message():
    means = replace(REPORT.per_inference, synops=1800.00001)
    with pytest.raises(BudgetError, match=r"synops = 1800\.00001 exceeds 1800,"):
        require_within(replace(REPORT, per_inference=means), {"synops": 1800.0})


@pytest.mark.parametrize(
    ("name", "why"),
    [("energy_uj", "neuromorphic cores and transport"), ("latency_us", "time of every operation"),
     ("edp_uj_us", "time of every operation"), ("messages", "no mapping onto cores of loihi1"),
     ("hops", "no mapping"), ("spikes_per_synapse", "synapses were not counted")],
)  # fmt: skip
def test_a_figure_that_is_not_known_cannot_be_guarded_and_the_error_says_why(name, why):
    with pytest.raises(
        BudgetError, match=f"{name} is not known and cannot be guarded: .*{why}"
    ) as error:
        require_within(NOTHING, {name: 1e9})
    assert "--prices" in error.value.hint
    with pytest.raises(BudgetError) as error:
        require_within(NOTHING, {name: 1e9, "synops": 0.0})
    assert "make the network smaller" in error.value.hint
