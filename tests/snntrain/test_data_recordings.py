"""Sets of recordings, on small files in their official layouts."""

import sys
import wave
from dataclasses import replace

import event_files
import numpy as np
import pytest

from hwsim.errors import FileError, MissingExtraError, UnsupportedError
from snntrain.data import cifar10_dvs, imagenette, kept, load
from snntrain.encode import frames_by_count, frames_by_time
from snntrain.events import event_array


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def digits(tmp_path, rng):
    """Twenty recordings a digit of training, one of test; {path: events}, and the root."""
    made = {}
    for split, count in (("Train", 20), ("Test", 1)):
        for digit in range(10):
            for number in range(count):
                events = event_files.some_events(rng, 60, 34, 34, 300_000)
                path = tmp_path / "NMNIST" / split / str(digit) / f"{number:05d}.bin"
                write(path, event_files.nmnist(events))
                made[path] = events
    return tmp_path, made


def test_nmnist_is_divided_by_digit_and_mixes_them_by_number(digits):
    root, made = digits
    for split, folder, numbers in (
        ("train", "Train", range(18)),
        ("validation", "Train", (18, 19)),
        ("test", "Test", [0]),
    ):
        data = load("nmnist", split, root)
        paths = [
            root / "NMNIST" / folder / str(digit) / f"{number:05d}.bin"
            for number in numbers
            for digit in range(10)
        ]
        expected = [frames_by_time(made[path], (2, 34, 34), 4) for path in paths]
        assert (data.sequences(slice(None), 4) == np.stack(expected, 1)).all()
        assert data.labels.tolist() == [int(path.parent.name) for path in paths]
        assert (data.shape, data.low, data.high) == ((2, 34, 34), 0, 31)


def test_recordings_are_chosen_by_number_and_encoder(digits):
    root, _ = digits
    data = load("nmnist", "train", root, "count")
    whole = data.sequences(slice(None), 3)
    assert (data.sequences(np.array([5, 2]), 3) == whole[:, [5, 2]]).all()
    first = data.first(4)
    assert (first.sequences(slice(None), 3) == whole[:, :4]).all()
    assert (len(first), first.split, first.encoder) == (4, "train", "count")
    assert (whole.sum(axis=(2, 3, 4)) == 20).all()
    assert data.extent(3) == (0, whole.max())
    assert first.sha256 != data.sha256 == load("nmnist", "train", root).sha256


