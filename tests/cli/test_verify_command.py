"""``spikeport verify``: judges, tables, exit status."""

import json
from dataclasses import replace

import numpy as np
import pytest
from command import call, refused
from strategies import small_program

from snntrain import Checkpoint


def test_verify_replays_the_golden_bundle_and_prints_each_judge(exported):
    result = call(
        "verify", exported / "program.onnx", "--against", "onnxruntime,reference", "--json"
    )
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)
    assert set(rows) == {"onnxruntime", "reference"}
    assert all(r["mismatches"] == 0 and r["compared"] > 10_000 for r in rows.values())


def test_verify_names_the_first_place_where_two_differ(exported, tmp_path):
    (tmp_path / "program.onnx").write_bytes((exported / "program.onnx").read_bytes())
    with np.load(exported / "golden.npz") as stored:
        arrays = dict(stored)
    arrays["spike2/spikes"] = arrays["spike2/spikes"].copy()
    arrays["spike2/spikes"][4, 1, 2, 3, 1] ^= 1
    np.savez(tmp_path / "golden.npz", **arrays)
    result = call("verify", tmp_path / "program.onnx", "--against", "reference")
    assert result.exit_code == 1
    assert "step 5, population spike2, sample 1, neuron (2, 3, 1)" in result.stderr


@pytest.mark.lava
def test_verify_runs_the_exported_folder_on_real_lava(exported):
    result = call("verify", exported / "program.onnx", "--against", "lava", "--json")
    assert result.exit_code == 0, result.stderr
    row = json.loads(result.stdout)["lava"]
    assert (row["mismatches"], row["samples"]) == (0, 8)


def test_verify_refuses_a_lava_folder_of_another_program(exported, tmp_path, rng):
    small_program(rng).save(tmp_path / "program.onnx")
    (tmp_path / "lava").mkdir()
    (tmp_path / "lava" / "network.py").write_text((exported / "lava" / "network.py").read_text())
    refused(call("verify", tmp_path / "program.onnx", "--against", "lava"), "another program")


def test_verify_uses_as_many_golden_samples_as_asked_for(exported):
    result = call("verify", exported / "program.onnx", "--samples", 3, "--json")
    assert {r["samples"] for r in json.loads(result.stdout).values()} == {3}


def test_verify_against_reference_refuses_to_compare_a_run_with_itself(
    exported, tmp_path, monkeypatch
):
    monkeypatch.setenv("SPIKEPORT_ENGINE", "reference")
    np.save(tmp_path / "in.npy", np.ones((6, 1, 1, 8, 8), int))
    command = ("verify", exported / "program.onnx", "--spikes", tmp_path / "in.npy")
    refused(call(*command, "--against", "reference"), "nothing to compare")


def test_verify_with_the_checkpoint_also_asks_the_trained_network(exported, checkpoint):
    command = ("verify", exported / "program.onnx", "--checkpoint", checkpoint, "--samples", 40)
    result = call(*command, "--data", "digits:test", "--json")
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)
    assert list(rows) == ["onnxruntime", "reference", "torch", "integer"]
    assert rows["torch"]["mismatches"] > 0, "reals are not judged by their spikes"
    assert all(rows[j]["mismatches"] == 0 for j in rows if j != "torch")
    assert all(rows[j]["accuracy"] >= 0.95 and rows[j]["same_class"] >= 0.9 for j in rows)


def test_the_table_of_verify_has_a_row_a_judge(exported, checkpoint):
    judges = "torch,integer,reference,native,onnxruntime"
    result = call(
        "verify", exported / "program.onnx", "--checkpoint", checkpoint, "--against", judges
    )
    assert result.exit_code == 0, result.stderr
    rows = [line.split("│")[1].strip() for line in result.stdout.splitlines() if "│" in line]
    assert [name.removesuffix(" (reals)") for name in rows if name] == judges.split(",")
    assert "what quantization changed" in result.stdout


def test_judges_that_cannot_be_asked_are_one_error(exported):
    result = call("verify", exported / "program.onnx", "--against", "torch,integer,netx")
    refused(result, "torch: needs the network", "integer: needs the network", "netx: ")


def test_input_of_another_shape_is_one_error_whoever_judges(exported, checkpoint, tmp_path):
    np.save(tmp_path / "in.npy", np.ones((6, 2, 1, 4, 8), int))
    command = ("verify", exported / "program.onnx", "--spikes", tmp_path / "in.npy")
    refused(
        call(*command, "--checkpoint", checkpoint, "--against", "torch"), "is not (T, B, 1, 8, 8)"
    )


def test_the_checkpoint_must_be_that_of_the_program(exported, checkpoint, tmp_path):
    whole = Checkpoint.load(checkpoint)
    replace(whole, metrics={}).save(tmp_path / "other.safetensors")
    command = ("verify", exported / "program.onnx", "--checkpoint", tmp_path / "other.safetensors")
    refused(call(*command), "other.safetensors", whole.sha256[:12])


def test_a_netx_file_of_another_program_is_refused(exported, tmp_path, rng):
    small_program(rng).save(tmp_path / "program.onnx")
    (tmp_path / "network.net").write_bytes(b"")
    (tmp_path / "export.json").write_text((exported / "export.json").read_text())
    command = ("verify", tmp_path / "program.onnx", "--against", "netx")
    refused(call(*command), "network.net was exported from another program")
