from dataclasses import replace

import numpy as np
import pytest
from hand_graphs import CHIP, cuba, problems_of, residual, single, with_layer
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim import run
from hwsim.errors import RangeError
from hwsim.neurons import LeakyIntegrator
from hwsim.program import Readout
from snnexport import lower
from snnexport.graph import Diagonal, Edge, Graph, Layer, Linear
from snnexport.interpret import interpret
from snnexport.passes.calibration import (
    BINS,
    Calibration,
    Histogram,
    Method,
    code_input,
    weight_limit,
)
from snnexport.passes.choices import Bound, Choices, Granularity, LayerChoice
from snnexport.passes.quantize import quantize

METHODS = list(Method)


def histogram(values):
    return Histogram.empty(1).add(np.atleast_2d(values))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), batches=st.integers(1, 5))
def test_a_histogram_in_batches_counts_everything_and_keeps_the_exact_largest(seed, batches):
    rng = np.random.default_rng(seed)
    values = [rng.normal(size=(3, 50)) * 10.0 ** rng.integers(-3, 4) for _ in range(batches)]
    seen = Histogram.empty(3)
    for batch in values:
        seen = seen.add(batch)
    everything = np.abs(np.concatenate(values, axis=1))
    assert (seen.counts.sum(axis=1) == 50 * batches).all()
    assert (seen.largest == everything.max(axis=1)).all()
    assert (seen.limit(Method.MINMAX, 0, 1, wraps=False) == seen.largest).all()
    for percentile in (50, 90, 100):
        limit = seen.limit(Method.PERCENTILE, percentile, 1, wraps=False)
        within = (everything <= limit[:, None] + 2 * seen.reach[:, None] / BINS).mean(axis=1)
        assert (within >= percentile / 100).all()


def test_a_percentile_leaves_an_outlier_out_and_minmax_does_not():
    seen = histogram(np.append(np.linspace(0, 1, 9999), 100.0))
    limits = [seen.limit(m, 99.9, 127, wraps=False)[0] for m in METHODS]
    assert limits[0] == 100.0
    assert limits[1] <= 1.2
    assert limits[2] < 100.0


@pytest.mark.parametrize("wraps", [False, True])
def test_the_mse_limit_has_the_least_squared_error_of_all_limits(rng, wraps):
    values = np.append(rng.exponential(size=5000), 40.0)
    levels = 15
    limit = histogram(values).limit(Method.MSE, 0, levels, wraps=wraps)[0]

    def error(end):
        excess = np.maximum(values - end, 0)
        beyond = 2 * end * np.ceil(excess / (2 * end)) if wraps else excess
        return (beyond**2).sum() + len(values) * (end / levels) ** 2 / 12

    best = min(error(end) for end in np.linspace(0.1, 40, 400))
    assert error(limit) <= 1.05 * best


def test_a_register_that_wraps_is_left_more_room_than_one_that_saturates(rng):
    seen = histogram(np.append(rng.exponential(size=5000), 12.0))
    assert seen.limit(Method.MSE, 0, 15, wraps=True) > seen.limit(Method.MSE, 0, 15, wraps=False)


def test_mse_clips_the_outlier_of_a_channel_and_rounds_the_others_better(rng):
    weight = np.append(rng.normal(size=2000) * 0.1, 5.0)[None]
    errors = {}
    for method in METHODS:
        limit = weight_limit(weight, method, 99.9, 7)[0]
        step = limit / 7
        errors[method] = ((weight - np.clip(np.rint(weight / step), -7, 7) * step) ** 2).sum()
    assert errors[Method.MSE] < errors[Method.MINMAX]
    assert errors[Method.MSE] <= errors[Method.PERCENTILE]
    assert weight_limit(weight, Method.MINMAX, 0, 7)[0] == 5.0


