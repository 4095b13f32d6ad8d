"""What a Program refuses to be, and how it says so: everything at once, by name."""

from dataclasses import replace

import numpy as np
import pytest

from hwsim import (
    Blank,
    Connection,
    Conv2d,
    Cuba,
    Dense,
    Gate,
    Input,
    Population,
    Program,
    Readout,
    Sparse,
    SumPool2d,
    run,
)
from hwsim.errors import CheckError

LINK = Connection("in", "n", Dense(np.array([[1]])))
NEURONS = Population("n", (1,), Cuba.integrator(64), 1)
GOOD = Program("one", "loihi2", Input("in", (1,)), (NEURONS,), (LINK,), "n")
WRONG = [2.5, np.nan, True, "3", [1], 1.0]


def problems(**change):
    with pytest.raises(CheckError) as caught:
        replace(GOOD, **change)
    return caught.value.problems


def into(synapse, **more):
    return {"connections": (replace(LINK, synapse=synapse, **more),)}


def neurons(**change):
    return {"populations": (replace(NEURONS, **change),)}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"input": Input("in", (1,), 0, 2**31)}, "in: high = 2147483648 does not fit 32 bits"),
        ({"input": Input("in", (1,), -(2**31) - 1)}, "in: low = -2147483649 does not fit 32 bits"),
        ({"input": Input("in", (0,))}, "in: shape[0] = 0 does not fit 1..2147483647"),
        ({"input": Input("in", ())}, "in: shape = () is not a tuple of 1 or more whole numbers"),
        ({"input": Input("in", [1])}, "in: shape = [1] is not a tuple of 1 or more whole numbers"),
        ({"input": Input("in", (1,), 3, 2)}, "in: low 3 > high 2"),
        ({"input": None}, "input is a NoneType, not an Input"),
        ({"populations": ()}, "there is no population"),
        ({"populations": 3}, "populations is a int, not an iterable of Population"),
        ({"populations": [NEURONS, "n"]}, "populations[1] is a str, not a Population"),
        ({"connections": None}, "connections is a NoneType, not an iterable of Connection"),
        ({"connections": (NEURONS,)}, "connections[0] is a Population, not a Connection"),
        (neurons(neuron=object()), "n: object is not a neuron of hwsim.neurons.NEURONS"),
        (neurons(latency=-1), "n: latency = -1 does not fit 0..2147483647"),
        (neurons(latency=2**31), "n: latency = 2147483648 does not fit 0..2147483647"),
        (neurons(shape=3), "n: shape = 3 is not a tuple of 1 or more whole numbers"),
        (neurons(shape=(1.0,)), "n: shape[0] = 1.0 is not a whole number"),
        (into(Dense(np.array([[2**31]]))), "weight = 2147483648 does not fit 32 bits"),
        (into(Dense(np.array([[-(2**31) - 1]]))), "weight = -2147483649 does not fit 32 bits"),
        (into(None), "in->n: synapse is a NoneType, not a synapse"),
        (into(LINK.synapse, graded="no"), "in->n: graded is a str, not a bool"),
        (into(LINK.synapse, label=3), "label is a int, not a text"),
        (into(LINK.synapse, target="in"), "in->in: the input cannot be a target"),
        (into(LINK.synapse, source="x"), "x->n: no such population: x"),
        (into(Conv2d(np.ones((1, 1, 1, 1), int))), "cannot follow a layer of shape (1,)"),
        (into(SumPool2d((1, 1), (1, 1))), "a SumPool2d cannot follow a layer of shape (1,)"),
        (into(Sparse.identity(2)), "a Sparse of 2 inputs cannot follow 1 neurons"),
        ({"connections": (LINK, LINK)}, "in->n: two connections join the same two; give them a l"),
        ({"output": None}, "output is a NoneType, not a text"),
        ({"output": "in"}, "output 'in' is not a population"),
        ({"readout": "voltage"}, "readout is a str, not a Readout"),
        ({"name": None}, "program name is a NoneType, not a text"),
        ({"name": "a\0b"}, "program name 'a\\x00b' cannot be written to a file"),
        ({"chip": "\ud800"}, "chip '\\ud800' cannot be written to a file"),
        (into(LINK.synapse, label="a\0"), "label 'a\\x00' cannot be written to a file"),
        ({"metadata": {"k\0": "v"}}, "metadata 'k\\x00' cannot be written to a file"),
        ({"metadata": {"k": "\ud800"}}, "metadata '\\ud800' cannot be written to a file"),
        ({"metadata": {"k": 3}}, "metadata is a int, not a text"),
        ({"metadata": [1]}, "metadata is a list, not a mapping of texts"),
        ({"blank": "b", "period": 3}, "blank is a str, not a Blank or None"),
        ({"blank": Blank("b", 1)}, "b: gap = 1 does not fit into period = None"),
        ({"blank": Blank("b", 3), "period": 3}, "b: gap = 3 does not fit into period = 3"),
        ({"blank": Blank("b", 0), "period": 3}, "b: gap = 0 does not fit 1.."),
    ],
)
def test_an_impossible_program_is_refused_with_its_problem(change, problem):
    assert any(problem in found for found in problems(**change)), problems(**change)


