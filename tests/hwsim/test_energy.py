"""Tests of pricing: arithmetic by hand, missing prices, brackets, traces."""

from dataclasses import replace

import numpy as np
import pytest

from hwsim.chip import load_chip
from hwsim.counts import ConnectionCounts, Counts, Form, Kind, PopulationCounts
from hwsim.energy import Agreement, Context, Report, price
from hwsim.errors import FileError, MismatchError, UnsupportedError
from hwsim.files import read_npz
from hwsim.neurons import Cuba
from hwsim.program import Blank, Connection, Input, Population, Program
from hwsim.reporting import Simulation, counts_of_trace, report_of_trace, simulate_and_report
from hwsim.simulate import run
from hwsim.synapses import Conv2d, Dense, Sparse

LOIHI1, LOIHI2 = load_chip("loihi1"), load_chip("loihi2")
COUNTS = Counts(
    samples=2,
    steps=5,
    machine_steps=6,
    populations=(PopulationCounts("a", 10, 40, 100, 60, 1, 2, 3, 4),),
    connections=(
        ConnectionCounts("in", "a", True, 7, 70),
        ConnectionCounts("a", "a2", False, 40, 400),
    ),
)
SPIKES_ONLY = replace(COUNTS, connections=COUNTS.connections[1:])


def network():
    rng = np.random.default_rng(3)
    conv = Conv2d(2 * rng.integers(-9, 12, (2, 1, 3, 3)), padding=(1, 1))
    dense = Dense(2 * rng.integers(-9, 12, (3, 32)))
    return Program(
        "net",
        "loihi1",
        Input("pixels", (1, 4, 4), 0, 16),
        (
            Population("conv", (2, 4, 4), Cuba.leaky(1024, 64 * 60), 1),
            Population("fc", (3,), Cuba.leaky(0, 64 * 20), 2),
        ),
        (Connection("pixels", "conv", conv, graded=True), Connection("conv", "fc", dense)),
        "fc",
        period=6,
    )


def images(samples=4, steps=6):
    frame = np.random.default_rng(5).integers(0, 17, (samples, 1, 4, 4))
    return np.repeat(frame[None], steps, axis=0)


def test_energy_of_the_2018_table_by_hand():
    report = price(SPIKES_ONLY, LOIHI1, prices=["loihi1-2018"])
    expected = (400 * 23.6 + 60 * 81 + 40 * 52) / 2 / 1e6
    assert report.per_inference.energy_uj.low == pytest.approx(expected)  # sums of floats
    assert report.per_inference.energy_uj.high == pytest.approx(expected)


def test_energy_of_the_fitted_table_by_hand():
    still = replace(SPIKES_ONLY.populations[0], zero=30)  # of its 100 updates
    counts = replace(SPIKES_ONLY, populations=(still,))
    energy = price(counts, LOIHI1, prices=["loihi1-fitted"]).per_inference.energy_uj
    expected = 400 * 35.5 + 100 * 51.2 + 40 * 69.3 + 70 * 21.6
    assert energy.low == energy.high == pytest.approx(expected / 2 / 1e6)


def test_the_range_spans_all_tables_of_the_chip():
    both = price(SPIKES_ONLY, LOIHI1).per_inference.energy_uj
    each = [
        price(SPIKES_ONLY, LOIHI1, prices=[t.name]).per_inference.energy_uj for t in LOIHI1.prices
    ]
    assert both.low == min(e.low for e in each)
    assert both.high == max(e.high for e in each)


def test_energy_times_latency_is_of_each_table_alone_and_spans_them():
    report = price(SPIKES_ONLY, LOIHI1)
    low = [t.energy_uj.low * t.latency_us.low for t in report.energy.by_table]
    high = [t.energy_uj.high * t.latency_us.high for t in report.energy.by_table]
    edp = report.per_inference.edp_uj_us
    assert (edp.low, edp.high) == pytest.approx((min(low), max(high)))
    assert len(low) == 2


def test_latency_bracket_by_hand():
    report = price(SPIKES_ONLY, LOIHI1, prices=["loihi1-2018"])
    serial = (400 * 3.5 + 60 * 8.4 + 40 * 5.3) / 2
    assert report.per_inference.latency_us.low == pytest.approx(6 * 113 / 1e3)
    assert report.per_inference.latency_us.high == pytest.approx((6 * 465 + serial) / 1e3)


def test_graded_input_on_one_bit_messages_is_bracketed_by_its_payload():
    net, spikes = network(), images()
    run, report = simulate_and_report(net, spikes)
    fan_out = net.connections[0].synapse.fan_out(net.input.shape)
    (term,) = [t for t in report.energy.terms if t.table == "loihi1-2018" and "graded" in t.term]
    assert term.count * 4 == (np.count_nonzero(spikes, axis=(0, 1)) * fan_out).sum()
    assert term.count_high * 4 == (spikes.sum(axis=(0, 1)) * fan_out).sum()
    bound = price(run.counts, LOIHI1, program=net)
    assert [t.count_high for t in bound.energy.terms if t.term == term.term] == [16 * term.count]


