"""A search over settings, with real optuna."""

import sys
from multiprocessing import get_context
from pathlib import Path

import pytest
from ranks import search

from hwsim.errors import CheckError, FileError, MissingExtraError
from snntrain import Recipe, sweep
from snntrain._watch import DivergedError

pytestmark = pytest.mark.filterwarnings("ignore::snntrain._watch.SpikeportWarning")
SPACE = """
[train]
learning_rate = {low = 1e-4, high = 0.1, log = true}
epochs = {low = 1, high = 2}
optimizer = {choices = ["adam", "sgd"]}

[net]
channels = {choices = [[3], [4]]}
"""


@pytest.fixture
def optuna():
    return pytest.importorskip("optuna")


@pytest.fixture
def space(tmp_path, tiny):
    (tmp_path / "space.toml").write_text(SPACE)
    return sweep.load_space(tmp_path / "space.toml", tiny)


def test_trials_stay_within_the_space_and_the_best_recipe_trains_to_its_value(
    optuna, tiny, space, tmp_path
):
    study = sweep.open_study(str(tmp_path / "sweep.journal"), "tiny")
    told, entries = [], []
    sweep.sweep(
        tiny, space, study, trials=3,
        progress=lambda *at: told.append(at), log=[lambda entry: entries.append(entry.update)],
    )  # fmt: skip
    assert told == [(0, 3), (1, 3), (2, 3)]
    assert entries.count(1) == 3, "every trial is logged from its first update on"
    assert len(study.trials) == 3
    for trial in study.trials:
        recipe = sweep.recipe_of(tiny, trial.params, space)
        assert 1e-4 <= recipe.train.learning_rate <= 0.1
        assert recipe.train.epochs in (1, 2)
        assert recipe.net.channels in ((3,), (4,))
        assert recipe.train.batch_size == tiny.train.batch_size
    best = sweep.recipe_of(tiny, study.best_params, space)
    assert sweep.fit(best).metrics["validation_accuracy"] == study.best_value


