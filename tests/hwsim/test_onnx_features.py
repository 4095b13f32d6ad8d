"""Every feature of a program through its file: onnxruntime computes it, and it comes back."""

from dataclasses import fields, is_dataclass, replace

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from strategies import even, frames

from hwsim import (
    Blank,
    Connection,
    Conv2d,
    Cuba,
    Dense,
    Gate,
    GradedRelay,
    Input,
    Population,
    Program,
    Readout,
    Sigma,
    Sparse,
    SumPool2d,
    run,
)
from hwsim._onnx import program_bytes
from hwsim._onnx.read import program_of
from hwsim.neurons import NEURONS, registers
from snnexport import oracle

RELAY = GradedRelay()
LOW, HIGH = -(2**31), 2**31 - 1


def program(populations, connections, shape=(3,), low=-9, high=9, **rest):
    """A program of (name, shape, neuron) and (source, target, synapse, ...), all latencies 1."""
    return Program(
        name="one",
        chip="loihi2",
        input=Input("in", shape, low, high),
        populations=tuple(Population(*p, latency=1) for p in populations),
        connections=tuple(Connection(*c) for c in connections),
        output=populations[-1][0],
        **rest,
    )


def operators(p):
    return {f.name for f in onnx.load_from_string(program_bytes(p)).functions}


