from dataclasses import replace

import numpy as np
import pytest
from hand_graphs import (
    CHIP,
    cuba,
    problems_of,
    residual,
    single,
    voltage_neurons,
    with_layer,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim import load_chip, run
from hwsim.arith import STATE_LIMIT, truncate_weights
from hwsim.errors import CheckError
from hwsim.neurons import CubaLateReset, Delta, LeakyIntegrator, MultiSpike, problems
from hwsim.program import Readout
from snnexport import lower
from snnexport.graph import Convolution, Edge, Graph, Late, Layer, Linear, Norm
from snnexport.interpret import interpret
from snnexport.passes.calibration import Calibration, code_input
from snnexport.passes.choices import Choices, LayerChoice
from snnexport.passes.quantize import quantize

SPIKES = Calibration(0, 1)
RELAY = Choices(sums={"sum": "relay"})


def loudest(weight, low, high, steps):
    """The frames that drive each output of dense ``weight`` as far as they can, up and down."""
    frames = [np.where(s * row > 0, high, low) for row in weight for s in (1, -1)]
    return np.repeat(np.array(frames)[None], steps, axis=0)


@pytest.mark.parametrize("neuron", voltage_neurons(), ids=lambda n: type(n).__name__)
def test_registers_of_every_voltage_neuron_fit_and_its_current_never_wraps(rng, neuron):
    weight = rng.normal(size=(4, 30))
    graph = quantize(single(weight, neuron), CHIP, Calibration(0, 16))
    integers = graph.layer("x").neuron
    assert problems(integers, "x", dict(CHIP.registers[type(neuron).__name__])) == []
    program = lower(graph, CHIP)
    result = run(program, loudest(weight, 0, graph.high, 5), record="state")
    bound = graph.notes["x"]["quantized"]["largest_current"]
    assert result.trace is not None
    assert result.counts is not None
    assert 0.9 * bound < np.abs(result.trace.u["x"].astype(int)).max() <= bound < STATE_LIMIT
    assert result.counts.populations[0].wraps == 0


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    ends=st.sampled_from([(0, 1), (-9, 9), (-16, 0), (-3, 12), (0, 255)]),
    decay_u=st.sampled_from([0.0, 0.02, 0.3, 0.7, 1.0]),
    bits=st.integers(2, 8),
)
def test_no_input_of_either_sign_passes_the_proven_bound(seed, ends, decay_u, bits):
    weight = np.random.default_rng(seed).normal(size=(3, 40))
    neuron = cuba(decay_u=decay_u, threshold=60.0)
    choices = Choices(layers={"x": LayerChoice(weight_bits=bits)})
    graph = quantize(single(weight, neuron), CHIP, Calibration(*ends), choices)
    integers = graph.layer("x").edges[0].weights.weight
    frames = loudest(integers, graph.low, graph.high, 5)
    reached = np.abs(interpret(graph, frames).currents["x"]).max()
    bound = graph.notes["x"]["quantized"]["largest_current"]
    # at most one unit is lost a step to rounding
    assert bound - 5 <= reached <= bound < STATE_LIMIT


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("sign", [0, 1, -1])
def test_weights_of_few_bits_are_what_the_synaptic_memory_keeps_of_them(rng, bits, sign):
    weight = rng.normal(size=(5, 20))
    weight = sign * np.abs(weight) if sign else weight
    choices = Choices(layers={"x": LayerChoice(weight_bits=bits)})
    integers = quantize(single(weight), CHIP, SPIKES, choices).layer("x").edges[0].weights.weight
    assert (truncate_weights(integers, bits) == integers).all()
    step = 2 ** (8 - bits) if sign else 2 ** (9 - bits)
    assert np.abs(integers).max() == 256 - step


def test_the_rounding_error_of_a_weight_is_at_most_half_a_step_of_its_channel(rng):
    graph = residual(rng)
    integers = quantize(graph, CHIP, SPIKES)
    for name in ("a", "out"):
        before, after = graph.layer(name), integers.layer(name)
        real, whole = (p.edges[0].weights.weight.reshape(p.shape[0], -1) for p in (before, after))
        error = np.abs(real - after.scale[:, None] * whole).max(axis=1)
        assert (error <= after.scale * (1 + 1e-9)).all()


