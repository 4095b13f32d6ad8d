"""Readers of event files, on files written here and on recordings by others."""

import struct
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import event_files
import numpy as np
import pytest

from hwsim.errors import FileError, MissingExtraError, SpikeportError, UnsupportedError
from snntrain.events import EVENT, event_array, read_events
from snntrain.events.sound import CHANNELS, sound_events

SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "event_samples"
GOLDEN = {
    "sample.aedat4": (111954, 18342405, 15105898, 55023, 1605537493718345, 589917),
    "sample_ncars.dat": (2009, 93457, 40463, 1350, 0, 99952),
    "sample_nmnist.bin": (4325, 74457, 71931, 2145, 654, 310521),
    "sample_stmnist.mat": (2346, 14238, 12243, 1601, 196626, 699118),
}
"""Events, sums of x, y and p, first time and duration. The first three are equal to those of tonic
and expelliarmus, see tests/peers; those of the last follow from the paper's layout."""
WRITERS = {
    ".bin": (event_files.nmnist, 34, 34),
    ".dat": (event_files.dat, 1 << 14, 1 << 14),
    ".aedat": (event_files.aedat2, 128, 128),
}


def packet(size, number=0):
    """An .aedat 3.1 of one packet with room for no event of ``size`` bytes, of ``number``."""
    header = event_files.aedat3(event_array([], [], [], []))
    return header + struct.pack("<HHIIIIII", 1, 0, size, 4, 0, 0, number, number)


@pytest.mark.parametrize("name", GOLDEN)
def test_recordings_by_others_have_their_known_events(name):
    path = SAMPLES / name
    if not path.exists():
        pytest.skip("there is no shared/data beside the repository")
    if name.endswith("aedat4"):
        pytest.importorskip("aedat", reason="aedat is missing: pip install 'spikeport[data]'")
    events = read_events(path)
    sums = [int(events[field].sum(dtype=np.int64)) for field in "xyp"]
    first = int(events["t"][0])
    assert events.dtype == EVENT
    assert (len(events), *sums, first, int(events["t"][-1]) - first) == GOLDEN[name]


@pytest.mark.parametrize("ending", WRITERS)
def test_what_was_written_is_read(ending, tmp_path, rng):
    write, width, height = WRITERS[ending]
    events = event_files.some_events(rng, 300, width, height, (1 << 23) - 1)
    path = tmp_path / f"file{ending}"
    path.write_bytes(write(events))
    assert (read_events(path) == events).all()


def test_packets_of_polarity_events_follow_each_other_and_others_are_passed_over(tmp_path, rng):
    events = event_files.some_events(rng, 250, 128, 128, 10**6)
    path = tmp_path / "gesture.aedat"
    path.write_bytes(event_files.aedat3(events, packet=100))
    assert (read_events(path) == events).all()


def test_spare_room_of_a_packet_holds_no_events(tmp_path, rng):
    events = event_files.some_events(rng, 250, 128, 128, 10**6)
    path = tmp_path / "roomy.aedat"
    empty = event_files.aedat3(events[:1])[-36:]  # a packet of another type
    path.write_bytes(event_files.aedat3(events, spare=3) + empty[:16] + bytes(12))
    assert (read_events(path) == events).all()


def test_times_go_on_after_the_31_bits_of_a_packet(tmp_path, rng):
    events = event_files.some_events(rng, 10, 128, 128, 1000)
    path = tmp_path / "long.aedat"
    path.write_bytes(event_files.aedat3(events, overflow=2))
    assert (read_events(path)["t"] == events["t"] + 2 * 2**31).all()


def test_events_marked_invalid_are_left_out(tmp_path, rng):
    events = event_files.some_events(rng, 10, 128, 128, 1000)
    kept, dropped = events[:6], events[6:]
    header = event_files.aedat3(events[:0])
    body = event_files.aedat3(kept) + event_files.aedat3(dropped, valid=0)[len(header) :]
    path = tmp_path / "marked.aedat"
    path.write_bytes(body)
    assert (read_events(path) == kept).all()


