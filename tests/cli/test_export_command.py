"""``spikeport export`` and ``convert``: what they write, and that they write nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import architectures
import numpy as np
import pytest
from command import call, refused

from hwsim import Connection, Cuba, Dense, Input, Population, Program, run


def test_export_writes_every_artefact(exported):
    names = {str(p.relative_to(exported)) for p in exported.rglob("*") if p.is_file()}
    wanted = {"program.onnx", "float/network.onnx", "golden.npz", "export.json", "quantize.toml"}
    assert wanted | {"lava/network.py", "lava/weights.npz"} <= names
    facts = json.loads((exported / "export.json").read_text())
    assert facts["program"]["chip"] == "loihi1"
    assert all(set(note) == {"folded", "quantized"} for note in facts["layers"].values())


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused_and_nothing_is_written(checkpoint, tmp_path, share):
    whole = Path(checkpoint).read_bytes()
    path = tmp_path / "c.safetensors"
    path.write_bytes(whole[: int(share * len(whole))])
    refused(call("export", path, "-o", tmp_path / "out"), "c.safetensors")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="uses a POSIX resource limit")
def test_a_full_disk_is_one_error_and_leaves_no_trace_of_the_attempt(checkpoint, tmp_path):
    """A limit on file size stands in for a full disk: write() fails in the same way."""
    out = tmp_path / "out"
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); "
        "from snnexport.cli import main; main()"
    )
    command = [sys.executable, "-c", script, "export", str(checkpoint), "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=os.environ)
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_calibration_on_data_prints_and_keeps_the_error_of_each_layer(checkpoint, tmp_path):
    result = call("export", checkpoint, "-o", tmp_path / "out", "--calibrate", "digits:validation")
    assert result.exit_code == 0, result.stderr
    rows = json.loads((tmp_path / "out" / "export.json").read_text())["errors"]
    assert [row["layer"] for row in rows] == ["spike1", "spike2", "spike3", "output"]
    assert all(f"│ {row['layer']}" in result.stdout for row in rows)


def test_choices_are_written_edited_and_read_back(checkpoint, exported, tmp_path):
    text = (exported / "quantize.toml").read_text()
    (tmp_path / "same.toml").write_text(text)
    narrow = text.replace("weight_bits = 8", "weight_bits = 4")
    lines = [line for line in narrow.splitlines() if not line.startswith("scale =")]
    (tmp_path / "narrow.toml").write_text("\n".join(lines))
    for name in ("same", "narrow"):
        command = ("export", checkpoint, "-o", tmp_path / name, "--format", "onnx")
        result = call(*command, "--chip", "loihi1", "--quantize", tmp_path / f"{name}.toml")
        assert result.exit_code == 0, result.stderr
    programs = {n: (tmp_path / n / "program.onnx").read_bytes() for n in ("same", "narrow")}
    assert programs["same"] == (exported / "program.onnx").read_bytes()
    weights = Program.load(tmp_path / "narrow" / "program.onnx").connections[0].synapse.weights
    assert len(np.unique(weights)) <= 16


def test_wrong_choices_are_one_error_and_nothing_is_written(checkpoint, tmp_path):
    (tmp_path / "c.toml").write_text("[layers.nothing]\nweight_bits = 9\nbits = 3\n")
    command = ("export", checkpoint, "-o", tmp_path / "out", "--quantize", tmp_path / "c.toml")
    refused(call(*command), "weight_bits = 9", "bits")
    assert not (tmp_path / "out").exists()


def test_a_network_that_netx_cannot_hold_is_refused_with_all_reasons(tmp_path):
    architectures.checkpoint("residual spiking").save(tmp_path / "net.safetensors")
    command = ("export", tmp_path / "net.safetensors", "-o", tmp_path / "out")
    result = call(*command, "--format", "onnx,netx")
    refused(result, "netx: ", "leave that out of --format")
    assert result.stderr.count("netx: ") > 1
    assert not (tmp_path / "out").exists()


def test_a_trained_chain_is_given_biases_that_netx_holds_and_keeps_its_program(
    checkpoint, tmp_path
):
    out = tmp_path / "out"
    result = call("export", checkpoint, "-o", out, "--format", "onnx,netx")
    assert result.exit_code == 0, result.stderr
    program = Program.load(out / "program.onnx")
    biases = [np.asarray(p.neuron.bias) for p in program.populations]
    assert all((b % 64 == 0).all() and b.any() for b in biases)
    assert call("convert", out / "network.net", "-o", tmp_path / "back.onnx").exit_code == 0
    back = Program.load(tmp_path / "back.onnx")
    for p, q in zip(program.populations, back.populations, strict=True):
        assert (np.asarray(p.neuron.bias) == np.asarray(q.neuron.bias)).all()
        assert (np.asarray(p.neuron.threshold) == np.asarray(q.neuron.threshold)).all()
    for c, d in zip(program.connections, back.connections, strict=True):
        assert (np.asarray(c.synapse.weights) == np.asarray(d.synapse.weights)).all()


@pytest.fixture
def netx_file(tmp_path, rng):
    """A chain of two populations, and the same as a netx file."""
    from snnexport.formats.netx.write import write_netx

    weights = [2 * rng.integers(-60, 60, (n, m)) for n, m in ((6, 4), (3, 6))]
    program = Program(
        "chain", "loihi2", Input("input", (4,)),
        [Population(f"layer{i}", (len(w),), Cuba(1000, 300, 64 * 90), i + 1)
         for i, w in enumerate(weights)],
        [Connection("input", "layer0", Dense(weights[0])),
         Connection("layer0", "layer1", Dense(weights[1]))],
        "layer1", period=8,
    )  # fmt: skip
    write_netx(program, tmp_path / "chain.net")
    return program, tmp_path / "chain.net"


def test_convert_writes_a_program_that_does_what_the_netx_file_says(netx_file, tmp_path, rng):
    program, path = netx_file
    out = tmp_path / "chain.onnx"
    result = call("convert", path, "-o", out, "--period", 8, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["kind"] == "program"
    spikes = rng.integers(0, 2, (8, 5, 4))
    outputs = [run(p, spikes).outputs for p in (program, Program.load(out))]
    assert outputs[0].any()
    assert (outputs[0] == outputs[1]).all()
    described = json.loads(call("inspect", path, "--json").stdout)
    assert (described["kind"], len(described["rows"])) == ("netx file", 3)
    assert call("check", path, "--chip", "loihi2").exit_code == 0


def test_options_of_convert_that_are_no_integers_are_usage_errors(netx_file, tmp_path):
    for option in (("--input-range", "1"), ("--input-range", "a,b"), ("--input-shape", "1,x")):
        result = call("convert", netx_file[1], "-o", tmp_path / "o.onnx", *option)
        assert result.exit_code == 2, result.output