def test_graded_input_without_the_program_is_named_as_missing():
    report = price(COUNTS, LOIHI1)
    assert any(
        "graded" in line and "not given the program" in line for line in report.energy.missing
    )
    assert not any("not given" in line for line in price(COUNTS, LOIHI2).energy.missing)


def test_graded_input_is_not_missing_if_the_program_bounds_it():
    _, report = simulate_and_report(network(), images())
    assert not any("graded" in line for line in report.energy.missing)


def test_labelled_connections_take_the_price_of_their_own_format():
    dense, sparse = Dense(2 * np.ones((3, 2), int)), Sparse.of(np.eye(3, 2, dtype=int))
    net = Program(
        "two", "loihi1", Input("in", (2,)), (Population("a", (3,), Cuba.leaky(0, 64), 1),),
        (Connection("in", "a", dense), Connection("in", "a", sparse, label="b")), "a",
    )  # fmt: skip
    _, report = simulate_and_report(net, np.ones((4, 5, 2), int))
    counted = {t.term: t.count for t in report.energy.terms if t.table == "loihi1-fitted"}
    assert counted["spike synaptic operations, dense"] == 4 * 2 * 3
    assert counted["spike synaptic operations, sparse"] == 4 * 2


def silenced():
    """Gap 1, period 5: the line sends in steps 1 and 6, the frames in steps 2 to 5."""
    weight = np.array([[2]])
    return Program(
        "gap", "loihi1", Input("in", (1,), 0, 9),
        (Population("a", (1,), Cuba.leaky(0, 64), 2),),
        (Connection("in", "a", Dense(weight), graded=True),
         Connection("line", "a", Dense(-weight))),
        "a", period=5, blank=Blank("line", 1),
    )  # fmt: skip


@pytest.mark.parametrize(("steps", "sent"), [(1, 0), (3, 2), (5, 4), (8, 4)])
def test_a_cut_run_with_a_gap_is_priced_by_the_frames_it_sent(tmp_path, steps, sent):
    net, file, trace = silenced(), tmp_path / "p.onnx", tmp_path / "t.npz"
    net.save(file)
    frames = np.full((4, 3, 1), 9)
    how = Simulation(steps=steps, trace=trace)
    _, report = simulate_and_report(net, frames, how)
    bounds = [
        (t.count, t.count_high)
        for t in report.energy.terms
        if t.table == "loihi1-2018" and "graded" in t.term
    ]
    assert bounds == [(sent, 9 * sent)] * (sent > 0)
    assert report.per_inference.input_messages == sent, "the blank line is not input"
    again = report_of_trace(file, trace)
    assert again.per_inference == report.per_inference
    assert again.energy.terms == report.energy.terms


def test_no_published_price_gives_null_and_names_every_operation():
    report = price(COUNTS, LOIHI2)
    energy = report.to_dict()["per_inference"]["energy_uj"]
    assert energy == {"low": None, "high": None}
    for name in ("spike synaptic operations", "graded synaptic operations", "neuron updates"):
        assert any(line.startswith(name) for line in report.energy.missing), name
    assert report.energy.covers.startswith("nothing")
    assert report.per_inference.latency_us.low == pytest.approx(6 * 0.2)


def test_one_table_without_a_price_makes_the_range_null():
    table = LOIHI1.table("loihi1-2018")
    terms = tuple(t for t in table.terms if t.name != "inactive_update")
    chip = replace(LOIHI1, prices=(replace(table, terms=terms), LOIHI1.prices[1]))
    report = price(COUNTS, chip)
    assert report.per_inference.energy_uj.low is None
    assert report.energy.by_table[1].energy_uj.low is not None
    assert "neuron updates: no published energy (table loihi1-2018)" in report.energy.missing


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        (("driven", "undriven"), True),
        (("driven", "idle", "zero"), True),
        (("nonzero_updates", "zero"), True),
        (("driven", "idle"), False),
        (("nonzero_updates",), False),
    ],
)
def test_updates_are_priced_by_any_parts_that_hold_them_all(parts, whole):
    table = LOIHI1.table("loihi1-2018")
    (update,) = (t for t in table.terms if t.name == "active_update")
    terms = [t for t in table.terms if "update" not in t.name]
    terms += [replace(update, name=part, counter=part) for part in parts]
    chip = replace(LOIHI1, prices=(replace(table, terms=tuple(terms)),))
    counts = replace(SPIKES_ONLY, populations=(replace(SPIKES_ONLY.populations[0], zero=7),))
    report = price(counts, chip)
    assert (report.per_inference.energy_uj.low is not None) is whole
    gap = "neuron updates: no published energy (table loihi1-2018)"
    assert (gap in report.energy.missing) is not whole
    if whole:
        expected = (400 * 23.6 + 100 * 81) / 2 / 1e6
        assert report.per_inference.energy_uj.low == pytest.approx(expected)


