"""The readers of MNIST and Fashion-MNIST on small idx files, whose md5 count as official here."""

import gzip
from hashlib import md5

import numpy as np
import pytest

from hwsim.errors import FileError
from snntrain import load
from snntrain.data import mnist

IMAGES = {"train": 50, "t10k": 20}


def idx(values):
    header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">i4").tobytes()
    return gzip.compress(header + values.astype(np.uint8).tobytes(), mtime=0)


@pytest.fixture
def made(monkeypatch, tmp_path):
    """Write files in ``tmp_path``, expect their md5, and return what is in them."""
    random = np.random.default_rng(0)
    content = {}
    monkeypatch.setattr(mnist, "VALIDATION", 10)
    monkeypatch.delenv("SPIKEPORT_DATA", raising=False)
    for part, count in IMAGES.items():
        images = random.integers(0, 256, (count, 28, 28))
        labels = random.integers(0, 10, count)
        for known in (mnist.MNIST, mnist.FASHION):
            official = known.train if part == "train" else known.test
            for name, values in zip(official, (images, labels), strict=True):
                data = idx(values)
                (tmp_path / name).write_bytes(data)
                monkeypatch.setitem(official, name, ("0" * 32, md5(data).hexdigest()))
        content[part] = (images, labels)
    return content


@pytest.mark.parametrize(
    ("split", "part", "rows"),
    [
        ("train", "train", slice(0, 40)),
        ("validation", "train", slice(40, 50)),
        ("test", "t10k", slice(0, 20)),
    ],
)
def test_a_split_holds_its_rows_of_the_official_files_unscaled(made, tmp_path, split, part, rows):
    data = load("mnist", split, tmp_path)
    images, labels = made[part]
    assert data.images.dtype == np.uint8
    assert (data.images == images[rows, None]).all()
    assert data.labels.dtype == np.int64
    assert (data.labels == labels[rows]).all()
    assert (data.low, data.high) == (0, 255)


@pytest.mark.parametrize("folder", ["MNIST/raw", "MNIST", "."])
def test_files_are_found_as_torchvision_keeps_them_or_in_the_folder_itself(made, tmp_path, folder):
    root = tmp_path / "root"
    (root / folder).mkdir(parents=True)
    for name in mnist.MNIST.test:
        (tmp_path / name).rename(root / folder / name)
    assert len(load("mnist", "test", root)) == 20


def test_without_a_root_the_environment_and_then_the_cache_is_looked_in(
    made, tmp_path, monkeypatch
):
    monkeypatch.setenv("SPIKEPORT_DATA", str(tmp_path))
    assert len(load("mnist", "test")) == 20
    monkeypatch.delenv("SPIKEPORT_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cache" / "spikeport").mkdir(parents=True)
    for name in mnist.MNIST.test:
        (tmp_path / name).rename(tmp_path / "cache" / "spikeport" / name)
    assert len(load("mnist", "test")) == 20


def test_all_missing_files_are_named_with_where_they_were_looked_for(tmp_path):
    with pytest.raises(FileError) as caught:
        load("mnist", "test", tmp_path)
    message = str(caught.value)
    assert "t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz not found" in message
    assert f"looked in {tmp_path}/MNIST/raw, {tmp_path}/MNIST, {tmp_path}" in message
    assert "hint: download it from https://" in message
    assert "--root or SPIKEPORT_DATA" in message


@pytest.mark.parametrize("folder", ["FashionMNIST/raw", "FashionMNIST", "fashion-mnist"])
def test_fashion_mnist_is_a_set_of_its_own_in_the_same_format(made, tmp_path, folder):
    root = tmp_path / "root"
    (root / folder).mkdir(parents=True)
    for name in mnist.FASHION.test:
        (tmp_path / name).rename(root / folder / name)
    data = load("fashion-mnist", "test", root)
    assert (data.images[:, 0] == made["t10k"][0]).all()
    assert (data.labels == made["t10k"][1]).all()
    with pytest.raises(FileError, match=r"data 'mnist': .* not found"):
        load("mnist", "test", root)


def test_a_file_that_is_not_the_official_one_is_refused(made, tmp_path):
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FileError, match=r"t10k-labels.*: is not the official file: its md5 is"):
        load("mnist", "test", tmp_path)
