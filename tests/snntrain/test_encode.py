"""How images and events become sequences."""

from types import SimpleNamespace

import event_files
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import RangeError
from snntrain.data import load
from snntrain.encode import (
    MOST_COUNTED,
    delta,
    direct,
    frames_by_count,
    frames_by_time,
    frames_of_length,
    latency,
    rate,
)
from snntrain.events import event_array

SPAN = (0, 16)
PIXELS = np.arange(17, dtype=np.uint8).reshape(1, 1, 1, 17)


def test_direct_coding_repeats_the_same_integers_in_every_step():
    images = load("digits", "validation").images[:3]
    sequence = direct(images, 4)
    assert sequence.shape == (4, 3, 1, 8, 8)
    assert sequence.dtype == images.dtype
    assert all((frame == images).all() for frame in sequence)


@pytest.mark.parametrize(
    "encode",
    [
        direct,
        lambda x, steps: rate(x, steps, SPAN, np.random.default_rng(0)),
        lambda x, steps: latency(x, steps, SPAN),
        lambda x, steps: delta(np.broadcast_to(x, (steps, *x.shape)), 1),
    ],
)
def test_no_encoder_takes_reals_or_no_steps(encode):
    with pytest.raises(RangeError, match="float64, not integers"):
        encode(np.zeros((1, 2)), 3)
    with pytest.raises(RangeError, match="steps = 0"):
        encode(np.zeros((1, 2), np.uint8), 0)


@pytest.mark.parametrize(
    "encode",
    [lambda x: latency(x, 3, (1, 5)), lambda x: rate(x, 3, (1, 5), np.random.default_rng(0))],
)
@pytest.mark.parametrize("value", [0, 6])
def test_pixels_outside_the_span_are_refused(encode, value):
    with pytest.raises(RangeError, match=rf"images of {value}..{value} do not fit 1..5"):
        encode(np.full((1, 1), value, np.uint8))


def test_rate_coding_spikes_as_often_as_pixels_are_bright(rng):
    spikes = rate(PIXELS, 4000, SPAN, rng)
    assert spikes.dtype == np.uint8
    assert set(np.unique(spikes)) == {0, 1}
    probability = np.arange(17) / 16
    # five standard deviations of a mean of 4000 draws
    assert (abs(spikes.mean(axis=0)[0, 0, 0] - probability) <= 2.5 / np.sqrt(4000)).all()
    assert not spikes[..., 0].any()
    assert spikes[..., 16].all()


def test_what_is_dark_is_silent_even_when_the_smallest_number_is_drawn():
    smallest = SimpleNamespace(random=np.zeros)
    assert rate(PIXELS, 1, SPAN, smallest)[0, 0, 0, 0].tolist() == [0] + [1] * 16


def test_rate_coding_draws_each_step_and_pixel_by_itself(rng):
    spikes = rate(np.full((1, 1, 1, 500), 8, np.uint8), 500, SPAN, rng)[:, 0, 0, 0].astype(float)
    assert abs(np.corrcoef(spikes[0], spikes[1])[0, 1]) < 0.25
    assert abs(np.corrcoef(spikes[:, 0], spikes[:, 1])[0, 1]) < 0.25


def test_latency_coding_spikes_once_and_brighter_pixels_never_later():
    spikes = latency(PIXELS, 5, SPAN)[:, 0, 0, 0]
    assert spikes.sum(axis=0).tolist() == [0] + [1] * 16
    times = spikes[:, 1:].argmax(axis=0)
    assert (np.diff(times) <= 0).all()
    assert times[0] == 4
    assert times[-1] == 0
    assert times[7] == 2  # half as bright, half of the time


def test_latency_in_one_step_is_whether_there_is_anything():
    assert latency(PIXELS, 1, SPAN)[0, 0, 0, 0].tolist() == [0] + [1] * 16


@given(st.lists(st.integers(-40, 40), min_size=1, max_size=30), st.integers(1, 9))
def test_a_receiver_of_delta_spikes_stays_near_signals_that_move_slowly(moves, threshold):
    signal = np.cumsum(np.clip(moves, -threshold, threshold))
    spikes = delta(signal, threshold)
    assert set(spikes) <= {-1, 0, 1}
    assert (abs(signal - threshold * np.cumsum(spikes, dtype=int)) < threshold).all()


def test_delta_of_a_still_picture_is_a_burst_as_long_as_it_is_bright():
    spikes = delta(direct(PIXELS, 16), 1)
    assert spikes.sum(axis=0, dtype=int)[0, 0, 0].tolist() == list(range(17))
    assert (np.diff(spikes, axis=0) <= 0).all()


