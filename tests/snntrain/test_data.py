"""Datasets, selectors, coding and augmentation."""

import numpy as np
import pytest

from hwsim.errors import MissingExtraError, RangeError, SpikeportError
from snntrain import augment
from snntrain.data import load, parse_selector
from snntrain.encode import direct

SIZES = {"train": 1077, "validation": 180, "test": 540}


@pytest.mark.parametrize("split", SIZES)
def test_digits_are_raw_integers_of_the_declared_range(split):
    data = load("digits", split)
    assert data.images.shape == (SIZES[split], 1, 8, 8)
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


def test_unknown_data_and_split_name_the_known_ones():
    with pytest.raises(
        SpikeportError, match=r"'fashion' is not .*\nhint: known data: digits, mnist"
    ):
        load("fashion", "test")
    with pytest.raises(SpikeportError, match=r"'dev' .*\nhint: .*train, validation, test"):
        load("digits", "dev")


def test_missing_scikit_learn_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'spikeport\[train\]'"):
        load("digits", "test")


def test_selector_is_name_and_split():
    assert parse_selector("digits:test") == ("digits", "test")


@pytest.mark.parametrize("selector", ["digits", "digits:", ":test", "a:b:c", ""])
def test_selector_of_another_form_is_refused_with_an_example(selector):
    with pytest.raises(SpikeportError, match=r"is not NAME:SPLIT\nhint: .*digits:test"):
        parse_selector(selector)


def test_direct_coding_repeats_the_same_integers_in_every_step():
    images = load("digits", "validation").images[:3]
    sequence = direct(images, 4)
    assert sequence.shape == (4, 3, 1, 8, 8)
    assert sequence.dtype == images.dtype
    assert all((frame == images).all() for frame in sequence)


def test_direct_coding_refuses_reals_and_no_steps():
    with pytest.raises(RangeError, match="float64, not integers"):
        direct(np.zeros((1, 2)), 3)
    with pytest.raises(RangeError, match="steps = 0"):
        direct(np.zeros((1, 2), np.uint8), 0)


def test_shift_moves_each_image_by_itself_and_fills_with_the_low_value():
    images = np.zeros((200, 1, 5, 5), np.uint8)
    images[:, 0, 2, 2] = 9
    moved = augment.shift(images, 1, 3, np.random.default_rng(0))
    where = {tuple(np.argwhere(image[0] == 9)[0]) for image in moved}
    assert where == {(row, column) for row in (1, 2, 3) for column in (1, 2, 3)}
    assert set(np.unique(moved)) == {0, 3, 9}
    assert (augment.shift(images, 0, 3, np.random.default_rng(0)) == images).all()
