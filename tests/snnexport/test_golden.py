"""The golden bundle: it brings back what was recorded, and refuses what it was not made for."""

import numpy as np
import pytest

from hwsim import Connection, Cuba, Dense, Input, Population, Program
from hwsim.errors import FileError, RangeError
from hwsim.simulate import run
from hwsim.trace import npz_bytes
from snnexport import golden
from snnexport.golden import DIGEST, INPUT, OUTPUTS, bundle, load_golden, random_frames

SHAPE = (3, 2)


def program(low: int = 0, high: int = 1, period: int | None = 4) -> Program:
    weights = np.arange(-24, 24).reshape(8, 6)
    return Program(
        "net", "loihi2", Input("in", SHAPE, low, high),
        (Population("p", (8,), Cuba.integrator(640), 1),),
        (Connection("in", "p", Dense(weights)),), "p", period=period,
    )  # fmt: skip


@pytest.fixture
def stored(tmp_path):
    """Return a function that writes a bundle, with other arrays in it, and returns its path."""
    frames = random_frames(program(), 5)

    def write(**other):
        arrays = bundle(program(), frames, "abc") | other
        path = tmp_path / "golden.npz"
        path.write_bytes(npz_bytes({n: a for n, a in arrays.items() if a is not None}))
        return path

    return write


def test_a_bundle_brings_back_input_spikes_and_readout_of_the_reference_engine(stored):
    found, frames = load_golden(stored(), "abc"), random_frames(program(), 5)
    expected = run(program(), frames, engine="reference", record="spikes")
    assert expected.trace is not None
    assert (found.frames == frames).all()
    assert (found.outputs == expected.outputs).all()
    assert found.trace.spikes.keys() == {"p"}
    assert (found.trace.spikes["p"] == expected.trace.spikes["p"]).all()
    assert found.trace.spikes["p"].any()


@pytest.mark.parametrize(("wanted", "kept"), [(None, 5), (5, 5), (2, 2), (9, 5)])
def test_the_first_samples_of_a_bundle_are_cut_from_all_of_its_arrays(stored, wanted, kept):
    whole = load_golden(stored(), "abc")
    part = whole.first(wanted)
    assert (part.frames == whole.frames[:, :kept]).all()
    assert (part.outputs == whole.outputs[:kept]).all()
    assert (part.trace.spikes["p"] == whole.trace.spikes["p"][:, :kept]).all()
    assert part.frames.shape[1] == len(part.outputs) == part.trace.spikes["p"].shape[1] == kept


def test_a_bundle_of_another_program_is_refused_by_both_digests(stored):
    with pytest.raises(FileError, match=r"another program \(sha256 abc, not 0123456789ab\)"):
        load_golden(stored(), "0123456789abcdef")


@pytest.mark.parametrize("name", [INPUT, OUTPUTS, DIGEST])
def test_a_bundle_without_one_of_its_parts_names_that_part(stored, name):
    with pytest.raises(FileError, match=rf"is not a golden bundle: {name} missing"):
        load_golden(stored(**{name: None}), "abc")


@pytest.mark.parametrize(
    "other",
    [
        {OUTPUTS: np.zeros((5, 8))},
        {OUTPUTS: np.zeros((4, 8), np.int64)},
        {OUTPUTS: np.zeros(5, np.int64)},
        {INPUT: np.zeros((4, 6, *SHAPE), np.int64)},
        {INPUT: np.zeros((4, 5, *SHAPE))},
        {"p/spikes": np.zeros((5, 5, 8))},
        {"p/spikes": np.zeros((5, 2, 8), np.int8)},
    ],
)
def test_reals_and_arrays_of_different_samples_are_refused_as_damaged(stored, other):
    assert other.keys() <= bundle(program(), random_frames(program(), 5), "abc").keys()
    with pytest.raises(FileError, match="is damaged"):
        load_golden(stored(**other), "abc")


def test_random_input_covers_the_whole_range_with_half_of_it_silent():
    frames = random_frames(program(-3, 4, period=200), 50)
    assert frames.shape == (200, 50, *SHAPE)
    assert np.unique(frames).tolist() == list(range(-3, 5))
    # silent by the coin, or 0 among the eight values: 9/16; six standard deviations of 60,000
    assert abs((frames == 0).mean() - 9 / 16) < 6 * np.sqrt(9 / 16 * 7 / 16 / frames.size)


def test_random_input_is_the_same_for_a_seed_and_differs_for_another():
    first, again, other = (random_frames(program(), 2, seed) for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first == random_frames(program(), 2)).all()
    assert (first != other).any()


def test_random_input_of_a_program_without_period_outlasts_its_latency_twice():
    assert random_frames(program(period=None), 1).shape == (10, 1, *SHAPE)


def test_random_input_that_would_be_too_large_is_refused_with_a_way_out(monkeypatch):
    monkeypatch.setattr(golden, "_RANDOM", 48)
    assert random_frames(program(), 2).size == 48
    with pytest.raises(RangeError, match=r"shape \(4, 3, 3, 2\) has more than 48") as refused:
        random_frames(program(), 3)
    assert "--samples" in refused.value.hint