def test_recordings_are_read_once_for_a_number_of_steps(digits, monkeypatch, tmp_path):
    root, _ = digits
    data = load("nmnist", "train", root)
    read = []
    store = replace(data.store, read=lambda key: read.append(key) or data.store.read(key))
    watched = replace(data, store=store)
    for _ in range(3):
        watched.sequences(slice(0, 5), 2)
    assert len(read) == len(data)
    monkeypatch.setattr(kept, "SMALL", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for _ in range(2):
        again = load("nmnist", "train", root)
        assert (again.sequences(slice(0, 5), 2) == watched.sequences(slice(0, 5), 2)).all()
    assert len(list((tmp_path / "cache" / "spikeport" / "decoded").iterdir())) == 1
    other = load("nmnist", "train", root, "count").sequences(slice(0, 5), 2)
    assert (other != watched.sequences(slice(0, 5), 2)).any()


def test_frames_that_are_kept_belong_to_their_recordings(digits, monkeypatch, tmp_path):
    monkeypatch.setattr(kept, "SMALL", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data = load("nmnist", "train", digits[0])
    whole = data.sequences(slice(None), 2)
    for rows in (np.array([0, 1]), np.array([2, 3])):
        store = data.store.take(rows)
        part = replace(data, labels=store.labels, store=store)
        assert (part.sequences(slice(None), 2) == whole[:, rows]).all()


def test_the_hash_of_recordings_changes_with_an_event(digits):
    root, made = digits
    before = load("nmnist", "test", root).sha256
    path = next(path for path in made if "Test" in path.parts)
    moved = made[path].copy()
    moved["x"][7] = (moved["x"][7] + 1) % 34
    path.write_bytes(event_files.nmnist(moved))
    assert load("nmnist", "test", root).sha256 != before


@pytest.mark.parametrize("name", ["nmnist", "imagenette"])
def test_a_split_without_samples_is_refused(name, tmp_path):
    if name == "nmnist":  # the only recording of a digit validates
        write(tmp_path / "NMNIST" / "Train" / "7" / "1.bin", bytes(5))
    else:
        for label in imagenette.CLASSES:
            write(tmp_path / "imagenette2-160" / "train" / label / "1.JPEG", b"unread")
    with pytest.raises(FileError, match=f"{name}:train: has no samples"):
        load(name, "train", tmp_path)


def test_recordings_have_no_images(digits):
    with pytest.raises(UnsupportedError, match="'nmnist': has recordings, not images"):
        _ = load("nmnist", "test", digits[0]).images


def test_a_damaged_recording_is_named_and_so_is_an_empty_folder(digits):
    root, made = digits
    path = next(path for path in made if "Test" in path.parts)
    path.write_bytes(b"123")
    with pytest.raises(FileError, match=rf"{path}: is not an N-MNIST event file"):
        load("nmnist", "test", root).sequences(slice(0, 1), 2)
    (root / "empty" / "NMNIST" / "Train").mkdir(parents=True)
    with pytest.raises(FileError, match=r"has no recordings <digit>/<number>.bin"):
        load("nmnist", "train", root / "empty")


@pytest.fixture
def gestures(tmp_path, rng):
    """Six people with two gestures each, one of whom tests."""
    folder = tmp_path / "DvsGesture"
    events = {}
    for user in range(1, 7):
        name = f"user{user:02d}_lab"
        events[user] = event_files.some_events(rng, 400, 128, 128, 10_000)
        for edge in (1000, 4000, 9000):
            events[user]["t"][np.searchsorted(events[user]["t"], edge)] = edge
        write(folder / f"{name}.aedat", event_files.aedat3(events[user]))
        lines = ["class,startTime_usec,endTime_usec", f"{user},1000,4000", "11,4000,9000", ""]
        write(folder / f"{name}_labels.csv", "\n".join(lines).encode())
    trials = [f"user{user:02d}_lab.aedat" for user in range(1, 7)]
    write(folder / "trials_to_train.txt", "\n".join(trials[:5]).encode())
    write(folder / "trials_to_test.txt", f"{trials[5]}\n\n".encode())
    return tmp_path, events


def test_gestures_are_cut_out_of_their_trials_and_other_people_validate(gestures):
    root, events = gestures
    for split, users in (("train", (1, 2)), ("validation", (3, 4, 5)), ("test", (6,))):
        data = load("dvs-gesture", split, root)
        assert data.labels.tolist() == [label for user in users for label in (user - 1, 10)]
        cuts = [
            events[user][(events[user]["t"] >= start) & (events[user]["t"] < end)]
            for user in users
            for start, end in ((1000, 4000), (4000, 9000))
        ]
        expected = np.stack([frames_by_time(cut, (2, 128, 128), 3) for cut in cuts], 1)
        assert (data.sequences(slice(None), 3) == expected).all()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("class,start,end\n12,0,1", "class 12 from 0 to 1 us should be of 1..11"),
        ("class,start,end\n0,0,1", "class 0 from 0 to 1 us should be of 1..11"),
        ("class,start,end\n1,5,5", "class 1 from 5 to 5 us .* end after its start"),
        ("a,b,c\n1,2", "is no list of"),
    ],
)
def test_labels_of_gestures_that_are_none_are_refused(gestures, lines, words):
    root, _ = gestures
    write(root / "DvsGesture" / "user06_lab_labels.csv", lines.encode())
    with pytest.raises(FileError, match=rf"user06_lab_labels.csv: {words}"):
        load("dvs-gesture", "test", root)


@pytest.mark.parametrize("name", ["../user06_lab.aedat", "user06\0_lab.aedat", "user06_lab"])
def test_a_trial_that_is_no_recording_of_the_folder_is_refused(gestures, name):
    write(gestures[0] / "DvsGesture" / "trials_to_test.txt", name.encode())
    with pytest.raises(FileError, match=r"trials_to_test.txt: '.*' is not the name of a recording"):
        load("dvs-gesture", "test", gestures[0])


