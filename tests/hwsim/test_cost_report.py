"""The full report: what is in it, of how many samples, and what it says when a part cannot be."""

from dataclasses import replace

import numpy as np
import pytest
from mappings import LOIHI1, LOIHI2, chain, limited

from hwsim import cost_report as module
from hwsim import load_chip, reporting, run
from hwsim.cost_report import Ran, full_report
from hwsim.errors import UnsupportedError
from hwsim.reporting import Simulation, simulate_and_report


def drawn_weights(rng, c):
    return 2 * rng.integers(-5, 20, c.synapse.weight.shape)


def case(samples=5):
    rng = np.random.default_rng(0)
    program = chain((12,), 10, 3)
    weights = [
        replace(
            c, synapse=replace(c.synapse, weight=2 * rng.integers(-5, 20, c.synapse.weight.shape))
        )
        for c in program.connections
    ]
    program = replace(program, connections=weights)
    inputs = rng.integers(0, 2, (8, samples, 12))
    return program, inputs, rng.integers(0, 3, samples)


def test_every_part_is_there_and_of_the_run():
    program, inputs, labels = case()
    counts = run(program, inputs).counts
    report = full_report(program, Ran(inputs, counts, labels=labels), LOIHI1)
    assert report.mapping is not None
    assert {t.table for t in report.latency} == {"loihi1-2018", "loihi1-fitted"}
    assert all(t.samples == 5 for t in report.latency)
    assert report.baseline.samples == 5
    assert len(report.break_even) == 2
    assert report.over_steps[-1].steps == 8
    assert report.over_steps[-1].synops == pytest.approx(counts.synops / 5)
    predictions = run(program, inputs).predictions
    assert report.over_steps[-1].accuracy == np.mean(predictions == labels)
    names = ["in", "layer0", "layer1"]
    assert [layer.name for layer in report.raster.layers] == names


def test_a_recorded_run_gives_the_same_report():
    program, inputs, labels = case()
    plain = full_report(program, Ran(inputs, run(program, inputs).counts, labels=labels), LOIHI1)
    recorded = run(program, inputs, record="spikes")
    ran = Ran(inputs, recorded.counts, recorded.trace, labels)
    assert full_report(program, ran, LOIHI1) == plain


def test_only_as_many_samples_are_recorded_as_fit_and_each_figure_says_of_how_many(monkeypatch):
    program, inputs, labels = case()
    counts = run(program, inputs).counts
    monkeypatch.setattr(module, "_VALUES", 2 * 13 * 10)
    report = full_report(program, Ran(inputs, counts, labels=labels), LOIHI1)
    assert report.samples == 5
    assert {t.samples for t in report.latency} == {2}
    assert report.baseline.samples == 2
    assert {point.samples for point in report.over_steps} == {2}
    assert report.per_inference.synops == counts.synops / 5
    monkeypatch.setattr(module, "_VALUES", 1)
    least = full_report(program, Ran(inputs, counts, labels=labels), LOIHI1)
    assert {t.samples for t in least.latency} == {1}


def test_a_network_that_does_not_fit_is_priced_without_transport_and_the_reason_is_named():
    program, inputs, _ = case()
    counts = run(program, inputs).counts
    chip = limited(LOIHI1, input_axons_per_core=4)
    report = full_report(program, Ran(inputs, counts), chip)
    assert report.mapping is None
    missing = " ".join(report.energy.missing)
    assert "cannot be mapped" in missing
    assert "layer0" in missing
    assert report.per_inference.energy_uj.low > 0
    assert report.latency == ()


def test_a_chip_that_only_prices_has_no_mapping_and_says_nothing_of_one():
    program, inputs, _ = case()
    counts = run(program, inputs).counts
    report = full_report(program, Ran(inputs, counts), load_chip("truenorth"))
    assert report.mapping is None
    assert "cannot be mapped" not in " ".join(report.energy.missing)


def test_a_cut_run_has_no_baseline_and_says_why():
    program, inputs, _ = case()
    counts = run(program, inputs, steps=4).counts
    report = full_report(program, Ran(inputs, counts), LOIHI1)
    assert report.baseline is None
    assert "no conventional baseline" in " ".join(report.energy.notes)
    assert all(t.samples == 5 for t in report.latency)


def test_times_of_nonzero_synapses_are_counted_only_for_tables_that_use_them(monkeypatch):
    program, inputs, _ = case()
    counts, asked = run(program, inputs).counts, []
    real = module.step_loads

    def spy(*args, nonzero):
        asked.append(nonzero)
        return real(*args, nonzero=nonzero)

    monkeypatch.setattr(module, "step_loads", spy)
    full_report(program, Ran(inputs, counts), LOIHI1)
    spike = replace(LOIHI2.prices[0].terms[0], counter="nonzero_synops", time_ns=1.0)
    table = replace(LOIHI2.prices[0], terms=(spike,))
    full_report(program, Ran(inputs, counts), replace(LOIHI2, prices=(table,)))
    assert asked == [False, True]


def test_a_table_with_barriers_and_no_time_for_nonzero_synapses_has_no_latency():
    program, inputs, _ = case()
    counts = run(program, inputs).counts
    table = LOIHI2.table("loihi2-derived")
    (synop,) = (t for t in table.terms if t.counter == "nonzero_synops")
    untimed = replace(table, terms=(replace(synop, time_ns=None, energy_pj=1.0),))
    report = full_report(program, Ran(inputs, counts), replace(LOIHI2, prices=(untimed,)))
    assert report.latency == ()


def test_simulate_writes_the_full_report(tmp_path):
    program, inputs, labels = case()
    how = Simulation(report=tmp_path / "r.json")
    _, report = simulate_and_report(program, inputs, how, labels=labels)
    assert report.baseline is not None
    assert report.mapping is not None
    assert type(report).load(tmp_path / "r.json") == report


def test_a_network_too_large_to_record_one_sample_of_is_not_run_again_for_fewer_frames(monkeypatch):
    program, inputs, labels = case()
    counts = run(program, inputs).counts
    for most, known in ((13 * 10, True), (13 * 10 - 1, False)):  # neurons x machine steps
        monkeypatch.setattr(module, "_VALUES", most)
        report = full_report(program, Ran(inputs, counts, labels=labels), LOIHI1)
        assert bool(report.over_steps) == known
        said = "would run again for each number of frames" in " ".join(report.energy.notes)
        assert said != known


def test_an_unknown_price_table_is_refused_before_anything_runs(tmp_path, monkeypatch):
    program, inputs, _ = case()
    monkeypatch.setattr(reporting, "run", lambda *args, **options: pytest.fail("it ran"))
    with pytest.raises(UnsupportedError, match="no price table 'loihi1-2019'"):
        simulate_and_report(program, inputs, Simulation(prices=("loihi1-2018", "loihi1-2019")))


def test_the_trace_of_a_run_is_kept_whatever_becomes_of_its_report(tmp_path, monkeypatch):
    program, inputs, _ = case()
    monkeypatch.setattr(reporting, "full_report", lambda *args, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        simulate_and_report(program, inputs, Simulation(trace=tmp_path / "t.npz"))
    assert (tmp_path / "t.npz").exists()
