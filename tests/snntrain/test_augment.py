"""Changes to training samples: what moves, what is mirrored, what is blanked, and what is not."""

import numpy as np
import pytest

from hwsim.errors import CheckError
from snntrain import Recipe, augment, fit, load
from snntrain._distributed import ALONE
from snntrain._loop import Run, _batches
from snntrain._resume import Position
from snntrain.data import Recordings
from snntrain.data.base import Store
from snntrain.events import EVENT


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


def sequences(text, data):
    """Return the first batch (T, B, *shape) that training on ``data`` reads; T = 4."""
    text = text.replace("steps = 2", "steps = 4").replace("batch_size = 256", "batch_size = 40")
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


def recordings(shape, steps):
    """Return 40 recordings, alike, of one event in every cell of every frame."""
    cells = np.argwhere(np.ones((steps, *shape), bool))
    events = np.zeros(len(cells), EVENT)
    events["t"], events["x"] = 1000 * cells[:, 0], cells[:, -1]
    if len(shape) == 3:
        events["p"], events["y"] = cells[:, 1].astype(bool), cells[:, 2]
    labels = np.arange(40) % 10
    store = Store(shape, labels, list(range(40)), lambda _: events, ())
    return Recordings("drawn", "train", labels, store)


@pytest.mark.parametrize("change", ["shift = 3", "erase = 4"])
def test_a_recording_is_changed_alike_in_all_its_frames(tiny_text, change):
    data = recordings((2, 8, 8), 4)
    text = tiny_text.replace("shift = 1", change)
    changed, _ = sequences(text, data)
    assert changed.shape[0] == 4
    assert (changed == changed[:1, :, :1]).all()
    assert set(np.unique(changed)) == {0, 1}
    assert len({sample.tobytes() for sample in changed[0, :, 0]}) > 5


def test_sound_is_shifted_along_its_steps_and_channels(tiny_text):
    data = recordings((16,), 4)
    text = tiny_text.replace("shift = 1", "shift = 2")
    changed, _ = sequences(text, data)
    assert changed.shape[::2] == (4, 16)
    heard = {(int(s.any(1).sum()), int(s.any(0).sum())) for s in changed.swapaxes(0, 1)}
    assert {steps for steps, _ in heard} == {2, 3, 4}
    assert {channels for _, channels in heard} == {14, 15, 16}


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