def test_a_missing_trial_is_named_before_anything_is_decoded(gestures, monkeypatch):
    root, _ = gestures
    (root / "DvsGesture" / "user06_lab.aedat").unlink()
    monkeypatch.setattr(kept, "SMALL", 0)
    with pytest.raises(FileError, match=r"user06_lab.aedat: cannot be read: No such file"):
        load("dvs-gesture", "test", root).sequences(slice(None), 2)


def test_cifar10_dvs_tests_its_first_recordings_of_each_class(tmp_path, rng, monkeypatch):
    monkeypatch.setattr(cifar10_dvs, "TEST", 2)
    made = {}
    for name in cifar10_dvs.CLASSES:
        for number in (0, 1, 2, 10, 3):
            events = event_files.some_events(rng, 50, 128, 128, 1000)
            path = tmp_path / "CIFAR10DVS" / name / f"cifar10_{name}_{number}.aedat"
            write(path, event_files.aedat2(events))
            made[name, number] = events
    for split, numbers in (("test", (0, 1)), ("train", (2, 3)), ("validation", (10,))):
        data = load("cifar10-dvs", split, tmp_path, "count")
        keys = [(name, number) for number in numbers for name in cifar10_dvs.CLASSES]
        expected = [frames_by_count(made[key], (2, 128, 128), 2) for key in keys]
        assert (data.sequences(slice(None), 2) == np.stack(expected, 1)).all()
        assert data.labels.tolist() == [i for _ in numbers for i in range(10)]


@pytest.fixture
def heidelberg(tmp_path, rng):
    """An official file of 40 recordings; (root, seconds, units)."""
    h5py = pytest.importorskip("h5py")
    seconds = [np.sort(rng.random(30)).astype(np.float16) for _ in range(40)]
    units = [rng.integers(0, 700, 30).astype(np.uint16) for _ in range(40)]
    for name in ("train", "test"):
        (tmp_path / "SHD").mkdir(exist_ok=True)
        with h5py.File(tmp_path / "SHD" / f"shd_{name}.h5", "w") as file:
            file["labels"] = (np.arange(40) % 20).astype(np.uint16)
            for field, rows, kind in (("times", seconds, "f2"), ("units", units, "u2")):
                column = file.create_dataset(f"spikes/{field}", (40,), h5py.vlen_dtype(kind))
                for row, values in enumerate(rows):
                    column[row] = values
    return tmp_path, seconds, units


def test_heidelberg_digits_are_spikes_of_channels_at_microseconds(heidelberg):
    root, seconds, units = heidelberg
    for split, rows in (("train", range(20)), ("validation", range(20, 40)), ("test", range(40))):
        data = load("shd", split, root)
        assert data.shape == (700,)
        assert data.labels.tolist() == [row % 20 for row in rows]
        events = [
            event_array((seconds[r].astype(float) * 1e6).astype(int), units[r], 0, True)
            for r in rows
        ]
        expected = np.stack([frames_by_time(e, (700,), 5) for e in events], 1)
        assert (data.sequences(slice(None), 5) == expected).all()


def test_files_that_are_not_of_heidelberg_digits_are_refused(heidelberg):
    import h5py

    path = heidelberg[0] / "SHD" / "shd_test.h5"
    data = load("shd", "test", heidelberg[0])
    for field, values in (
        ("times", np.zeros(7, np.float16)),
        ("times", np.full(30, np.nan, np.float16)),
        ("units", np.full(30, 700, np.uint16)),
    ):
        with h5py.File(path, "a") as file:
            good = file[f"spikes/{field}"][3]
            file[f"spikes/{field}"][3] = values
        words = f"recording 3 has {len(values) if field == 'times' else 30} times and 30 units"
        with pytest.raises(FileError, match=words):
            data.store.read(3)
        with h5py.File(path, "a") as file:
            file[f"spikes/{field}"][3] = good
    with h5py.File(path, "a") as file:
        file["labels"][5] = 20
    with pytest.raises(FileError, match=r"labels are none, or not in 0..19"):
        load("shd", "test", heidelberg[0])
    with h5py.File(path, "a") as file:
        del file["labels"]
        file["labels"] = np.zeros((40, 1), int)
    with pytest.raises(FileError, match=r"labels are none, or not in 0..19"):
        load("shd", "test", heidelberg[0])
    with h5py.File(path, "a") as file:
        del file["labels"]
        file["labels"] = ["a", "b"]
    with pytest.raises(FileError, match=r"labels: .* are no numbers"):
        load("shd", "test", heidelberg[0])
    with h5py.File(path, "a") as file:
        del file["labels"]
    with pytest.raises(FileError, match="is not a file of SHD: labels"):
        load("shd", "test", heidelberg[0])
    path.write_bytes(b"no file")
    with pytest.raises(FileError, match="is not a file of SHD"):
        load("shd", "test", heidelberg[0])


