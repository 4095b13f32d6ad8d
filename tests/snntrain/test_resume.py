"""A run that is killed at any moment goes on as if it never had been."""

import csv
import time
from multiprocessing import get_context
from signal import SIGKILL

import numpy as np
import pytest
import torch

from hwsim.errors import CheckError
from snntrain import Recipe, _resume, fit
from snntrain._resume import NAME

KINDS = {
    # dropout draws from torch's generator, shift and the encoder from NumPy's
    "adamw": "shift = 1\n",
    "sgd": 'optimizer = "sgd"\nshift = 2\n',
}


@pytest.fixture(params=KINDS)
def text(request):
    return f"""
[data]
name = "digits"
encoder = "rate"

[net]
kind = "pooled"
input_shape = [1, 8, 8]
classes = 10
channels = [4, 4]
decay_v = 0.5
dropout = 0.2

[train]
steps = 2
epochs = 3
batch_size = 128
learning_rate = 0.02
save_every = 2
{KINDS[request.param]}"""


class Killed(Exception):
    pass


def stop_at(update):
    def log(entry):
        if entry.update == update:
            raise Killed

    return log


def table(folder):
    """Return what a run logged, but for its times."""
    with (folder / "metrics.csv").open(newline="") as file:
        return [row[:-1] for row in csv.reader(file)]


@pytest.mark.filterwarnings("ignore::snntrain._watch.SpikeportWarning")
def test_a_run_stopped_within_an_epoch_ends_with_the_same_bytes_and_the_same_table(text, tmp_path):
    recipe = Recipe.from_text(text, "killed")
    whole = fit(recipe, out=tmp_path / "whole")
    for update in (2, 8, 9, 15):  # an epoch has 8
        with pytest.raises(Killed):
            fit(recipe, out=tmp_path / "parts", resume=update > 2, log=[stop_at(update)])
    resumed = fit(recipe, out=tmp_path / "parts", resume=True)
    assert resumed.to_bytes() == whole.to_bytes()
    assert table(tmp_path / "parts") == table(tmp_path / "whole")


def test_state_is_saved_every_so_many_batches_and_after_each_epoch(
    tiny_text, tmp_path, monkeypatch
):
    positions = []
    keep = _resume.save
    monkeypatch.setattr(
        _resume, "save", lambda *state: positions.append(state[2].position[:2]) or keep(*state)
    )
    fit(Recipe.from_text(tiny_text + "save_every = 3\n", "often"), out=tmp_path)
    assert positions == [(0, 3), (1, 0), (1, 3), (2, 0), (2, 3), (3, 0)]


def test_a_process_killed_at_random_moments_ends_with_the_same_bytes(
    tiny_text, tmp_path, monkeypatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", str(torch.get_num_threads()))  # bytes depend on it
    text = tiny_text.replace("epochs = 3", "epochs = 15") + "save_every = 1\n"
    recipe, out = Recipe.from_text(text, "tiny"), tmp_path / "parts"
    whole = fit(recipe, out=tmp_path / "whole")
    random, kills = np.random.default_rng(5), 0
    for _ in range(3):
        before = _modified(out / NAME)
        process = get_context("spawn").Process(target=fit, args=(recipe,), kwargs=resuming(out))
        process.start()
        while process.is_alive() and _modified(out / NAME) == before:
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.1))
        process.kill()
        process.join()
        kills += process.exitcode == -SIGKILL
    assert kills
    for name in (NAME, "metrics.csv"):
        (out / f".{name}.1.part").write_bytes(b"half")
    resumed = fit(recipe, **resuming(out))
    assert resumed.to_bytes() == whole.to_bytes()
    assert table(out) == table(tmp_path / "whole")
    assert not list(out.glob(".*"))


def test_a_new_run_in_a_folder_with_the_state_of_another_is_resumed_as_itself(tiny, tmp_path):
    fit(tiny, out=tmp_path)
    with pytest.raises(Killed):
        fit(tiny, out=tmp_path, log=[stop_at(2)])
    fit(tiny, out=tmp_path, resume=True)
    assert [row[1] for row in table(tmp_path)[1:]] == [str(n) for n in range(1, 13)]


def _modified(path):
    return path.stat().st_mtime_ns if path.exists() else 0


def resuming(out):
    return {"out": out, "resume": True}


def test_moments_of_another_optimizer_are_refused_by_name(tiny, tiny_text, tmp_path, monkeypatch):
    fit(tiny, out=tmp_path)
    sgd = Recipe.from_text(tiny_text + 'optimizer = "sgd"\n', "sgd")
    monkeypatch.setattr("snntrain._fit._origin", lambda *_: _origin_of(tmp_path))
    with pytest.raises(CheckError, match=r"optimizer\.0\.momentum_buffer is missing"):
        fit(sgd, out=tmp_path, resume=True)


def _origin_of(folder):
    from snntrain import _tensorfile

    return _tensorfile.read(folder / NAME, _resume.SCHEMA, hint="")[1]["origin"]