def test_special_events_of_a_dvs128_are_left_out(tmp_path, rng):
    events = event_files.some_events(rng, 5, 128, 128, 1000)
    special = (1 << 15).to_bytes(4, "big") + (7).to_bytes(4, "big")
    path = tmp_path / "special.aedat"
    path.write_bytes(event_files.aedat2(events) + special)
    assert (read_events(path) == events).all()


def test_an_overflow_event_moves_all_later_times_and_is_no_event(tmp_path):
    overflow = bytes([0, 240, 0, 0, 0])
    path = tmp_path / "overflow.bin"
    one = event_files.nmnist(event_array([5], [3], [4], [True]))
    path.write_bytes(one + overflow + one + overflow + one)
    events = read_events(path)
    assert events["t"].tolist() == [5, 5 + 8192, 5 + 2 * 8192]
    assert (events["x"] == 3).all()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("cut.bin", b"1234", r"its last record has 4 of 5 bytes"),
        ("empty.bin", b"", "has no events"),
        ("cut.dat", event_files.dat(event_array([1], [1], [1], [1]))[:-1], "has 7 of 8 bytes"),
        ("none.dat", b"% Version 2\n", "its header is not complete"),
        ("plain.dat", b"\x0c\x08" + bytes(8), "names no version"),
        ("none.aedat", b"", "its first line is not #!AER-DAT"),
        ("headless.aedat", b"#!AER-DAT3.1\r\n", "its header has no end"),
        ("silent.aedat", b"#!AER-DAT3.1\r\n#!END-HEADER\r\n", "has no events"),
        ("cut.aedat", event_files.aedat3(event_array([1], [1], [1], [1]))[:-40], "of 8 bytes has"),
        ("vast.aedat", packet(size=(1 << 32) - 1), "has no events"),
        ("full.aedat", packet(size=8, number=1), "a packet of 0 events of 8 bytes has 0"),
        ("small.aedat", packet(size=7), "a packet of 0 events of 7 bytes has 0"),
        ("bits.aedat", event_files.aedat3(event_array([1], [1], [1], [1]))[:-9], "last packet has"),
    ],
)
def test_a_damaged_file_is_refused_with_its_name_and_what_is_wrong(name, content, words, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileError, match=rf"{name}: is not an? .*{words}") as caught:
        read_events(path)
    assert "\nhint: get the file again" in str(caught.value)


@pytest.mark.parametrize("ending", [".bin", ".dat", ".aedat", ".aedat4", ".mat"])
def test_a_missing_file_is_named(ending, tmp_path):
    if ending == ".aedat4":
        pytest.importorskip("aedat", reason="aedat is missing: pip install 'spikeport[data]'")
    with pytest.raises(FileError, match=r"none\..*: no such file"):
        read_events(tmp_path / f"none{ending}")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.raw", b"", "no reader of events is known for the ending '.raw'"),
        ("a.aedat", b"#!AER-DAT1.0\r\n", "version 1.0"),
        ("b.aedat", b"#!AER-DAT2.0\r\n# AEChip: ch.unizh.ini.DAVIS240C\r\n", "of a DAVIS"),
        ("a.dat", event_files.dat(event_array([1], [1], [1], [1]), version=1), "version 1, event"),
        ("b.dat", event_files.dat(event_array([1], [1], [1], [1]), kind=14), "event type 14"),
        ("c.dat", event_files.dat(event_array([1], [1], [1], [1]), size=16), "16 bytes an event"),
    ],
)
def test_formats_that_are_not_read_are_refused_by_name(name, content, words, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnsupportedError, match=words):
        read_events(tmp_path / name)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_truncated_or_altered_recording_gives_events_or_one_clear_error(name, tmp_path, rng):
    path = SAMPLES / name
    if not path.exists():
        pytest.skip("there is no shared/data beside the repository")
    if name.endswith("aedat4"):
        pytest.importorskip("aedat", reason="aedat is missing: pip install 'spikeport[data]'")
    whole, hostile = path.read_bytes(), tmp_path / name
    for _ in range(12):
        cut = bytearray(whole[: rng.integers(0, len(whole))])
        altered = bytearray(whole)
        for place in rng.integers(0, min(3000, len(whole)), 4):
            altered[place] = rng.integers(0, 256)
        for content in (cut, altered):
            hostile.write_bytes(content)
            with suppress(SpikeportError):
                assert read_events(hostile).dtype == EVENT


