"""What a Graph says about itself: shapes along a path, folded edges, delays, notes."""

import numpy as np
import pytest
import torch

from snnexport.graph import (
    Convolution,
    Diagonal,
    Edge,
    Flatten,
    Graph,
    Late,
    Layer,
    Linear,
    Place,
    SumPool,
    as_convolution,
    shapes_along,
)
from snnexport.interpret import propagate, stacked

IMAGE = (4, 6, 10)
DENSE = Linear(np.ones((5, 240)))
KERNEL = Convolution(np.ones((8, 2, 3, 1)), (2, 3), (1, 0), (2, 1), groups=2)
POOL = SumPool((3, 2), (1, 2), (1, 0), np.array([0.25]))
LATE = Late(np.array([2, 0, 1, 5]))


@pytest.mark.parametrize(
    ("stage", "shape"),
    [
        (KERNEL, (8, 2, 4)),
        (POOL, (4, 6, 5)),
        (Diagonal(np.ones(4)), IMAGE),
        (LATE, IMAGE),
        (Flatten(), (240,)),
        (Place(3, 9), (9, 6, 10)),
    ],
)
def test_a_stage_foretells_the_shape_that_its_messages_have(stage, shape, rng):
    sent = torch.from_numpy(rng.normal(size=(1, 2, *IMAGE)))
    assert stage.output_shape(IMAGE) == shape
    assert propagate([stage], sent).shape == (1, 2, *shape)


def test_shapes_along_a_path_begin_at_its_source_and_end_behind_it():
    assert shapes_along([], IMAGE) == [IMAGE]
    assert shapes_along([LATE, Flatten(), DENSE], IMAGE) == [IMAGE, IMAGE, (240,), (5,)]


@pytest.mark.parametrize("weights", [POOL, Diagonal(np.array([1.0, -2.0, 0.0, 3.5]))])
def test_a_pool_and_a_diagonal_compute_what_the_convolution_does_that_stands_for_them(weights, rng):
    sent = torch.from_numpy(rng.normal(size=(2, 3, *IMAGE)))
    same = as_convolution(weights, IMAGE[0])
    torch.testing.assert_close(propagate([same], sent), propagate([weights], sent))
    assert same.output_shape(IMAGE) == weights.output_shape(IMAGE)


@pytest.mark.parametrize(
    ("stages", "folded"),
    [
        ([KERNEL], True),
        ([POOL], True),
        ([Flatten(), DENSE], True),
        ([LATE, Flatten(), DENSE, LATE], True),
        ([], False),
        ([LATE], False),
        ([Flatten()], False),
        ([Place(0, 4)], False),
        ([DENSE, Flatten()], False),
        ([Flatten(), Diagonal(np.ones(240))], False),
        ([POOL, KERNEL], False),
    ],
)
def test_an_edge_is_folded_when_one_weights_is_left_beside_delays(stages, folded):
    assert Edge("a", "m", tuple(stages)).is_folded is folded


def test_other_weights_take_the_place_of_an_edges_own_and_nothing_else_moves():
    edge = Edge("a", "m", (LATE, Flatten(), DENSE), late=2, wait=3)
    other = Linear(np.zeros((5, 240)))
    changed = edge.with_weights(other)
    assert changed.stages == (LATE, edge.stages[1], other)
    assert changed.weights is other
    assert (changed.source, changed.module, changed.late, changed.wait) == ("a", "m", 2, 3)
    assert edge.weights is DENSE


def test_delays_of_one_path_add_up_shortest_to_shortest_and_longest_to_longest():
    both = (Late(np.array([2, 7, 1])), Diagonal(np.ones(3)), Late(np.array([4, 3])))
    assert Edge("a", "m", both).delays == (4, 11)
    assert Edge("a", "m", (), late=9).delays == (0, 0)


def test_notes_of_several_stages_are_kept_side_by_side_and_the_latest_of_one_stage_counts():
    graph = Graph("net", "in", (1,), (), "a", 1)
    once = graph.noted("fold", {"a": 1, "b": 2})
    twice = once.noted("quantize", {"b": 3, "c": 4}).noted("fold", {"a": 5})
    assert twice.notes == {"a": {"fold": 5}, "b": {"fold": 2, "quantize": 3}, "c": {"quantize": 4}}
    assert list(twice.notes) == ["a", "b", "c"]
    assert graph.notes == {}
    assert once.notes == {"a": {"fold": 1}, "b": {"fold": 2}}


def test_a_graph_knows_its_input_and_its_layers_by_name():
    layers = tuple(
        Layer(name, shape, None, tuple(Edge(s, "m", ()) for s in sources))
        for name, shape, sources in (("a", (3,), ["in"]), ("b", (4, 1, 2), ["a", "in"]))
    )
    graph = Graph("net", "in", (7,), layers, "b", 1)
    assert [graph.shape_of(name) for name in ("in", "a", "b")] == [(7,), (3,), (4, 1, 2)]
    assert graph.layer("b") is layers[1]
    ends = [(edge.source, layer.name) for edge, layer in graph.edges()]
    assert ends == [("in", "a"), ("a", "b"), ("in", "b")]


def test_frames_are_stacked_along_a_new_axis_of_time(rng):
    frames = [torch.from_numpy(rng.normal(size=(2, 3))) for _ in range(4)]
    assert np.array_equal(stacked(frames)[3], frames[3].numpy())
    assert stacked(frames).shape == (4, 2, 3)
