import json
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from networks import Residual, Sew, trained

from hwsim import load_chip, run
from hwsim.errors import CheckError, RangeError
from snnexport import Calibration, capture, fold, lower, quantize, stages
from snnexport._export import golden_input
from snnexport.formats.onnx import network_bytes
from snnexport.graph import Edge, Graph, Layer, Linear
from snnexport.interpret import interpret
from snnexport.shipped import shipped_checkpoint
from snntrain.checkpoint import Checkpoint
from snntrain.data import load


@pytest.fixture(scope="module")
def checkpoint():
    return Checkpoint.load(shipped_checkpoint("digits-conv"))


@pytest.mark.parametrize("network", [Residual, Sew])
def test_the_float_file_fires_the_spikes_of_the_captured_network(network):
    torch.manual_seed(3)
    x = torch.randint(0, 17, (5, 6, 1, 8, 8)).double()
    graph = capture(trained(network(), x), x)
    session = onnxruntime.InferenceSession(network_bytes(graph))
    names = [o.name for o in session.get_outputs()]
    outputs = session.run(names, {"input/spikes": x.numpy().astype(np.float32)})
    expected = interpret(graph, x.numpy()).spikes
    assert {n.removesuffix("/spikes") for n in names} == set(expected)
    for name, value in zip(names, outputs, strict=True):
        spikes = expected[name.removesuffix("/spikes")]
        # float32 may round a voltage across the threshold; a wrong operator changes far more
        assert (value != spikes).mean() < 1e-3
        assert 0.01 < spikes.mean() < 0.99


def test_the_float_file_does_not_fire_at_exactly_the_threshold():
    graph = _one_layer(weight=1.0, inputs=2, decay_v=1.0, threshold=1.0)
    session = onnxruntime.InferenceSession(network_bytes(graph))
    frames = np.array([[[1, 0]], [[1, 1]], [[0, 0]]], np.float32)
    (spikes,) = session.run(None, {"input/spikes": frames})
    assert spikes[:, 0, 0].tolist() == [0, 1, 0]


def test_provenance_names_the_checkpoint_and_every_scale(checkpoint):
    done = stages(checkpoint, load_chip("loihi1"), name="digits")
    meta = done.program.metadata
    assert meta["checkpoint.sha256"] == checkpoint.sha256
    assert meta["recipe.seed"] == str(checkpoint.recipe.train.seed)
    assert json.loads(meta["calibration"]) == [0, 16]
    scales = json.loads(meta["scales"])
    assert scales == {
        p.name: p.scale.tolist() for p in done.quantized.layers if p.scale is not None
    }
    assert done.remarks == []


def test_the_golden_input_is_real_data_and_never_the_test_split(checkpoint):
    done = stages(checkpoint, load_chip("loihi1"), name="digits")
    frames, origin = golden_input(checkpoint, done.program)
    images = load("digits", "validation").images[:8]
    assert origin == "digits:validation, first 8"
    assert all((frame == images).all() for frame in frames)


def test_the_program_is_at_most_three_images_worse_than_the_float_network(checkpoint):
    from snntrain import evaluate
    from snntrain.encode import direct

    test = load("digits", "test")
    program = stages(checkpoint, load_chip("loihi1"), name="digits").program
    result = run(program, direct(test.images, checkpoint.recipe.train.steps))
    right = (result.predictions == test.labels).sum()
    exact = (evaluate(checkpoint, test).predictions == test.labels).sum()
    assert right >= exact - 3
    assert right >= 0.975 * len(test.labels)


def _one_layer(weight=1.0, inputs=4, **neuron):
    from hwsim import Cuba

    values = {"decay_u": 1.0, "decay_v": 0.5, "threshold": 1.0, "bias": 0.0, **neuron}
    edge = Edge("input", "w", Linear(np.full((1, inputs), weight)))
    return Graph("g", "input", (inputs,), (Layer("x", (1,), Cuba(**values), (edge,)),), "x", 4)


@pytest.mark.parametrize(
    ("graph", "register"),
    [
        (_one_layer(weight=1.0), "weights"),
        (_one_layer(weight=1e-6, threshold=900.0), "threshold"),
        (_one_layer(weight=1e-6, threshold=1.0, bias=50.0), "bias"),
        (_one_layer(weight=1.0, inputs=200, decay_u=0.0, threshold=500.0), "current"),
    ],
)
def test_each_register_can_decide_the_scale_and_then_just_fits(graph, register):
    chip = load_chip("loihi1")
    quantized = quantize(graph, chip, Calibration(0, 16))
    note = quantized.notes["x"]["quantized"]
    assert note["decided_by"][register] == 1
    layer = quantized.layer("x")
    used = {
        "weights": note["largest_weight"] / 254,
        "threshold": np.max(layer.neuron.threshold) / (131071 * 64),
        "bias": np.max(np.abs(layer.neuron.bias)) / (4095 * 128),
        "current": note["largest_current"] / 2**23,
    }
    assert all(share <= 1 for share in used.values())
    assert used[register] > 0.95
    lower(quantized, chip)


