"""The commands train and evaluate."""

import json
import subprocess
import sys
from contextlib import nullcontext

import click
import pytest
from click.testing import CliRunner

from hwsim.errors import FileError, MissingExtraError
from snnexport.cli import main
from snntrain import Checkpoint, Recipe, _shown, cli


@pytest.fixture
def call():
    group, above = click.Group(commands=cli.COMMANDS), main.context_settings["obj"]

    def run(*arguments):
        words = [str(a) for a in arguments]
        result = CliRunner().invoke(group, words, catch_exceptions=False, obj=above)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


@pytest.fixture
def recipe(tiny_text, tmp_path):
    (tmp_path / "tiny.toml").write_text(tiny_text)
    return tmp_path / "tiny.toml"


def test_train_writes_checkpoint_and_recipe_and_prints_one_json_object(
    call, recipe, trained, tiny_text, tmp_path
):
    result = json.loads(call("train", recipe, "--out", tmp_path / "run", "--json"))
    assert result["sha256"] == trained.sha256
    assert Checkpoint.load(tmp_path / "run/checkpoint.safetensors").sha256 == trained.sha256
    assert (tmp_path / "run/recipe.toml").read_text() == tiny_text


def test_train_starts_from_init_and_resumes_without_that_file(call, recipe, trained, tmp_path):
    start, run = tmp_path / "start.safetensors", ("train", recipe, "--out", tmp_path / "run")
    trained.save(start)
    first = json.loads(call(*run, "--init", start, "--json"))
    assert first["sha256"] != trained.sha256
    start.unlink()
    assert json.loads(call(*run, "--resume", "--json")) == first


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--init", "a.nir", "--resume"], "give one of them"),
        (["--init", "a.safetensors", "--repair"], "read --init FILE.nir"),
        (["--overwrite", "--resume"], "give one of them"),
    ],
)
def test_options_that_contradict_each_other_are_a_usage_error(recipe, options, part):
    result = CliRunner().invoke(main, ["train", str(recipe), *options])
    assert result.exit_code == 2
    assert part in result.stderr


@pytest.mark.parametrize("left", ["checkpoint.safetensors", "last.state.safetensors"])
def test_a_run_that_is_there_is_kept_unless_it_is_to_be_overwritten(call, recipe, tmp_path, left):
    out = tmp_path / "run"
    call("train", recipe, "--out", out)
    for path in out.glob("*.safetensors"):
        if path.name != left:
            path.unlink()
    before = {path: path.read_bytes() for path in out.iterdir()}
    recipe.write_text(recipe.read_text().replace("epochs = 3", "epochs = 1"))
    with pytest.raises(
        FileError, match=rf"holds a run already \({left}\)\n.*--resume .*--overwrite"
    ):
        call("train", recipe, "--out", out)
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    assert (
        json.loads(call("train", recipe, "--out", out, "--overwrite", "--json"))["best_epoch"] == 1
    )


