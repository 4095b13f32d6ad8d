"""Changes to training samples: what moves, what is mirrored, what is blanked, and what is not."""

import numpy as np
import pytest

from hwsim.errors import CheckError
from snntrain import Recipe, augment, fit, load
from snntrain._distributed import ALONE
from snntrain._loop import Run, _batches
from snntrain._resume import Position


@pytest.fixture
def random():
    return np.random.default_rng(0)


def test_shift_moves_each_image_by_itself_and_fills_with_the_low_value(random):
    images = np.zeros((200, 1, 5, 5), np.uint8)
    images[:, 0, 2, 2] = 9
    moved = augment.shift(images, 1, 3, random)
    where = {tuple(np.argwhere(image[0] == 9)[0]) for image in moved}
    assert where == {(row, column) for row in (1, 2, 3) for column in (1, 2, 3)}
    assert set(np.unique(moved)) == {0, 3, 9}
    assert (augment.shift(images, 0, 3, random) == images).all()


def test_shift_moves_all_frames_of_a_recording_alike(random):
    frames = np.zeros((50, 4, 2, 7, 7), np.uint8)
    frames[..., 3, 3] = 1
    moved = augment.shift(frames, 2, 0, random)
    assert moved.shape == frames.shape
    assert (moved == moved[:, :1, :1]).all()
    assert len({tuple(np.argwhere(sample[0, 0])[0]) for sample in moved}) > 10


def test_flip_mirrors_left_to_right_about_half_of_the_samples_and_whole_ones(random):
    frames = np.arange(400 * 2 * 3 * 4).reshape(400, 2, 3, 4)
    flipped = augment.flip(frames, random)
    mirrored = (flipped == frames[..., ::-1]).all(axis=(1, 2, 3))
    kept = (flipped == frames).all(axis=(1, 2, 3))
    assert (mirrored ^ kept).all()
    assert 150 < mirrored.sum() < 250


def test_erase_blanks_one_square_with_its_middle_in_the_frame(random):
    frames = np.full((300, 2, 3, 9, 9), 7, np.uint8)
    erased = augment.erase(frames, 4, 2, random)
    assert erased.dtype == frames.dtype
    assert set(np.unique(erased)) == {2, 7}
    sizes = set()
    for sample in erased:
        assert (sample == sample[:1, :1]).all()
        rows, columns = np.nonzero(sample[0, 0] == 2)
        sizes.add((np.ptp(rows) + 1, np.ptp(columns) + 1))
        assert len(rows) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    assert sizes == {(height, width) for height in (2, 3, 4) for width in (2, 3, 4)}
    assert (augment.erase(frames, 0, 2, random) == frames).all()


def test_drop_leaves_out_events_at_a_share_of_each_sample_and_makes_none(random):
    counts = np.full((300, 4, 2, 20, 20), 3, np.uint8)
    kept = augment.drop(counts, 0.6, random)
    assert kept.dtype == counts.dtype
    assert kept.max() <= 3
    shares = kept.mean(axis=(1, 2, 3, 4)) / 3
    assert 0.38 < shares.min() < 0.45
    assert 0.95 < shares.max() <= 1
    assert abs(shares.mean() - 0.7) < 0.05
    assert (augment.drop(counts, 0.0, random) == counts).all()


def sequences(text, data):
    """Return the first batch (T, B, *shape) that training on ``data`` reads."""
    recipe = Recipe.from_text(text, "augmented")
    run = Run(recipe, ALONE, None, None, data)
    _, (sequence, labels) = next(_batches(run, Position()))
    return sequence.numpy(), labels.numpy()


def test_images_are_changed_before_they_are_encoded_so_that_all_steps_are_alike(tiny_text):
    data = load("digits", "train")
    plain, labels = sequences(tiny_text.replace("shift = 1", "shift = 0"), data)
    for change in ("shift = 1", "flip = true", "erase = 3"):
        changed, same = sequences(tiny_text.replace("shift = 1", change), data)
        assert (same == labels).all()
        assert (changed == changed[:1]).all()
        differs = (changed[0] != plain[0]).any(axis=(1, 2, 3)).mean()
        assert 0.3 < differs <= 1, change


def test_what_has_no_width_is_not_mirrored(tmp_path, tiny_text, monkeypatch):
    class Sound:
        name, shape, labels = "sound", (64,), np.arange(10)

        def __len__(self):
            return 10

        def first(self, samples):
            return self

    text = tiny_text.replace("shift = 1", "flip = true")
    monkeypatch.setattr("snntrain._fit.load", lambda *_: Sound())
    with pytest.raises(CheckError, match=r"flip = true mirrors images, which sound"):
        fit(Recipe.from_text(text, "r"))


def test_images_have_no_events_to_leave_out(tiny_text):
    with pytest.raises(CheckError, match=r"train.drop = 0.5 leaves out events: digits has images"):
        fit(Recipe.from_text(tiny_text + "drop = 0.5\n", "r"))
