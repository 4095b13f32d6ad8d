"""Proven worst cases against every message and step that there may be, and those of hwsim."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim import Connection, Dense, Input, Population, Program, load_chip
from hwsim.activations import arriving
from hwsim.arith import STATE_LIMIT
from hwsim.neurons import Cuba, GradedRelay, LeakyIntegrator, MultiSpike, Ternary
from snnexport.graph import Diagonal, Edge, Graph, Late, Layer, Linear
from snnexport.passes.demands import (
    UNBROKEN,
    Drive,
    demands,
    largest_current,
    largest_voltage,
    per_channel,
)

CHIP = load_chip("loihi2")
WEIGHT = st.lists(st.integers(-9, 9), min_size=6, max_size=6).map(lambda w: np.reshape(w, (2, 3)))
RANGE = st.tuples(st.integers(-4, 0), st.integers(0, 4))
LEAST, LARGEST = 64 * 255, (64 * 255) << 7
"""What a blank line takes from u in a step: one weight of 255 at exponent 0, and at 7."""


def heard(weight, neuron, *more, scale=None):
    """Return a layer that hears ``in`` through ``weight``, and ``other`` through ``more``."""
    edges = [Edge("in", "w", (Linear(weight),))]
    edges += [Edge("other", "v", (Linear(weight),)) for weight in more]
    return Layer("x", (len(weight),), neuron, tuple(edges), scale=scale)


@settings(max_examples=40, deadline=None)
@given(one=WEIGHT, two=WEIGHT, messages=RANGE, others=RANGE)
def test_sums_are_the_largest_and_smallest_that_any_messages_bring(one, two, messages, others):
    layer = heard(one, Cuba(1.0, 0.0, 1.0), two)
    down, up = Drive({"in": messages, "other": others}, 5).sums(layer)
    for row in range(2):
        ends = [
            sum(w * m for w, m in zip(weight[row], sent, strict=True))
            for weight, sizes in ((one, messages), (two, others))
            for sent in product(sizes, repeat=3)
        ]
        found = [a + b for a in ends[:8] for b in ends[8:]]
        assert (up[row], down[row]) == (max(found), -min(found))


@settings(max_examples=40, deadline=None)
@given(
    weight=WEIGHT,
    bias=st.integers(-90, 90),
    decays=st.tuples(st.integers(0, 4096), st.integers(0, 4096)),
    steps=st.integers(1, 12),
)
def test_current_and_voltage_of_integers_are_those_of_the_worst_input_step_by_step(
    weight, bias, decays, steps
):
    layer = heard(weight, LeakyIntegrator(*decays, bias), scale=np.ones(2))
    drive = Drive({"in": (-1, 3)}, steps)
    for row in range(2):
        excite = sum(w for w in weight[row] if w > 0)
        inhibit = -sum(w for w in weight[row] if w < 0)
        x = 64 * max(3 * excite + inhibit, 3 * inhibit + excite)
        u = v = 0.0
        for _ in range(steps):
            u = u * (4096 - decays[0]) / 4096 + x
            v = v * (4096 - decays[1]) / 4096 + u + abs(bias)
        assert largest_current(layer, drive)[row] == pytest.approx(u)
        assert largest_voltage(layer, drive)[row] == pytest.approx(v)


def test_the_current_of_reals_must_stay_below_the_last_value_of_its_register():
    weight = np.array([[1.5, -0.5], [0.0, -3.0]])
    layer = heard(weight, Cuba(np.array([0.5, 0.25]), 0.0, 1.0))
    scale = demands(layer, CHIP, Drive({"in": (0, 2)}, 3))["current"]
    memory = np.array([1 + 0.5 + 0.25, 1 + 0.75 + 0.5625])
    assert scale == pytest.approx(64 * np.array([3.0, 6.0]) * memory / (STATE_LIMIT - 1))


def test_each_register_of_reals_demands_what_brings_it_to_its_end():
    neuron = MultiSpike(
        1.0, 0.0, threshold=np.array([2.0, 3.0]), decrement=np.array([1.0, 4.0]),
        bias=np.array([-5.0, 1.0]), lowest=-9.0,
    )  # fmt: skip
    found = demands(heard(np.ones((2, 1)), neuron), CHIP, Drive({"in": (0, 1)}, 4))
    ends = CHIP.registers["MultiSpike"]
    largest_bias = CHIP.bias.mantissa_limit * 2**CHIP.bias.exponent_limit
    assert found.keys() == {"bias", "current", "threshold", "decrement"}
    assert found["threshold"] == pytest.approx(64 * np.array([2, 3]) / ends["threshold"]["high"])
    assert found["decrement"] == pytest.approx(64 * np.array([1, 4]) / ends["decrement"]["high"])
    assert found["bias"] == pytest.approx(64 * np.array([5, 1]) / largest_bias)


def test_registers_of_integers_demand_1_where_they_are_at_their_end():
    high = CHIP.registers["Ternary"]["threshold"]["high"]
    neuron = Ternary(4096, 0, threshold=high, threshold_low=-2 * high, bias=0)
    found = demands(
        heard(np.ones((2, 1)), neuron, scale=np.ones(2)), CHIP, Drive({"in": (0, 1)}, 1)
    )
    assert found["threshold"].tolist() == [2.0, 2.0], "the lower one is twice as far"
    layer = heard(np.full((1, 1), (STATE_LIMIT - 1) // 64), neuron, scale=np.ones(1))
    assert 0.99 < demands(layer, CHIP, Drive({"in": (0, 1)}, 1))["current"][0] < 1.0


def test_a_register_of_single_neurons_counts_by_the_largest_of_its_channel():
    layer = Layer("x", (2, 1, 3), Cuba(1.0, 0.0, 1.0), ())
    value = np.array([[[1.0, -7.0, 2.0]], [[0.0, 3.0, -1.0]]])
    assert per_channel(value, layer).tolist() == [7.0, 3.0]
    assert per_channel(np.array([-4.0, 2.0]), layer).tolist() == [4.0, 2.0]
    assert per_channel(-5.0, layer).tolist() == [5.0, 5.0]


def graph(*paths, steps=6, streamed=True):
    """Return in -> a -> b, and more ``paths`` (source, target, late, frames of a delay)."""
    edges = {"a": [Edge("in", "a", (Diagonal(np.ones(1)),))], "b": []}
    for source, target, late, frames in (("a", "b", 0, 0), *paths):
        stages = (*([Late(np.array([frames]))] if frames else []), Diagonal(np.ones(1)))
        edges[target].append(Edge(source, f"{source}-{target}", stages, late))
    layers = tuple(Layer(n, (1,), Cuba(1.0, 0.0, 1.0), tuple(e)) for n, e in edges.items())
    return Graph("net", "in", (1,), layers, "b", steps, streamed=streamed)


@pytest.mark.parametrize(
    ("paths", "options", "gaps"),
    [
        ((), {}, (0, 0)),
        ((("b", "a", 1, 0),), {}, (0, 1)),
        ((("a", "a", 1, 0), ("b", "a", 3, 0)), {}, (3, 3)),
        ((("a", "b", 0, 2), ("b", "a", 3, 0)), {}, (3, 3)),
        ((("b", "a", 1, 4),), {}, (0, 5)),
        ((("b", "a", 1, 0),), {"streamed": False}, (0, 0)),
        ((("b", "a", 1, 0),), {"steps": 0}, (0, 0)),
    ],
)
def test_what_sends_messages_beyond_a_sample_is_silenced_as_long_as_the_latest_takes(
    paths, options, gaps
):
    net = graph(*paths, **options)
    sent = {"in": (-2, 7), "a": (0, 1), "b": (0, 1)}
    found = [Drive.of(net, layer, sent) for layer in net.layers]
    assert tuple(drive.gap for drive in found) == gaps
    assert {drive.wait for drive in found} == {2}
    assert {drive.steps for drive in found} == {options.get("steps", 6) or UNBROKEN}
    assert found[0].messages["in"] == (-2, 7)
    assert "in" not in found[1].messages


def silenced(high, low, held):
    """Say whether some charge of a blank line exceeds ``high`` and leaves ``low`` its room."""
    charges = [charge for charge in (LEAST << e for e in range(8)) if charge >= high]
    return bool(charges) and held * charges[0] + low <= STATE_LIMIT - 1


@settings(max_examples=80, deadline=None)
@given(
    excite=st.floats(0.01, 5),
    inhibit=st.floats(0, 5),
    bias=st.floats(-1, 1),
    decay=st.floats(0.05, 1),
    gap=st.integers(1, 6),
)
def test_at_the_scale_of_silence_a_blank_line_has_a_charge_and_inhibition_its_room(
    excite, inhibit, bias, decay, gap
):
    layer = heard(np.array([[excite, -inhibit]]), Cuba(decay, 0.0, 1.0, bias))
    drive = Drive({"in": (0, 1)}, 5, gap, 2)
    (scale,) = demands(layer, CHIP, drive)["silence"]
    reach = held = 0.0
    for step in range(5 + gap + 2):
        reach += (1 - decay) ** step
        held += (1 - decay) ** step if step < gap else 0.0
    high, low = 64 * (excite * reach + max(bias, 0)), 64 * inhibit * reach
    assert silenced(high / scale * (1 - 1e-9), low / scale * (1 - 1e-9), held)
    # a charge is up to twice what it must exceed: at less than half there is none
    assert not silenced(high / scale * 2.001, low / scale * 2.001, held)


def test_a_layer_that_hears_nothing_beyond_its_sample_demands_no_silence():
    layer = heard(np.ones((1, 2)), Cuba(1.0, 0.0, 1.0))
    assert "silence" not in demands(layer, CHIP, Drive({"in": (0, 1)}, 5, gap=0))
    assert "silence" in demands(layer, CHIP, Drive({"in": (0, 1)}, 5, gap=1))


def test_a_sum_of_messages_has_the_reach_of_every_path():
    layer = heard(np.array([[2, -1]]), GradedRelay(0.0), np.array([[3]]))
    down, up = Drive({"in": (-2, 5), "other": (0, 1)}, 1).sums(layer)
    assert (down.tolist(), up.tolist()) == ([2 * 2 + 5], [2 * 5 + 2 + 3])


def test_worst_sums_are_the_bounds_of_hwsim_though_its_neurons_are_not_told_apart(rng):
    weights = [rng.integers(-99, 99, (6, 5)) for _ in range(2)]
    program = Program(
        "net", "loihi2", Input("in", (5,), -3, 7), (Population("p", (6,), Cuba(0, 0, 64), 1),),
        [Connection("in", "p", Dense(w), graded=True, label=str(i)) for i, w in enumerate(weights)],
        "p",
    )  # fmt: skip
    edges = tuple(Edge("in", "fc", (Linear(w),)) for w in weights)
    layer = Layer("p", (6,), Cuba(0, 0, 64), edges, scale=np.ones(6))
    drive = Drive({"in": (-3, 7)}, 1)
    down, up = drive.worst_sums(layer)
    assert {(-d, u) for d, u in zip(down, up, strict=True)} == {
        arriving(program, program.populations[0])
    }
    alone = replace(layer, edges=edges[:1])
    assert (np.array(drive.sums(alone)) <= np.array(drive.worst_sums(alone))).all()
    assert (np.array(drive.sums(alone)) < np.array(drive.worst_sums(alone))).any()
