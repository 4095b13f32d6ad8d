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
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


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
    with pytest.raises(FileError, match="holds 1 arrays"):
        read_npy(tmp_path / "x.npz")


def test_a_trace_comes_back_as_it_was(tmp_path):
    trace = Trace({"a.b": np.ones((2, 1, 3), np.int8)}, {"a.b": np.zeros((2, 1, 3), np.int32)})
    trace.save(tmp_path / "t.npz")
    back = Trace.load(tmp_path / "t.npz")
    assert back.arrays.keys() == trace.arrays.keys()
    assert all((back.arrays[k] == v).all() for k, v in trace.arrays.items())
