"""The command as a user meets it: what it prints, its exit status, what it leaves behind."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from command import call, refused
from strategies import small_program

from hwsim import Blank, Connection, Dense, Program
from snnexport.golden import random_frames
from snnexport.source import Source, read


def test_the_shipped_model_has_a_memory_current_and_folded_thresholds(exported):
    program = Program.load(exported / "program.onnx")
    assert any(np.min(p.neuron.decay_u) < 4096 for p in program.populations)
    assert any(np.unique(p.neuron.threshold).size > 1 for p in program.populations)
    assert program.period is not None
    assert program.period <= 8


def test_simulate_reports_the_accuracy_of_the_whole_test_split(exported, tmp_path):
    paths = [tmp_path / n for n in ("t.npz", "r.json", "r.html")]
    flags = zip(("--trace", "--report", "--html"), paths, strict=True)
    arguments = [x for pair in flags for x in pair]
    result = call(
        "simulate", exported / "program.onnx", "--data", "digits:test", *arguments, "--json"
    )
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["data"] == {"name": "digits", "split": "test", "samples": 540}
    assert report["accuracy"]["program"] >= 0.975
    assert report == json.loads(paths[1].read_text())
    with np.load(paths[0]) as trace:
        steps = Program.load(exported / "program.onnx")
        assert trace["output/spikes"].shape[0] == (steps.period or 0) + steps.latency
    again = call("report", exported / "program.onnx", "--trace", paths[0], "--json")
    assert json.loads(again.stdout)["per_inference"] == report["per_inference"]


def test_check_lists_problems_of_programs_and_passes_the_shipped_model(checkpoint, rng, tmp_path):
    assert call("check", checkpoint, "--chip", "loihi1").exit_code == 0
    assert call("check", checkpoint, "--chip", "loihi2").exit_code == 0
    p = small_program(rng)
    odd = replace(p.connections[2], synapse=Dense(p.connections[2].synapse.weights + 1))
    late = replace(p.populations[2], latency=4)
    path = tmp_path / "p.onnx"
    connections = (*p.connections[:2], odd)
    replace(p, connections=connections, populations=(*p.populations[:2], late)).save(path)
    result = call("check", path, "--chip", "loihi1")
    assert result.exit_code == 1
    assert "only even values" in result.stdout
    assert "latency" in result.stdout


def test_input_made_for_a_program_with_a_gap_leaves_the_gap_out(exported):
    program = Program.load(exported / "program.onnx")
    late = (replace(p, latency=p.latency + 2) for p in program.populations)
    line = Connection("line", program.output, Dense(np.full((10, 1), -2)))
    gapped = replace(
        program, populations=late, connections=(*program.connections, line),
        period=program.period + 2, blank=Blank("line", 2),
    )  # fmt: skip
    assert gapped.frames == program.period
    assert len(random_frames(gapped, 3)) == program.period
    assert len(read(Source("digits:test", None, None, 2), gapped).frames) == program.period


def test_inspect_describes_checkpoints_programs_and_float_networks(checkpoint, exported):
    for path, kind in (
        (checkpoint, "checkpoint"),
        (exported / "program.onnx", "program"),
        (exported / "float" / "network.onnx", "float network"),
    ):
        assert json.loads(call("inspect", path, "--json").stdout)["kind"] == kind
        assert call("inspect", path).exit_code == 0


def test_evaluate_prints_the_float_accuracy(checkpoint):
    result = call("evaluate", checkpoint, "--data", "digits:validation", "--json")
    assert json.loads(result.stdout)["accuracy"] > 0.97


def test_chips_lists_chips_and_prints_one():
    assert "loihi1" in call("chips").stdout
    assert "23.6" in call("chips", "loihi1").stdout


COMMANDS = [
    ("evaluate", "{}"),
    ("inspect", "{}"),
    ("check", "{}"),
    ("export", "{}", "-o", "{out}"),
    ("convert", "{}", "-o", "{out}.onnx"),
    ("simulate", "{}", "--data", "digits:test", "--trace", "{out}"),
    ("verify", "{}"),
    ("report", "{}"),
    ("train", "{}", "--out", "{out}"),
]


NEED_MORE = {"report": {".onnx"}}  # of a program it needs the trace as well: a usage error


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c[0])
@pytest.mark.parametrize("kind", ["missing", "empty", "text", "folder", "png"])
def test_wrong_files_are_one_error_everywhere(command, kind, tmp_path):
    for suffix in {".safetensors", ".onnx", ".toml", ".json"} - NEED_MORE.get(command[0], set()):
        path = tmp_path / kind / f"file{suffix}"
        path.parent.mkdir(exist_ok=True)
        if kind == "folder":
            path.mkdir()
        elif kind != "missing":
            content = {
                "empty": b"",
                "text": b"hello there\n",
                "png": b"\x89PNG\r\n\x1a\n" + bytes(64),
            }
            path.write_bytes(content[kind])
        out = tmp_path / "left"
        refused(call(*(part.format(path, out=out) for part in command)), str(path))
        assert not out.exists()


def test_values_outside_the_input_register_are_refused(exported, tmp_path):
    np.save(tmp_path / "in.npy", np.full((4, 1, 1, 8, 8), 17))
    trace = tmp_path / "t.npz"
    command = ("simulate", exported / "program.onnx", "--spikes", tmp_path / "in.npy")
    refused(call(*command, "--trace", trace), "value 17 does not fit 0..16")
    assert not trace.exists()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("export", "{c}", "-o", "{out}", "--format", "onnx,loihi"), "no format 'loihi'"),
        (("export", "{c}", "-o", "{out}", "--method", "best"), "no method 'best'"),
        (("export", "{c}", "-o", "{out}", "--chip", "loihi9"), "loihi9"),
        (("export", "{c}", "-o", "{out}", "--calibrate", "mnist:train"), "mnist"),
        (("export", "{c}", "-o", "{out}", "--calibrate", "digits"), "digits"),
        (("verify", "{p}", "--against", "brian"), "no judge 'brian'"),
        (("simulate", "{p}", "--data", "digits:test", "--engine", "naive"), "no engine 'naive'"),
        (("simulate", "{p}", "--data", "digits:test", "--prices", "cheap"), "cheap"),
    ],
)
def test_unknown_names_are_refused_with_the_known_ones(
    arguments, part, checkpoint, exported, tmp_path
):
    values = {"c": checkpoint, "p": exported / "program.onnx", "out": tmp_path / "out"}
    refused(call(*(str(a).format(**values) for a in arguments)), part)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [("simulate", "{p}"), ("simulate", "{p}", "--data", "digits:test", "--state"),
     ("verify", "{p}", "--data", "digits:test", "--spikes", "x.npy"), ("report", "{p}")],
)  # fmt: skip
def test_options_that_do_not_go_together_are_usage_errors(arguments, exported):
    result = call(*(str(a).format(p=exported / "program.onnx") for a in arguments))
    assert result.exit_code == 2, result.output


def test_a_cut_run_says_so_and_counts_only_what_ran(exported):
    command = ("simulate", exported / "program.onnx", "--data", "digits:test", "--samples", 4)
    cut = json.loads(call(*command, "--steps", 2, "--json").stdout)
    whole = json.loads(call(*command, "--json").stdout)
    assert any("The run was cut: 2 of 10" in note for note in cut["energy"]["notes"])
    assert not any("was cut" in note for note in whole["energy"]["notes"])
    assert cut["per_inference"]["machine_steps"] == 2
    assert cut["per_inference"]["neuron_updates"] == 1024  # the first layer, one step
    assert cut["per_inference"]["synops"] < whole["per_inference"]["synops"] / 2


def test_help_needs_no_torch():
    script = (
        "import sys; sys.modules['torch'] = None; sys.modules['sklearn'] = None\n"
        "from click.testing import CliRunner; from snnexport.cli import main\n"
        "r = CliRunner().invoke(main, ['--help']); assert r.exit_code == 0, r.output\n"
        "r = CliRunner().invoke(main, ['evaluate', 'x']); assert r.exit_code == 1, r.output\n"
        "assert \"pip install 'spikeport[train]'\" in r.stderr, r.stderr\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=300)


def test_a_program_is_simulated_where_nothing_for_training_or_export_is_installed(
    exported, tmp_path
):
    np.save(tmp_path / "in.npy", np.ones((6, 2, 1, 8, 8), int))
    script = (
        "import sys\n"
        "for name in ('torch', 'sklearn', 'safetensors', 'onnxruntime', 'uv'):\n"
        "    sys.modules[name] = None\n"
        "from snnexport.cli import main; main()\n"
    )
    command = [sys.executable, "-c", script, "simulate", str(exported / "program.onnx")]
    command += ["--spikes", str(tmp_path / "in.npy"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["data"]["samples"] == 2
