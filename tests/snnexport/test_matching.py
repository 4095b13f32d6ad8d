"""What of a path is its scale alone, and which populations of two networks are the same."""

from dataclasses import replace

import numpy as np
import pytest
from hand_graphs import cuba, single, with_layer
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.neurons import CubaSubtract, LeakyIntegrator
from snnexport._matching import form, kind, pairs, reduced
from snnexport.graph import (
    Convolution,
    Diagonal,
    Edge,
    Flatten,
    Graph,
    Late,
    Layer,
    Linear,
    SumPool,
)
from snnexport.inspect import Facts

VALUE = st.floats(0.25, 4)


@settings(max_examples=30, deadline=None)
@given(shared=VALUE, pooled=VALUE, rows=st.tuples(VALUE, VALUE), equal=st.booleans())
def test_a_path_is_its_reduced_one_times_the_factor(shared, pooled, rows, equal):
    by_row = np.array(rows[:1] * 2 if equal else rows)
    kernel, matrix = np.arange(1.0, 9).reshape(2, 1, 2, 2), np.arange(1.0, 5).reshape(2, 2)
    pool = SumPool((2, 2), (2, 2), (0, 0), np.array([pooled]))
    stages = [
        Diagonal(np.full(1, shared)), pool, Convolution(kernel), Diagonal(by_row),
        Late(np.array([0])), Flatten(), Linear(matrix), Diagonal(by_row),
    ]  # fmt: skip
    kept, factor = reduced(stages)
    assert [type(stage) for stage in kept] == [SumPool, Convolution, Linear]
    assert kept[0].weight.tolist() == [1.0]
    ours = np.multiply.outer(kernel * by_row[:, None, None, None], matrix * by_row[:, None])
    theirs = factor * np.multiply.outer(kept[1].weight, kept[2].weight)
    np.testing.assert_allclose(theirs, shared * pooled * ours)


def test_delays_and_diagonals_in_front_of_everything_stay():
    late, rows = Late(np.array([0, 2])), Diagonal(np.array([1.0, 2.0]))
    kept, factor = reduced([late, rows, Diagonal(np.array([3.0, 3.0]))])
    assert kept == [late, rows]
    assert factor == 3.0
    assert reduced([]) == ([], 1.0)
    two = Diagonal(np.array([2.0, 2.0]))
    assert reduced([two, two]) == ([], 4.0)


def test_a_form_says_everything_but_the_values_of_the_weights():
    conv = Convolution(np.ones((4, 2, 3, 1)), stride=(2, 1))
    assert form(conv) == (
        "Convolution (weight 4x2x3x1, stride (2, 1), padding (0, 0), dilation (1, 1), groups 1)"
    )
    assert form(conv) == form(replace(conv, weight=np.zeros((4, 2, 3, 1))))
    assert form(conv) != form(replace(conv, groups=2))
    assert form(Linear(np.ones((2, 3)), sparse=True)) == "Linear (weight 2x3)"
    assert form(Late(np.array([1, 0]))) == "Late (frames [1, 0])"


def test_populations_are_counted_compared_in_shape_kind_and_whether_they_are_read():
    net = single(np.ones((2, 3)))
    matched, problems = pairs(net, replace(net, name="file"))
    assert [(ours.name, theirs.name) for ours, theirs in matched] == [("x", "x")]
    assert problems == []
    wide = single(np.ones((4, 5)), LeakyIntegrator(1.0, 0.0, 0.0))
    assert pairs(net, wide)[1] == [
        "input: (3,), in the file (5,)",
        "x 2 is x 4 in the file",
        "x: neurons that fire, x in the file LeakyIntegrator",
    ]
    folded = replace(net, input_shape=(1, 3, 1))
    assert pairs(net, folded)[1] == [], "as many values"
    more = replace(net, layers=(*net.layers, Layer("y", (1, 2), cuba(), ())))
    assert pairs(net, more) == (
        [],
        ["the recipe has 1 populations (x 2), the file 2 (y 1x2, x 2)"],
    )


def chained(*names, output):
    """Return populations one behind the other, written from the last to the first."""
    sources = ("input", *names[:-1])
    layers = [
        Layer(name, (2,), cuba(), (Edge(source, name, (Diagonal(np.ones(2)),)),))
        for name, source in zip(names, sources, strict=True)
    ]
    return Graph("net", "input", (2,), tuple(layers[::-1]), output, 5)


def test_populations_are_matched_from_the_input_on_and_the_output_must_be_the_same_one():
    ours, theirs = chained("c", "a", "b", output="b"), chained("x", "y", "z", output="y")
    matched, problems = pairs(ours, theirs)
    assert [(one.name, other.name) for one, other in matched] == [
        ("c", "x"),
        ("a", "y"),
        ("b", "z"),
    ]
    assert problems == ["b is the output, in the file y, not z"]


def test_neurons_that_differ_only_in_their_reset_are_of_one_kind():
    net = single(np.ones((2, 3)))
    (layer,) = with_layer(net, "x", neuron=CubaSubtract(1.0, 0.0, 1.0)).layers
    assert kind(layer) == kind(net.layers[0]) == "neurons that fire"
    (readout,) = with_layer(net, "x", neuron=LeakyIntegrator(1.0, 0.0)).layers
    assert kind(readout) == "LeakyIntegrator"


@pytest.mark.parametrize(("length", "cut"), [(160, False), (161, True)])
def test_a_long_fact_is_cut_on_a_terminal_and_whole_as_json(length, cut):
    facts = Facts({"kind": "y", "held": "x" * length}, [{"a": 1, "b": "[red]"}])
    joined = facts.text().replace("\n", "")
    assert (f"({length} characters, whole with --json)" in joined) == cut
    assert joined.count("x") == 160
    assert facts.data == {"kind": "y", "held": "x" * length, "rows": [{"a": 1, "b": "[red]"}]}


def test_facts_without_rows_are_text_too():
    assert Facts({"kind": "[bold]y"}, []).text().startswith("kind: [bold]y")
