"""Networks whose samples do not follow each other: no period, no gap, no blank line."""

import numpy as np
import pytest
import torch
from torch import nn

from hwsim import run
from hwsim.chip import load_chip
from hwsim.errors import CheckError, FileError
from hwsim.neurons import Cuba
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
    assert (program.period, program.gap, program.blank) == (None, 0, None)
    frames = np.random.default_rng(0).integers(0, 17, (9, 3, 1, 8, 8))
    (verdict,) = verify(program, frames, [J.LAVA])
    assert verdict.agreement.mismatches == 0
    assert run(program, frames).counts.spikes > 0


def test_what_runs_alone_needs_no_room_for_silence():
    streamed, alone = (recurrent(Reset.ZERO, streamed=s) for s in (True, False))
    assert (streamed.gap, alone.gap) == (1, 0)
    thresholds = [int(np.max(p.populations[0].neuron.threshold)) for p in (streamed, alone)]
    assert thresholds[0] <= thresholds[1]  # the same threshold at a scale as fine, or finer


def test_data_are_coded_for_the_frames_that_the_program_keeps(tmp_path):
    program = recurrent(Reset.SUBTRACT, streamed=False)
    frames = read(Source("digits:validation", None, None, 5), program).frames
    assert frames.shape == (9, 5, 1, 8, 8)
    damaged = program.__class__(**{**vars(program), "metadata": {"input.frames": "many"}})
    with pytest.raises(FileError, match=r"input.frames = 'many', which is not 1\.\."):
        read(Source("digits:validation", None, None, 5), damaged)


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