def test_an_operation_that_a_table_times_and_has_no_energy_for_is_named_and_leaves_no_figure():
    table = LOIHI1.table("loihi1-fitted")
    terms = tuple(replace(t, energy_pj=None) if t.counter == "spikes" else t for t in table.terms)
    report = price(SPIKES_ONLY, replace(LOIHI1, prices=(replace(table, terms=terms),)))
    assert "spike generation: no published energy (table loihi1-fitted)" in report.energy.missing
    assert report.per_inference.energy_uj.low is None
    silent = replace(SPIKES_ONLY, populations=(replace(SPIKES_ONLY.populations[0], spikes=0),))
    report = price(silent, replace(LOIHI1, prices=(replace(table, terms=terms),)))
    assert report.per_inference.energy_uj.low is not None


def test_all_in_figures_with_and_without_static_power_make_no_range():
    table = LOIHI2.table("loihi2-yolo")
    chip = replace(LOIHI2, prices=(table, replace(table, name="whole", all_in_dynamic=False)))
    report = price(SPIKES_ONLY, chip)
    assert report.per_inference.energy_uj.low is None
    mixed = "(all-in without static power: loihi2-yolo; all-in: whole)"
    assert any(mixed in line for line in report.energy.missing)


def test_a_price_is_missing_only_for_what_was_counted():
    table = LOIHI1.table("loihi1-2018")
    terms = tuple(t for t in table.terms if t.name != "inactive_update")
    chip = replace(LOIHI1, prices=(replace(table, terms=terms),))
    busy = replace(SPIKES_ONLY, populations=(replace(SPIKES_ONLY.populations[0], driven=100),))
    assert price(busy, chip).per_inference.energy_uj.low is not None
    assert price(SPIKES_ONLY, chip).per_inference.energy_uj.low is None


@pytest.mark.parametrize(("steps", "cut"), [(5, True), (7, True), (8, False), (None, False)])
def test_a_run_that_ends_before_the_last_answer_says_so(steps, cut):
    program = network()  # 6 frames, and a latency of 2
    counts = run(program, images(), steps=steps).counts
    notes = price(counts, LOIHI1, program=program).energy.notes
    assert any(note.startswith("The run was cut") for note in notes) is cut


def test_system_figures_are_never_prices():
    assert LOIHI2.system
    assert all(p.energy_pj is None for t in LOIHI2.prices for p in t.terms if not t.all_in)


def test_the_all_in_figure_of_loihi2_stands_apart_and_is_chosen_by_name():
    counts = replace(
        SPIKES_ONLY, connections=(replace(SPIKES_ONLY.connections[0], nonzero_synops=300),)
    )
    both = price(counts, LOIHI2)
    assert both.per_inference.energy_uj.low is None
    assert "choose among them" in " ".join(both.energy.missing)
    assert "different things" in both.energy.covers
    (line,) = [m for m in both.energy.missing if m.startswith("neuron updates: ")]
    assert line == ("neuron updates: no published energy (tables loihi2-times, loihi2-derived)")
    alone = price(counts, LOIHI2, prices=["loihi2-yolo"])
    assert alone.per_inference.energy_uj.high == pytest.approx(300 * 22.0 / 2 / 1e6)
    assert "dynamic power" in alone.energy.covers


def test_what_is_left_out_is_always_named():
    text = " ".join(price(SPIKES_ONLY, LOIHI1).energy.missing)
    for word in ("transport", "barrier", "static", "x86"):
        assert word in text


def test_a_chip_without_tables_gives_null():
    report = price(COUNTS, replace(LOIHI1, prices=()))
    assert report.per_inference.energy_uj.low is None
    assert report.per_inference.latency_us.low is None
    assert "everything" in report.energy.missing[0]


def test_unknown_table_is_refused_with_the_known_ones():
    with pytest.raises(UnsupportedError, match="loihi1-2018, loihi1-fitted"):
        price(COUNTS, LOIHI1, prices=["loihi1-2019"])


def test_layers_and_headline_are_means_per_sample():
    report = price(COUNTS, LOIHI1)
    (layer,) = report.layers
    assert (layer.spikes, layer.synops, layer.neuron_updates) == (20, 35, 50)
    assert layer.rate == 0.4
    assert (layer.wraps, layer.saturations, layer.silent, layer.always_firing) == (1, 2, 3, 4)
    assert report.per_inference.synops == 235
    assert report.per_inference.input_messages == 3.5


