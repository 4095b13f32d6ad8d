"""Official files: found, unpacked, downloaded, checked; decoded data that is kept."""

import errno
import os
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5
from time import sleep

import numpy as np
import pytest

from hwsim.errors import FileError
from snntrain.data import files, kept
from snntrain.data.download import download
from snntrain.data.files import Archive, Official, official_path, read_official


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder whose files can be downloaded as file://; and an empty cache."""
    monkeypatch.delenv("SPIKEPORT_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "server"
    folder.mkdir()
    return folder


def zipped(path, content=b"hello"):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("set/one.txt", content)
    return md5(path.read_bytes()).hexdigest()


def official(path, digest):
    archive = Archive(path.name, digest, path.as_uri())
    return Official("toys", ("set", "other/set"), "buy it", archive)


def test_a_folder_that_is_there_is_taken_as_it_is(tmp_path):
    (tmp_path / "other" / "set").mkdir(parents=True)
    wanted = official(tmp_path / "toys.zip", "0" * 32)
    assert official_path(wanted, tmp_path) == tmp_path / "other" / "set"


def test_an_archive_in_the_root_is_checked_and_unpacked(tmp_path):
    wanted = official(tmp_path / "toys.zip", zipped(tmp_path / "toys.zip"))
    folder = official_path(wanted, tmp_path)
    assert (folder / "one.txt").read_bytes() == b"hello"
    assert sorted(os.listdir(tmp_path)) == ["set", "toys.zip"]


def test_a_tar_archive_is_unpacked_as_well(tmp_path):
    (tmp_path / "one.txt").write_bytes(b"hello")
    with tarfile.open(tmp_path / "toys.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "one.txt", "set/one.txt")
    digest = md5((tmp_path / "toys.tar.gz").read_bytes()).hexdigest()
    folder = official_path(official(tmp_path / "toys.tar.gz", digest), tmp_path)
    assert (folder / "one.txt").read_bytes() == b"hello"


def test_processes_that_need_the_same_archive_wait_for_the_one_that_unpacks_it(
    tmp_path, monkeypatch
):
    wanted = official(tmp_path / "toys.zip", zipped(tmp_path / "toys.zip"))
    unpack, times = files._unpack, []

    def slowly(*where):
        times.append(where)
        sleep(0.2)
        unpack(*where)

    monkeypatch.setattr(files, "_unpack", slowly)
    with ThreadPoolExecutor(3) as pool:
        found = [pool.submit(official_path, wanted, tmp_path) for _ in range(3)]
        assert {each.result() for each in found} == {tmp_path / "set"}
    assert len(times) == 1


def test_an_archive_that_is_not_the_official_one_is_not_unpacked(tmp_path):
    zipped(tmp_path / "toys.zip")
    with pytest.raises(FileError, match=r"toys.zip: is not the official file.*\nhint: buy it"):
        official_path(official(tmp_path / "toys.zip", "0" * 32), tmp_path)
    assert os.listdir(tmp_path) == ["toys.zip"]


def test_what_is_not_in_the_cache_is_downloaded_there_once(server):
    wanted = official(server / "toys.zip", zipped(server / "toys.zip"))
    folder = official_path(wanted, None)
    assert folder == files.cache() / "set"
    assert (folder / "one.txt").read_bytes() == b"hello"
    (server / "toys.zip").unlink()
    assert official_path(wanted, None) == folder


@pytest.mark.parametrize("how", ["root", "variable"])
def test_nothing_is_downloaded_to_a_root_that_was_given(server, tmp_path, monkeypatch, how):
    wanted = official(server / "toys.zip", zipped(server / "toys.zip"))
    given = tmp_path / "given"
    if how == "variable":
        monkeypatch.setenv("SPIKEPORT_DATA", str(given))
    with pytest.raises(FileError) as caught:
        official_path(wanted, given if how == "root" else None)
    message = str(caught.value)
    assert f"'toys': found in none of {given}/set, {given}/other/set, nor toys.zip" in message
    assert message.endswith("hint: buy it, and say where with --root or SPIKEPORT_DATA")
    assert not given.exists()


def test_what_has_no_address_is_asked_for(server):
    wanted = Official("toys", ("set",), "buy it", Archive("toys.zip", "0" * 32))
    with pytest.raises(FileError, match=r"found in none of .*\nhint: buy it"):
        official_path(wanted, None)


def test_missing_files_are_downloaded_to_the_cache_and_checked(server):
    (server / "a.gz").write_bytes(b"content")
    digest = md5(b"content").hexdigest()
    url = f"{server.as_uri()}/"
    for _ in range(2):
        (content,) = read_official("toys", {"a.gz": (digest,)}, None, folders=("toys",), url=url)
        assert content == b"content"
        assert (files.cache() / "toys" / "a.gz").read_bytes() == b"content"


def test_a_download_that_is_not_the_official_file_leaves_nothing(server, tmp_path):
    (server / "a").write_bytes(b"other")
    target = tmp_path / "new" / "a"
    with pytest.raises(FileError, match=r"its md5 is [0-9a-f]{32}, not 0{32}"):
        download((server / "a").as_uri(), "0" * 32, target)
    assert not os.listdir(target.parent)


def test_a_download_that_fails_names_the_address_and_the_way_out(server, tmp_path):
    url = (server / "none").as_uri()
    with pytest.raises(FileError, match=rf"{url} cannot be downloaded: .*\nhint: .*--root"):
        download(url, "0" * 32, tmp_path / "a")


@pytest.fixture
def count(monkeypatch, tmp_path):
    """How often data was decoded, by a decoder that is asked for and kept in a cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(kept, "SMALL", 0)
    calls = []

    def decoded(value, how="so", source=None):
        def fill(into):
            calls.append(value)
            into[...] = value

        return kept.kept("toys", (3, 4), how, [source] if source else [], fill)

    return calls, decoded


def test_decoded_data_is_kept_in_a_file_until_its_source_or_its_way_changes(count, tmp_path):
    calls, decoded = count
    source = tmp_path / "source"
    source.write_bytes(b"1")
    assert (decoded(5, source=source) == 5).all()
    assert (decoded(6, source=source) == 5).all()
    assert isinstance(decoded(6, source=source), np.memmap)
    assert (decoded(7, how="other", source=source) == 7).all()
    before = source.stat()
    source.write_bytes(b"22")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (decoded(8, source=source) == 8).all()
    os.utime(source, (1, 1))
    assert (decoded(9, source=source) == 9).all()
    assert calls == [5, 7, 8, 9]


def test_decoded_data_of_another_shape_is_other_data(count):
    for shape in ((2, 3), (3, 2)):
        array = kept.kept("toys", shape, "so", [], lambda into: into.fill(1))
        assert array.shape == shape


def test_a_file_of_decoded_data_that_lost_its_end_is_decoded_again(count, tmp_path):
    calls, decoded = count
    decoded(5)
    (path,) = (tmp_path / "spikeport" / "decoded").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    assert (decoded(6) == 6).all()
    assert calls == [5, 6]


def test_decoded_data_without_room_for_it_is_an_error_and_no_crash(count, monkeypatch, tmp_path):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    calls, decoded = count
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(FileError, match=r"cannot be kept: No space left on device \(12 bytes\)"):
        decoded(5)
    assert not calls
    assert not os.listdir(tmp_path / "spikeport" / "decoded")


def test_places_that_cannot_be_written_are_named(count, server, tmp_path, monkeypatch):
    _, decoded = count
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(FileError, match=r"cannot be kept: Not a directory .*\nhint: .*XDG_CACHE"):
        decoded(5)
    wanted = official(server / "toys.zip", zipped(server / "toys.zip"))
    with pytest.raises(FileError, match=r"toys.zip: is not there, and .* Not a directory"):
        official_path(wanted, None)


def test_decoding_that_fails_leaves_no_file(count, tmp_path):
    def fill(into):
        into[...] = 1
        raise FileError("no picture")

    with pytest.raises(FileError, match="no picture"):
        kept.kept("toys", (3, 4), "so", [], fill)
    assert not os.listdir(tmp_path / "spikeport" / "decoded")


def test_small_data_stays_in_memory(count, monkeypatch, tmp_path):
    _, decoded = count
    monkeypatch.setattr(kept, "SMALL", 12)
    assert (decoded(5) == 5).all()
    assert (decoded(6) == 6).all()
    assert not (tmp_path / "spikeport").exists()