def test_delta_begins_where_the_receiver_does_and_needs_a_threshold():
    assert delta(np.array([5, 5]), 5, start=5).tolist() == [0, 0]
    assert delta(np.array([5, 5]), 5, start=10).tolist() == [-1, 0]
    assert delta(np.array([4, 5]), 5).tolist() == [0, 1]
    with pytest.raises(RangeError, match="threshold = 0 is below 1"):
        delta(np.array([5]), 0)


@pytest.mark.parametrize("frames", [frames_by_time, frames_by_count])
@pytest.mark.parametrize("steps", [1, 3, 7])
def test_every_event_is_counted_once_in_the_cell_of_its_polarity_row_and_column(frames, steps, rng):
    events = event_files.some_events(rng, 200, 5, 4, 1000)
    counts = frames(events, (2, 4, 5), steps)
    expected = np.zeros((2, 4, 5), int)
    for event in events:
        expected[int(event["p"]), event["y"], event["x"]] += 1
    assert counts.dtype == np.uint8
    assert (counts.sum(axis=0, dtype=int) == expected).all()
    without = frames(events, (1, 4, 5), steps)
    assert (without[:, 0] == counts.sum(axis=1)).all()


def test_frames_by_time_last_equally_long_from_the_first_event_to_the_last():
    events = event_array([100, 149, 150, 199, 200, 249], 0, 0, True)
    assert frames_by_time(events, (1, 1, 1), 3).ravel().tolist() == [2, 2, 2]
    assert frames_by_time(events[::-1], (1, 1, 1), 3).ravel().tolist() == [2, 2, 2]
    late = event_array([0, 90, 91, 92, 99], 0, 0, True)
    assert frames_by_time(late, (1, 1, 1), 2).ravel().tolist() == [1, 4]


def test_frames_by_count_hold_equally_many_events_whenever_they_were():
    late = event_array([0, 90, 91, 92, 93, 99], 0, 0, True)
    assert frames_by_count(late, (1, 1, 1), 3).ravel().tolist() == [2, 2, 2]
    assert sorted(frames_by_count(late, (1, 1, 1), 4).ravel().tolist()) == [1, 1, 2, 2]


def test_frames_of_a_length_are_as_many_as_the_recording_needs():
    events = event_array([1000, 1999, 2000, 4000], [0, 1, 2, 2], 0, True)
    counts = frames_of_length(events, (3,), 1000)
    assert counts.tolist() == [[1, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 1]]
    with pytest.raises(RangeError, match="frames of 0 us are too short"):
        frames_of_length(events, (3,), 0)
    ages = event_array([0, 1 << 40], 0, 0, True)
    with pytest.raises(RangeError, match="too many to keep"):
        frames_of_length(ages, (3,), 1)


@pytest.mark.parametrize("frames", [frames_by_time, frames_of_length])
def test_times_that_cannot_be_of_one_recording_are_refused(frames):
    for last in ((1 << 42) + 1, (1 << 63) - 1):
        events = event_array([0, last], 0, 0, True)
        with pytest.raises(RangeError, match=f"{last} us from the first event to the last exceed"):
            frames(events, (1,), 1 << 40)
    events["t"] = (-(1 << 63), (1 << 63) - 1)  # their distance does not fit 64 bits
    with pytest.raises(RangeError, match="from the first event to the last exceed"):
        frames(events, (1,), 1 << 40)


@pytest.mark.parametrize("frames", [frames_by_time, frames_by_count])
def test_without_events_all_frames_are_empty(frames):
    counts = frames(event_array([], [], [], []), (2, 3, 3), 4)
    assert counts.shape == (4, 2, 3, 3)
    assert not counts.any()
    assert frames_of_length(event_array([], [], [], []), (3,), 1).tolist() == [[0, 0, 0]]


def test_counts_stop_at_the_most_that_is_counted():
    events = event_array(np.arange(100), 0, 0, True)
    counts = frames_by_count(events, (1,), 2)
    assert counts.ravel().tolist() == [MOST_COUNTED] * 2
    assert frames_by_count(events[:40], (1,), 2).ravel().tolist() == [20, 20]


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((2, 3, 9), r"y = 3..3 of events does not fit \(2, 3, 9\)"),
        ((2, 9, 5), r"x = 5..5 of events"),
        ((5,), r"x = 5..5 of events"),
        ((3, 9, 9), "do not fit a frame of shape"),
        ((9, 9), "do not fit a frame of shape"),
    ],
)
def test_events_outside_the_frame_and_frames_of_no_sensor_are_refused(shape, words):
    with pytest.raises(RangeError, match=words):
        frames_by_time(event_array([0], [5], [3], [True]), shape, 2)
    with pytest.raises(RangeError, match="steps = 0 is below 1"):
        frames_by_time(event_array([0], [0], [0], [True]), (1,), 0)
