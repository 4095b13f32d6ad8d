"""Readers of event files against a slow decoder, byte by byte, on records of any bits."""

import struct
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.errors import FileError, UnsupportedError
from snntrain.events import EVENT, READERS, event_array, read_events
from snntrain.events.array import damaged, records
from snntrain.events.sound import CHANNELS, HOP_MS, sound_events

quick = settings(deadline=None, derandomize=True, database=None, max_examples=30)
word = st.integers(0, 2**32 - 1)


def some(size):
    """From 1 to 8 records of ``size`` bytes."""
    return st.lists(st.binary(min_size=size, max_size=size), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """A function from the name and the content of a file to its events as tuples."""
    folder = tmp_path_factory.mktemp("events")

    def events_of(name, content):
        (folder / name).write_bytes(content)
        found = read_events(folder / name)
        assert found.dtype == EVENT
        return found.tolist()

    return events_of


@quick
@given(data=some(5), overflows=st.sets(st.integers(0, 7)))
def test_an_nmnist_record_is_column_row_polarity_and_23_bits_of_time(read, data, overflows):
    expected, late, content = [], 0, b""
    for number, record in enumerate(data):
        if number in overflows:
            record = record[:1] + bytes([240]) + record[2:]
        content += record
        x, y, high, middle, low = record
        if y == 240:
            late += 8192
        else:
            t = (high % 128) * 65536 + middle * 256 + low + late
            expected.append((t, x, y, high >= 128))
    assert read("any.bin", content) == expected


@quick
@given(data=st.lists(st.tuples(word, word), min_size=1, max_size=8), kind=st.sampled_from([0, 12]))
def test_a_prophesee_record_is_time_14_bits_of_column_and_row_and_4_of_polarity(read, data, kind):
    expected = [(t, a % 2**14, a // 2**14 % 2**14, a // 2**28 != 0) for t, a in data]
    body = b"".join(struct.pack("<II", *pair) for pair in data)
    header = b"% Version 2\n% Width 304\n" + bytes([kind, 8])
    assert read("any.dat", header + body) == expected


@quick
@given(data=st.lists(st.tuples(word, word), min_size=1, max_size=8))
def test_a_dvs128_record_counts_columns_and_rows_from_the_other_corner(read, data):
    expected = [
        (t, 127 - a // 256 % 128, 127 - a // 2 % 128, a % 2 == 0) if not a & 0x8000 else None
        for a, t in data
    ]
    body = b"".join(struct.pack(">II", *pair) for pair in data)
    found = read("any.aedat", b"#!AER-DAT2.0\n# made by hand\n" + body)
    assert found == [event for event in expected if event]


packets = st.lists(
    st.tuples(
        st.integers(0, 2),  # type
        st.integers(8, 12),  # bytes an event
        st.integers(0, 3),  # overflow of time
        st.lists(st.tuples(word, st.integers(0, 2**31 - 1)), max_size=4),
        st.integers(0, 2),  # room to spare
    ),
    min_size=1,
    max_size=4,
)


@quick
@given(data=packets)
def test_packets_of_any_size_are_read_event_by_event(read, data):
    content, expected = b"#!AER-DAT3.1\n#!END-HEADER\n", []
    for kind, size, overflow, pairs, spare in data:
        number = len(pairs)
        content += struct.pack(
            "<HHIIIIII", kind, 7, size, 4, overflow, number + spare, number, number
        )
        for a, t in pairs:
            content += struct.pack("<II", a, t) + b"\xaa" * (size - 8)
            if kind == 1 and a & 1:
                t += overflow * 2**31
                x = a // 2**17
                expected.append((t, x, a // 4 % 2**15, a // 2 % 2 == 1))
        content += b"\xff" * (size * spare)
    if expected:
        assert read("any.aedat", content) == expected
    else:
        with pytest.raises(FileError, match=r"any\.aedat: is not an event file.*has no events"):
            read("any.aedat", content)


@settings(quick, max_examples=15)
@given(seed=st.integers(0, 999), times=st.integers(1, 5))
def test_a_tactile_train_is_read_time_by_time_and_sensor_by_sensor(read, seed, times):
    scipy_io = pytest.importorskip("scipy.io")
    random = np.random.default_rng(seed)
    train = random.integers(-1, 2, (101, times)).astype(float)
    train[0, 0] = 1
    train[100] = random.integers(0, 4000, times) / 1024  # exact, also as microseconds / 2**10
    expected = []
    for column in train.T:
        for sensor, spike in enumerate(column[:100]):
            if spike:
                place = sensor % 10, sensor // 10
                expected.append((int(column[100] * 1e6), *place, bool(spike > 0)))
    stream = BytesIO()
    scipy_io.savemat(stream, {"spiketrain": train})
    assert read("any.mat", stream.getvalue()) == expected


def test_a_time_before_zero_is_kept_and_one_beyond_a_thousand_million_seconds_refused(read):
    scipy_io = pytest.importorskip("scipy.io")

    def content(second):
        train = np.zeros((101, 1))
        train[42], train[100] = -1, second
        stream = BytesIO()
        scipy_io.savemat(stream, {"spiketrain": train})
        return stream.getvalue()

    assert read("early.mat", content(-0.5)) == [(-500_000, 2, 4, False)]
    for second in (1e9, -1e9, np.nan):
        with pytest.raises(FileError, match="a time is not finite"):
            read("late.mat", content(second))


def test_the_readers_of_all_endings_are_named_when_one_is_not_known(tmp_path):
    with pytest.raises(UnsupportedError) as caught:
        read_events(tmp_path / "recording.AEDAT")
    assert caught.value.hint == "known endings: .bin, .dat, .aedat, .aedat4, .mat"
    assert list(READERS) == [".bin", ".dat", ".aedat", ".aedat4", ".mat"]


def test_a_dat_of_another_version_is_told_which_one_is_read(tmp_path):
    (tmp_path / "old.dat").write_bytes(b"% Version 3\n\x0c\x08" + bytes(8))
    with pytest.raises(UnsupportedError, match=r"old\.dat: version 3, event type 12, 8 bytes") as e:
        read_events(tmp_path / "old.dat")
    assert e.value.hint == "version 2, types (0, 12) and 8 bytes an event are read"


@pytest.mark.parametrize(
    ("length", "reason"),
    [(0, "has no events"), (1, "its last record has 1 of 3 bytes"),
     (5, "its last record has 2 of 3 bytes")],
)  # fmt: skip
def test_records_are_whole_and_at_least_one(length, reason):
    cut = partial(records, dtype=np.dtype((np.uint8, 3)), path=Path("a.x"), kind="a kind of file")
    with pytest.raises(FileError) as caught:
        cut(bytes(length))
    assert str(caught.value) == f"a.x: is not a kind of file: {reason}\nhint: get the file again"
    assert cut(bytes(range(6))).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_the_error_of_a_damaged_file_names_file_kind_and_reason():
    error = damaged(Path("b.bin"), "an N-MNIST event file, .bin", ValueError("odd"))
    assert str(error).splitlines()[0] == "b.bin: is not an N-MNIST event file, .bin: odd"


def test_columns_of_an_event_array_broadcast_and_keep_their_types():
    events = event_array([7, 2**40], 3, [1, 300], [0, 5])
    assert events.tolist() == [(7, 3, 1, False), (2**40, 3, 300, True)]
    assert event_array([], [], [], []).shape == (0,)


def mel(frequency):
    return 2595 * np.log10(1 + frequency / 700)


def slow_sound(samples, rate):
    """The spikes of :func:`sound_events`, channel by channel and hop by hop."""
    window, hop = rate * 32 // 1000, rate * 5 // 1000
    lowest, highest = mel(100), mel(rate / 2)
    edges = [
        700 * (10 ** ((lowest + i * (highest - lowest) / (CHANNELS + 1)) / 2595) - 1)
        for i in range(CHANNELS + 2)
    ]
    padded = [*[0.0] * (window // 2), *samples, *[0.0] * (window // 2)]
    hann = [0.5 - 0.5 * np.cos(2 * np.pi * i / (window - 1)) for i in range(window)]
    energy = []
    for start in range(0, len(padded) - window + 1, hop):
        piece = np.array(padded[start : start + window]) * hann
        power = abs(np.fft.rfft(piece)) ** 2
        heard = [0.0] * CHANNELS
        for k, p in enumerate(power):
            f = k * rate / window
            for c in range(CHANNELS):
                low, middle, high = edges[c : c + 3]
                if low < f <= middle:
                    heard[c] += p * (f - low) / (middle - low)
                elif middle < f < high:
                    heard[c] += p * (high - f) / (high - middle)
        energy.append(heard)
    loudest = max(map(max, energy))
    spikes, charge = [], [0.0] * CHANNELS
    for number, heard in enumerate(energy):
        for c, value in enumerate(heard):
            decibel = 10 * np.log10(max(value / loudest, 1e-9))
            charge[c] += min(max(1 + decibel / 50, 0), 1)
            if charge[c] >= 1 - 1e-9:
                charge[c] -= 1
                spikes.append((number * HOP_MS * 1000, c, 0, True))
    return spikes


@pytest.mark.parametrize("rate", [8000, 16000])
def test_sound_spikes_are_those_of_filters_and_neurons_made_one_by_one(rate):
    random = np.random.default_rng(rate)
    samples = random.normal(0, 500, rate // 10) * np.linspace(0, 1, rate // 10)
    found = sound_events(samples, rate).tolist()
    assert found == slow_sound(samples, rate)
    assert len(found) > 100


def test_the_loudest_channel_of_a_steady_tone_spikes_in_every_hop_but_at_the_ends():
    tone = 1000 * np.sin(2 * np.pi * 1000 * np.arange(2000) / 8000)  # whole periods in a hop
    events = sound_events(tone, 8000)
    channel = np.bincount(events["x"]).argmax()
    times = events["t"][events["x"] == channel]
    assert np.diff(times)[5:-5].tolist() == [5000] * (len(times) - 11)
    assert len(sound_events(-tone, 8000)) == len(events)


def test_an_aedat_of_version_4_is_read_as_an_aedat4(tmp_path):
    pytest.importorskip("aedat", reason="aedat is missing: pip install 'spikeport[data]'")
    (tmp_path / "dv.aedat").write_bytes(b"#!AER-DAT4.0\r\n")
    with pytest.raises(FileError, match=r"dv\.aedat: is not a DV event file, \.aedat4: "):
        read_events(tmp_path / "dv.aedat")