def decoder(packets):
    """What the package aedat is for :func:`read_events`, on streams of frames and of events."""

    class Decoder:
        def __init__(self, path):
            pass

        def id_to_stream(self):
            return {0: {"type": "frame"}, 2: {"type": "events"}, 1: {"type": "events"}}

        def __iter__(self):
            return iter({"stream_id": number, "events": events} for number, events in packets)

    return SimpleNamespace(Decoder=Decoder)


def test_the_first_stream_of_events_is_read_and_its_packets_may_be_empty(monkeypatch, tmp_path):
    events = np.array([(5, 1, 2, True)], [("t", "u8"), ("x", "u2"), ("y", "u2"), ("on", "?")])
    path = tmp_path / "two.aedat4"
    path.write_bytes(b"")

    def read(*packets):
        monkeypatch.setitem(sys.modules, "aedat", decoder(packets))
        return read_events(path)

    assert read((2, events[[0, 0]]), (1, events[:0]), (1, events)).tolist() == [(5, 1, 2, True)]
    with pytest.raises(FileError, match=r"two.aedat4: is not .*: has no events"):
        read((1, events[:0]), (2, events))
    events["x"] = 1 << 15
    with pytest.raises(FileError, match="an event is at column 32768, row 2 at most"):
        read((1, events))


@pytest.mark.parametrize(("module", "ending"), [("aedat", ".aedat4"), ("scipy.io", ".mat")])
def test_a_missing_library_names_the_extra(module, ending, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'spikeport\[data\]'"):
        read_events(tmp_path / f"file{ending}")


def test_spike_trains_that_are_none_are_refused(tmp_path):
    scipy_io = pytest.importorskip("scipy.io")
    good = np.zeros((101, 3))
    good[4] = (1, -1, 0)
    good[100] = (0.5, 0.25, 1)
    path = tmp_path / "train.mat"
    scipy_io.savemat(path, {"spiketrain": good})
    expected = event_array([500_000, 250_000], [4, 4], [0, 0], [True, False])
    assert (read_events(path) == expected).all()
    for wrong in (good[:100], good * 2, good * 0, np.where(good == 0.5, np.inf, good)):
        scipy_io.savemat(path, {"spiketrain": wrong})
        with pytest.raises(FileError, match="is not an ST-MNIST spike train"):
            read_events(path)
    scipy_io.savemat(path, {"spiketrain": pytest.importorskip("scipy.sparse").csc_matrix(good)})
    with pytest.raises(FileError, match=r"spiketrain is a csc_\w+ of float64, shape \(101, 3\)"):
        read_events(path)
    scipy_io.savemat(path, {"other": good})
    with pytest.raises(FileError, match="spiketrain"):
        read_events(path)


def test_a_tone_is_heard_by_the_channel_of_its_pitch_alone_most(rng):
    seconds = np.arange(4000) / 8000
    heard = []
    for hertz in (200, 800, 3000):
        events = sound_events(np.rint(8000 * np.sin(2 * np.pi * hertz * seconds)), 8000)
        counts = np.bincount(events["x"], minlength=CHANNELS)
        heard.append(int(counts.argmax()))
        assert counts.max() > 90  # 0.5 s at up to 200 spikes a second
        assert 490_000 <= events["t"].max() <= 500_000
        assert (counts[abs(np.arange(CHANNELS) - heard[-1]) > 6] < 50).all()
    assert heard == sorted(set(heard))


def test_spikes_of_sound_do_not_depend_on_its_volume_and_silence_has_none():
    sound = np.sin(np.arange(4000) ** 1.5 / 100) * np.linspace(0, 1, 4000)
    loud, soft = (sound_events(np.rint(v * sound), 8000) for v in (30000, 3000))
    assert abs(len(loud) - len(soft)) < 0.05 * len(loud)  # rounded to whole numbers
    assert not len(sound_events(np.zeros(800), 8000))
