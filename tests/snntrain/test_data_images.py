"""CIFAR and Imagenette on small files in their official layouts."""

import sys

import numpy as np
import pytest

from hwsim.errors import FileError, MissingExtraError
from snntrain.data import imagenette, load


def cifar(path, labels, random, label_bytes=1):
    """Write binary records; return their pixels."""
    pixels = random.integers(0, 256, (len(labels), 3072), np.uint8)
    first = np.full((len(labels), label_bytes), 99, np.uint8)
    first[:, -1] = labels
    path.parent.mkdir(exist_ok=True)
    np.hstack([first, pixels]).astype(np.uint8).tofile(path)
    return pixels.reshape(-1, 3, 32, 32)


@pytest.mark.parametrize("batches", [1, 3, 5])
def test_cifar10_is_all_batches_that_are_there_the_last_tenth_validates(batches, tmp_path, rng):
    folder = tmp_path / "cifar-10-batches-bin"
    labels = np.arange(40) % 10
    parts = [
        cifar(folder / f"data_batch_{number}.bin", labels, rng) for number in range(1, batches + 1)
    ]
    tested = cifar(folder / "test_batch.bin", labels[::-1], rng)
    pixels = np.concatenate(parts)
    train, validation, test = (
        load("cifar10", split, tmp_path) for split in ("train", "validation", "test")
    )
    held = max(1, 4 * batches // 10) * 10
    assert (train.images == pixels[:-held]).all()
    assert (validation.images == pixels[-held:]).all()
    assert (train.labels == np.tile(labels, batches)[:-held]).all()
    assert (test.images == tested).all()
    assert (test.labels == labels[::-1]).all()
    assert (train.low, train.high, train.shape) == (0, 255, (3, 32, 32))


def test_a_missing_batch_between_others_is_named(tmp_path, rng):
    for number in (1, 3):
        cifar(tmp_path / "cifar-10-batches-bin" / f"data_batch_{number}.bin", [0, 1], rng)
    with pytest.raises(FileError, match=r"data_batch_2.bin: no such file"):
        load("cifar10", "train", tmp_path)


def test_cifar100_has_its_fine_labels(tmp_path, rng):
    folder = tmp_path / "cifar-100-binary"
    labels = np.repeat(np.arange(100), 2)
    pixels = cifar(folder / "train.bin", labels, rng, label_bytes=2)
    cifar(folder / "test.bin", [7], rng, label_bytes=2)
    validation = load("cifar100", "validation", tmp_path)
    assert (validation.labels == np.arange(100)).all()
    assert (validation.images == pixels[1::2]).all()
    assert load("cifar100", "test", tmp_path).labels.tolist() == [7]


def test_cifar_files_of_another_size_or_set_are_refused(tmp_path, rng):
    path = tmp_path / "cifar-10-batches-bin" / "test_batch.bin"
    cifar(path, [10], rng)
    with pytest.raises(FileError, match=r"label 10 is not below 10\nhint: .*CIFAR-100"):
        load("cifar10", "test", tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FileError, match="3072 bytes are no whole records of 3073"):
        load("cifar10", "test", tmp_path)
    path.write_bytes(b"")
    with pytest.raises(FileError, match="0 bytes are no whole records"):
        load("cifar10", "test", tmp_path)


def test_a_fine_label_that_is_none_is_refused(tmp_path, rng):
    cifar(tmp_path / "cifar-100-binary" / "test.bin", [100], rng, label_bytes=2)
    with pytest.raises(FileError, match="label 100 is not below 100"):
        load("cifar100", "test", tmp_path)


def test_without_files_the_official_address_is_given(tmp_path):
    with pytest.raises(FileError, match=r"'cifar100': found in none.*\n.*cs.toronto.edu/~kriz"):
        load("cifar100", "train", tmp_path)


@pytest.fixture
def pictures(tmp_path):
    """Three training and one test picture a class, of several sizes; the folder above."""
    image = pytest.importorskip("PIL.Image")
    for split, count in (("train", 3), ("val", 1)):
        for label, name in enumerate(imagenette.CLASSES):
            folder = tmp_path / "imagenette2-160" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                grey = np.full((160, 200 + number), 20 * label, np.uint8)
                mode = "RGB" if label else "L"
                image.fromarray(grey).convert(mode).save(folder / f"{number}.JPEG", quality=95)
    return tmp_path


def test_imagenette_is_split_by_folder_and_every_class_validates(pictures):
    for split, count in (("train", 2), ("validation", 1), ("test", 1)):
        data = load("imagenette", split, pictures)
        assert data.images.shape == (10 * count, 3, 96, 96)
        assert data.labels.tolist() == [*range(10)] * count
        shade = data.images.reshape(len(data), -1).mean(axis=1)
        assert (abs(shade - 20 * data.labels) < 2).all()  # JPEG rounds


def test_a_pictures_short_side_is_fitted_and_its_middle_cut_out(tmp_path):
    image = pytest.importorskip("PIL.Image")
    pixels = np.zeros((192, 400, 3), np.uint8)
    pixels[:, 200:, 0] = 200  # the right half red
    pixels[96:, :, 2] = 100  # the lower half blue
    image.fromarray(pixels).save(tmp_path / "wide.JPEG", quality=100, subsampling=0)
    image.fromarray(pixels.swapaxes(0, 1)).save(tmp_path / "high.JPEG", quality=100, subsampling=0)
    wide, high = (imagenette.decoded(tmp_path / f"{name}.JPEG") for name in ("wide", "high"))
    assert wide.shape == (3, 96, 96)
    assert wide.dtype == np.uint8
    assert (abs(wide[0, :, :44].astype(int)) < 8).all()
    assert (abs(wide[0, :, 52:].astype(int) - 200) < 8).all()
    assert (abs(wide[2, 52:].astype(int) - 100) < 8).all()
    assert (abs(wide.swapaxes(1, 2).astype(int) - high) < 8).all()


def test_a_picture_is_made_smaller_without_losing_what_lies_between(tmp_path):
    image = pytest.importorskip("PIL.Image")
    stripes = np.tile(np.array([0, 200], np.uint8), (192, 96))
    image.fromarray(stripes).save(tmp_path / "striped.JPEG", quality=100)
    assert (abs(imagenette.decoded(tmp_path / "striped.JPEG").astype(int) - 100) < 20).all()


def test_pictures_that_are_none_and_missing_classes_are_refused(pictures):
    folder = pictures / "imagenette2-160" / "val" / imagenette.CLASSES[3]
    image = pytest.importorskip("PIL.Image")
    image.fromarray(np.zeros((96, 96), np.uint8)).save(folder / "other", "PNG")
    cut = (folder / "0.JPEG").read_bytes()[:-100]
    for content in (b"no picture", (folder / "other").read_bytes(), cut):
        (folder / "0.JPEG").write_bytes(content)
        with pytest.raises(FileError, match=r"0.JPEG: is no picture"):
            load("imagenette", "test", pictures)
    (folder / "0.JPEG").unlink()
    with pytest.raises(FileError, match="has pictures of 9 classes, not 10"):
        load("imagenette", "test", pictures)


def test_missing_pillow_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'spikeport\[data\]'"):
        imagenette.decoded(tmp_path / "0.JPEG")
