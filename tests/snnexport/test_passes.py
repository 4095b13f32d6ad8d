from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import Residual, trained
from torch import nn

from hwsim import load_chip, run
from hwsim.arith import STATE_LIMIT, truncate_weights
from hwsim.chip import check
from hwsim.errors import CheckError, UnsupportedError
from snnexport import Calibration, Into, capture, fold, lower, quantize
from snnexport.graph import Edge, Graph, Layer, Linear
from snnexport.interpret import interpret
from snnexport.passes.align import align, latencies
from snntrain.layers import Spiking

CALIBRATION = Calibration(0, 16)


@pytest.fixture(params=range(3))
def frames(request):
    generator = torch.Generator().manual_seed(request.param)
    return torch.randint(0, 17, (5, 6, 1, 8, 8), generator=generator).double()


@pytest.fixture
def captured(frames):
    torch.manual_seed(int(frames[0, 0].sum()))
    return capture(trained(Residual(), frames), frames)


@pytest.mark.parametrize("into", Into)
def test_folding_is_exact_but_for_rounding(captured, frames, into):
    folded = fold(captured, into)
    before, after = interpret(captured, frames.numpy()), interpret(folded, frames.numpy())
    for layer in captured.layers:
        scale = _measured_in(captured, folded, layer.name)
        v, w = before.voltages[layer.name], after.voltages[layer.name] * scale
        theta = np.asarray(layer.neuron.threshold)
        assert np.abs(v - w).max() <= 1e-12 * np.abs(v).max() * 100
        sure = np.abs(v - theta) > 1e-9
        assert (before.spikes[layer.name] == after.spikes[layer.name])[sure].all()


def _measured_in(captured, folded, name):
    """What a unit of the folded voltage is worth: theta / folded theta, per channel."""
    layer = captured.layer(name)
    ratio = np.asarray(layer.neuron.threshold / folded.layer(name).neuron.threshold)
    return ratio.reshape(-1, *(1,) * (len(layer.shape) - 1)) if ratio.ndim else ratio


def test_gains_go_into_thresholds_and_only_their_signs_into_weights(captured):
    folded = fold(captured)
    layer, before = folded.layer("spike1"), captured.layer("spike1")
    gain = before.norm.gain
    assert (gain < 0).any()
    assert layer.norm is None
    expected = before.edges[0].weights.weight * np.sign(gain)[:, None, None, None]
    assert (layer.edges[0].weights.weight == expected).all()
    assert np.allclose(layer.neuron.threshold, 1 / np.abs(gain), rtol=1e-15)
    assert folded.notes["spike1"]["folded"]["channels_into_thresholds"] == 4


def test_a_channel_with_a_tiny_gain_keeps_it_in_its_weights(captured):
    layer = captured.layer("spike1")
    gain = layer.norm.gain.copy()
    gain[1], gain[2] = 1e-9, 0.0
    tiny = replace(layer, norm=replace(layer.norm, gain=gain))
    graph = replace(captured, layers=(tiny, *captured.layers[1:]))
    folded = fold(graph).layer("spike1")
    assert folded.neuron.threshold[1] == folded.neuron.threshold[2] == 1.0
    assert np.abs(folded.edges[0].weights.weight[1]).max() < 1e-8


def test_a_bias_into_a_current_with_memory_is_refused_by_name(frames):
    module = nn.Sequential(nn.Conv2d(1, 2, 3, bias=True), Spiking(2, decay_u=0.5))
    with pytest.raises(CheckError, match=r"0: its bias enters the current of 1.*decay_u = 0.5"):
        fold(capture(module, frames.float()))


