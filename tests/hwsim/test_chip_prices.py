"""Tests of the prices that chip files hold, and of pricing on a chip that runs no programs."""

from dataclasses import replace

import numpy as np
import pytest

from hwsim._chip_values import BASELINE_COUNTERS, COUNTERS
from hwsim._report.table import chip_text
from hwsim.chip import chip_names, load_chip
from hwsim.counts import ConnectionCounts, Counts, PopulationCounts
from hwsim.energy import Report, price
from hwsim.neurons import Cuba
from hwsim.program import Connection, Input, Population, Program
from hwsim.reporting import Simulation, simulate_and_report
from hwsim.synapses import Dense

COUNTS = Counts(
    samples=2,
    steps=5,
    machine_steps=6,
    populations=(PopulationCounts("a", 10, 40, 100, 60, 1, 2, 3, 4),),
    connections=(ConnectionCounts("a", "a2", False, 40, 400),),
)
"""Two samples with 400 spike synaptic operations and 100 neuron updates."""


def microjoules(synops_pj, updates_pj=0.0):
    return pytest.approx((400 * synops_pj + 100 * updates_pj) / 2 / 1e6)  # sums of floats


def energies(chip, *tables):
    report = price(COUNTS, load_chip(chip), prices=tables or None)
    energy = report.per_inference.energy_uj
    return energy.low, energy.high, report.energy


def test_truenorths_range_spans_its_three_operating_points_and_holds_the_neurons():
    low, high, energy = energies("truenorth")
    assert (low, high) == (microjoules(2.5), microjoules(26))
    assert not any("neuron" in line for line in energy.missing)
    assert energy.covers.startswith("the whole chip at its operating point (truenorth-2014")
    for point in ("72 mW at 20 Hz", "65 mW at 20 Hz", "58 GSOPS"):
        assert any(point in note for note in energy.notes), point


def test_all_in_tables_and_others_make_no_range_and_each_alone_has_its_figure():
    low, high, energy = energies("odin")
    assert (low, high) == (None, None)
    mixed = "(not all-in: odin-incremental; all-in: odin-accelerated, odin-biological)"
    assert any(mixed in line for line in energy.missing)
    assert energy.covers == "nothing: the tables price different things"
    each = {t.name: t.energy_uj.low for t in energy.by_table}
    assert each["odin-incremental"] == microjoules(8.43)
    assert energies("odin", "odin-incremental")[:2] == (microjoules(8.43), microjoules(8.43))
    both = energies("odin", "odin-accelerated", "odin-biological")
    assert both[:2] == (microjoules(12.7), microjoules(54))


def test_the_two_origins_of_spinnaker2_stand_apart_and_the_incomplete_one_is_named():
    low, _, energy = energies("spinnaker2")
    assert low is None
    assert "neuron updates: no published energy (table spinnaker2-2021)" in energy.missing
    synops = {t.table: t.energy_uj for t in energy.terms if t.term == "spike synaptic operations"}
    assert synops["spinnaker2-2019"] == pytest.approx(45 * synops["spinnaker2-2021"])
    assert energies("spinnaker2", "spinnaker2-2019")[0] == microjoules(450, 2190)


@pytest.mark.parametrize("chip", ["seneca", "cmos45"])
def test_a_price_of_synapses_alone_is_no_energy_and_says_that_neurons_are_missing(chip):
    low, high, energy = energies(chip)
    assert (low, high) == (None, None)
    assert any(line.startswith("neuron updates: no published") for line in energy.missing)
    assert energy.terms


@pytest.mark.parametrize("chip", ["akida", "speck", "xylo"])
def test_a_chip_of_which_only_systems_were_measured_has_no_energy(chip):
    low, high, energy = energies(chip)
    assert (low, high) == (None, None)
    assert energy.missing[0] == f"everything: chip {chip} has no price table"
    assert energy.terms == ()
    assert load_chip(chip).system


def test_the_baseline_prices_conventional_operations_and_no_spiking_run():
    chip = load_chip("cmos45")
    assert "cmos45-operations" not in price(COUNTS, chip).energy.tables
    baseline = chip.table("cmos45-operations").baseline
    assert {p.counter for p in baseline} == BASELINE_COUNTERS
    assert not BASELINE_COUNTERS & COUNTERS
    pj = {p.counter: p.energy_pj for p in baseline}
    for kind in ("int8", "fp32"):
        spike, graded = chip.table(f"cmos45-{kind}").terms
        assert spike.energy_pj == pj[f"{kind}_adds"]
        assert graded.energy_pj == pytest.approx(pj[f"{kind}_adds"] + pj[f"{kind}_mults"])


