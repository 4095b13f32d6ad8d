"""A search over settings, with real optuna."""

import subprocess
import sys

import pytest

from hwsim.errors import CheckError, MissingExtraError
from snntrain import sweep
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
WORKER = """
import sys
from pathlib import Path
from snntrain import Recipe, sweep
recipe = Recipe.load(Path(sys.argv[1]))
space = sweep.load_space(Path(sys.argv[2]), recipe)
sweep.sweep(recipe, space, sweep.open_study(sys.argv[3], "tiny"), trials=4)
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
    sweep.sweep(tiny, space, study, trials=3)
    assert len(study.trials) == 3
    for trial in study.trials:
        recipe = sweep.recipe_of(tiny, trial.params, space)
        assert 1e-4 <= recipe.train.learning_rate <= 0.1
        assert recipe.train.epochs in (1, 2)
        assert recipe.net.channels in ((3,), (4,))
        assert recipe.train.batch_size == tiny.train.batch_size
    best = sweep.recipe_of(tiny, study.best_params, space)
    assert sweep.fit(best).metrics["validation_accuracy"] == study.best_value


def test_another_process_goes_on_with_the_same_study(optuna, tiny_text, tiny, space, tmp_path):
    storage = str(tmp_path / "sweep.journal")
    (tmp_path / "tiny.toml").write_text(tiny_text)
    sweep.sweep(tiny, space, sweep.open_study(storage, "tiny"), trials=2)
    arguments = [str(tmp_path / "tiny.toml"), str(tmp_path / "space.toml"), storage]
    command = [sys.executable, "-W", "ignore", "-c", WORKER, *arguments]
    subprocess.run(command, check=True, capture_output=True)
    study = sweep.open_study(storage, "tiny")
    assert len(study.trials) == 4
    sweep.sweep(tiny, space, study, trials=4)  # nothing is left to do
    assert len(study.trials) == 4


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


def test_missing_optuna_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"spikeport\[sweep\]"):
        sweep.open_study(str(tmp_path / "x"), "tiny")