def test_missing_h5py_names_the_extra(heidelberg, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'spikeport\[data\]'"):
        load("shd", "test", heidelberg[0])


def sound(path, samples, rate=8000, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())


def test_spoken_digits_are_divided_by_take(tmp_path, rng):
    folder = tmp_path / "fsdd" / "recordings"
    for digit in (0, 7):
        for take in (0, 4, 5, 9, 10, 49):
            sound(folder / f"{digit}_george_{take}.wav", rng.normal(0, 1000, 1600))
    for split, takes in (("test", (0, 4)), ("validation", (5, 9)), ("train", (10, 49))):
        data = load("fsdd", split, tmp_path)
        names = [f"{digit}_george_{take}.wav" for take in takes for digit in (0, 7)]
        assert [path.name for path in data.store.keys] == names
        assert data.labels.tolist() == [0, 7, 0, 7]
        frames = data.sequences(slice(None), 6)
        assert frames.shape == (6, 4, 32)
        assert (frames.sum(axis=(0, 2)) > 500).all()


def test_no_speaker_of_spoken_digits_is_in_two_splits(tmp_path, rng):
    folder = tmp_path / "fsdd" / "recordings"
    people = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
    for person in people:
        for take in (0, 7, 40):
            sound(folder / f"3_{person}_{take}.wav", rng.normal(0, 1000, 1600))
    heard = {
        split: [
            path.stem.split("_")[1] for path in load("fsdd-speakers", split, tmp_path).store.keys
        ]
        for split in ("train", "validation", "test")
    }
    assert heard == {
        "train": [*people[:4]] * 3,
        "validation": ["theo"] * 3,
        "test": ["yweweler"] * 3,
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [("0_george_0.wav", "2 channels of 2 bytes at 8000 Hz"), ("zero.wav", "is not named <digit>")],
)
def test_other_sounds_are_refused(name, words, tmp_path):
    sound(tmp_path / "fsdd" / "recordings" / name, np.zeros(100), channels=2)
    with pytest.raises(FileError, match=words):
        load("fsdd", "test", tmp_path).sequences(slice(None), 2)


def test_sounds_that_are_no_wav_or_cut_off_or_none_at_all_are_refused(tmp_path):
    path = tmp_path / "fsdd" / "recordings" / "0_george_0.wav"
    sound(path, np.zeros(100))
    data = load("fsdd", "test", tmp_path)
    for cut, words in ((-1, r"has 199 of 200 bytes"), (4, r"is not a .wav file")):
        write(path, path.read_bytes()[:cut])
        with pytest.raises(FileError, match=rf"0_george_0.wav: {words}"):
            data.sequences(slice(None), 2)
    sound(path, np.zeros(100))
    whole = path.read_bytes()
    write(path, whole[:17] + b"\1" + whole[18:])  # its first part is longer than the whole
    with pytest.raises(FileError, match=r"0_george_0.wav: is not a .wav file"):
        data.sequences(slice(None), 2)
    sound(path, np.zeros(0))
    with pytest.raises(FileError, match="has 0 of 0 bytes of sound"):
        data.sequences(slice(None), 2)
    with pytest.raises(FileError, match="has no recordings to train"):
        load("fsdd", "train", tmp_path)
