"""What each neuron does, against the plainest Python integers."""

import numpy as np
import pytest

from hwsim import (
    Connection,
    Cuba,
    CubaLateReset,
    CubaRefractory,
    CubaSubtract,
    Delta,
    Dense,
    Gate,
    GradedRelay,
    Input,
    LeakyIntegrator,
    MultiSpike,
    Population,
    Program,
    Sigma,
    SigmaDelta,
    Ternary,
)
from hwsim.activations import arriving
from hwsim.arith import STATE_LIMIT, Integer
from hwsim.engines.reference import drive
from hwsim.errors import RangeError
from hwsim.neurons import NEURONS, check, messages, registers

LEAKS = {"decay_u": 700, "decay_v": 300, "bias": 90}


def run(neuron, activations):
    """Messages and states of one neuron, as lists of Python integers."""
    a = np.asarray(activations).reshape(-1, 1, 1)
    trace = drive(Population("n", (1,), neuron, 0), a)
    kinds = {kind: group["n"].ravel().tolist() for kind, group in trace.state.items()}
    return trace.spikes["n"].ravel().tolist(), kinds


def decay(x, d):
    return int(x * (4096 - d) / 4096)


def clip(v):
    return max(1 - STATE_LIMIT, min(STATE_LIMIT - 1, v))


@pytest.fixture
def activations(rng):
    return rng.integers(-120, 200, 60)


def test_subtract_keeps_what_exceeds_the_threshold(activations):
    threshold, u, v, want = 64 * 300, 0, 0, []
    for a in activations.tolist():
        u = decay(u, 700) + 64 * a
        v = clip(decay(v, 300) + u + 90)
        s = int(v > threshold)
        v -= threshold * s
        want.append((s, u, v))
    s, states = run(CubaSubtract(threshold=threshold, **LEAKS), activations)
    assert list(zip(s, states["u"], states["v"], strict=True)) == want
    assert 0 < sum(s) < 60


@pytest.mark.parametrize("decrement", [0, 64 * 300, 64 * 300 - 1, 64 * 500])
def test_a_late_reset_subtracts_its_decrement_in_the_step_after_a_spike(activations, decrement):
    threshold, u, v, want = 64 * 300, 0, 0, []
    for a in activations.tolist():
        u, before = decay(u, 700) + 64 * a, v
        v = clip(decay(v, 300) + u + 90 - (decrement if before > threshold else 0))
        want.append((int(v > threshold), u, v))
    neuron = CubaLateReset(threshold=threshold, decrement=decrement, **LEAKS)
    s, states = run(neuron, activations)
    assert list(zip(s, states["u"], states["v"], strict=True)) == want
    assert 0 < sum(s) < 60


def test_a_late_reset_spikes_as_one_at_once_where_nothing_leaks(activations):
    late = CubaLateReset(4096, 0, 64 * 150, 64 * 150)
    assert run(late, activations)[0] == run(CubaSubtract(4096, 0, 64 * 150), activations)[0]