@pytest.mark.parametrize("value", [*WRONG, None])
def test_what_is_not_a_whole_number_is_refused_everywhere(value):
    changes = {
        "n: latency": neurons(latency=value),
        "in: low": {"input": Input("in", (1,), value)},
        "in: high": {"input": Input("in", (1,), 0, value)},
        "b: gap": {"period": 9, "blank": Blank("b", value)},
        "weight exponent": into(Dense(np.array([[1]]), value)),
        **({} if value is None else {"period": {"period": value}}),
    }
    for name, change in changes.items():
        wanted = f"{name} = {value!r} is not a whole number"
        assert any(wanted in found for found in problems(**change)), name


def test_numpy_integers_are_kept_as_pythons_and_do_not_overflow():
    wide = np.uint8(255)
    p = replace(
        GOOD, input=Input("in", (np.int64(1),), np.uint8(0), wide), period=np.int8(3),
        **neurons(latency=wide, shape=(np.int8(1),)),
    )  # fmt: skip
    kept = (p.input.high, p.period, p.latency, p.populations[0].shape[0])
    assert kept == (255, 3, 255, 1)
    assert {type(value) for value in kept} == {int}
    assert run(p, np.ones((3, 1, 1), int)).counts.machine_steps == 258


@pytest.mark.parametrize(
    ("threshold", "problem"),
    [
        ([[1], [1, 2]], "n: threshold holds object, not integers"),
        (np.array([64], object), "n: threshold holds object, not integers"),
        (None, "n: threshold holds object, not integers"),
        (2**70, "n: threshold holds object, not integers of 32 bits"),
        (np.nan, "n: threshold = nan does not fit"),
        (0.5, "n: threshold = 0.5 does not fit"),
        ([64, 64], "n: threshold: shape (2,) is not a scalar, (1,) or (1,)"),
    ],
)
def test_a_register_that_holds_no_integers_is_refused(threshold, problem):
    assert any(problem in found for found in problems(**neurons(neuron=Gate(threshold))))


def test_a_register_of_one_value_is_that_of_every_channel():
    link = replace(LINK, synapse=Dense(np.ones((3, 1), int)))
    one, scalar = (
        replace(GOOD, connections=(link,), **neurons(shape=(3,), neuron=Cuba.leaky(0, threshold)))
        for threshold in (np.array([64]), 64)
    )
    x = np.ones((3, 1, 1), int)
    assert (run(one, x).outputs == run(scalar, x).outputs).all()


def test_a_synapse_of_the_right_size_and_another_shape_is_refused():
    wide = {"input": Input("in", (1, 2, 3)), "output": "n"}
    pool = replace(LINK, synapse=SumPool2d((1, 1), (1, 1)))
    found = problems(connections=(pool,), **wide, **neurons(shape=(1, 3, 2)))
    assert found == ("in->n: the synapse gives shape (1, 2, 3), the population has (1, 3, 2)",)


@pytest.mark.parametrize("kind", [list, iter, lambda parts: (part for part in parts)])
def test_parts_may_come_from_any_iterable_and_are_kept_as_they_were(kind):
    given = [LINK]
    p = replace(GOOD, populations=kind([NEURONS]), connections=kind(given))
    given.append(replace(LINK, source="nowhere"))
    assert p.connections == (LINK,)
    assert p.populations == (NEURONS,)
    x = np.ones((3, 1, 1), int)
    assert (run(p, x).outputs == run(GOOD, x).outputs).all()


def test_no_problem_hides_another():
    broken = Population("p", (0,), object(), -1)
    cuba = Population("q", (2,), Cuba(-1, 0, np.array([1, 2, 3])), 1)
    heavy = Dense(np.full((3, 3), 2**40), 99, np.full((3, 3), 77))
    found = problems(
        populations=(broken, cuba), output="x", period=0, blank=Blank("b", 1.5),
        connections=(Connection("in", "q", heavy, graded=1), Connection("y", "in", Dense([1]))),
    )  # fmt: skip
    for part in (
        "period = 0", "b: gap = 1.5", "p: latency = -1", "p: shape[0] = 0", "p: object is not",
        "q: decay_u = -1", "q: threshold = 1 ", "q: threshold: shape (3,)", "in->q: graded",
        "in->q: weight = 1099511627776", "in->q: weight exponent = 99", "in->q: delay = 77",
        "y->in: no such population: y", "y->in: the input cannot", "y->in: weight is a list",
        "output 'x'",
    ):  # fmt: skip
        assert any(part in line for line in found), part


def test_a_name_used_twice_is_one_problem():
    assert problems(blank=Blank("n", 1), period=3) == ("name 'n' is used twice",)
    assert problems(blank=Blank("in", 1), period=3) == ("name 'in' is used twice",)


def test_connections_whose_names_alone_are_the_same_are_told_apart():
    ends = [("in", "a#b", ""), ("in", "a", "b")]
    pops = [replace(NEURONS, name=name) for name in ("a#b", "a")]
    found = problems(
        populations=pops, output="a",
        connections=[Connection(s, t, LINK.synapse, label=label) for s, t, label in ends],
    )  # fmt: skip
    assert found == (
        "in->a#b: is the name of ('in', 'a', 'b') and ('in', 'a#b', '') (source, target, label); "
        "rename one",
    )


def test_a_voltage_readout_needs_a_voltage():
    found = problems(readout=Readout.VOLTAGE, **neurons(neuron=Gate()))
    assert found == ("output 'n': a Gate has no voltage to read",)
