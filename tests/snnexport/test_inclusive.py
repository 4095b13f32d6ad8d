"""Layers that fire at v >= threshold: exact integers where there are any, a refusal elsewhere."""

from dataclasses import replace

import numpy as np
import pytest
from hand_graphs import CHIP, cuba, problems_of, single, with_layer

from hwsim import load_chip, run
from hwsim.neurons import (
    Cuba,
    CubaLateReset,
    CubaRefractory,
    CubaSubtract,
    LeakyIntegrator,
    MultiSpike,
)
from snnexport import lower
from snnexport.interpret import interpret
from snnexport.passes.calibration import Calibration
from snnexport.passes.quantize import quantize

SPIKES = Calibration(0, 1)
THRESHOLD = 254


def inclusive(weight, neuron, **options):
    return with_layer(single(weight, neuron, **options), "x", inclusive=True)


def whole_weights(rng):
    """Weights that are integers at a scale of 1, and whose sums often hit the threshold."""
    weight = rng.choice([-254, -128, -126, 126, 128, 254], (8, 30))
    weight[:, 0] = 254
    return weight.astype(np.float64)


def reached(weight, frames, after):
    """Spikes (T, B, n) of exact integrators, and how often v was the threshold itself.

    after: (v, spike, steps since a spike) -> v, the reset.
    """
    v = np.zeros((frames.shape[1], len(weight)), np.int64)
    since, spikes, hits = v + 99, [], 0
    for x in frames @ weight.astype(np.int64).T:
        v, since = after.integrate(v, x, since), since + 1
        s = v >= THRESHOLD
        hits += int((v == THRESHOLD).sum())
        v, since = after.reset(v, s), np.where(s, 0, since)
        spikes.append(s)
    return np.array(spikes), hits


class Zero:
    """Reset to zero, with a rest of so many steps."""

    def __init__(self, period=0):
        self.period = period

    def integrate(self, v, x, since):
        return np.where(since < self.period, v, v + x)

    def reset(self, v, s):
        return np.where(s, 0, v)


class Subtract(Zero):
    """Reset by subtraction, in the step of the spike."""

    def reset(self, v, s):
        return v - THRESHOLD * s


@pytest.mark.parametrize(
    ("neuron", "meaning"),
    [
        (Cuba(1.0, 0.0, THRESHOLD), Zero()),
        (CubaRefractory(1.0, 0.0, THRESHOLD, period=2), Zero(2)),
        (CubaSubtract(1.0, 0.0, THRESHOLD), Subtract()),
        (CubaLateReset(1.0, 0.0, THRESHOLD, THRESHOLD), Subtract()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_integers_spike_exactly_where_the_threshold_is_reached(rng, neuron, meaning):
    weight, frames = whole_weights(rng), (rng.random((40, 100, 30)) < 0.05).astype(np.int64)
    real = inclusive(weight, neuron, steps=40)
    graph = quantize(real, CHIP, SPIKES)
    assert (graph.layer("x").scale == 1).all()
    assert not graph.layer("x").inclusive
    expected, hits = reached(weight, frames, meaning)
    assert hits > 300
    assert (interpret(real, frames).spikes["x"] == expected).all()
    assert (interpret(graph, frames).spikes["x"] == expected).all()
    program = lower(graph, CHIP)
    trace = run(program, frames, record="spikes").trace
    assert trace is not None
    assert (trace.spikes["x"][1:41] == expected).all()


def test_the_threshold_is_one_unit_of_weight_lower_and_the_decrement_is_not(rng):
    graph = quantize(inclusive(whole_weights(rng), CubaSubtract(1.0, 0.0, THRESHOLD)), CHIP, SPIKES)
    neuron = graph.layer("x").neuron
    assert isinstance(neuron, CubaLateReset)
    assert (neuron.threshold == 64 * (THRESHOLD - 1)).all()
    assert (neuron.decrement == 64 * THRESHOLD).all()
    assert "one unit of weight lower" in graph.notes["x"]["quantized"]["inclusive"]


def test_a_decrement_beside_a_reached_threshold_is_a_whole_number_of_weights(rng):
    late = CubaLateReset(1.0, 0.0, 1.0, 0.7317)
    neuron = quantize(inclusive(rng.normal(size=(4, 5)), late), CHIP, SPIKES).layer("x").neuron
    assert (neuron.decrement % 64 == 0).all()


def test_a_threshold_of_one_unit_is_reached_by_one_unit_and_not_by_none():
    graph = quantize(inclusive(np.array([[254.0, 2.0]]), cuba(threshold=1.0)), CHIP, SPIKES)
    assert graph.layer("x").neuron.threshold == 0
    frames = np.array([[[0, 0]], [[0, 1]], [[0, 0]]])
    assert interpret(graph, frames).spikes["x"].ravel().tolist() == [0, 1, 0]


@pytest.mark.parametrize("wrong", [{"decay_v": 0.1}, {"decay_u": 0.5}, {"bias": 0.25}])
def test_an_inclusive_layer_that_is_no_plain_integrator_is_refused_with_a_way_out(rng, wrong):
    (problem,) = problems_of(inclusive(rng.normal(size=(2, 3)), cuba(**wrong)), CHIP, SPIKES)
    (name,) = wrong
    assert problem.startswith("x: fires at >= its threshold")
    assert f"(here not: {name})" in problem
    assert "--approximate threshold" in problem


@pytest.mark.parametrize(
    "neuron", [MultiSpike(1.0, 0.0, 1.0, 1.0), LeakyIntegrator(1.0, 0.0)], ids=type
)
def test_a_neuron_without_a_strict_threshold_cannot_be_inclusive(rng, neuron):
    found = problems_of(inclusive(rng.normal(size=(2, 3)), neuron), CHIP, SPIKES)
    assert found == [f"x: {type(neuron).__name__} cannot fire at >= a threshold"]


def test_a_chip_without_late_resets_refuses_a_reached_threshold_that_is_subtracted(rng):
    graph = inclusive(rng.normal(size=(2, 3)), CubaSubtract(1.0, 0.0, 1.0))
    (problem,) = problems_of(graph, load_chip("loihi1"), SPIKES)
    assert "x: chip loihi1 has no neuron CubaLateReset; use Cuba" in problem
    strict = replace(graph.layer("x"), neuron=cuba())
    assert problems_of(replace(graph, layers=(strict,)), load_chip("loihi1"), SPIKES) == []