def test_a_layer_has_the_means_of_its_updates_fetches_and_kinds_of_operations():
    (first, second), (a,) = COUNTS.connections, COUNTS.populations
    first = replace(first, kind=Kind.ANALOGUE, nonzero_synops=30)
    second = replace(second, target="a", form=Form.SPARSE, nonzero_synops=100)
    counts = replace(
        COUNTS, connections=(first, second), populations=(replace(a, zero=6, bias_adds=8),)
    )
    (layer,) = price(counts, LOIHI1).layers
    assert (layer.driven, layer.idle, layer.zero, layer.bias_adds) == (30, 17, 3, 4)
    assert (layer.synops, layer.nonzero_synops) == (235, 65)
    assert (layer.weight_fetches, layer.index_fetches) == (235, 200)
    assert layer.synops_by_kind == {"analogue": 35, "spike": 200}


def test_conv_and_dense_take_their_own_prices_with_the_program():
    run, report = simulate_and_report(network(), images())
    used = {t.term: t.price_pj for t in report.energy.terms if t.table == "loihi1-fitted"}
    assert used["spike synaptic operations, dense"] == 35.5
    assert used["graded-input synaptic operations, convolution, as 1 to k spikes"] == 24.0
    taps = sum(3 - (i in (0, 3)) for i in range(4)) ** 2  # of a 3x3 kernel, padding 1, on 4x4
    synapses = taps * 2 + 32 * 3
    assert report.per_inference.spikes_per_synapse == pytest.approx(
        run.counts.synops / 4 / synapses
    )


def test_simulate_writes_what_it_is_asked_and_knows_the_accuracy(tmp_path):
    how = Simulation(
        trace=tmp_path / "t.npz", report=tmp_path / "r.json", html=tmp_path / "r.html", state=True
    )
    run, _ = simulate_and_report(network(), images(), how)
    context = Context(data="d", split="s", agreement={"lava": Agreement(4, 100, 0)})
    labels = run.predictions.copy()
    labels[1] = (labels[1] + 1) % 3
    _, report = simulate_and_report(network(), images(), how, context=context, labels=labels)
    assert report.context.accuracy_program == 1 - 1 / len(labels)
    assert report.context.program == "net"
    assert Report.load(tmp_path / "r.json") == report
    assert "conv/u" in read_npz(tmp_path / "t.npz")
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")


def test_a_trace_is_counted_as_the_run_was(tmp_path):
    how = Simulation(trace=tmp_path / "t.npz")
    run, _ = simulate_and_report(network(), images(), how)
    arrays = read_npz(how.trace)
    assert counts_of_trace(network(), arrays) == run.counts
    wrong = {**arrays, "fc/spikes": 1 - arrays["fc/spikes"]}
    with pytest.raises(MismatchError, match="fc: step 1, sample 0, neuron"):
        counts_of_trace(network(), wrong)
    with pytest.raises(MismatchError, match="shape"):
        counts_of_trace(network(), {**arrays, "fc/spikes": arrays["fc/spikes"][:, :2]})
    with pytest.raises(FileError, match="has no input"):
        counts_of_trace(network(), {k: v for k, v in arrays.items() if k != "input"})


@pytest.mark.parametrize(("weight", "wraps"), [(2**19 - 1, False), (2**19, True)])
def test_a_report_names_the_connections_whose_sums_may_wrap(weight, wraps):
    program = Program(
        "one", "loihi1", Input("in", (1, 1, 1), 0, 16),
        (Population("a", (1, 1, 1), Cuba.leaky(0, 64), 1),),
        (Connection("in", "a", Conv2d(np.full((1, 1, 1, 1), weight)), graded=True),), "a",
    )  # fmt: skip
    counts = run(program, np.full((2, 1, 1, 1, 1), 16)).counts
    notes = price(counts, LOIHI1, program=program).energy.notes
    assert any(note.startswith("Sums of in->a may wrap") for note in notes) is wraps


def test_without_an_energy_over_all_tables_there_is_no_energy_times_latency():
    spike, *rest = LOIHI1.prices[0].terms
    unpriced = replace(
        LOIHI1.prices[0], name="timed", terms=(replace(spike, energy_pj=None), *rest)
    )
    chip = replace(LOIHI1, prices=(LOIHI1.prices[0], unpriced))
    report = price(SPIKES_ONLY, chip)
    assert report.per_inference.latency_us.low is not None
    assert report.per_inference.energy_uj.low is None
    assert report.per_inference.edp_uj_us.low is None
    alone = price(SPIKES_ONLY, chip, prices=["loihi1-2018"])
    assert alone.per_inference.edp_uj_us.low > 0


def test_no_price_table_chosen_is_not_said_to_be_the_chips_lack():
    missing = price(SPIKES_ONLY, LOIHI1, prices=[]).energy.missing
    assert missing[0] == "everything: no price table is used"
