"""latencies() and align(): when each layer answers, and what makes all paths equally long."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Residual, trained

from hwsim import load_chip
from hwsim.errors import UnsupportedError
from hwsim.neurons import Cuba, GradedRelay, MultiSpike, Ternary
from snnexport import Calibration, capture, fold, quantize
from snnexport.graph import Edge, Graph, Layer, Linear
from snnexport.passes.align import align, latencies

CHIPS = [load_chip("loihi1"), load_chip("loihi2")]
EYE = (Linear(2 * np.eye(2, dtype=np.int64)),)


def joined(*ends, names="ab", high=1, **layers):
    """Layers of two integer neurons and edges (source, target, late) between them."""
    neuron = Cuba.leaky(0, 64)
    found = tuple(
        Layer(n, (2,), layers.get(n, neuron), _into(n, ends), scale=np.ones(2)) for n in names
    )
    return Graph("g", "input", (2,), found, names[-1], 4, high=high)


def _into(name, ends):
    return tuple(Edge(a, f"{a}{b}", EYE, late) for a, b, late in ends if b == name)


def test_latency_is_the_longest_path_and_relays_fill_the_short_ones():
    torch.manual_seed(0)
    frames = torch.randint(0, 17, (5, 6, 1, 8, 8)).double()
    graph = fold(capture(trained(Residual(), frames), frames))
    expected = {"input": 0, "spike1": 1, "body.1": 2, "spike2": 3, "out": 4}
    assert latencies(graph) == expected
    chip = load_chip("loihi1")
    aligned = align(quantize(graph, chip, Calibration(0, 16)), chip)
    assert latencies(aligned) == {**expected, "spike1.relay1": 2}
    ends = [(e.source, layer.name) for e, layer in aligned.edges()]
    assert ("spike1", "spike2") not in ends
    assert ("spike1.relay1", "spike2") in ends


@settings(max_examples=60, deadline=None)
@given(data=st.data(), count=st.integers(1, 6))
def test_latencies_are_the_least_that_let_every_message_arrive_in_time(data, count):
    names = [f"p{i}" for i in range(count)]
    pairs = st.tuples(st.sampled_from(["input", *names]), st.sampled_from(names), st.integers(0, 4))
    drawn = [("input", n, 0) for n in names] + data.draw(st.lists(pairs, max_size=10))
    order = {n: i for i, n in enumerate(["input", *names])}
    ends = [(a, b, z if order[a] < order[b] else z + 1) for a, b, z in drawn]
    graph = joined(*ends, names=names)
    times = nx.MultiDiGraph([(a, b, {"hops": 1 - z}) for a, b, z in ends])
    fits = all(_slack(times, cycle) <= 0 for cycle in nx.simple_cycles(times))
    if not fits:
        with pytest.raises(UnsupportedError, match="around the cycle"):
            latencies(graph)
        return
    found = latencies(graph)
    arrivals = {n: [found[a] + 1 - z for a, b, z in ends if b == n] for n in names}
    assert found == {"input": 0} | {n: max(0, *times) for n, times in arrivals.items()}
    for chip in CHIPS:
        aligned = align(graph, chip)
        later = latencies(aligned)
        assert {n: later[n] for n in found} == found, "relays take no time that was not free"
        assert all(later[e.source] + 1 - e.late == later[p.name] for e, p in aligned.edges())


def _slack(times, cycle):
    """The largest sum of hops - z around a cycle, over its parallel edges."""
    steps = zip(cycle, [*cycle[1:], cycle[0]], strict=True)
    return sum(max(e["hops"] for e in times[a][b].values()) for a, b in steps)


def test_feedback_over_two_layers_fits_two_frames_late():
    graph = joined(("input", "a", 0), ("a", "b", 0), ("b", "a", 2))
    assert latencies(graph) == {"input": 0, "a": 1, "b": 2}
    assert align(graph, CHIPS[0]) is not graph
    assert [p.name for p in align(graph, CHIPS[0]).layers] == ["a", "b"]


def test_feedback_over_two_layers_one_frame_late_is_refused_with_its_steps():
    graph = joined(("input", "a", 0), ("a", "b", 0), ("b", "a", 1))
    with pytest.raises(UnsupportedError) as caught:
        latencies(graph)
    assert "need 2 steps around the cycle" in caught.value.message
    assert "a -> b" in caught.value.message or "b -> a" in caught.value.message
    assert "may come 1 frames late" in caught.value.message


def test_feedback_later_than_its_steps_waits_in_relays():
    aligned = align(joined(("input", "a", 0), ("a", "b", 0), ("b", "a", 5)), CHIPS[0])
    assert [p.name for p in aligned.layers] == ["a", "b", "b.relay1", "b.relay2", "b.relay3"]


def test_relays_are_shared_by_all_paths_from_a_source():
    ends = [("input", "a", 0), ("a", "b", 0), ("b", "c", 0), ("c", "d", 0)]
    aligned = align(joined(*ends, ("a", "d", 0), ("a", "c", 0), names="abcd"), CHIPS[0])
    assert [p.name for p in aligned.layers if "relay" in p.name] == ["a.relay1", "a.relay2"]
    (second,) = aligned.layer("a.relay2").edges
    assert second.source == "a.relay1"


def test_a_population_without_a_source_answers_just_before_its_reader():
    line = Cuba(4096, 4096, 0, 64)
    ends = [("input", "a", 0), ("a", "b", 0), ("b", "c", 0), ("line", "c", 0)]
    graph = joined(*ends, names=["line", *"abc"], line=line)
    assert latencies(graph)["line"] == 2
    assert len(align(graph, CHIPS[0]).layers) == 4


def test_messages_with_a_payload_pass_through_relays_that_carry_it():
    ends = [("input", "a", 0), ("a", "b", 0), ("input", "b", 0)]
    relay = align(joined(*ends, high=9), load_chip("loihi2")).layer("input.relay1")
    assert isinstance(relay.neuron, GradedRelay)
    relay = align(joined(*ends, high=1), load_chip("loihi2")).layer("input.relay1")
    assert isinstance(relay.neuron, Cuba)


@pytest.mark.parametrize(("most", "relay"), [(1, Cuba), (2, GradedRelay)])
def test_several_spikes_pass_through_relays_that_carry_their_number(most, relay):
    ends = [("input", "a", 0), ("a", "b", 0), ("b", "c", 0), ("a", "c", 0)]
    several = MultiSpike(4096, 0, 64, 64, most=most)
    aligned = align(joined(*ends, names="abc", a=several), load_chip("loihi2"))
    assert isinstance(aligned.layer("a.relay1").neuron, relay)


def test_messages_below_zero_pass_through_relays_that_carry_them():
    ends = [("input", "a", 0), ("a", "b", 0), ("b", "c", 0), ("a", "c", 0), ("input", "b", 0)]
    signed = Ternary(decay_u=4096, decay_v=0, threshold=64, threshold_low=-64, bias=0)
    graph = replace(joined(*ends, names="abc", a=signed), low=-1)
    aligned = align(graph, load_chip("loihi2"))
    relays = [p.neuron for p in aligned.layers if "relay" in p.name]
    assert [type(neuron) for neuron in relays] == [GradedRelay, GradedRelay]


def test_synapses_wait_where_no_relay_carries_the_payload():
    ends = [("input", "a", 0), ("a", "b", 0), ("input", "b", 0)]
    aligned = align(joined(*ends, high=9), load_chip("loihi1"))
    assert [p.name for p in aligned.layers] == ["a", "b"]
    assert {(e.source, e.wait) for e in aligned.layer("b").edges} == {("a", 0), ("input", 1)}


def test_alignment_of_a_graph_without_short_paths_adds_nothing():
    graph = joined(("input", "a", 0), ("a", "b", 0))
    for chip in CHIPS:
        aligned = align(graph, chip)
        assert [(p.name, len(p.edges)) for p in aligned.layers] == [("a", 1), ("b", 1)]
        assert all(edge.wait == 0 for edge, _ in aligned.edges())
