"""What every dataset keeps, on the digits; selectors and augmentation."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from hwsim.errors import CheckError, MissingExtraError, SpikeportError
from snntrain import Recipe
from snntrain.data import SOURCES, encoders_of, load, parse_selector
from snntrain.data.division import divided

SIZES = {"train": 1077, "validation": 180, "test": 540}


@pytest.mark.parametrize("split", SIZES)
def test_digits_are_raw_integers_of_the_declared_range(split):
    data = load("digits", split)
    assert data.images.shape == (SIZES[split], 1, 8, 8)
    assert data.shape == (1, 8, 8)
    assert data.images.dtype == np.uint8
    assert (data.images.min(), data.images.max()) == (data.low, data.high) == (0, 16)
    assert data.labels.shape == (SIZES[split],) == (len(data),)
    assert data.labels.dtype == np.int64


def test_digit_splits_are_disjoint_and_together_the_whole_set():
    from sklearn.datasets import load_digits

    parts = [load("digits", split) for split in SIZES]
    rows = [image.tobytes() for part in parts for image in part.images]
    everything = load_digits().images.astype(np.uint8)
    assert sorted(rows) == sorted(image.tobytes() for image in everything)
    assert len(set(rows)) == len(rows) == 1797


@pytest.mark.parametrize("split", SIZES)
def test_digit_splits_hold_every_class_in_proportion(split):
    counts = np.bincount(load("digits", split).labels, minlength=10)
    whole = sum(np.bincount(load("digits", other).labels, minlength=10) for other in SIZES)
    assert (abs(counts - whole * SIZES[split] / 1797) <= 1).all()


def test_the_digit_test_split_never_changes():
    a, b = load("digits", "test"), load("digits", "test")
    assert a.sha256 == b.sha256 != load("digits", "train").sha256
    assert a.sha256 == "c67f98e1feb098dd3e2c3bf367af3db6260f8c0a4b62db00851eb6377a2f925b"


def test_the_hash_of_pictures_tells_shapes_apart():
    data = load("digits", "test")
    assert replace(data, pixels=data.images.reshape(-1, 1, 4, 16)).sha256 != data.sha256


def test_delta_coding_begins_at_the_low_end_of_the_pixels():
    data = load("digits", "test", encoder="delta").first(4)
    raised = replace(data, pixels=data.images + 3, span=(3, 19))
    both = (each.sequences(slice(None), 16) for each in (data, raised))
    assert np.array_equal(*both)


def test_unknown_data_split_and_encoder_name_the_known_ones():
    with pytest.raises(SpikeportError, match=r"'fashion'\nhint: .*known: digits, mnist"):
        load("fashion", "test")
    with pytest.raises(SpikeportError, match=r"'dev'\nhint: .*train, validation, test"):
        load("digits", "dev")
    with pytest.raises(SpikeportError, match=r"'time'\nhint: .*direct, rate, latency, delta"):
        load("digits", "test", encoder="time")


def test_sets_of_images_and_of_recordings_have_encoders_of_their_own():
    kinds = {encoders_of(name) for name in SOURCES}
    assert kinds == {("direct", "rate", "latency", "delta"), ("time", "count")}
    assert encoders_of("imagenette")[0] == "direct"
    assert encoders_of("fsdd")[0] == "time"


def test_missing_scikit_learn_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'spikeport\[train\]'"):
        load("digits", "test")


@pytest.mark.parametrize(
    ("encoder", "span"), [("", (0, 16)), ("rate", (0, 1)), ("latency", (0, 1)), ("delta", (-1, 1))]
)
def test_sequences_are_the_chosen_samples_within_the_declared_messages(encoder, span, rng):
    data = load("digits", "validation", encoder=encoder)
    sequence = data.sequences(np.array([7, 3]), 5)
    assert sequence.shape == (5, 2, 1, 8, 8)
    assert np.issubdtype(sequence.dtype, np.integer)
    assert (data.low, data.high) == span
    assert span[0] <= sequence.min() < sequence.max() <= span[1]
    low, high = data.extent(5)
    assert span[0] <= low <= sequence.min() < sequence.max() <= high <= span[1]
    assert (data.sequences(slice(3, 8), 5)[:, [4, 0]] == sequence).all()


def test_directly_coded_sequences_are_the_pictures_and_no_copies_of_them():
    data = load("digits", "validation")
    sequence = data.sequences(slice(None), 4)
    assert all((frame == data.images).all() for frame in sequence)
    assert np.shares_memory(sequence, data.images)


def test_delta_coded_digits_are_bursts_that_reach_the_brightest_pixel():
    data = load("digits", "validation", encoder="delta")
    for steps, threshold in ((16, 1), (4, 4), (5, 4), (40, 1)):
        sums = data.sequences(slice(None), steps).sum(axis=0, dtype=int)
        assert (sums == data.images // threshold).all()


def test_what_is_drawn_for_evaluation_is_a_samples_own_and_always_the_same():
    data = load("digits", "validation", encoder="rate")
    whole = data.sequences(slice(None), 6)
    assert (data.sequences(np.array([11, 4]), 6) == whole[:, [11, 4]]).all()
    assert (data.first(9).sequences(slice(None), 6) == whole[:, :9]).all()
    twins = load("digits", "validation", encoder="rate").images[[0, 0]]
    same = type(data)("twins", "test", np.zeros(2, np.int64), twins, (0, 16), "rate")
    one, other = same.sequences(slice(None), 6).swapaxes(0, 1)
    assert (one != other).any()


def test_what_is_drawn_for_training_comes_from_the_given_generator():
    data = load("digits", "validation", encoder="rate")
    first, again, other = (
        data.sequences(slice(0, 5), 6, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_the_first_samples_are_a_dataset_of_the_same_split():
    data = load("digits", "train", encoder="latency")
    first = data.first(7)
    assert (first.name, first.split, len(first)) == ("digits", "train", 7)
    assert (first.labels == data.labels[:7]).all()
    assert (first.sequences(slice(None), 3) == data.sequences(slice(0, 7), 3)).all()
    assert first.sha256 != data.sha256


def test_a_tenth_of_each_class_validates_and_at_least_one():
    labels = np.repeat([0, 1, 2], [30, 9, 19])
    validation, train = divided(labels, "validation"), divided(labels, "train")
    assert labels[validation].tolist() == [0, 0, 0, 1, 2]
    assert validation.tolist() == [27, 28, 29, 38, 57]
    assert sorted([*validation, *train]) == list(range(len(labels)))
    assert divided(labels, "test").tolist() == list(range(len(labels)))


def test_a_recipe_names_an_encoder_of_its_data(tiny_text):
    named = tiny_text.replace('"digits"', '"digits"\nencoder = "{}"')
    assert Recipe.from_text(named.format("rate"), "r").data.encoder == "rate"
    with pytest.raises(CheckError, match=r"encoder = 'time' is not of digits \(known: direct, "):
        Recipe.from_text(named.format("time"), "r")


def test_selector_is_name_and_split():
    assert parse_selector("digits:test") == ("digits", "test")


@pytest.mark.parametrize("selector", ["digits", "digits:", ":test", "a:b:c", ""])
def test_selector_of_another_form_is_refused_with_an_example(selector):
    with pytest.raises(SpikeportError, match=r"is not NAME:SPLIT\nhint: .*digits:test"):
        parse_selector(selector)
