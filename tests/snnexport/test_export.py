import json
from dataclasses import replace

import architectures
import numpy as np
import onnxruntime
import pytest
import torch
from networks import Residual, Sew, trained

from hwsim import Dense, load_chip
from hwsim.errors import CheckError
from snnexport import (
    Calibration,
    Format,
    capture,
    export,
    fold,
    lower,
    quantize,
    stages,
)
from snnexport._export import golden_input
from snnexport._stages import layer_errors
from snnexport.formats.onnx import network_bytes
from snnexport.golden import random_frames
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


def _one_layer(weight=1.0, inputs=4, **neuron):
    from hwsim import Cuba

    values = {"decay_u": 1.0, "decay_v": 0.5, "threshold": 1.0, "bias": 0.0, **neuron}
    edge = Edge("input", "w", (Linear(np.full((1, inputs), weight)),))
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
        "weights": note["largest_weight"] / 255,
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


@pytest.mark.parametrize(
    ("decay_u", "problem"),
    [
        (0.75, r"x: decay_u = 0.75 is 3072/4096 a step, which does not fit 4096\.\.4096 of"),
        (4094 / 4096, r"x: decay_u = 0.999512 is 4094/4096 a step, .* \(1 of 1 values\)"),
        (4095 / 4096, None),
    ],
)
def test_a_decay_more_than_a_step_beyond_the_register_is_refused(decay_u, problem):
    chip = load_chip("loihi1")
    narrow = {**chip.registers["Cuba"]["decay_u"], "low": 4096}
    registers = {**chip.registers, "Cuba": {**chip.registers["Cuba"], "decay_u": narrow}}
    chip = replace(chip, target=replace(chip.target, registers=registers))
    if problem is None:
        moved = quantize(_one_layer(decay_u=decay_u), chip, Calibration(0, 1))
        assert moved.notes["x"]["quantized"]["moved"] == {"decay_u": 1}
    else:
        with pytest.raises(CheckError, match=problem):
            quantize(_one_layer(decay_u=decay_u), chip, Calibration(0, 1))


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
    edge = layer.edges[0].with_weights(Linear(weight))
    graph = replace(graph, layers=(replace(layer, edges=(edge,)),))
    q = quantize(graph, load_chip("loihi1"), Calibration(0, 1))
    back = q.layer("x").edges[0].weights.weight * q.layer("x").scale
    expected = 10 * np.log10((weight**2).sum() / ((weight - back) ** 2).sum())
    assert q.notes["x"]["quantized"]["weight_sqnr_db"] == pytest.approx(expected, rel=1e-9)


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


def test_the_errors_of_all_layers_are_in_export_json(checkpoint, tmp_path):
    data = load("digits", "validation")
    done = stages(checkpoint, load_chip("loihi2"), name="digits", calibration=data)
    errors = layer_errors(done, data)
    export(done, tmp_path / "out", [], *golden_input(checkpoint, done.program), errors)
    rows = json.loads((tmp_path / "out" / "export.json").read_text())["errors"]
    assert [row["layer"] for row in rows] == ["spike1", "spike2", "spike3", "output"]
    assert all(row["single_sqnr_db"] > 10 for row in rows)


def test_what_formats_cannot_hold_is_listed_at_once_and_nothing_is_written(tmp_path):
    network = architectures.checkpoint("residual sew-iand")
    done = stages(network, load_chip("loihi2"), name="sew")
    program = done.program
    parts = list(program.connections)
    dense = next(i for i, c in enumerate(parts) if isinstance(c.synapse, Dense))
    parts[dense] = replace(parts[dense], synapse=Dense(parts[dense].synapse.weights + 1))
    done = replace(done, program=replace(program, connections=parts))
    frames = random_frames(program, 2)
    with pytest.raises(CheckError) as caught:
        export(done, tmp_path / "out", list(Format), frames, "random")
    named = {line.partition(": ")[0] for line in caught.value.problems}
    assert named == {"lava", "netx", "sanafe"}
    assert any("netx layers form a chain" in line for line in caught.value.problems)
    assert not (tmp_path / "out").exists()


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
