import numpy as np
from hand_graphs import CHIP, added, residual

from snnexport.interpret import interpret
from snnexport.passes.calibration import Calibration, code_input
from snnexport.passes.choices import Choices, LayerChoice
from snnexport.passes.errors import error_report, error_table
from snnexport.passes.quantize import quantize


def report(graph, quantized, frames):
    return {r.layer: r for r in error_report(graph, quantized, frames)}


def test_a_coarse_layer_spoils_itself_alone_and_all_that_follow_together(rng):
    graph, frames = residual(rng), rng.integers(0, 2, (5, 40, 1, 8, 8))
    fine = report(graph, quantize(graph, CHIP, Calibration(0, 1)), frames)
    choices = Choices(layers={"a": LayerChoice(weight_bits=2)})
    coarse = report(graph, quantize(graph, CHIP, Calibration(0, 1), choices), frames)
    assert coarse["a"].single_sqnr_db < fine["a"].single_sqnr_db - 15
    assert coarse["b"].single_sqnr_db == fine["b"].single_sqnr_db
    assert coarse["b"].cumulative_sqnr_db < fine["b"].cumulative_sqnr_db - 5
    assert coarse["a"].single_differing == coarse["a"].cumulative_differing > 0
    assert coarse["out"].single_differing <= coarse["out"].cumulative_differing


def test_rates_and_shares_are_those_of_both_networks(rng):
    graph, frames = residual(rng), rng.integers(0, 256, (5, 20, 1, 8, 8))
    quantized = quantize(graph, CHIP, Calibration(0, 255))
    real = interpret(graph, frames).spikes
    whole = interpret(quantized, code_input(frames, quantized.step)).spikes
    for name, row in report(graph, quantized, frames).items():
        assert row.real_rate == (real[name] != 0).mean()
        assert row.integer_rate == (whole[name] != 0).mean()
        assert row.drift == row.integer_rate - row.real_rate
        assert row.cumulative_differing == (real[name] != whole[name]).mean()


def test_more_bits_mean_less_noise_at_about_six_decibels_a_bit(rng):
    graph, frames = residual(rng), rng.integers(0, 2, (5, 40, 1, 8, 8))
    noise = []
    for bits in (4, 5, 6, 7, 8):
        choices = Choices(layers={"b": LayerChoice(weight_bits=bits)})
        rows = report(graph, quantize(graph, CHIP, Calibration(0, 1), choices), frames)
        noise.append(rows["b"].single_sqnr_db)
    assert 3 < np.diff(noise).mean() < 9


def test_messages_of_sums_are_compared_in_the_units_of_the_network(rng):
    graph = added(rng, weight=rng.normal(size=(6, 6)))
    quantized = quantize(graph, CHIP, Calibration(0, 1), Choices(sums={"sum": "relay"}))
    rows = report(graph, quantized, rng.integers(0, 2, (6, 30, 5)))
    assert rows["sum"].single_sqnr_db > 15
    exact = quantize(added(rng), CHIP, Calibration(0, 1), Choices(sums={"sum": "relay"}))
    rows = report(added(np.random.default_rng(20260101)), exact, np.zeros((6, 2, 5), int))
    assert rows["sum"].single_sqnr_db is None


def test_the_table_has_a_row_a_layer(rng):
    graph = residual(rng)
    text = error_table(
        error_report(graph, quantize(graph, CHIP, Calibration(0, 1)), np.ones((5, 2, 1, 8, 8), int))
    )
    assert all(f" {name} " in text for name in ("a", "b", "out"))
    assert "drift" in text