def test_a_bias_into_a_current_without_memory_becomes_a_bias_of_the_voltage(frames):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 2, 3, bias=True), Spiking(2)).double()
    graph = capture(trained(module, frames), frames)
    before, after = interpret(graph, frames.numpy()), interpret(fold(graph), frames.numpy())
    assert (before.spikes["1"] == after.spikes["1"]).all()
    assert fold(graph).layer("1").edges[0].weights.bias is None


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [nn.AvgPool2d(2), nn.Conv2d(1, 3, 3, padding=1, bias=False)],
        lambda: [nn.AvgPool2d((2, 4)), nn.Conv2d(1, 3, 2, stride=2, bias=False)],
        lambda: [nn.AvgPool2d(3), nn.Conv2d(1, 3, 2, bias=False)],
        lambda: [nn.AvgPool2d(3), nn.Flatten(), nn.Linear(4, 3, bias=False)],
        lambda: [nn.AvgPool2d(2), nn.Flatten(), nn.Linear(16, 3, bias=False)],
    ],
)
def test_a_pool_folds_exactly_into_the_weights_behind_it(frames, layers):
    torch.manual_seed(0)
    module = trained(nn.Sequential(*layers(), Spiking(3)), frames)
    graph = capture(module, frames)
    folded = fold(graph)
    name = graph.output
    assert folded.layer(name).edges[0].pool is None
    before, after = interpret(graph, frames.numpy()), interpret(folded, frames.numpy())
    assert (before.spikes[name] == after.spikes[name]).all()
    assert before.spikes[name].any()


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [nn.AvgPool2d(3, stride=2), nn.Conv2d(1, 3, 2)],
        lambda: [nn.AvgPool2d(3), nn.Conv2d(1, 3, 3, padding=1)],
    ],
)
def test_a_pool_without_an_exact_form_is_refused_by_name(frames, layers):
    with pytest.raises(CheckError, match=r"1: Pool\(kernel"):
        fold(capture(nn.Sequential(*layers(), Spiking(3)), frames.float()))


def test_quantized_numbers_fit_their_registers_and_every_bound_is_kept(captured):
    chip = load_chip("loihi1")
    graph = quantize(fold(captured), chip, CALIBRATION)
    for layer in graph.layers:
        for edge in layer.edges:
            assert (truncate_weights(edge.weights.weight) == edge.weights.weight).all()
        note = graph.notes[layer.name]["quantized"]
        assert note["largest_weight"] > 100
        assert note["largest_current"] < STATE_LIMIT
        assert (np.asarray(layer.neuron.threshold) % 64 == 0).all()
    assert check(lower(graph, chip), chip) == []


def test_currents_never_pass_the_bound_that_quantize_proved(captured, frames):
    chip = load_chip("loihi1")
    graph = quantize(fold(captured), chip, CALIBRATION)
    loudest = np.full_like(frames.numpy(), 16).astype(int)
    result = run(lower(graph, chip), loudest, record="state")
    assert result.trace is not None
    for layer in graph.layers:
        bound = graph.notes[layer.name]["quantized"]["largest_current"]
        assert np.abs(result.trace.u[layer.name].astype(int)).max() <= bound
    assert result.counts is not None
    assert sum(p.wraps for p in result.counts.populations) == 0


def test_a_high_input_forces_a_coarser_scale_instead_of_a_wrap():
    edge = Edge("input", "w", Linear(np.ones((1, 50))))
    layer = Layer("x", (1,), _cuba(decay_u=0.05, threshold=90.0), (edge,))
    graph = Graph("g", "input", (50,), (layer,), "x", 4)
    fine = quantize(graph, load_chip("loihi1"), Calibration(0, 1)).layer("x")
    coarse = quantize(graph, load_chip("loihi1"), Calibration(0, 255)).layer("x")
    assert coarse.scale[0] > fine.scale[0]
    notes = quantize(graph, load_chip("loihi1"), Calibration(0, 255)).notes["x"]["quantized"]
    assert notes["decided_by"]["current"] == 1
    assert notes["largest_current"] < STATE_LIMIT


def _cuba(**values):
    from hwsim import Cuba

    return Cuba(**{"decay_u": 1.0, "decay_v": 0.0, "threshold": 1.0, "bias": 0.0, **values})


def test_an_aligned_program_computes_the_spikes_of_the_layer_synchronous_integers(captured, frames):
    chip = load_chip("loihi1")
    graph = quantize(fold(captured), chip, CALIBRATION)
    x = frames.numpy().astype(int)
    program = lower(graph, chip)
    trace = run(program, x, record="spikes").trace
    expected = interpret(graph, x).spikes
    assert trace is not None
    assert "spike1.relay1" in trace.spikes
    for layer in graph.layers:
        first = program.population(layer.name).latency
        assert (trace.spikes[layer.name][first : first + 5] == expected[layer.name]).all()


def test_latency_is_the_longest_path_and_relays_fill_the_short_ones(captured):
    graph = fold(captured)
    assert latencies(graph) == {"input": 0, "spike1": 1, "body.1": 2, "spike2": 3, "out": 4}
    chip = load_chip("loihi1")
    aligned = align(quantize(graph, chip, CALIBRATION))
    order = latencies(aligned)
    assert order["spike1.relay1"] == 2
    assert all(order[e.source] + 1 == order[layer.name] for e, layer in aligned.edges())