@pytest.mark.parametrize("method", [Method.PERCENTILE, Method.MSE])
def test_a_method_that_clips_weights_gives_the_channel_a_finer_scale(rng, method):
    weight = rng.normal(size=(1, 500)) * 0.1
    weight[0, 7] = 3.0
    scales = [
        quantize(single(weight), CHIP, Calibration(0, 1), Choices(layers={"x": choice}))
        .layer("x")
        .scale
        for choice in (
            LayerChoice(weight_bits=4),
            LayerChoice(weight_bits=4, method=method, percentile=99.0),
        )
    ]
    assert scales[1] < scales[0]


def test_an_identity_has_no_outliers_to_clip(rng):
    graph, weight = residual(rng), np.array([1.0, 1.0, 1.0, 5.0])
    edges = (graph.layer("b").edges[0], Edge("a", "skip", (Diagonal(weight),)))
    shared = {"granularity": Granularity.LAYER, "method": Method.PERCENTILE, "percentile": 50.0}
    choices = Choices(layers={"b": LayerChoice(**shared)})
    layer = quantize(with_layer(graph, "b", edges=edges), CHIP, Calibration(0, 1), choices).layer(
        "b"
    )
    whole = sum(e.weights.weight for e in layer.edges if e.module == "skip")
    assert np.allclose(whole * layer.scale, weight, atol=3 * layer.scale[0])


def test_measuring_sees_the_currents_messages_and_inputs_of_the_real_network(rng):
    graph = residual(rng)
    batches = [rng.integers(0, 17, (5, 3, 1, 8, 8)) for _ in range(3)]
    seen = Calibration.measure(graph, iter(batches))
    assert (seen.low, seen.high) == (0, 16)
    currents = [interpret(graph, b).currents["b"] for b in batches]
    largest = np.abs(np.stack(currents)).max(axis=(0, 1, 2, 4, 5))
    assert (seen.observed["b"]["current"].largest == largest).all()
    values, counts = seen.inputs
    assert (values == np.arange(17)).all()
    assert counts.sum() == sum(b.size for b in batches)


def test_no_batch_is_refused():
    graph = single(np.eye(2))
    with pytest.raises(RangeError, match="no batch"):
        Calibration.measure(graph, [])


@pytest.mark.parametrize("ends", [(1, 2), (-2, -1), (0.0, 1.0)])
def test_a_range_without_silence_or_of_reals_is_refused(ends):
    with pytest.raises(RangeError, match="calibration"):
        Calibration(*ends)


def heavy(rng):
    """A layer whose proven bound is far above what any real input does."""
    weight = 1 + 0.1 * rng.normal(size=(3, 200))
    return single(weight, cuba(decay_u=0.05, threshold=5000.0), steps=8)


def sparse_frames(rng):
    return rng.integers(0, 256, (8, 5, 200)) * (rng.random((8, 5, 200)) < 0.2)


def test_an_observed_bound_is_finer_than_a_proven_one_and_does_not_wrap_on_what_was_seen(rng):
    graph, frames = heavy(rng), sparse_frames(rng)
    seen = Calibration.measure(graph, [frames])
    observed = Choices(1.0, {"x": LayerChoice(bound=Bound.OBSERVED)})
    fine, proven = quantize(graph, CHIP, seen, observed), quantize(graph, CHIP, seen, Choices(1.0))
    assert (fine.layer("x").scale < proven.layer("x").scale).all()
    result = run(lower(fine, CHIP), frames)
    assert result.counts is not None
    assert result.counts.populations[0].wraps == 0


def test_a_bound_that_leaves_observed_currents_out_wraps_and_the_simulator_counts_it(rng):
    graph, frames = heavy(rng), sparse_frames(rng)
    seen = Calibration.measure(graph, [frames])
    choice = LayerChoice(
        bound=Bound.OBSERVED, method=Method.PERCENTILE, percentile=80.0, weight_bits=8
    )
    result = run(lower(quantize(graph, CHIP, seen, Choices(1.0, {"x": choice})), CHIP), frames)
    assert result.counts is not None
    assert result.counts.populations[0].wraps > 0