def test_a_checkpoint_without_the_state_of_its_run_is_not_replaced_by_resuming(
    call, recipe, tmp_path
):
    out = tmp_path / "run"
    call("train", recipe, "--out", out)
    (out / "last.state.safetensors").unlink()
    before = {path: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(FileError, match=r"holds checkpoint.safetensors, but no last.state"):
        call("train", recipe, "--out", out, "--resume")
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_another_recipe_in_the_folder_is_not_replaced(call, recipe, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    (out / "recipe.toml").write_text("# mine\n" + recipe.read_text())
    with pytest.raises(FileError, match=r"holds another recipe.toml, which would be replaced"):
        call("train", recipe, "--out", out)
    assert (out / "recipe.toml").read_text().startswith("# mine\n")
    (out / "recipe.toml").write_text(recipe.read_text())
    call("train", recipe, "--out", out)


def test_ctrl_c_says_how_to_go_on(recipe, tmp_path, monkeypatch):
    """After the first epoch, whose state is there by then."""
    epochs = []

    def interrupt(entry):
        epochs.append(entry.epoch)
        if entry.epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(_shown, "_shown", lambda _: nullcontext([interrupt]))
    arguments = ["train", str(recipe), "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 130
    assert result.stdout == ""
    said = result.stderr.splitlines()
    assert said == [
        f"{tmp_path / 'run'}: the same command with --resume goes on",
        "error: interrupted",
    ]
    monkeypatch.undo()
    assert CliRunner().invoke(main, [*arguments, "--resume"]).exit_code == 0


def test_train_prints_warnings_to_stderr_and_keeps_stdout_for_the_result(
    recipe, tiny_text, tmp_path
):
    text = tiny_text.replace('"convnet"', '"dense"').replace("[0.75, 1.0]", "1.0")
    text = text.replace("[0.25, 0.0]", "0.0\nthreshold = 1e6\nreadout = true")
    recipe.write_text(text.replace("channels = [4]\ndense = []", "hidden = [8]"))
    arguments = ["train", str(recipe), "--out", str(tmp_path / "run"), "--json"]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["best_epoch"] >= 1
    for line in result.stderr.splitlines():
        assert line.startswith("warning: ")
    assert "update 1: no neuron of spike1 fired" in result.stderr


def test_train_writes_a_table_and_on_request_tensorboard(call, recipe, tmp_path):
    pytest.importorskip("tensorboard")
    call("train", recipe, "--out", tmp_path / "run", "--tensorboard")
    assert len((tmp_path / "run/metrics.csv").read_text().splitlines()) == 13
    assert len(list((tmp_path / "run/tensorboard").glob("events.*"))) == 1


def test_sweep_prints_the_best_trial_and_writes_its_recipe(call, recipe, tmp_path):
    pytest.importorskip("optuna")
    (tmp_path / "space.toml").write_text("[train]\nepochs = {choices = [1, 2]}")
    search = ("sweep", recipe, "--space", tmp_path / "space.toml", "--trials", "2")
    result = json.loads(call(*search, "--out", tmp_path / "sweep", "--json"))
    assert result["trials"] == 2
    best = Recipe.load(tmp_path / "sweep/best.toml")
    assert best.train.epochs == json.loads(result["best"][0]["train.epochs"])


def test_a_recipe_bound_for_a_chip_is_swept_on_the_way_to_it(recipe, tiny_text, tmp_path):
    pytest.importorskip("optuna")
    recipe.write_text(tiny_text + '\n[hardware]\nchip = "loihi1"\ntrain = "float"\n')
    (tmp_path / "space.toml").write_text("[train]\nseed = {low = 1, high = 9}")
    search = ["sweep", recipe, "--space", tmp_path / "space.toml", "--trials", "1"]
    result = CliRunner().invoke(main, [*map(str, search), "--out", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["best"]


def test_evaluate_uses_the_test_split_unless_told_otherwise(call, trained, tmp_path):
    trained.save(tmp_path / "c.safetensors")
    result = json.loads(call("evaluate", tmp_path / "c.safetensors", "--json"))
    assert (result["data"], result["samples"]) == ("digits:test", 540)
    text = call("evaluate", tmp_path / "c.safetensors", "--data", "digits:validation")
    assert f"accuracy: {100 * trained.metrics['validation_accuracy']:.2f} %" in text


def test_errors_reach_the_caller_as_spikeport_errors(call, tmp_path):
    with pytest.raises(FileError, match="no such file"):
        call("evaluate", tmp_path / "none.safetensors")


def test_missing_torch_names_the_extra(call, recipe, monkeypatch):
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"torch and safetensors(.|\n)*spikeport\[train\]"):
        call("train", recipe)


def test_the_commands_are_listed_without_importing_torch():
    code = "import sys, snntrain.cli; print('torch' in sys.modules, 'sklearn' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "False"]
