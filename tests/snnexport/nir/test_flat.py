"""Flattening NIR graphs: inlined, ordered, sized, and every problem of it named."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nir_files import affine, chain, flat, lif, nir_bytes, port, refused, small_net, subgraph

from snnexport.formats.nir.file_in import graph_of
from snnexport.formats.nir.flat import flattened
from snnexport.formats.nir.hdf5 import parse
from snnexport.formats.nir.nodes import Subgraph


def block(shape):
    """Return a recurrent subgraph, neurons with weights back to them."""
    nodes = {
        "in": port("Input", shape),
        "lif": lif(shape),
        "w": affine(np.eye(shape)),
        "out": port("Output", shape),
    }
    return subgraph(nodes, [*chain("in", "lif", "w"), ("w", "lif"), ("lif", "out")])


def test_a_chain_has_its_order_and_shapes():
    nodes, edges = small_net(4, 3)
    found = flat(nodes, edges)
    assert found.order == ("input", "fc", "lif", "output")
    assert found.edges == (("fc", "lif"), ("input", "fc"), ("lif", "output"))
    assert found.shapes == {"input": (4,), "fc": (3,), "lif": (3,), "output": (3,)}
    assert (found.input, found.output, found.repaired) == ("input", "output", ())
    assert list(found.nodes) == list(found.order)


def test_subgraphs_at_any_depth_become_names_with_dots_and_their_ends_become_edges():
    outer = subgraph(
        {"i": port("Input", 3), "deep": block(3), "o": port("Output", 3)}, chain("i", "deep", "o")
    )
    nodes = {"input": port("Input", 3), "a": affine(np.eye(3)), "sub": outer,
             "output": port("Output", 3)}  # fmt: skip
    found = flat(nodes, chain(*nodes))
    assert found.order == ("input", "a", "sub.deep.lif", "sub.deep.w", "output")
    assert set(found.edges) == {
        ("input", "a"),
        ("a", "sub.deep.lif"),
        ("sub.deep.lif", "sub.deep.w"),
        ("sub.deep.w", "sub.deep.lif"),
        ("sub.deep.lif", "output"),
    }
    assert set(found.nodes) == set(found.shapes) == set(found.order)


def test_a_subgraph_that_only_passes_on_leaves_an_edge():
    through = subgraph({"i": port("Input", 3), "o": port("Output", 3)}, [("i", "o")])
    nodes = {"input": port("Input", 3), "sub": through, "lif": lif(3), "output": port("Output", 3)}
    assert flat(nodes, chain(*nodes)).edges == (("input", "lif"), ("lif", "output"))
    problems, _ = refused(nodes, [*chain(*nodes), ("input", "lif")])
    assert problems == {"input -> lif: 2 ways lead there"}


def test_a_node_and_a_subgraph_of_a_subgraph_with_one_name_are_refused():
    outer = subgraph(
        {"i": port("Input", 3), "b": block(3), "o": port("Output", 3)}, chain("i", "b", "o")
    )
    nodes = {"input": port("Input", 3), "a": outer, "a.b": lif(3), "output": port("Output", 3)}
    problems, _ = refused(nodes, chain(*nodes))
    assert "a.b: two nodes have this name, dots of subgraphs included" in problems


def test_the_same_name_by_a_subgraph_and_by_a_dot_is_refused():
    nodes = {"input": port("Input", 3), "b.lif": lif(3), "b": block(3), "output": port("Output", 3)}
    problems, _ = refused(nodes, chain(*nodes))
    assert "b.lif: two nodes have this name, dots of subgraphs included" in problems


def test_shapes_are_checked_inside_subgraphs_too():
    nodes = {"input": port("Input", 4), "b": block(3), "output": port("Output", 3)}
    problems, _ = refused(nodes, chain(*nodes))
    assert problems == {"input -> b.in: Input takes shape (3,), and (4,) arrives"}


def test_a_cycle_is_cut_at_the_neuron_nearest_to_the_input():
    nodes = {
        "input": port("Input", 2), "z": lif(2), "b": affine(np.eye(2)), "a": lif(2),
        "c": affine(np.eye(2)), "output": port("Output", 2),
    }  # fmt: skip
    edges = [*chain("input", "z", "b", "a", "c", "z"), ("a", "output")]
    assert flat(nodes, edges).order == ("input", "z", "b", "a", "c", "output")


def test_branches_come_by_name():
    nodes = {"z": port("Input", 3), "c": lif(3), "b": lif(3), "d": lif(3), "a": lif(3),
             "output": port("Output", 3)}  # fmt: skip
    edges = [("z", "c"), ("z", "d"), ("z", "b"), ("b", "a"), *chain("c", "output")]
    edges += [("d", "output"), ("a", "output")]
    assert flat(nodes, edges).order == ("z", "b", "a", "c", "d", "output")


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_order_shapes_and_edges_do_not_depend_on_the_order_in_the_file(data):
    nodes = {
        "input": port("Input", 3), "fork": affine(np.eye(3)), "x": block(3), "y": block(3),
        "join": lif(3), "back": affine(np.eye(3)), "output": port("Output", 3),
    }  # fmt: skip
    edges = [
        ("input", "fork"), ("fork", "x"), ("fork", "y"), ("x", "join"), ("y", "join"),
        ("join", "back"), ("back", "x"), ("join", "output"),
    ]  # fmt: skip
    graph = graph_of(parse(nir_bytes(nodes, edges)), "net.nir")
    names = data.draw(st.permutations(list(graph.nodes)))
    shuffled = Subgraph(
        {name: graph.nodes[name] for name in names},
        tuple(data.draw(st.permutations(graph.edges))),
    )
    found, expected = flattened(shuffled, "net.nir"), flattened(graph, "net.nir")
    assert (found.order, found.edges) == (expected.order, expected.edges)
    assert found.shapes == expected.shapes
    place = {name: index for index, name in enumerate(found.order)}
    against = {(s, r) for s, r in found.edges if place[s] >= place[r]}
    assert against == {("x.w", "x.lif"), ("y.w", "y.lif"), ("back", "x.lif")}


def test_every_problem_of_the_edges_is_named_at_once():
    nodes, edges = small_net()
    nodes |= {"lost": lif(3), "two": port("Input", 4)}
    edges = [*edges, ("fc", "gone"), ("nowhere", "lif"), ("fc", "lif")]
    problems, _ = refused(nodes, edges)
    known = "the graph has fc, input, lif, lost, output, two"
    assert problems == {
        "the graph: has 2 Input nodes (input, two); one is supported, as an edge cannot say "
        "which is meant",
        f"fc -> gone: dangling edge, no node 'gone'; {known}",
        f"nowhere -> lif: dangling edge, no node 'nowhere'; {known}",
        "fc -> lif: the edge is there 2 times, once is meant (--repair)",
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["Input", "Output"])
def test_a_graph_or_subgraph_without_an_end_is_refused(kind):
    nodes, _ = small_net()
    kept = {name: node for name, node in nodes.items() if node["type"] != kind}
    assert refused(kept, [])[0] == {f"the graph: has no {kind} node; add one with its shape"}
    inner = {name: node for name, node in block(3)["nodes"].items() if node["type"] != kind}
    whole = {"input": port("Input", 3), "b": subgraph(inner, []), "output": port("Output", 3)}
    assert f"b: has no {kind} node; add one with its shape" in refused(whole, chain(*whole))[0]


def test_an_empty_graph_is_refused():
    assert refused({}, [])[0] == {
        "the graph: has no Input node; add one with its shape",
        "the graph: has no Output node; add one with its shape",
    }


def test_nodes_that_nothing_uses_are_named():
    nodes, edges = small_net()
    nodes |= {"blind": lif(3), "unread": lif(3)}
    problems, _ = refused(nodes, [*edges, ("blind", "output"), ("fc", "unread")])
    assert problems == {
        "blind: nothing leads to it from the input; remove it",
        "unread: nothing leads from it to the output; remove it",
    }


def test_edges_into_the_input_and_out_of_the_output_are_refused():
    nodes, edges = small_net(3, 3)
    problems, _ = refused(nodes, [*edges, ("lif", "input"), ("output", "fc")])
    assert problems == {
        "input: an edge leads into the input",
        "output: an edge leaves the output",
    }


def test_a_cycle_without_a_neuron_is_named():
    nodes, edges = small_net(3, 3)
    nodes |= {"a": affine(np.eye(3)), "b": affine(np.eye(3))}
    problems, _ = refused(nodes, [*edges, ("fc", "a"), *chain("a", "b", "a"), ("b", "lif")])
    assert problems == {"a -> b -> a: a cycle without a neuron"}
    problems, _ = refused(nodes, [*edges, *chain("fc", "a", "b", "lif"), ("a", "a")])
    assert problems == {"a -> a: a cycle without a neuron"}


def test_sums_of_different_shapes_are_refused():
    nodes, edges = small_net(3, 3)
    nodes["wide"] = affine(np.ones((4, 3)))
    problems, _ = refused(nodes, [*edges, *chain("input", "wide", "lif")])
    assert problems == {"wide -> lif: LIF takes shape (3,), and (4,) arrives"}


def test_a_weight_that_feeds_back_the_wrong_shape_is_refused():
    nodes, edges = small_net(3, 3)
    nodes["back"] = affine(np.ones((4, 3)))
    problems, _ = refused(nodes, [*edges, *chain("lif", "back", "lif")])
    assert problems == {"back -> lif: LIF takes shape (3,), and (4,) arrives"}