def test_reset_phases_follow_the_latencies(captured):
    program = lower(quantize(fold(captured), load_chip("loihi1"), CALIBRATION), load_chip("loihi1"))
    phases = {p.name: program.phase(p) for p in program.populations}
    assert phases == {"spike1": 2, "body.1": 3, "spike1.relay1": 3, "spike2": 4, "out": 0}


def test_a_cycle_is_refused_by_name():
    edges = (Edge("input", "w", Linear(np.eye(2))), Edge("b", "back", Linear(np.eye(2))))
    a = Layer("a", (2,), _cuba(), edges)
    b = Layer("b", (2,), _cuba(), (Edge("a", "forth", Linear(np.eye(2))),))
    with pytest.raises(UnsupportedError, match=r"recurrent .*(a -> b|b -> a)"):
        latencies(Graph("g", "input", (2,), (a, b), "b", 4))


def test_a_short_path_from_a_graded_input_is_refused_by_name():
    a = Layer("a", (2,), _cuba(), (Edge("input", "w", Linear(np.eye(2))),))
    edges = (Edge("a", "x", Linear(np.eye(2))), Edge("input", "short", Linear(np.eye(2))))
    graph = Graph("g", "input", (2,), (a, Layer("b", (2,), _cuba(), edges)), "b", 4)
    chip = load_chip("loihi1")
    with pytest.raises(UnsupportedError, match="short: a short path from the graded input"):
        lower(quantize(graph, chip, Calibration(0, 9)), chip)
    assert lower(quantize(graph, chip, Calibration(0, 1)), chip).latency == 2


def test_an_unfolded_graph_is_not_quantized(captured):
    with pytest.raises(CheckError, match="is not folded"):
        quantize(captured, load_chip("loihi1"), CALIBRATION)


def test_a_pool_that_feeds_neurons_becomes_a_sum_pool(frames):
    torch.manual_seed(0)
    conv = [nn.Conv2d(1, 3, 3, bias=False), Spiking(3)]
    module = trained(nn.Sequential(*conv, nn.AvgPool2d(2), Spiking(3, norm=False)), frames)
    graph = capture(module, frames)
    chip = load_chip("loihi2")
    program = lower(quantize(fold(graph), chip, CALIBRATION), chip)
    kinds = [type(c.synapse).__name__ for c in program.connections]
    assert kinds == ["Conv2d", "SumPool2d"]
    x = frames.numpy().astype(int)
    trace = run(program, x, record="spikes").trace
    expected = interpret(quantize(fold(graph), chip, CALIBRATION), x).spikes["3"]
    assert trace is not None
    assert (trace.spikes["3"][2:7] == expected).all()


@pytest.mark.parametrize(("low", "high"), [(-9, 9), (-16, 0), (-3, 12)])
@pytest.mark.parametrize("decay_u", [0.0, 0.02, 0.7, 1.0])
def test_no_input_of_either_sign_passes_the_proven_bound(rng, low, high, decay_u):
    edge = Edge("input", "w", Linear(rng.normal(size=(3, 40))))
    layer = Layer("x", (3,), _cuba(decay_u=decay_u, threshold=60.0), (edge,))
    chip = load_chip("loihi2")
    graph = quantize(Graph("g", "input", (40,), (layer,), "x", 5), chip, Calibration(low, high))
    weight = graph.layer("x").edges[0].weights.weight
    loudest = np.stack([np.where(s * weight[c] > 0, high, low) for c in range(3) for s in (1, -1)])
    frames = np.repeat(loudest[None], 5, axis=0)
    trace = run(lower(graph, chip), frames, record="state").trace
    assert trace is not None
    reached = np.abs(trace.u["x"].astype(int)).max()
    bound = graph.notes["x"]["quantized"]["largest_current"]
    # at most one unit is lost a step to rounding, and integer decays round the real ones
    assert bound - 5 <= reached <= bound < STATE_LIMIT


def test_a_linear_layer_on_unflattened_channels_is_refused_by_name(frames):
    module = nn.Sequential(nn.Linear(8, 3), Spiking(1))
    with pytest.raises(CheckError, match="0: Linear"):
        capture(module, frames.float())