def test_two_processes_go_on_with_the_same_study_at_once(optuna, tiny, space, tmp_path):
    storage = str(tmp_path / "sweep.journal")
    search(tiny, space, storage, 1)
    workers = [
        get_context("spawn").Process(target=search, args=(tiny, space, storage, 4))
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    study = sweep.open_study(storage, "tiny")
    done = [(trial.number, trial.state.is_finished()) for trial in study.trials]
    assert done == [(number, True) for number in range(len(done))]
    assert len(done) in (4, 5)  # both may be in a trial at the end
    search(tiny, space, storage, 4)  # nothing is left to do
    assert len(sweep.open_study(storage, "tiny").trials) == len(done)


def test_a_study_of_another_recipe_space_or_aim_is_refused(
    optuna, tiny, tiny_text, space, tmp_path
):
    storage = str(tmp_path / "sweep.journal")
    search(tiny, space, storage, 1)
    other = Recipe.from_text(tiny_text.replace("seed = 7", "seed = 8"), "tiny")
    narrow = {key: entry for key, entry in space.items() if key[0] == "train"}
    for wrong in ((other, space), (tiny, narrow)):
        with pytest.raises(FileError, match="'tiny' began with another recipe or space"):
            search(*wrong, storage, 2)
    with pytest.raises(FileError, match="its study 'tiny' has other aims"):
        sweep.open_study(storage, "tiny", frugal=True)
    assert len(sweep.open_study(storage, "tiny").trials) == 1


@pytest.mark.parametrize("storage", ["foo://x", "sqlite:////none/x.db", "/", "{folder}/journal"])
def test_a_storage_that_cannot_be_used_is_named(optuna, tmp_path, storage):
    (tmp_path / "journal").write_text("none\n")
    with pytest.raises(FileError, match="cannot hold a study"):
        sweep.open_study(storage.format(folder=tmp_path), "tiny")


def test_a_sweep_passes_on_where_data_is_and_the_way_to_the_chip(
    optuna, tiny, space, trained, tmp_path, monkeypatch
):
    given = {}
    monkeypatch.setattr(sweep, "fit", lambda *_, **options: given.update(options) or trained)
    study = sweep.open_study(str(tmp_path / "sweep.journal"), "tiny")
    sweep.sweep(tiny, space, study, trials=1, root=Path("data"), target="chip")
    assert (given["root"], given["target"]) == (Path("data"), "chip")


def test_a_hopeless_trial_is_stopped_and_a_diverged_one_has_failed(
    optuna, tiny, space, tmp_path, monkeypatch
):
    study = sweep.open_study(f"sqlite:///{tmp_path}/sweep.db", "tiny")
    study.pruner = optuna.pruners.ThresholdPruner(lower=2.0)
    sweep.sweep(tiny, space, study, trials=1)

    def diverge(*arguments, **options):
        raise DivergedError("nan")

    monkeypatch.setattr(sweep, "fit", diverge)
    sweep.sweep(tiny, space, study, trials=2)
    assert [trial.state.name for trial in study.trials] == ["PRUNED", "FAIL"]


def test_an_interrupted_trial_has_failed_and_the_interrupt_is_passed_on(
    optuna, tiny, space, tmp_path, monkeypatch
):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    study = sweep.open_study(str(tmp_path / "sweep.journal"), "tiny")
    monkeypatch.setattr(sweep, "fit", interrupt)
    with pytest.raises(KeyboardInterrupt):
        sweep.sweep(tiny, space, study, trials=2)
    assert [trial.state.name for trial in study.trials] == ["FAIL"]


def test_a_frugal_study_weighs_accuracy_against_spikes(optuna, tiny, space, tmp_path):
    study = sweep.open_study(str(tmp_path / "sweep.journal"), "tiny", frugal=True)
    sweep.sweep(tiny, space, study, trials=2)
    for trial in study.trials:
        accuracy, rate = trial.values
        assert 0 <= accuracy <= 1
        assert 0 <= rate < 1
    assert 1 <= len(study.best_trials) <= 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "holds nothing to try"),
        ("[trian]\nepochs = {low = 1, high = 2}", "trian is not a section"),
        ("[train]\nepochs = 3", "train.epochs = 3 is no range"),
        ("[train]\nepochs = {low = 2, high = 2}", "is no range"),
        ("[train]\nlearning_rate = {low = 0.0, high = 0.1, log = true}", "is no range"),
        ("[train]\nepochs = {choices = []}", "is no range"),
        ("[train]\nepochs = {choices = [1, 1]}", "is no range"),
        ("[train]\nepochs = {choices = [2020-01-01]}", "is no range"),
        ("[train]\nweight_decay = {choices = [[inf]]}", "is no range"),
        ("[train]\nlearning_rate = {low = 0.1, high = inf}", "is no range"),
        ("[train]\nepochs = {low = 0, high = 2}", "train.epochs = 0 does not fit 1..100000"),
        ("[train]\nepoch = {low = 1, high = 2}", "train.epoch = 1 is not known"),
        ('[train]\noptimizer = {choices = ["adam", "lion"]}', "'lion' is not known"),
    ],
)
def test_what_is_wrong_with_a_space_is_said_before_any_trial(tiny, tmp_path, text, problem):
    (tmp_path / "space.toml").write_text(text)
    with pytest.raises(CheckError) as caught:
        sweep.load_space(tmp_path / "space.toml", tiny)
    assert problem in str(caught.value)


def test_a_space_that_is_no_text_is_a_file_error(tiny, tmp_path):
    (tmp_path / "space.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(FileError, match="is not a text file"):
        sweep.load_space(tmp_path / "space.toml", tiny)


def test_missing_optuna_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"spikeport\[sweep\]"):
        sweep.open_study(str(tmp_path / "x"), "tiny")
