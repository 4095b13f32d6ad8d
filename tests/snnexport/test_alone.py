"""Networks whose samples do not follow each other: no gap, no blank line."""

import numpy as np
import pytest
import torch
from torch import nn

from hwsim import Program, run
from hwsim.chip import load_chip
from hwsim.errors import CheckError, RangeError
from hwsim.neurons import Cuba, CubaSubtract
from snnexport import Calibration, LayerChoice, capture, fold, lower, quantize, verify
from snnexport import Judge as J
from snnexport.graph import Edge, Graph, Layer, Linear
from snnexport.passes.choices import Choices, Decays
from snnexport.source import Source, read
from snntrain.layers import Reset, Spiking

CHIP = load_chip("loihi2")


def recurrent(reset, streamed):
    """Return the program of a network with feedback."""
    torch.manual_seed(0)
    back = nn.Linear(12, 12, bias=False)
    spiking = Spiking(12, decay_v=0.3, norm=False, reset=reset, recurrent=back)
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 12), spiking, nn.Linear(12, 10), Spiking(10, norm=False)
    )
    graph = capture(net, torch.zeros(9, 1, 1, 8, 8), streamed=streamed)
    return lower(quantize(fold(graph), CHIP, Calibration(0, 16)), CHIP)


def test_a_reset_by_subtraction_in_a_loop_runs_alone_and_equals_real_lava():
    with pytest.raises(CheckError, match=r"streamed=False, convert with --alone"):
        recurrent(Reset.SUBTRACT, streamed=True)
    program = recurrent(Reset.SUBTRACT, streamed=False)
    assert (program.period, program.gap, program.blank) == (9, 0, None)
    assert not program.streamed
    frames = np.random.default_rng(0).integers(0, 17, (9, 3, 1, 8, 8))
    (verdict,) = verify(program, frames, [J.LAVA])
    assert verdict.agreement.mismatches == 0
    assert run(program, frames).counts.spikes > 0


def test_what_runs_alone_needs_no_room_for_silence():
    streamed, alone = (recurrent(Reset.ZERO, streamed=s) for s in (True, False))
    assert (streamed.gap, alone.gap) == (1, 0)
    thresholds = [int(np.max(p.populations[0].neuron.threshold)) for p in (streamed, alone)]
    assert thresholds[0] <= thresholds[1]  # the same threshold at a scale as fine, or finer


def test_data_are_coded_for_a_program_whose_samples_run_alone():
    program = recurrent(Reset.SUBTRACT, streamed=False)
    frames = read(Source("digits:validation", None, None, 5), program).frames
    assert frames.shape == (9, 5, 1, 8, 8)


def test_a_stream_into_a_program_whose_samples_run_alone_is_refused():
    program = recurrent(Reset.SUBTRACT, streamed=False)
    with pytest.raises(RangeError, match=r"18 frames, and each sample of 9 runs alone"):
        run(program, np.zeros((18, 1, 1, 8, 8), np.int64))


def test_biases_do_not_run_ahead_of_the_first_frame(tmp_path):
    def biased(name, source):
        neuron = Cuba(decay_u=1.0, decay_v=0.0, threshold=2.5, bias=1.0)
        return Layer(name, (1,), neuron, (Edge(source, name, (Linear(np.array([[0.001]])),)),))

    layers = (biased("a", "input"), biased("b", "a"))
    graph = Graph("net", "input", (1,), layers, "b", 4, streamed=False)
    program = lower(quantize(graph, CHIP, Calibration(0, 1)), CHIP)
    ran = run(program, np.zeros((4, 2, 1), np.int64), record="spikes")
    for p in program.populations:
        window = ran.trace.spikes[p.name][p.latency : p.latency + 4, 0, 0]
        assert window.tolist() == [0, 0, 1, 0]
    program.save(tmp_path / "program.onnx")
    assert not Program.load(tmp_path / "program.onnx").streamed


def test_decays_are_rounded_to_the_nearest_or_down():
    neuron_of = {}
    for way in Decays:
        neuron = Cuba(decay_u=1.0, decay_v=0.04, threshold=1.0, bias=0.0)
        layer = Layer("n", (1,), neuron, (Edge("input", "w", (Linear(np.ones((1, 1))),)),))
        graph = Graph("g", "input", (1,), (layer,), "n", 4)
        choices = Choices(layers={"n": LayerChoice(decays=way)})
        quantized = quantize(graph, CHIP, Calibration(0, 1), choices)
        neuron_of[way] = quantized.layers[0].neuron.decay_v
        assert quantized.notes["n"]["quantized"]["moved"] == {}
    assert neuron_of == {Decays.NEAREST: 164, Decays.DOWN: 163}  # of 163.84


def test_what_biases_send_before_a_sample_must_not_come_into_it():
    def layer(name, source, back):
        neuron = CubaSubtract(decay_u=1.0, decay_v=0.0, threshold=0.9, bias=1.0)
        edges = [Edge(source, name, (Linear(np.array([[0.5]])),))]
        edges += [Edge(name, name, (Linear(np.array([[0.25]])),), late=1)] * back
        return Layer(name, (1,), neuron, tuple(edges))

    first = Graph("one", "input", (1,), (layer("a", "input", 1),), "a", 4, streamed=False)
    assert lower(quantize(first, CHIP, Calibration(0, 1)), CHIP).latency == 1
    layers = (layer("a", "input", 0), layer("b", "a", 1))
    second = Graph("two", "input", (1,), layers, "b", 4, streamed=False)
    with pytest.raises(CheckError, match=r"b: its bias makes it send before a sample begins"):
        lower(quantize(second, CHIP, Calibration(0, 1)), CHIP)
