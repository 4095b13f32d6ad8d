"""Training: reproducible, resumable, and blind to the test split."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hwsim.errors import CheckError, FileError, SpikeportError
from snntrain import LOSSES, Recipe, _fit, evaluate, fit, load, unroll
from snntrain._watch import DivergedError


class Interrupted(Exception):
    pass


def stop_after(epochs):
    def progress(done, total, best):
        if done == epochs:
            raise Interrupted

    return progress


def test_same_recipe_gives_the_same_bytes(tiny, trained):
    assert fit(tiny).sha256 == trained.sha256


def test_another_seed_gives_another_network(tiny_text, trained):
    other = Recipe.from_text(tiny_text.replace("seed = 7", "seed = 8"), "tiny")
    assert fit(other).sha256 != trained.sha256


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_resumed_training_equals_uninterrupted_training_bit_for_bit(
    tiny, trained, tmp_path, epochs
):
    with pytest.raises(Interrupted):
        fit(tiny, out=tmp_path, progress=stop_after(epochs))
    seen = []
    resumed = fit(tiny, out=tmp_path, resume=True, progress=lambda *args: seen.append(args[0]))
    assert seen == [1, 2, 3][epochs:]
    assert resumed.to_bytes() == trained.to_bytes()


def test_resuming_without_a_saved_state_starts_from_the_beginning(tiny, trained, tmp_path):
    assert fit(tiny, out=tmp_path, resume=True).sha256 == trained.sha256


def test_state_of_another_recipe_or_start_is_refused(tiny, tiny_text, trained, tmp_path):
    fit(tiny, out=tmp_path)
    other = Recipe.from_text(tiny_text.replace("shift = 1", "shift = 0"), "tiny")
    with pytest.raises(FileError, match="belongs to another recipe"):
        fit(other, out=tmp_path, resume=True)
    with pytest.raises(FileError, match="belongs to another recipe, start or number of proc"):
        fit(tiny, init=trained, out=tmp_path, resume=True)


def test_truncated_state_is_refused(tiny, tmp_path):
    fit(tiny, out=tmp_path)
    path = tmp_path / "last.state.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(FileError, match="is truncated"):
        fit(tiny, out=tmp_path, resume=True)


def test_resume_without_a_folder_is_refused(tiny):
    with pytest.raises(SpikeportError, match="resume needs a folder"):
        fit(tiny, resume=True)


def test_training_leaves_the_callers_random_generators_alone(tiny):
    torch_before = torch.get_rng_state()
    numpy_before = np.random.get_state()[1].copy()  # noqa: NPY002
    fit(tiny)
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert (np.random.get_state()[1] == numpy_before).all()  # noqa: NPY002


def test_training_leaves_the_random_generators_of_every_device_alone(tiny, monkeypatch):
    def refuse(seed):
        raise AssertionError("every CUDA device is seeded")

    monkeypatch.setattr(torch.cuda, "manual_seed_all", refuse)
    fit(tiny)


def test_training_never_reads_the_test_split(tiny, monkeypatch):
    read = []
    monkeypatch.setattr(
        _fit, "load", lambda name, split, *rest: read.append(split) or load(name, split)
    )
    fit(tiny)
    assert sorted(read) == ["train", "validation"]


def test_reported_validation_accuracy_is_that_of_the_returned_weights(trained):
    data, told = load("digits", "validation"), []
    evaluation = evaluate(trained, data, batch_size=7, progress=lambda *at: told.append(at))
    assert told == [(min(done, 180), 180) for done in range(7, 187, 7)]
    assert evaluation.accuracy == trained.metrics["validation_accuracy"]


@pytest.mark.parametrize("name", LOSSES)
def test_validation_loss_is_the_loss_of_the_recipe_on_the_whole_split(tiny_text, name):
    recipe = Recipe.from_text(tiny_text + f'loss = "{name}"\n', "tiny")
    checkpoint, data = fit(recipe), load("digits", "validation")
    sequence = torch.tensor(data.sequences(slice(None), 2)).float()
    with torch.no_grad():
        outputs = unroll(checkpoint.build(), sequence)
    loss = LOSSES[name](outputs, torch.from_numpy(data.labels)).item()
    # float32 sums in another order
    assert checkpoint.metrics["validation_loss"] == pytest.approx(loss, rel=1e-6)


def test_a_network_of_a_readout_alone_is_trained_and_pays_no_penalty_on_spikes(tiny_text):
    head, _, tail = tiny_text.partition("kind =")
    net = 'kind = "dense"\ninput_shape = [1, 8, 8]\nclasses = 10\nhidden = []\ndecay_u = 1.0\n'
    text = head + net + "decay_v = 0.0\nreadout = true\n" + tail[tail.index("\n[train]") :]
    with pytest.raises(CheckError, match=r"train.rate_penalty is set, but no layer .* spikes"):
        fit(Recipe.from_text(text, "linear"))
    linear = fit(Recipe.from_text(text.replace("rate_penalty = 0.1", ""), "linear"))
    assert linear.calibration["rates"] == {}


def test_samples_of_another_shape_are_refused(trained):
    data = load("digits", "validation")
    halves = replace(data, pixels=data.pixels[..., :4])
    with pytest.raises(
        CheckError, match=r"digits: samples of shape \(1, 8, 4\) do not fit .*8, 8\)"
    ):
        evaluate(trained, halves)


def test_calibration_is_the_range_of_training_inputs_and_a_rate_for_each_layer(trained):
    assert trained.calibration["input"] == [0, 16]
    assert list(trained.calibration["rates"]) == ["spike1", "output"]
    assert all(0 < rate < 1 for rate in trained.calibration["rates"].values())


def test_starting_from_a_checkpoint_goes_on_learning(tiny, trained):
    longer = fit(tiny, init=trained)
    assert longer.metrics["validation_loss"] < trained.metrics["validation_loss"]


def test_starting_from_another_network_is_refused(tiny_text, trained):
    wider = Recipe.from_text(tiny_text.replace("channels = [4]", "channels = [5]"), "tiny")
    with pytest.raises(CheckError, match=r"init: weights do not fit (.|\n)*conv1.weight"):
        fit(wider, init=trained)


def test_settings_that_do_not_fit_the_data_are_all_listed(tiny_text):
    text = tiny_text.replace("[1, 8, 8]", "[1, 4, 8]").replace("classes = 10", "classes = 9")
    recipe = Recipe.from_text(text.replace("batch_size = 256", "batch_size = 2000"), "tiny")
    with pytest.raises(CheckError) as caught:
        fit(recipe)
    assert "net.input_shape = [1, 4, 8] is not [1, 8, 8]" in str(caught.value)
    assert "net.classes = 9 is below 10" in str(caught.value)
    assert "train.batch_size = 2000 is above 1077" in str(caught.value)


def test_only_the_first_samples_are_learned_and_calibrated_on(tiny_text, trained, monkeypatch):
    text = tiny_text.replace('name = "digits"', 'name = "digits"\nsamples = 300')
    few = fit(Recipe.from_text(text, "few"))
    monkeypatch.setattr(
        _fit, "load", lambda *which: load(*which).first(300 if which[1] == "train" else 180)
    )
    cut = fit(Recipe.from_text(tiny_text, "cut"))
    assert few.metrics == cut.metrics != trained.metrics
    assert few.calibration == cut.calibration


def test_more_samples_than_there_are_is_a_problem(tiny_text):
    text = tiny_text.replace('name = "digits"', 'name = "digits"\nsamples = 1078')
    with pytest.raises(CheckError, match=r"data.samples = 1078 is above 1077"):
        fit(Recipe.from_text(text, "many"))


def test_rates_and_accuracy_do_not_depend_on_how_many_images_are_measured_at_a_time(
    tiny, trained, monkeypatch
):
    monkeypatch.setattr(_fit, "LARGE_BATCH", 100)
    parts = fit(tiny)
    # another batch may round float32 sums otherwise and flip a spike in rare images
    accuracy = trained.metrics["train_accuracy"]
    assert parts.metrics["train_accuracy"] == pytest.approx(accuracy, abs=0.004)
    assert parts.calibration["rates"] == pytest.approx(trained.calibration["rates"], abs=0.004)


def test_root_reaches_the_data(tiny, monkeypatch, tmp_path):
    roots = []
    monkeypatch.setattr(_fit, "load", lambda *which: roots.append(which[2]) or load(*which))
    fit(tiny, root=tmp_path)
    assert roots == [tmp_path] * 2


def _with_dense1(trained, factor):
    broken = {**trained.state, "dense1.weight": trained.state["dense1.weight"] * factor}
    return replace(trained, state=broken)


def test_diverged_training_stops_and_names_the_tensor_and_the_rate_to_lower(tiny, trained):
    problem = r"update 1 \(epoch 1\): .* is not finite(.|\n)*below 0.02"
    with pytest.raises(DivergedError, match=problem):
        fit(tiny, init=_with_dense1(trained, 1e38))


def test_weights_that_are_not_finite_are_no_start(tiny, trained):
    with pytest.raises(CheckError, match=r"init: (.|\n)*dense1.weight holds values .* not finite"):
        fit(tiny, init=_with_dense1(trained, float("nan")))


def test_a_network_of_integers_is_no_start(tiny, tiny_text, trained):
    text = tiny_text + '\n[hardware]\nchip = "loihi1"\ntrain = "integer"\n'
    integers = replace(trained, recipe=Recipe.from_text(text, "integers"))
    with pytest.raises(CheckError, match="init: holds integers of a chip"):
        fit(tiny, init=integers)


def test_rate_penalty_makes_the_network_quieter(tiny_text):
    loud, quiet = (
        fit(Recipe.from_text(tiny_text.replace("rate_penalty = 0.1", f"rate_penalty = {p}"), "t"))
        for p in (0, 50)
    )
    assert quiet.calibration["rates"]["spike1"] < 0.7 * loud.calibration["rates"]["spike1"]


def test_prediction_is_the_lowest_index_of_the_largest_count(trained):
    evaluation = evaluate(trained, load("digits", "validation"))
    assert evaluation.outputs.shape == (180, 10)
    assert evaluation.outputs.max() <= trained.recipe.train.steps
    for counts, prediction in zip(evaluation.outputs, evaluation.predictions, strict=True):
        assert prediction == list(counts).index(max(counts))