def test_an_identity_beside_small_weights_is_split_and_costs_them_nothing(rng):
    graph = residual(rng, weight=0.01)
    alone = with_layer(graph, "b", edges=graph.layer("b").edges[:1])
    both, single_edge = quantize(graph, CHIP, SPIKES), quantize(alone, CHIP, SPIKES)
    layer = both.layer("b")
    assert (layer.edges[0].weights.weight == single_edge.layer("b").edges[0].weights.weight).all()
    whole = sum(e.weights.weight for e in layer.edges if e.module == "skip")
    assert np.abs(whole * layer.scale - 1).max() < 2 * layer.scale.max()
    assert both.notes["b"]["quantized"]["split"].get("skip", 1) == len(layer.edges) - 1


def test_a_network_with_a_shifted_identity_runs_as_its_integers_say(rng):
    graph = quantize(residual(rng, weight=0.01), CHIP, Calibration(0, 16))
    assert max(np.abs(e.weights.weight).max() for e in graph.layer("b").edges) > 2000
    frames = rng.integers(0, 17, (5, 4, 1, 8, 8))
    program, expected = lower(graph, CHIP), interpret(graph, code_input(frames, graph.step)).spikes
    trace = run(program, code_input(frames, graph.step), record="spikes").trace
    assert trace is not None
    for name in ("a", "b", "out"):
        first = program.population(name).latency
        assert (trace.spikes[name][first : first + 5] == expected[name]).all()
        assert expected[name].any()


def beside(rng, weight):
    """The residual graph with a 1x1 convolution of size ``weight`` instead of its identity."""
    graph = residual(rng)
    large = Convolution(rng.uniform(-1, 1, size=(4, 4, 1, 1)) * weight)
    small = Convolution(rng.uniform(-1, 1, size=(4, 4, 3, 3)) * 0.02, padding=(1, 1))
    edges = (Edge("a", "small", (small,)), Edge("a", "large", (large,)))
    return with_layer(graph, "b", edges=edges)


@pytest.mark.parametrize(
    ("bits", "weight", "split"),
    [(8, 0.1, False), (4, 0.1, True), (4, 0.04, False), (4, 1.0, False)],
)
def test_an_edge_becomes_copies_only_where_a_smaller_one_would_be_lost(rng, bits, weight, split):
    real = beside(rng, weight)
    choices = Choices(layers={"b": LayerChoice(weight_bits=bits)})
    graph = quantize(real, CHIP, SPIKES, choices)
    parts = [e.weights.weight for e in graph.layer("b").edges if e.module == "large"]
    assert (len(parts) > 1) == split
    assert len(parts) <= 8
    assert all((truncate_weights(p, bits) == p).all() for p in parts)
    column = graph.layer("b").scale[:, None, None, None]
    error = sum(parts) * column - real.layer("b").edges[1].weights.weight
    assert np.abs(error).max() <= 2 ** (8 - bits) * column.max() * (1 + 1e-9)
    assert lower(graph, CHIP).latency == 3


def test_channels_of_a_voltage_readout_share_one_scale_and_those_of_others_do_not(rng):
    weight = rng.normal(size=(4, 10)) * np.array([[1], [2], [3], [4]])
    neuron = LeakyIntegrator(decay_u=1.0, decay_v=0.0, bias=0.0)
    scales = [
        quantize(single(weight, neuron, readout=readout), CHIP, SPIKES).layer("x").scale
        for readout in (Readout.VOLTAGE, Readout.COUNT)
    ]
    assert len(set(scales[0])) == 1
    assert len(set(scales[1])) == 4


def test_the_voltage_of_a_readout_never_passes_the_bound_in_its_note(rng):
    weight = rng.normal(size=(3, 8))
    neuron = LeakyIntegrator(decay_u=0.4, decay_v=0.1, bias=0.3)
    graph = quantize(single(weight, neuron, readout=Readout.VOLTAGE), CHIP, SPIKES)
    frames = loudest(graph.layer("x").edges[0].weights.weight, 0, 1, 5)
    trace = run(lower(graph, CHIP), frames, record="state").trace
    assert trace is not None
    reached = np.abs(trace.v["x"].astype(int)).max()
    assert 0.9 * min(graph.notes["x"]["quantized"]["largest_voltage"], STATE_LIMIT) < reached
    assert reached <= graph.notes["x"]["quantized"]["largest_voltage"]


