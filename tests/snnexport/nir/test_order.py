"""The order of nodes against one found step by step, by looking at every path there is."""

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from snnexport.formats.nir.order import ordered

NAMES = "abcdefg"


def reached(edges, start, within):
    """Return what edges lead to from ``start`` in one step or more, all of it ``within``."""
    found, ends = set(), [start]
    while ends:
        end = ends.pop()
        new = {b for a, b in edges if a == end and b in within and b not in found}
        found |= new
        ends += new
    return found


def by_hand(edges, names, neurons, distance):
    """Return the order of ``names`` and which of them are cycles without a neuron."""
    reaches = {name: reached(edges, name, names) for name in names}
    blocks = {frozenset([n, *(m for m in reaches[n] if n in reaches[m])]) for n in names}
    order, cycles, done = [], [], set()
    while blocks:
        ready = [
            block
            for block in blocks
            if not any(a in names - done - block for a, b in edges if b in block)
        ]
        block = min(ready, key=min)
        blocks.remove(block)
        done |= block
        (first, *others), looped = sorted(block), any(name in reaches[name] for name in block)
        if not looped or (not others and first in neurons):
            order.append(first)
        elif not block & neurons:
            cycles.append(block)
        else:
            cut = min(block & neurons, key=lambda n: (distance.get(n, len(NAMES)), n))
            rest, found = by_hand(edges, block - {cut}, neurons, distance)
            order += [cut, *rest]
            cycles += found
    return order, cycles


def distances(edges, source):
    """Return the fewest edges from ``source`` to each node that it reaches."""
    found, front, steps = {}, {source}, 0
    while front:
        found |= dict.fromkeys(front, steps)
        front = {b for a, b in edges if a in front} - set(found)
        steps += 1
    return found


@settings(max_examples=150, deadline=None)
@given(
    edges=st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=14),
    neurons=st.sets(st.sampled_from(NAMES)),
    names=st.permutations(NAMES),
)
def test_the_order_is_that_of_looking_at_every_path(edges, neurons, names):
    graph = nx.DiGraph()
    graph.add_nodes_from(names)
    graph.add_edges_from(sorted(edges, key=lambda edge: [names.index(end) for end in edge]))
    order, cycles = ordered(graph, "a", neurons)
    wanted, blocks = by_hand(edges, set(NAMES), neurons, distances(edges, "a"))
    assert order == wanted
    assert len(cycles) == len(blocks)
    for cycle, block in zip(cycles, blocks, strict=True):
        assert set(cycle) <= block
        assert len(set(cycle)) == len(cycle)
        assert all(edge in edges for edge in zip(cycle, [*cycle[1:], cycle[0]], strict=True))


def test_of_neurons_that_are_equally_near_the_first_by_name_is_computed_first():
    graph = nx.DiGraph([("in", "z"), ("in", "y"), ("z", "y"), ("y", "z")])
    assert ordered(graph, "in", {"y", "z"}) == (["in", "y", "z"], [])


def test_a_neuron_that_the_input_does_not_reach_is_cut_last():
    graph = nx.DiGraph([("in", "z"), ("z", "a"), ("a", "z"), ("b", "c"), ("c", "b")])
    assert ordered(graph, "in", {"a", "z", "c"}) == (["c", "b", "in", "z", "a"], [])


def test_a_node_that_hears_itself_is_a_cycle_unless_it_is_a_neuron():
    graph = nx.DiGraph([("in", "x"), ("x", "x")])
    assert ordered(graph, "in", {"x"}) == (["in", "x"], [])
    assert ordered(graph, "in", set()) == (["in"], [["x"]])