@pytest.mark.parametrize("most", [1, 3, 200])
def test_several_spikes_are_the_thresholds_that_fit_the_voltage(activations, most):
    threshold, decrement, lowest, u, v, want = 64 * 40, 2000, -20, 0, 0, []
    for a in activations.tolist():
        u = decay(u, 700) + 64 * a
        v = clip(decay(v, 300) + u + 90)
        s = min(max(v // threshold, 0), most)
        v = max(v - s * decrement, lowest)
        want.append((s, u, v))
    neuron = MultiSpike(threshold=threshold, decrement=decrement, lowest=lowest, most=most, **LEAKS)
    s, states = run(neuron, activations)
    assert list(zip(s, states["u"], states["v"], strict=True)) == want
    assert max(s) == most or 9 < max(s) < most
    assert lowest in states["v"]


def test_several_spikes_are_counted_right_at_every_multiple_up_to_the_ends_of_the_registers():
    units = [1, 2, 3, 127, 128, 513, 514, 65535, 131071, 131072]
    thresholds, n, beside, most = np.meshgrid(
        64 * np.array(units), np.arange(257), [-1, 0, 1], [1, 2, 5, 127, 128, 254, 255]
    )
    v = np.minimum(thresholds * n + beside, STATE_LIMIT - 1)
    neuron = MultiSpike(4096, 4096, thresholds, 131072 * 64, most=most, bias=v)
    rest = (np.zeros_like(v),) * 2
    s, (_, after) = neuron.step(Integer(), rest, 0 * v)
    want = np.clip(v // thresholds, 0, most)
    assert (s == want).all()
    assert (after == np.maximum(v - want * 131072 * 64, 1 - STATE_LIMIT)).all()
    assert want.max() == 255


def test_messages_reach_as_far_as_any_neuron_may_spike_and_bound_what_arrives():
    several = MultiSpike(4096, 0, 64, 64, most=np.array([1, 3]))
    assert messages(several) == (0, 3)
    assert messages(MultiSpike(4096, 0, 64, 64)) == messages(Cuba.integrator(64)) == (0, 1)
    program = Program(
        "net", "loihi2", Input("in", (2,)),
        (Population("a", (2,), several, 1), Population("b", (1,), Cuba.integrator(64), 2)),
        (
            Connection("in", "a", Dense(np.eye(2, dtype=int))),
            Connection("a", "b", Dense(np.array([[10, -4]])), graded=True),
        ),
        "b",
    )  # fmt: skip
    assert program.messages_of("a") == (0, 3)
    assert arriving(program, program.population("b")) == (-12, 30)


@pytest.mark.parametrize("period", [0, 1, 5])
def test_refractory_neuron_freezes_its_voltage_for_a_period(activations, period):
    threshold, u, v, wait, want = 64 * 300, 0, 0, 0, []
    for a in activations.tolist():
        u = decay(u, 700) + 64 * a
        if wait == 0:
            v = clip(decay(v, 300) + u + 90)
        s = int(v > threshold)
        wait = period if s else max(wait - 1, 0)
        v *= 1 - s
        want.append((s, u, v, wait))
    s, states = run(CubaRefractory(threshold=threshold, period=period, **LEAKS), activations)
    assert list(zip(s, states["u"], states["v"], states["wait"], strict=True)) == want
    fired = np.flatnonzero(s)
    assert len(fired) > 3
    assert np.diff(fired).min() > period


def test_refractory_period_of_zero_is_a_cuba(activations):
    plain, _ = run(Cuba(threshold=6400, **LEAKS), activations)
    assert run(CubaRefractory(threshold=6400, period=0, **LEAKS), activations)[0] == plain


def test_ternary_sends_both_signs_with_strict_thresholds():
    s, states = run(Ternary(4096, 0, 640, -640), [10, 1, -10, -1, 0])
    assert s == [0, 1, 0, -1, 0]
    assert states["v"] == [640, 0, -640, 0, 0]


def test_leaky_integrator_never_sends_and_never_resets():
    s, states = run(LeakyIntegrator(4096, 0), [10**6] * 3)
    assert s == [0, 0, 0]
    assert states["v"][-1] == STATE_LIMIT - 1


@pytest.mark.parametrize(
    ("gate", "weights", "meaning"),
    [
        (Gate.all_of(2), (1, 1), lambda a, b: a and b),
        (Gate.any_of(), (1, 1), lambda a, b: a or b),
        (Gate.unless(), (-1, 1), lambda a, b: b and not a),
    ],
)
def test_gates_compute_their_truth_table(gate, weights, meaning):
    pairs = [(a, b) for a in (0, 1) for b in (0, 1)]
    s, states = run(gate, [a * weights[0] + b * weights[1] for a, b in pairs])
    assert s == [int(meaning(a, b)) for a, b in pairs]
    assert set(states) == {"a"}, "a gate has no memory"


def test_graded_relay_sends_what_exceeds_its_threshold_in_magnitude():
    assert run(GradedRelay(5), [5, 6, -5, -6, 0])[0] == [0, 6, 0, -6, 0]


def test_sigma_decodes_what_delta_encodes(rng):
    signal = rng.integers(-50, 50, 40).cumsum()
    for threshold in (0, 1, 30):
        sent, states = run(Delta(threshold, spike_exp=2, state_exp=3), signal)
        decoded, _ = run(Sigma(), sent)
        for value, got, residue in zip(signal, decoded, states["residue"], strict=True):
            assert (value << 5) == (got << 3) + residue, "what is not sent stays in the residue"
            assert abs(residue) < max(threshold, 1)


def test_sigma_delta_rectifies_or_not():
    assert run(SigmaDelta(1, bias=2), [3, -9, 8])[0] == [5, -5, 4]
    assert run(SigmaDelta(1, bias=2, rectify=0), [3, -9, 8])[0] == [5, -9, 8]


def test_delta_sends_a_change_that_reaches_its_threshold():
    assert run(Delta(4), [4, 8, 11, 12])[0] == [4, 4, 0, 4]
    assert run(SigmaDelta(4), [4, 4, 3, 1])[0] == [4, 4, 0, 4]


@pytest.mark.parametrize("name", sorted(NEURONS))
def test_every_register_is_refused_beyond_its_ends_and_as_nan(name):
    specs = registers(NEURONS[name])
    fits = {n: max(spec["low"], 0) for n, spec in specs.items()}
    check(NEURONS[name](**fits), "n")
    for n, spec in specs.items():
        for bad in (spec["low"] - 1, spec["high"] + 1, float("nan"), spec["high"] - 0.5, "x"):
            with pytest.raises(RangeError, match=f"n: {n} "):
                check(NEURONS[name](**{**fits, n: bad}), "n")