@pytest.mark.parametrize("decay_u", [1.0, 0.3, 0.05])
def test_a_layer_that_hears_itself_can_be_silenced_between_samples(rng, decay_u):
    weight, high = np.abs(rng.normal(size=(6, 40))), 60
    graph = single(weight, cuba(decay_u=decay_u, threshold=50.0, bias=0.5), late=2)
    graph = quantize(graph, CHIP, Calibration(0, high))
    program = lower(graph, CHIP)  # silences it with a blank line, and proves that it does
    assert program.gap == 2
    frames = code_input(rng.integers(0, high + 1, (5, 3, 40)), graph.step)
    gap = np.zeros((2, 1, 40), int)
    stream = np.concatenate([x for b in range(3) for x in (frames[:, b : b + 1], gap)])
    trace = run(program, stream, record="spikes").trace
    assert trace is not None
    expected = interpret(graph, frames).spikes["x"]
    first = program.population("x").latency
    for b in range(3):
        start = first + 7 * b
        assert (trace.spikes["x"][start : start + 5, 0] == expected[:, b]).all()


def test_a_layer_with_delayed_targets_gives_way_to_the_blank_line(rng):
    weight = np.abs(rng.normal(size=(6, 400)))
    near = single(weight, cuba(decay_u=0.5, threshold=90.0))
    delayed = Edge("x", "later", (Linear(np.eye(6)), Late(np.array([0, 1, 2, 3, 4, 5]))))
    far = replace(near, layers=(*near.layers, Layer("y", (6,), cuba(), (delayed,))))
    first, second = (quantize(g, CHIP, Calibration(0, 64)) for g in (near, far))
    assert second.notes["x"]["quantized"]["decided_by"]["silence"] == 6
    ratio = second.layer("x").scale * second.step / (first.layer("x").scale * first.step)
    assert (ratio > 1).all()
    assert lower(second, CHIP).gap == 5


def test_a_population_without_inputs_that_its_bias_drives_is_quantized(rng):
    line = Layer("x.bias", (1,), cuba(threshold=0.0, bias=1.0), ())
    graph = single(rng.normal(size=(3, 4)))
    extra = Edge("x.bias", "w.bias", (Linear(rng.normal(size=(3, 1))),))
    graph = with_layer(graph, "x", edges=(*graph.layer("x").edges, extra))
    graph = quantize(replace(graph, layers=(line, *graph.layers)), CHIP, SPIKES)
    spikes = interpret(graph, np.zeros((5, 1, 4), int)).spikes["x.bias"]
    assert (spikes == 1).all()


def test_a_channel_with_nothing_at_all_stays_silent(rng):
    weight = rng.normal(size=(3, 8))
    weight[1] = 0
    neuron = LeakyIntegrator(decay_u=1.0, decay_v=0.0, bias=0.0)
    graph = quantize(single(weight, neuron), CHIP, SPIKES)
    assert not graph.layer("x").edges[0].weights.weight[1].any()
    assert np.isfinite(graph.layer("x").scale).all()


def test_every_problem_of_every_layer_is_listed_at_once(rng):
    graph = residual(rng)
    dwarfed = cuba(threshold=1e-9)
    graph = with_layer(with_layer(graph, "a", neuron=dwarfed), "out", neuron=dwarfed)
    with pytest.raises(CheckError, match="2 problem") as error:
        quantize(graph, CHIP, SPIKES)
    assert [p.split(":")[0] for p in error.value.problems] == ["a", "out"]
    assert list(error.value.problems) == problems_of(graph, CHIP, SPIKES)


def test_a_graph_that_is_not_folded_is_refused_by_layer(rng):
    graph = residual(rng)
    graph = with_layer(graph, "a", norm=Norm(np.ones(4), np.zeros(4)), constant=0.5)
    graph = with_layer(graph, "out", edges=(Edge("b", "fc", ()),))
    found = problems_of(graph, CHIP, SPIKES)
    assert [p.split(": is not folded")[0] for p in found] == ["a", "a", "fc"]