def test_decays_are_rounded_to_the_nearest_and_those_beyond_the_register_are_named():
    chip = load_chip("loihi1")
    near = quantize(_one_layer(decay_v=100.6 / 4096), chip, Calibration(0, 1))
    assert near.layer("x").neuron.decay_v == 101
    assert near.notes["x"]["quantized"]["moved"] == {}
    beyond = quantize(_one_layer(decay_u=0.0, decay_v=1.0), chip, Calibration(0, 1))
    assert beyond.notes["x"]["quantized"]["moved"] == {"decay_u": 1, "decay_v": 1}


def test_channels_whose_weights_all_round_to_zero_are_named(checkpoint):
    chip = load_chip("loihi1")
    graph = _one_layer(weight=1e-6, threshold=900.0)
    quantized = quantize(graph, chip, Calibration(0, 16))
    assert quantized.notes["x"]["quantized"]["vanished_channels"] == 1
    done = replace(stages(checkpoint, chip, name="digits"), quantized=quantized)
    assert done.remarks == ["x: the weights of 1 channel(s) are too small for its scale: all 0"]


def test_the_weight_error_is_given_in_decibels(rng):
    graph = _one_layer()
    weight = rng.normal(size=(1, 4))
    layer = graph.layer("x")
    edge = replace(layer.edges[0], weights=Linear(weight))
    graph = replace(graph, layers=(replace(layer, edges=(edge,)),))
    q = quantize(graph, load_chip("loihi1"), Calibration(0, 1))
    back = q.layer("x").edges[0].weights.weight * q.layer("x").scale
    expected = 10 * np.log10((weight**2).sum() / ((weight - back) ** 2).sum())
    assert q.notes["x"]["quantized"]["weight_sqnr_db"] == pytest.approx(expected, rel=1e-9)


def test_parallel_paths_between_two_populations_are_refused_naming_both():
    graph = _one_layer()
    layer = graph.layer("x")
    twice = replace(layer, edges=(layer.edges[0], replace(layer.edges[0], module="other")))
    graph = replace(graph, layers=(twice,))
    chip = load_chip("loihi1")
    with pytest.raises(CheckError, match="w and other both lead from input to x"):
        lower(quantize(graph, chip, Calibration(0, 1)), chip)


def test_relays_of_one_source_are_shared():
    chip = load_chip("loihi1")
    x = torch.randint(0, 17, (5, 6, 1, 8, 8)).double()

    class Two(Residual):
        def __init__(self):
            super().__init__()
            self.far = torch.nn.Conv2d(4, 4, 8, bias=False)
            self.head = torch.nn.Linear(96, 4)
            self.out = type(self.spike1)(4, norm=False)

        def forward(self, x):
            first = self.spike1(self.stem(x))
            second = self.spike2(self.tail(self.body(first)) + self.skip(first))
            flat = torch.flatten(self.pool(second), 1)
            return self.out(self.head(flat) + self.lin(torch.flatten(first, 1)))

    module = Two()
    module.lin = torch.nn.Linear(256, 4, bias=False)
    graph = capture(trained(module, x), x)
    program = lower(quantize(fold(graph), chip, Calibration(0, 16)), chip)
    relays = [p.name for p in program.populations if "relay" in p.name]
    assert relays == ["spike1.relay1", "spike1.relay2"]


@pytest.mark.parametrize(("low", "high"), [(3, 16), (-4, -1), (3, 1)])
def test_a_calibration_without_silence_is_refused(low, high):
    with pytest.raises(RangeError, match="does not hold 0"):
        Calibration(low, high)


def test_a_calibration_of_reals_is_refused_and_one_of_data_holds_silence():
    with pytest.raises(RangeError, match="not of integers"):
        Calibration(0, 1.5)  # type: ignore[arg-type]
    assert Calibration.of(np.array([3, 16])) == Calibration(0, 16)


@pytest.mark.lava
def test_the_demo_writes_its_report_and_agrees_with_real_lava(tmp_path):
    from snnexport.demo import run_demo

    said = []
    report = run_demo(tmp_path / "demo", load_chip("loihi1"), 3, say=said.append)
    written = json.loads((tmp_path / "demo" / "report.json").read_text())
    assert written == json.loads(report.to_json())
    assert written["agreement"]["lava"]["samples"] == 3
    assert written["agreement"]["lava"]["mismatches"] == 0
    assert written["agreement"]["onnxruntime"]["mismatches"] == 0
    assert written["accuracy"]["program"] >= 0.975
    assert (
        written["per_inference"]["energy_uj"]["high"] > written["per_inference"]["energy_uj"]["low"]
    )
    assert (tmp_path / "demo" / "report.html").read_text().startswith("<!doctype html>")
    assert len(said) == 5
