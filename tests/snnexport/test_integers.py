"""One layer rounded at a given scale, number by number, and gates and sums that stay."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim import load_chip
from hwsim.arith import round_bias
from hwsim.neurons import Cuba, Gate, GradedRelay, MultiSpike
from snnexport.graph import Diagonal, Edge, Layer, Linear, SumPool
from snnexport.passes.choices import Decays, Granularity, LayerChoice
from snnexport.passes.demands import Drive
from snnexport.passes.integers import (
    Task,
    at_scale,
    decay_problems,
    edge_errors,
    kept_layer,
)

CHIP = load_chip("loihi2")
LOW, HIGH = (CHIP.registers["MultiSpike"]["decay_v"][end] for end in ("low", "high"))


def task(neuron, *weights, choice=None, one_scale=False):
    """Return what quantizing a layer of two neurons starts from."""
    edges = tuple(Edge("in", f"w{n}", (w,)) for n, w in enumerate(weights))
    layer = Layer("x", (2,), neuron, edges)
    return Task(layer, CHIP, choice or LayerChoice(), Drive({"in": (0, 1)}, 4), {}, one_scale)


PAIR = st.tuples(st.floats(0, 3), st.floats(0, 3)).map(np.array)
SCALE = st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)).map(np.array)


@settings(max_examples=60, deadline=None)
@given(
    threshold=PAIR,
    decrement=PAIR,
    bias=PAIR,
    scale=SCALE,
    decay=st.floats(0, 1),
    down=st.booleans(),
    inclusive=st.booleans(),
    step=st.sampled_from([1, 8, 64]),
)
def test_each_register_is_the_nearest_integer_to_its_real_in_units_of_the_scale(
    threshold, decrement, bias, scale, decay, down, inclusive, step
):
    neuron = MultiSpike(0.5, decay, threshold=threshold, decrement=decrement, bias=-bias,
                        lowest=-5.0, most=7)  # fmt: skip
    choice = LayerChoice(decays=Decays.DOWN if down else Decays.NEAREST, bias_step=step)
    wanted = task(neuron, Linear(np.ones((2, 1))), choice=choice)
    wanted = replace(wanted, layer=replace(wanted.layer, inclusive=inclusive))
    whole = at_scale(wanted, scale).neuron
    grain = 64 if inclusive else 1
    limits = (CHIP.bias.mantissa_limit, CHIP.bias.exponent_limit)
    for row in range(2):
        unit = scale[row]
        assert whole.threshold[row] == 64 * round(threshold[row] / unit)
        assert whole.decrement[row] == grain * round(64 * (decrement[row] / unit) / grain)
        assert whole.lowest[row] == int(np.floor(64 * (-5.0 / unit)))
        exact = step * round(64 * (-bias[row] / unit) / step)
        assert whole.bias[row] == round_bias(np.array(exact), *limits)
    exact = int(4096 * decay) if down else round(4096 * decay)
    assert whole.decay_v == min(max(exact, LOW), HIGH)
    assert type(whole.decay_v) is int
    assert whole.most == 7


def test_a_bound_below_what_a_voltage_can_be_is_its_lowest_value():
    neuron = MultiSpike(1.0, 0.0, threshold=1.0, decrement=1.0, bias=0.0, lowest=-1e9, most=7)
    whole = at_scale(task(neuron, Linear(np.ones((2, 1)))), np.ones(2)).neuron
    assert np.unique(whole.lowest).tolist() == [-(2**23) + 1]


def test_registers_of_single_neurons_take_the_scale_of_their_channel():
    neuron = Cuba(1.0, 0.0, threshold=np.array([[[3.0, 6.0]], [[5.0, 10.0]]]))
    layer = Layer("x", (2, 1, 2), neuron, (Edge("in", "w", (Diagonal(np.ones(2)),)),))
    whole = at_scale(
        Task(layer, CHIP, LayerChoice(), Drive({"in": (0, 1)}, 4), {}), np.array([0.5, 0.25])
    )
    assert whole.neuron.threshold.ravel().tolist() == [64 * n for n in (6, 12, 20, 40)]
    assert whole.unit == 1.0


def test_the_messages_of_a_sum_are_worth_its_scale():
    whole = at_scale(task(GradedRelay(0.0), Linear(np.ones((2, 1)))), np.array([0.5, 0.25]))
    assert whole.unit.tolist() == whole.scale.tolist() == [0.5, 0.25]


CUBA, MATRIX = Cuba(1.0, 0.0, 1.0), Linear(np.array([[1.0, -2.0], [3.0, 8.0]]))


@pytest.mark.parametrize(
    ("made", "shared"),
    [
        (task(CUBA, MATRIX), False),
        (task(CUBA, MATRIX, one_scale=True), True),
        (task(GradedRelay(0.0), MATRIX), True),
        (task(CUBA, MATRIX, choice=LayerChoice(granularity=Granularity.LAYER)), True),
        (task(CUBA, MATRIX, SumPool((1, 1), (1, 1), (0, 0), np.ones(1))), True),
    ],
)
def test_channels_that_share_one_scale_take_the_largest(made, shared):
    assert made.shared == shared
    assert made.spread(np.array([3.0, 2.0])).tolist() == [3.0, 3.0 if shared else 2.0]


def test_a_clip_is_a_channels_own_largest_weight_or_that_of_the_layer():
    (clip,) = task(CUBA, MATRIX).clips
    assert clip.tolist() == [2.0, 8.0]
    whole = LayerChoice(granularity=Granularity.LAYER)
    matrix, diagonal = task(CUBA, MATRIX, Diagonal(np.array([2.0, 5.0])), choice=whole).clips
    assert matrix.tolist() == [8.0, 8.0]
    assert diagonal.tolist() == [2.0, 5.0], "a diagonal has no outliers"


def test_errors_are_those_of_each_edge_alone():
    (one, two) = edge_errors(task(CUBA, MATRIX, Linear(np.array([[0.9], [0.4]]))), np.ones(2))
    # of mixed signs beside even numbers: 1 -> 0 and 3 -> 4; of one sign: 0.9 -> 1 and 0.4 -> 0
    assert (one, two) == (2.0, pytest.approx(0.01 + 0.16))


@pytest.mark.parametrize("end", ["low", "high"])
def test_a_decay_may_be_one_step_beyond_its_register_and_no_more(end):
    registers = CHIP.registers["Cuba"]["decay_u"]
    outward = -1 if end == "low" else 1
    edge = registers[end]

    def found(*steps):
        decays = np.array([edge + outward * n for n in steps]) / 4096
        return decay_problems(Layer("x", (2,), Cuba(decays, 0.5, 1.0), ()), CHIP)

    assert found(0, 1) == []
    (said,) = found(1, 2)
    first = edge + 2 * outward
    assert said == (
        f"x: decay_u = {first / 4096:g} is {first}/4096 a step, which does not fit "
        f"{registers['low']}..{registers['high']} of chip loihi2 (1 of 2 values); "
        "train with one that does"
    )


def integer(neuron, *weights):
    edges = tuple(Edge("in", "w", (Linear(np.array(w)),)) for w in weights)
    return Layer("x", (2,), neuron, edges)


def test_a_gate_of_whole_weights_stays_and_fires_beyond_the_integer_below_its_threshold():
    gate = integer(Gate(1.5), [[0.5, 1.0], [1.5, 0.0]])
    kept = kept_layer(gate, 2.0)
    assert kept.edges[0].weights.weight.tolist() == [[1, 2], [3, 0]]
    assert kept.neuron.threshold == 1 << kept.neuron.INPUT_SHIFT
    assert (kept.scale.tolist(), kept.unit) == ([1.0, 1.0], 1.0)


def test_a_sum_of_whole_weights_stays_and_hands_on_what_its_messages_are_worth():
    kept = kept_layer(integer(GradedRelay(0.6), [[1.0], [2.0]]), 0.25)
    assert kept.edges[0].weights.weight.tolist() == [[1], [2]]
    assert kept.neuron.threshold == 2 << kept.neuron.INPUT_SHIFT
    assert (kept.scale.tolist(), kept.unit) == ([0.25, 0.25], 0.25)


@pytest.mark.parametrize(
    ("neuron", "unit", "weight"),
    [
        (Gate(0.5), None, [[1.0], [2.0]]),  # its sources disagree
        (CUBA, 1.0, [[1.0], [2.0]]),  # it has a voltage
        (Gate(0.5), 1.0, [[1.5], [2.0]]),  # no whole number
        (Gate(0.5), 1.0, [[-1.0], [2.0]]),  # odd beside one of another sign
        (GradedRelay(0.0), 1.0, [[256.0], [2.0]]),  # more than a synapse holds
    ],
)
def test_what_rounding_would_change_does_not_stay(neuron, unit, weight):
    assert kept_layer(integer(neuron, weight), unit) is None