def test_derived_figures_follow_from_what_they_are_derived_from():
    truenorth, odin = load_chip("truenorth"), load_chip("odin")
    events_per_hz = 128 * 4096 * 256
    slope = (94e-3 - 68e-3) / ((95.93 - 11.58) * events_per_hz)
    system = {f.name: f.value for f in truenorth.system}
    assert system["energy_of_one_more_event"] == round(slope * 1e12, 1)
    spikes = {t.name: t.terms[0].energy_pj for t in (*truenorth.prices, *odin.prices)}
    assert spikes["truenorth-2015"] == round(1e12 / 46e9, 1)
    assert spikes["truenorth-2015-peak"] == 1e12 / 400e9
    assert spikes["odin-accelerated"] == round(477e-6 / 37.5e6 * 1e12, 1)
    assert spikes["odin-biological"] == round(35e-6 / 650e3 * 1e12)
    modelled = 27.3e-6 + 1.78e-6 * 75 + spikes["odin-incremental"] * 1e-12 * 37.5e6
    assert round(modelled * 1e6) == 477


def network(chip):
    dense = Dense(np.array([[2, -4], [6, 8]]))
    return Program(
        "net", chip, Input("in", (2,), 0, 9), (Population("a", (2,), Cuba.leaky(0, 64), 1),),
        (Connection("in", "a", dense, graded=True),), "a",
    )  # fmt: skip


def test_a_program_is_priced_on_another_chip_and_the_report_says_whose_it_is():
    frames = np.full((3, 1, 2), 5)
    how = Simulation(chip=load_chip("truenorth"))
    _, report = simulate_and_report(network("loihi2"), frames, how)
    assert report.chip == "truenorth"
    assert report.energy.notes[0].startswith("The program was made for loihi2 and is priced as")
    synops = 3 * 2 * 2
    assert report.per_inference.energy_uj.low == pytest.approx(2.5 * synops / 1e6)
    assert report.per_inference.energy_uj.high == pytest.approx(26 * 5 * synops / 1e6)
    _, own = simulate_and_report(network("loihi1"), frames)
    assert not any("was made for" in note for note in own.energy.notes)


def test_a_price_without_energy_does_not_hold_what_it_would_include():
    table = load_chip("odin").table("odin-accelerated")
    unpriced = tuple(replace(term, energy_pj=None) for term in table.terms)
    chip = replace(load_chip("odin"), prices=(replace(table, terms=unpriced),))
    missing = price(COUNTS, chip).energy.missing
    assert any(line.startswith("neuron updates: no published energy") for line in missing)


@pytest.mark.parametrize("name", chip_names())
def test_the_command_shows_every_limit_price_and_source_of_a_chip(monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "2000")
    chip = load_chip(name)
    text = chip_text(chip)
    for figure in (*chip.limits, *chip.system):
        assert figure.unit in text
        assert figure.source in text
    for table in chip.prices:
        shown = text.split(f"Prices {table.name}:")[1].split("\nPrices ")[0]
        for part in (table.kind, table.voltage, table.node, table.source, table.all_in, table.note):
            assert part in shown
        for p in (*table.terms, *table.transport, *table.baseline):
            (line,) = [row for row in shown.splitlines() if row.startswith(f" {p.label} ")]
            costs = [f"{cost:g}" for cost in (p.energy_pj, p.time_ns) if cost is not None]
            assert {*costs, *filter(None, [p.counter])} <= set(line.split()), p
            assert all(own in shown for own in (p.kind, p.source, p.note))


def test_the_report_shows_the_figure_of_each_table_where_there_is_no_range():
    text = price(COUNTS, load_chip("spinnaker2")).table()
    rows = [line.split(None, 2) for line in text.splitlines() if "energy, spinnaker2-" in line]
    assert [row[1:] for row in rows] == [
        ["spinnaker2-2019", "0.200 uJ"],
        ["spinnaker2-2021", "not known"],
    ]


@pytest.mark.parametrize("name", chip_names())
def test_a_report_on_any_chip_renders_and_is_read_back_equal(tmp_path, name):
    report = price(COUNTS, load_chip(name))
    report.save(tmp_path / "r.json")
    assert Report.load(tmp_path / "r.json") == report
    assert name in report.table()
    assert "<svg" in report.html()
