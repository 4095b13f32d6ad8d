import os
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from hwsim import Trace
from hwsim.errors import FileError
from hwsim.files import read_npy, read_npz, write_atomic, write_folder


def test_a_failed_write_leaves_the_old_file_and_no_part(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_atomic(path, "old")

    def no_space(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(FileError, match=r"a.txt: cannot be written: No space left"):
        write_atomic(path, "new")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"


def test_a_write_replaces_the_file_and_does_not_touch_the_old_one(tmp_path):
    path = tmp_path / "a.txt"
    write_atomic(path, "old")
    with path.open() as before:
        write_atomic(path, "new and longer")
        assert before.read() == "old"
    assert path.read_text() == "new and longer"


def test_a_pipe_is_written_into_and_stays_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_atomic(pipe, "text")
    assert pipe.is_fifo(), "as /dev/null stays a device"
    assert os.read(reader, 99) == b"text"
    os.close(reader)


def test_a_link_is_kept_and_what_it_points_to_replaced(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_atomic(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_write_to_a_place_that_cannot_be_is_one_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be written"):
        write_atomic(tmp_path / "file" / "x", "text")


def test_a_folder_is_written_whole_or_not_at_all(tmp_path):
    out = tmp_path / "out"

    def build(stage):
        write_atomic(stage / "a" / "b.txt", "1")

    def fail(stage):
        write_atomic(stage / "a" / "b.txt", "2")
        raise FileError("full", hint="")

    write_folder(out, build)
    (out / "mine.txt").write_text("keep")
    with pytest.raises(FileError):
        write_folder(out, fail)
    assert (out / "a" / "b.txt").read_text() == "1"
    write_folder(out, lambda stage: write_atomic(stage / "a" / "c.txt", "3"))
    assert sorted(p.name for p in (out / "a").iterdir()) == ["c.txt"]
    assert (out / "mine.txt").read_text() == "keep"
    assert sorted(p.name for p in out.iterdir()) == ["a", "mine.txt"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_move_that_fails_half_way_puts_everything_back(tmp_path, monkeypatch):
    def build(text):
        return lambda stage: [write_atomic(stage / n / "x", text) for n in ("a", "b")]

    out = tmp_path / "out"
    write_folder(out, build("old"))
    rename, calls = Path.rename, []

    def fails_on_the_fourth(self, target):
        calls.append(target)
        if len(calls) == 4:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails_on_the_fourth)
    with pytest.raises(FileError, match="Input/output error"):
        write_folder(out, build("new"))
    assert sorted(p.name for p in out.iterdir()) == ["a", "b"]
    assert {(out / n / "x").read_text() for n in ("a", "b")} == {"old"}


def test_two_writers_of_one_folder_do_not_mix(tmp_path):
    out = tmp_path / "out"

    def build(stage):
        write_atomic(stage / "a", "1")
        with pytest.raises(FileError, match="another process is writing there"):
            write_folder(out, lambda inner: write_atomic(inner / "a", "2"))

    write_folder(out, build)
    assert (out / "a").read_text() == "1"


def test_a_folder_that_was_made_for_a_failed_write_is_gone_again(tmp_path):
    def fail(stage):
        raise FileError("full", hint="")

    with pytest.raises(FileError):
        write_folder(tmp_path / "new" / "out", fail)
    assert not (tmp_path / "new" / "out").exists()


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_a_file_with_any_byte_changed_is_read_or_refused(tmp_path, kind):
    path = tmp_path / f"x.{kind}"
    array = np.arange(40, dtype=np.int16)
    np.save(path, array) if kind == "npy" else np.savez_compressed(path, a=array)
    whole = path.read_bytes()
    for place in range(len(whole)):
        for value in (0, 0x20, 0xFF, whole[place] ^ 0x55):
            path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            with suppress(FileError), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read_npy(path) if kind == "npy" else read_npz(path)


@pytest.mark.parametrize("content", [b"", b"no", b"PK\x03\x04broken", b"\x93NUMPY"])
def test_damaged_arrays_are_refused(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    for read in (read_npy, read_npz):
        with pytest.raises(FileError, match="x: is not"):
            read(path)


def test_pickled_arrays_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(FileError, match="is not"):
        read_npy(tmp_path / "x.npy")


def test_one_array_is_not_an_archive_and_back(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(2))
    np.savez(tmp_path / "x.npz", a=np.zeros(2))
    with pytest.raises(FileError, match="single array"):
        read_npz(tmp_path / "x.npy")
    with pytest.raises(FileError, match="does not hold a single array"):
        read_npy(tmp_path / "x.npz")


def test_a_trace_comes_back_as_it_was(tmp_path):
    spikes, u = np.ones((2, 1, 3), np.int8), np.zeros((2, 1, 3), np.int32)
    names = ("a.b", "a/b", "/", "a/spikes")
    trace = Trace(dict.fromkeys(names, spikes), {"u": dict.fromkeys(names, u)})
    trace.save(tmp_path / "t.npz")
    back = Trace.load(tmp_path / "t.npz")
    assert back.arrays.keys() == trace.arrays.keys()
    assert set(back.spikes) == set(back.u) == set(names)
    assert all((back.arrays[k] == v).all() for k, v in trace.arrays.items())


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (28, "free some space; nothing was changed"),
        (122, "free some space; nothing was changed"),
        (27, "free some space; nothing was changed"),
        (13, "choose a place that can be written; nothing was changed"),
    ],
)
def test_only_a_full_disk_is_to_be_freed(tmp_path, monkeypatch, number, hint):
    def fails(_):
        raise OSError(number, "no")

    monkeypatch.setattr("os.fsync", fails)
    with pytest.raises(FileError, match=r"x: cannot be written: no \(3 bytes\)") as caught:
        write_atomic(tmp_path / "x", "abc")
    assert caught.value.hint == hint
    monkeypatch.undo()
    with pytest.raises(FileError) as caught:
        write_atomic(tmp_path, "abc")
    assert caught.value.hint == "that is a folder: give the path of a file"


def test_the_hidden_folder_of_a_write_is_not_in_what_it_says(tmp_path):
    def build(stage):
        raise FileError(f"{stage / 'a' / 'b'}: cannot be written", hint="free some space")

    with pytest.raises(FileError) as caught:
        write_folder(tmp_path / "out", build)
    assert caught.value.message == f"{tmp_path}/out/a/b: cannot be written"
    assert caught.value.hint == "free some space"
