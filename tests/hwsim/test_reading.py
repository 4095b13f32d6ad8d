"""Places that can be written, and what JSON, TOML and NumPy files are refused for."""

from pathlib import Path

import numpy as np
import pytest

from hwsim.errors import FileError
from hwsim.files import (
    json_object,
    map_npy,
    read_bytes,
    read_npy,
    read_npz,
    require_writable,
    toml_table,
)


@pytest.mark.parametrize("folder", [False, True])
def test_a_place_is_writable_if_the_nearest_folder_that_there_is_can_be_written(tmp_path, folder):
    require_writable(tmp_path / "new" / "deep" / "x", folder=folder)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError) as caught:
        require_writable(tmp_path / "file" / "x", folder=folder)
    assert caught.value.message == (
        f"{tmp_path}/file/x: cannot be written: {tmp_path}/file is not a folder"
    )
    assert caught.value.hint == "choose a place that can be written"


def test_a_folder_is_no_file_and_a_file_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    require_writable(tmp_path / "file")
    require_writable(tmp_path, folder=True)
    for path, folder, kind, other in (
        (tmp_path, False, "folder", "file"),
        (tmp_path / "file", True, "file", "folder"),
    ):
        with pytest.raises(FileError, match=f"cannot be written: it is a {kind}") as caught:
            require_writable(path, folder=folder)
        assert caught.value.hint == f"give the path of a {other}"


@pytest.mark.parametrize(
    ("name", "folder", "refused"),
    [("old", True, True), ("old", False, False), ("old/x", False, True), ("old/new/x", True, True)],
)
def test_a_folder_without_the_right_to_write_is_refused_where_something_goes_into_it(
    name, folder, refused, tmp_path, monkeypatch
):
    (tmp_path / "old").mkdir(exist_ok=True)
    path = tmp_path / name
    if not folder and name == "old":  # a file beside it: its own folder counts
        path = tmp_path / "file"
    monkeypatch.setattr("os.access", lambda place, _: Path(place) != tmp_path / "old")
    if not refused:
        require_writable(path, folder=folder)
        return
    with pytest.raises(FileError, match="old may not be written to"):
        require_writable(path, folder=folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1, 2]", "x.json: is a list, not an object"),
        ('"a"', "x.json: is a str, not an object"),
        ("null", "x.json: is a NoneType, not an object"),
        ("{", "x.json: is not valid JSON: "),
        (b"\xff", "x.json: is not valid JSON: "),
        ("[" * 100_000, "x.json: is not valid JSON: "),
    ],
)
def test_json_that_is_no_object_is_refused_by_what_it_is(text, said):
    with pytest.raises(FileError) as caught:
        json_object(text, "x.json", hint="write it again")
    assert caught.value.message.startswith(said)
    assert caught.value.hint == "write it again"
    assert json_object('{"a": [1]}', "x.json", hint="") == {"a": [1]}


@pytest.mark.parametrize("key", ["a.{}", '"a" . {}', "[a.{}]\nb", "b = 1\nc.{}"])
def test_a_dotted_key_of_toml_may_have_64_dots(key):
    def text(dots):
        return key.format(".".join("k" * dots)) + " = 1\n"

    toml_table(text(64), "x.toml", hint="")
    with pytest.raises(FileError, match=r"x\.toml: has a key of more than 64 dots") as caught:
        toml_table(text(65), "x.toml", hint="shorten it")
    assert caught.value.hint == "shorten it"


def test_dots_of_values_are_no_dots_of_keys_and_broken_toml_is_named():
    assert toml_table("a = [" + "1.5," * 99 + "]", "x", hint="") == {"a": [1.5] * 99}
    with pytest.raises(FileError, match=r"x\.toml: is not valid TOML: Invalid value"):
        toml_table("a = ", "x.toml", hint="")


def test_an_empty_array_cannot_be_mapped_and_is_read(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((0, 3)))
    assert map_npy(tmp_path / "x.npy").shape == (0, 3)
    np.save(tmp_path / "y.npy", np.arange(4))
    mapped = map_npy(tmp_path / "y.npy")
    assert isinstance(mapped, np.memmap)
    assert mapped.tolist() == [0, 1, 2, 3]
    with pytest.raises(FileError, match=r"y\.npz: no such file"):
        map_npy(tmp_path / "y.npz")


def test_values_without_a_size_are_no_array(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(3, "V0"))
    with pytest.raises(FileError, match=r"values of type \|V0 have no size"):
        read_npy(tmp_path / "x.npy")


def test_arrays_that_would_fill_half_of_the_memory_are_not_read(tmp_path, monkeypatch):
    np.savez(tmp_path / "x.npz", a=np.zeros(1000, np.int8), b=np.zeros(200, np.int8))
    size = 1200 + 2 * 128  # each with the head of its own file
    monkeypatch.setattr("hwsim.files._memory", lambda: 2 * size)
    assert read_npz(tmp_path / "x.npz").keys() == {"a", "b"}
    monkeypatch.setattr("hwsim.files._memory", lambda: 2 * size - 1)
    with pytest.raises(FileError, match=f"arrays of {size} bytes do not fit into half of the mem"):
        read_npz(tmp_path / "x.npz")


def test_what_is_read_but_is_not_there_says_what_was_expected(tmp_path):
    for path, said in ((tmp_path / "x", "no such file"), (tmp_path, "cannot be read: Is a dir")):
        with pytest.raises(FileError, match=said) as caught:
            read_bytes(path, "a program.onnx")
        assert caught.value.hint == "give the path of a program.onnx"
    (tmp_path / "x").write_bytes(b"12")
    assert read_bytes(tmp_path / "x", "a file") == b"12"


def test_a_device_can_be_written_where_its_folder_can_not(monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    require_writable(Path("/dev/null"))
