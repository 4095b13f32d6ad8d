"""Tonic, expelliarmus and SpikingJelly read the same events, and count them in the same frames."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import event_files
import numpy as np
import pytest

from snntrain.data import load
from snntrain.encode import frames_by_count, frames_by_time
from snntrain.events import event_array, read_events

PYTHON_VARIABLE = "SPIKEPORT_COUNTERS_PYTHON"
PACKAGES = ("tonic==1.7.0", "spikingjelly==2.0.0", "aedat==2.3.0", "h5py")
SCRIPT = Path(__file__).with_name("data_tools.py")
SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "event_samples"
RANDOM = np.random.default_rng(20260101)
STEPS, SIDE = 4, 34


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """A folder with recordings, and what the tools read of them."""
    path = os.environ.get(PYTHON_VARIABLE) or sys.executable
    names = ", ".join(package.split("=")[0] for package in PACKAGES)
    if subprocess.run([path, "-c", f"import {names}"], capture_output=True, check=False).returncode:
        pytest.skip(
            f"tools are missing: `python3.11 -m venv DIR; DIR/bin/pip install torch "
            f"{' '.join(PACKAGES)}` and set {PYTHON_VARIABLE}=DIR/bin/python"
        )
    folder = tmp_path_factory.mktemp("recordings")
    for sample in SAMPLES.glob("sample*"):
        shutil.copy(sample, folder)
    write(folder)
    command = [path, SCRIPT, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder, dict(np.load(folder / "theirs.npz"))


def write(folder):
    """Write recordings in every format."""
    digits = event_files.some_events(RANDOM, 300, SIDE, SIDE, 300_000)
    overflow = bytes([0, 240, 0, 0, 0])
    (folder / "made.bin").write_bytes(event_files.nmnist(digits) + overflow + b"\1\2\x83\4\5")
    (folder / "frames.bin").write_bytes(event_files.nmnist(even_events()))
    pictures = event_files.some_events(RANDOM, 300, 128, 128, 10**6)
    (folder / "made2.aedat").write_bytes(event_files.aedat2(pictures))
    (folder / "made3.aedat").write_bytes(event_files.aedat3(pictures, overflow=1))
    (folder / "DvsGesture").mkdir()
    trial = event_files.aedat3(event_files.some_events(RANDOM, 500, 128, 128, 10_000))
    labels = "class,startTime_usec,endTime_usec\n3,0,4000\n5,4000,9000\n"
    for place in (folder, folder / "DvsGesture"):
        (place / "gesture.aedat").write_bytes(trial)
        (place / "gesture_labels.csv").write_text(labels)
    (folder / "DvsGesture" / "trials_to_test.txt").write_text("gesture.aedat\n")
    write_spoken(folder / "shd_test.h5")


def write_spoken(path):
    """Write three recordings in the format of SHD."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file["labels"] = np.array([3, 14, 5], np.uint16)
        times = file.create_dataset("spikes/times", (3,), h5py.vlen_dtype("f4"))
        units = file.create_dataset("spikes/units", (3,), h5py.vlen_dtype("u2"))
        for row in range(3):
            times[row] = np.sort(RANDOM.integers(0, 8, 20)) / 8  # exact in every float format
            units[row] = RANDOM.integers(0, 700, 20)


def even_events():
    """Return 400 events over exactly 40,000 us."""
    random = np.random.default_rng(3)
    t = np.sort(random.choice(np.arange(1, 39_999), 398, replace=False))
    x, y = random.integers(0, SIDE, (2, 400))
    return event_array(np.concatenate([[0], t, [39_999]]), x, y, random.integers(0, 2, 400))


def assert_same(found, name, events, fields="txyp"):
    for field in fields:
        assert (found[f"{name}/{field}"].astype(np.int64) == events[field]).all(), (name, field)
    assert len(events) == len(found[f"{name}/t"]) > 0


@pytest.mark.parametrize("name", ["sample.aedat4", "sample_nmnist.bin", "sample_ncars.dat"])
def test_recordings_are_read_alike(name, theirs):
    folder, found = theirs
    if not (folder / name).exists():
        pytest.skip("there is no shared/data beside the repository")
    if name.endswith("aedat4"):
        pytest.importorskip("aedat", reason="aedat is missing: pip install 'spikeport[data]'")
    assert_same(found, name, read_events(folder / name))


@pytest.mark.parametrize("name", ["made.bin", "made2.aedat", "made3.aedat"])
def test_files_written_here_are_read_alike(name, theirs):
    folder, found = theirs
    assert_same(found, name, read_events(folder / name))


def test_gestures_are_cut_out_alike(theirs):
    folder, found = theirs
    store = load("dvs-gesture", "test", folder).store
    assert_same(found, "gesture.aedat", store.read(store.keys[1]))


def test_spoken_digits_are_read_alike(theirs):
    folder, found = theirs
    assert_same(found, "shd_test.h5", load("shd", "test", folder).store.read(1), "tx")


def test_events_are_counted_in_frames_alike(theirs):
    events, shape = even_events(), (2, SIDE, SIDE)
    found = {key: theirs[1][f"frames.bin/{key}"] for key in ("tonic_count", "tonic_time")}
    by_count = frames_by_count(events, shape, STEPS)
    assert (found["tonic_count"] == by_count).all()
    assert (theirs[1]["frames.bin/jelly_count"] == by_count).all()
    assert (found["tonic_time"] == frames_by_time(events, shape, STEPS)).all()


def test_spikingjellys_frames_by_time_are_a_microsecond_shorter_but_the_last(theirs):
    events, start = even_events(), np.arange(STEPS)[:, None] * 9_999
    rows = (events["t"] >= start) & (events["t"] < start + 9_999)
    rows[-1] = events["t"] >= start[-1]
    expected = [frames_by_count(events[row], (2, SIDE, SIDE), 1)[0] for row in rows]
    assert (theirs[1]["frames.bin/jelly_time"] == np.stack(expected)).all()
