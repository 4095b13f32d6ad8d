"""Checkpoints: one file, the same bytes, and a clear word about every other file."""

import hashlib
from dataclasses import replace

import pytest
import safetensors.torch
import torch

from hwsim.errors import CheckError, FileError
from snntrain import Checkpoint


@pytest.fixture
def path(trained, tmp_path):
    trained.save(tmp_path / "checkpoint.safetensors")
    return tmp_path / "checkpoint.safetensors"


def test_checkpoint_reads_back_as_it_was_written(trained, path):
    loaded = Checkpoint.load(path)
    assert loaded.recipe == trained.recipe
    assert loaded.recipe.to_text() == trained.recipe.to_text()
    assert loaded.metrics == trained.metrics
    assert loaded.calibration == trained.calibration
    assert loaded.state.keys() == trained.state.keys()
    assert all(torch.equal(loaded.state[name], trained.state[name]) for name in trained.state)


def test_sha256_is_that_of_the_file(trained, path):
    assert trained.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert Checkpoint.load(path).sha256 == trained.sha256


def test_checkpoint_is_a_safetensors_file_that_others_read(trained, path):
    assert safetensors.torch.load_file(path).keys() == trained.state.keys()
    with safetensors.safe_open(path, "pt") as file:
        assert file.metadata()["schema"] == "spikeport.checkpoint/1"


def test_built_network_is_in_evaluation_mode_and_leaves_the_random_state_alone(trained):
    before = torch.get_rng_state()
    module = trained.build()
    assert not module.training
    assert torch.equal(torch.get_rng_state(), before)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileError, match=r"none.safetensors: no such file"):
        Checkpoint.load(tmp_path / "none.safetensors")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"x" * 1000, b"\x02\0\0\0\0\0\0\0[]"])
def test_file_of_another_format_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(FileError, match="is not a safetensors file"):
        Checkpoint.load(path)


@pytest.mark.parametrize("kept", [0.5, 0.999])
def test_truncated_checkpoint_says_how_many_bytes_are_left(path, kept):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(FileError, match=r"is truncated: \d+ of \d+ bytes"):
        Checkpoint.load(path)


def test_checkpoint_cut_in_its_header_is_refused(path):
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FileError, match="or its header is cut"):
        Checkpoint.load(path)


def test_safetensors_file_of_somebody_else_is_refused(path):
    safetensors.torch.save_file({"w": torch.zeros(3)}, path)
    with pytest.raises(FileError, match=r"its schema is None, not 'spikeport.checkpoint/1'"):
        Checkpoint.load(path)


def test_offsets_that_make_no_sense_are_damage(path):
    path.write_bytes(path.read_bytes().replace(b'"shape":[10]', b'"shape":[12]', 1))
    with pytest.raises(FileError, match="is damaged"):
        Checkpoint.load(path)


def test_header_without_metrics_is_damage(path):
    path.write_bytes(path.read_bytes().replace(b'"metrics"', b'"metrixx"', 1))
    with pytest.raises(FileError, match=r"header is damaged: it has no metrics"):
        Checkpoint.load(path)


def test_weights_that_do_not_fit_the_recipe_are_all_listed(trained, path):
    state = dict(trained.state)
    state["conv9.weight"] = state.pop("conv1.weight")
    state["output.norm.bias"] = torch.zeros(3)
    replace(trained, state=state).save(path)
    with pytest.raises(FileError) as caught:
        Checkpoint.load(path)
    assert "3 problem(s)" in str(caught.value)
    assert "conv1.weight is missing" in str(caught.value)
    assert "conv9.weight is not part of the network" in str(caught.value)
    assert "output.norm.bias has shape [3], not [10]" in str(caught.value)


def test_recipe_inside_is_checked_like_any_other(path):
    path.write_bytes(path.read_bytes().replace(b"epochs = 3", b"epochs = 0", 1))
    with pytest.raises(CheckError, match=r"\(recipe\)(.|\n)*train.epochs = 0"):
        Checkpoint.load(path)