def assert_same(a, b):
    """Two values of a Program are equal in every field; integers of any width are."""
    if is_dataclass(a):
        assert type(a) is type(b)
        for f in fields(a):
            assert_same(getattr(a, f.name), getattr(b, f.name))
    elif isinstance(a, tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    elif isinstance(a, np.ndarray):
        assert a.shape == np.shape(b)
        assert (a == b).all()
    else:
        assert a == b


def check(p, x):
    """The file is valid, gives the program back, and onnxruntime computes the same trace."""
    content = program_bytes(p)
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    assert_same(p, program_of(content, "file"))
    expected = run(p, x, engine="reference", record="state").trace
    found = oracle.run(p, x)
    assert expected is not None
    assert list(expected.state) == list(found.state)
    assert list(expected.arrays) == list(found.arrays)
    for name, array in expected.arrays.items():
        assert array.dtype == found.arrays[name].dtype
        assert np.array_equal(array, found.arrays[name]), name
    return expected


def ordinary(kind, rng, n):
    """Registers in the size of sums of a few hundred."""
    values = {}
    for name, spec in registers(kind).items():
        low, high, step = max(spec["low"], -6400), min(spec["high"], 6400), spec["step"]
        values[name] = rng.integers(-(-low // step), high // step, n, endpoint=True) * step
    return kind(**values)


@pytest.mark.parametrize("period", [None, 5])
@pytest.mark.parametrize("name", sorted(NEURONS))
def test_every_neuron_with_its_reset_and_its_messages_as_they_are(rng, name, period):
    neuron = ordinary(NEURONS[name], rng, 6)
    p = program(
        [("cell", (6,), neuron), ("reader", (4,), RELAY)],
        [
            ("in", "cell", Dense(even(rng, (6, 3))), True),
            ("cell", "reader", Dense(even(rng, (4, 6))), True),
        ],
        period=period,
    )
    trace = check(p, frames(rng, p, steps=16))
    for kind in ("a", *neuron.STATE):
        assert trace.state[kind]["cell"].any()


@pytest.mark.parametrize("population", [(2, 1, 3), (2, 1, 1), (1, 1, 1), (2,), (1,)])
@pytest.mark.parametrize("per", ["network", "channel", "neuron", "one channel"])
def test_registers_come_back_as_scalars_by_channel_or_by_neuron(rng, population, per):
    shapes = {"channel": population[:1], "neuron": population, "one channel": (1,)}
    decay = rng.integers(1, 4096, shapes[per]) if per in shapes else 77
    size = int(np.prod(population))
    p = program(
        [("cell", population, Cuba(decay, 4096, 640))],
        [("in", "cell", Dense(even(rng, (size, 3))), True)],
    )
    check(p, frames(rng, p))


def test_a_period_is_kept_where_no_population_has_a_state(rng):
    p = program([("gate", (3,), Gate())], [("in", "gate", Sparse.identity(3))], period=4)
    check(p, frames(rng, p))
    assert "Reset" not in operators(p)


def test_a_population_without_connections_is_driven_by_its_bias(rng):
    p = program([("alone", (3,), Cuba(0, 0, 640, bias=np.array([0, 64, 320])))], [], period=7)
    assert check(p, frames(rng, p, steps=20)).spikes["alone"].any()


@pytest.mark.parametrize("exponent", [-31, -3, 0, 5, 31])
@pytest.mark.parametrize("delayed", [False, True])
@pytest.mark.parametrize("graded", [False, True])
def test_sparse_and_dense_synapses_with_exponents_and_delays(rng, exponent, delayed, graded):
    weight = rng.integers(-300, 300, (5, 6)) * rng.integers(0, 2, (5, 6))
    delay = rng.integers(0, 7, (5, 6)) if delayed else None
    p = program(
        [("dense", (5,), RELAY), ("sparse", (5,), RELAY)],
        [
            ("in", "dense", Dense(weight, exponent, delay), graded),
            ("in", "sparse", Sparse.of(weight, exponent, delay), graded),
        ],
        shape=(2, 1, 3),
    )
    trace = check(p, frames(rng, p, steps=12))
    found = trace.state["a"]
    assert found["dense"].any()
    assert (found["dense"] == found["sparse"]).all()


def test_delays_of_several_connections_share_one_history_up_to_the_longest(rng):
    far = np.array([0, 62, 3, 62])
    sparse = Sparse((4, 3), np.arange(4), np.array([0, 1, 2, 2]), np.array([3, 5, 7, 9]), 0, far)
    p = program(
        [("a", (4,), RELAY), ("b", (4,), RELAY)],
        [
            ("in", "a", sparse, True),
            ("in", "b", Dense(even(rng, (4, 3)), delay=np.full((4, 3), 2)), True),
            ("in", "b", Dense(even(rng, (4, 3))), True, "at once"),
            ("in", "b", Dense(even(rng, (4, 3)), delay=np.zeros((4, 3), int)), True, "zeros"),
            ("a", "b", Dense(even(rng, (4, 4)), delay=np.zeros((4, 4), int)), True),
        ],
    )
    x = frames(rng, p, steps=70)
    x[0] = 9
    trace = check(p, x)
    assert trace.state["a"]["a"][63, :, 1].all()
    assert {"Dense", "DelayDense", "DelaySparse"} <= operators(p)


def test_sums_wrap_to_32_bits_for_each_delay_before_the_exponent_shifts_them(rng):
    # two synapses of one delay overflow together; of two delays each is shifted on its own
    weight, x = np.array([[2**16, 2**16]]), np.zeros((4, 1, 2), np.int64)
    x[0], x[1] = 2**14, 2**14
    same, apart = (Dense(weight, -1, np.array([[1, d]])) for d in (1, 2))
    p = program(
        [("same", (1,), RELAY), ("apart", (1,), RELAY), ("dense", (1,), RELAY)],
        [("in", "same", same, True), ("in", "apart", apart, True),
         ("in", "dense", Dense(weight, -1), True)],
        shape=(2,), high=2**14,
    )  # fmt: skip
    found = check(p, x).state["a"]
    assert found["dense"][:4].ravel().tolist() == [0, -(2**30), -(2**30), 0]
    assert found["same"][:5].ravel().tolist() == [0, 0, -(2**30), -(2**30), 0]
    assert found["apart"][:5].ravel().tolist() == [0, 0, 2**29, 2**30, 2**29]


def test_sparse_synapses_may_be_none(rng):
    none = np.zeros(0, int)
    p = program(
        [("a", (3,), Sigma())],
        [("in", "a", Sparse((3, 3), none, none, none), True),
         ("in", "a", Sparse((3, 3), none, none, none, 1, none), True, "late")],
    )  # fmt: skip
    check(p, frames(rng, p))


def test_cycles_loops_and_parallel_connections_in_any_order_of_populations(rng):
    cell = Cuba(2048, 512, 640)
    p = program(
        [("late", (4,), cell), ("early", (5,), cell), ("out", (4,), cell)],
        [
            ("late", "out", Dense(even(rng, (4, 4))), False, "x"),
            ("early", "late", Dense(even(rng, (4, 5)))),
            ("out", "early", Dense(even(rng, (5, 4))), True),
            ("in", "early", Dense(even(rng, (5, 3))), True, "in->early#x/current"),
            ("in", "early", Dense(even(rng, (5, 3)))),
            ("late", "late", Dense(even(rng, (4, 4)), delay=rng.integers(0, 3, (4, 4)))),
            ("late", "out", Sparse.identity(4, weight=50)),
        ],
        period=9,
    )
    trace = check(p, frames(rng, p, steps=20))
    assert all(s.any() for s in trace.spikes.values())


@pytest.mark.parametrize("steps", [1, 2, 30])
def test_the_blank_line_is_computed_in_the_file_and_input_comes_after_it(rng, steps):
    p = program(
        [("a", (2,), Cuba(0, 0, 640)), ("b", (2,), RELAY)],
        [
            ("gap", "b", Dense(np.array([[-7], [9]]), delay=np.array([[0], [3]])), True),
            ("in", "a", Dense(even(rng, (2, 3))), True),
            ("gap", "a", Dense(np.full((2, 1), -255))),
        ],
        period=6,
        blank=Blank("gap", 2),
    )
    assert check(p, frames(rng, p, steps=steps)).spikes["b"][1, :, 0].tolist() == [-7] * 3
    x = frames(rng, p, steps=4)
    short = oracle.run(p, x, steps=2).spikes["b"]
    assert (
        short == run(p, x, engine="reference", record="spikes", steps=2).trace.spikes["b"]
    ).all()


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("reach", [2**7, 2**30])
def test_convolutions_of_messages_of_any_width_wrap_to_24_bits(rng, groups, reach):
    weight = rng.integers(-reach, reach, (4, 4 // groups, 3, 2))
    conv = Conv2d(weight, (2, 1), (1, 2), (1, 2), groups)
    pool = SumPool2d((2, 3), (1, 2), (1, 1), weight=int(rng.integers(1, reach)))
    shape = (4, 5, 6)
    p = program(
        [("relay", shape, RELAY), ("conv", conv.output_shape(shape), RELAY),
         ("pool", pool.output_shape(shape), RELAY)],
        [("in", "relay", Sparse.identity(120), True), ("relay", "conv", conv, True),
         ("relay", "pool", pool, True)],
        shape=shape, low=LOW, high=HIGH,
    )  # fmt: skip
    trace = check(p, frames(rng, p))
    assert {"WideConv2d", "WideSumPool2d"} <= operators(p)
    assert np.abs(trace.state["a"]["conv"]).max() > 2**22
    assert np.abs(trace.state["a"]["pool"]).max() > 2**22


@pytest.mark.parametrize(("high", "wide"), [(2**23 - 1, False), (2**23, True)])
def test_a_convolution_is_in_float_exactly_while_its_sums_stay_below_2_to_the_24(rng, high, wide):
    conv = Conv2d(np.array([[[[1, -1]]]]))
    p = program(
        [("conv", (1, 2, 2), RELAY)], [("in", "conv", conv, True)],
        shape=(1, 2, 3), low=-high, high=high,
    )  # fmt: skip
    assert ("WideConv2d" in operators(p)) == wide
    x = rng.choice([-high, high, high - 1], (6, 2, 1, 2, 3))
    check(p, x)
    plain = replace(p, connections=(replace(p.connections[0], graded=False),))
    assert "Conv2d" in operators(plain)
    check(plain, x)


def test_extreme_weights_and_messages_keep_the_low_32_bits(rng):
    weight = rng.choice([LOW, HIGH, LOW + 1], (40, 40))
    p = program(
        [("a", (40,), RELAY), ("b", (40,), Sigma())],
        [("in", "a", Dense(weight, 3), True), ("in", "b", Sparse.of(weight, -2), True),
         ("a", "b", Dense(weight, delay=rng.integers(0, 3, (40, 40))), True)],
        shape=(40,), low=LOW, high=HIGH,
    )  # fmt: skip
    x = rng.choice([LOW, HIGH, LOW + 1], (5, 2, 40))
    check(p, x)


def test_names_readout_and_provenance_of_any_kind_come_back(rng):
    cell = Cuba(4096, 0, 64)
    own = {"spikeport.name": "x", "spikeport.metadata.a": "", "recipe": "ünïcode\n"}
    p = program(
        [("a", (3,), cell), ("a/sent", (3,), cell), ("in->a", (3,), cell), ("ö #1", (3,), cell)],
        [(source, target, Dense(even(rng, (3, 3))))
         for source in ("in", "in->a", "a/sent") for target in ("a", "in->a", "ö #1")],
        readout=Readout.VOLTAGE, metadata=own,
    )  # fmt: skip
    check(p, frames(rng, p))


def test_onnx_reference_evaluates_every_operator_the_same(rng):
    shape = (2, 3, 3)
    delay = rng.integers(0, 2, (18, 18))
    p = program(
        [("relay", shape, RELAY), ("conv", shape, ordinary(NEURONS["SigmaDelta"], rng, 2))],
        [
            ("in", "relay", Sparse.identity(18), True),
            ("in", "relay", Sparse.of(even(rng, (18, 18)), 1, delay), True, "late"),
            ("relay", "conv", Dense(even(rng, (18, 18)), -2, delay), True),
            ("relay", "conv", Conv2d(even(rng, (2, 2, 3, 3)), padding=(1, 1)), True, "wide"),
            ("gap", "conv", Dense(np.full((18, 1), -3)), True),
        ],
        shape=shape, period=5, blank=Blank("gap", 1),
    )  # fmt: skip
    x = frames(rng, p, steps=5, batch=1)
    expected = run(p, x, engine="reference", record="state", steps=6).trace
    sent = np.concatenate([np.zeros_like(x[:1]), x]).astype(np.int32)
    evaluator = ReferenceEvaluator(onnx.load_from_string(program_bytes(p)))
    found = dict(zip(evaluator.output_names, evaluator.run(None, {"in/spikes": sent}), strict=True))
    assert expected is not None
    assert expected.spikes["conv"].any()
    for name, array in expected.arrays.items():
        assert (array == found[name]).all(), name


def test_synaptic_operations_count_every_delay_once_when_a_message_is_sent(rng):
    delay = rng.integers(0, 5, (4, 3))
    p = program([("a", (4,), RELAY)], [("in", "a", Dense(even(rng, (4, 3)), delay=delay))])
    x = frames(rng, p)
    _, synops = oracle.run_file(program_bytes(p), p, x)
    counts = run(p, x, engine="reference").counts
    assert counts is not None
    assert synops["in->a"].sum() == counts.connections[0].synops > 0