def test_neurons_without_a_rule_or_a_place_on_the_chip_are_refused_by_name(rng):
    graph = with_layer(single(rng.normal(size=(2, 3))), "x", neuron=Delta(1))
    assert "x: Delta cannot be quantized" in problems_of(graph, CHIP, SPIKES)[0]
    for neuron in voltage_neurons():
        kind = type(neuron).__name__
        found = problems_of(single(rng.normal(size=(2, 3)), neuron), load_chip("loihi1"), SPIKES)
        if kind not in ("Cuba", "CubaRefractory", "LeakyIntegrator"):
            assert f"x: chip loihi1 has no neuron {kind}; use Cuba, CubaRefractory" in found[0]


@pytest.mark.parametrize("index", [-2, -1])
def test_decrements_and_lower_bounds_are_in_units_of_voltage_and_counts_stay(rng, index):
    neuron = voltage_neurons()[index]
    layer = quantize(single(rng.normal(size=(4, 30)), neuron), CHIP, SPIKES).layer("x")
    integers = layer.neuron
    assert (integers.decrement == np.rint(64 * 1.2 / layer.scale)).all()
    assert (integers.decrement % 64 != 0).any()
    if isinstance(neuron, MultiSpike):
        assert (integers.lowest == np.floor(-3.7 * 64 / layer.scale)).all()
        assert integers.most == 7
        unbound = replace(neuron, lowest=-1e9)
        layer = quantize(single(rng.normal(size=(4, 30)), unbound), CHIP, SPIKES).layer("x")
        assert (layer.neuron.lowest == 1 - STATE_LIMIT).all()


def test_a_decrement_far_above_its_threshold_decides_the_scale(rng):
    neuron = CubaLateReset(1.0, 0.0, 1.0, 1e5)
    graph = quantize(single(1e-3 * rng.uniform(0, 1, (2, 3)) + 1e-3, neuron), CHIP, SPIKES)
    assert graph.notes["x"]["quantized"]["decided_by"]["decrement"] == 2


def test_a_threshold_of_several_spikes_that_rounds_to_zero_is_named(rng):
    neuron = MultiSpike(1.0, 0.0, 1e-6, 1e-6)
    assert "x: threshold rounds to 0" in "".join(
        problems_of(single(rng.normal(size=(2, 3)), neuron), CHIP, SPIKES)
    )


@pytest.mark.parametrize("most", [1, 9])
def test_readers_of_several_spikes_are_safe_from_as_many_as_may_come(rng, most):
    several = MultiSpike(1.0, 0.0, 1.0, 1.0, most=most)
    graph = single(rng.normal(size=(4, 30)), several)
    edge = Edge("x", "fc", (Linear(rng.normal(size=(2, 4))),))
    layers = (*graph.layers, Layer("out", (2,), cuba(), (edge,)))
    integers = quantize(replace(graph, layers=layers, output="out"), CHIP, SPIKES)
    weight = integers.layer("out").edges[0].weights.weight
    reach = max(weight.clip(0).sum(axis=1).max(), (-weight).clip(0).sum(axis=1).max())
    assert integers.notes["out"]["quantized"]["largest_current"] == 64 * most * reach
    program = lower(integers, CHIP)
    assert [c.graded for c in program.connections] == [False, most > 1]
    frames = rng.integers(0, 2, (5, 9, 30))
    trace, expected = run(program, frames, record="spikes").trace, interpret(integers, frames)
    assert trace is not None
    assert (trace.spikes["out"][2:7] == expected.spikes["out"]).all()
    assert (expected.spikes["x"].max() > 1) == (most > 1)


def test_a_channel_counts_as_vanished_when_all_that_any_path_brings_it_rounds_to_zero():
    first = Edge("input", "first", (Linear(np.array([[1e-9], [1.0]])),))
    second = Edge("input", "second", (Linear(np.array([[0.0], [1.0]])),))
    layer = Layer("x", (2,), cuba(), (first, second))
    graph = Graph("tiny", "input", (1,), (layer,), "x", 5)
    note = quantize(graph, CHIP, Calibration(0, 1)).notes["x"]["quantized"]
    assert note["vanished_channels"] == 1