def test_an_observed_bound_without_observations_is_refused_by_name(rng):
    choices = Choices(layers={"x": LayerChoice(bound=Bound.OBSERVED)})
    found = problems_of(heavy(rng), CHIP, Calibration(0, 1), choices)
    expected = (
        "x: bound = 'observed', but its current was not; use Calibration.measure (--calibrate)"
    )
    assert found == [expected]


def test_an_observed_readout_does_not_saturate_on_what_was_seen(rng):
    neuron = LeakyIntegrator(decay_u=1.0, decay_v=0.0, bias=0.0)
    weight = np.abs(rng.normal(size=(3, 50))) * 300
    graph = single(weight, neuron, steps=60, readout=Readout.VOLTAGE)
    frames = np.ones((60, 1, 50), int)
    seen = Calibration.measure(graph, [frames])
    result = run(lower(quantize(graph, CHIP, seen), CHIP), frames)
    assert result.counts is not None
    assert result.counts.populations[0].saturations == 0


def test_input_is_coded_half_to_even():
    assert code_input(np.array([-3, -1, 0, 1, 3, 5, 255]), 2).tolist() == [-2, 0, 0, 0, 2, 2, 128]


def graded(rng, bias):
    """A dense layer whose bias limits the scale of weights for 8-bit inputs."""
    neuron = cuba(threshold=100.0, bias=bias)
    layer = Layer(
        "x", (4,), neuron, (Edge("input", "w", (Linear(rng.normal(size=(4, 9)) * 0.1),)),)
    )
    return Graph("graded", "input", (9,), (layer,), "x", 3)


@pytest.mark.parametrize(("low", "high"), [(0, 255), (-255, 0)])
def test_the_input_is_coarser_where_its_weights_would_otherwise_be(rng, low, high):
    seen = Calibration(low, high)
    graph = quantize(graded(rng, 100.0), CHIP, seen)
    assert graph.step > 1
    assert (graph.low, graph.high) == tuple(np.rint(np.array([low, high]) / graph.step))
    fine = quantize(graded(rng, 100.0), CHIP, seen, Choices(1.0))
    largest = [g.notes["x"]["quantized"]["largest_weight"] for g in (fine, graph)]
    assert largest[0] < largest[1]


def test_of_several_readers_the_one_that_loses_most_decides_how_fine_the_input_is(rng):
    needy = graded(rng, 100.0).layers[0]
    content = replace(needy, name="y", neuron=cuba())
    graph, seen = graded(rng, 0.0), Calibration(0, 255)
    orders = [(needy, content), (content, needy)]
    steps = [quantize(replace(graph, layers=order), CHIP, seen).step for order in orders]
    alone = quantize(replace(graph, layers=(content,), output="y"), CHIP, seen).step
    assert steps[0] == steps[1] > alone


def test_values_that_are_multiples_of_sixteen_are_sent_in_steps_of_sixteen(rng):
    graph = graded(rng, 100.0)
    frames = 16 * rng.integers(0, 16, (3, 50, 9))
    quantized = quantize(graph, CHIP, Calibration.measure(graph, [frames]))
    assert quantized.step == 16
    assert (16 * code_input(frames, 16) == frames).all()


def test_spikes_and_small_counts_are_sent_as_they_are(rng):
    for high in (1, 3):
        assert quantize(graded(rng, 0.0), CHIP, Calibration(0, high)).step == 1.0


def test_the_coded_network_spikes_like_the_real_one_on_coded_input(rng):
    graph = graded(rng, 100.0)
    frames = 16 * rng.integers(0, 16, (3, 200, 9))
    quantized = quantize(graph, CHIP, Calibration.measure(graph, [frames]))
    real = interpret(graph, frames).spikes["x"]
    whole = interpret(quantized, code_input(frames, quantized.step)).spikes["x"]
    assert (real != whole).mean() < 0.01
    assert real.any()
