"""Tests that stopping early means what cutting a long run means."""

from dataclasses import replace

import numpy as np
import pytest
from strategies import even

from hwsim import (
    Connection,
    Cuba,
    Dense,
    Input,
    LeakyIntegrator,
    Population,
    Program,
    Readout,
    blanked,
    run,
)
from hwsim.errors import RangeError
from hwsim.over_steps import over_steps

FRAMES = 6


def network(rng, kind):
    """Two layers: plain, with a period, or with feedback and delays behind a blank line."""
    first = Cuba(rng.integers(3000, 4097, 12), rng.integers(0, 2000, 12), 64 * 200, 64 * 40)
    program = Program(
        kind, "loihi2", Input("in", (6,)),
        (Population("a", (12,), first, 1), Population("b", (8,), Cuba.leaky(100, 64 * 150), 2)),
        (
            Connection("in", "a", Dense(even(rng, (12, 6)))),
            Connection("a", "b", Dense(even(rng, (8, 12)))),
        ),
        "b",
    )  # fmt: skip
    if kind == "voltage":
        readout = Population("b", (8,), LeakyIntegrator(4096, 100), 2)
        return replace(
            program, populations=(program.populations[0], readout), readout=Readout.VOLTAGE
        )
    if kind == "blanked":
        late = Dense(even(rng, (12, 8)), delay=rng.integers(0, 3, (12, 8)))
        loops = (Connection("a", "a", Dense(even(rng, (12, 12)))), Connection("b", "a", late))
        program = replace(program, connections=(*program.connections, *loops))
    return program if kind == "plain" else blanked(replace(program, period=FRAMES))


@pytest.mark.parametrize("kind", ["plain", "period", "blanked", "voltage"])
def test_a_shorter_run_is_a_longer_one_cut_after_as_many_frames(rng, kind):
    program = network(rng, kind)
    frames = rng.integers(0, 2, (FRAMES, 40, 6))
    labels = rng.integers(0, 8, 40)
    trace = run(program, frames, record="state").trace
    found = over_steps(program, frames, labels)
    assert [at.steps for at in found] == [1, 2, 3, 4, 5, 6]
    for at in found:
        cut = {p.name: slice(p.latency, p.latency + at.steps) for p in program.populations}
        spikes = {name: trace.spikes[name][window] for name, window in cut.items()}
        read = trace.v if program.readout is Readout.VOLTAGE else trace.spikes
        classes = read["b"][cut["b"]].sum(axis=0).argmax(axis=1)
        assert at.accuracy == np.mean(classes == labels)
        assert at.spikes == sum(np.count_nonzero(s) for s in spikes.values()) / 40
        sent = {"in": np.count_nonzero(frames[: at.steps]), "blank": 0}
        sent |= {name: np.count_nonzero(s) for name, s in spikes.items()}
        sent["blank"] = 40 * program.blanks_sent(at.steps + program.latency)
        sizes = {"a": 12, "b": 8}
        synops = sum(sent[c.source] * sizes[c.target] for c in program.connections)
        assert at.synops == synops / 40
    assert found[-1].spikes > found[0].spikes > 0


def test_all_frames_are_the_run_itself(rng):
    program, frames = network(rng, "plain"), rng.integers(0, 2, (FRAMES, 5, 6))
    told = []
    last = over_steps(program, frames, progress=lambda *at: told.append(at))[-1]
    assert told == [(5 * done, 5 * 21) for done in (0, 1, 3, 6, 10, 15)]
    whole = run(program, frames)
    assert (last.spikes, last.synops) == (whole.counts.spikes / 5, whole.counts.synops / 5)
    assert last.accuracy is None


@pytest.mark.parametrize(
    ("steps", "points", "expected"),
    [(3, 8, [1, 2, 3]), (8, 8, [*range(1, 9)]), (20, 4, [5, 10, 15, 20]), (9, 4, [3, 5, 7, 9]),
     (100, 1, [100])],
)  # fmt: skip
def test_points_are_spread_over_all_frames_and_end_with_them(rng, steps, points, expected):
    found = over_steps(network(rng, "plain"), np.ones((steps, 1, 6), np.int64), points=points)
    assert [at.steps for at in found] == expected


def test_only_the_first_samples_are_used_and_said(rng):
    program, frames = network(rng, "plain"), rng.integers(0, 2, (FRAMES, 9, 6))
    labels = run(program, frames).predictions
    labels[4:] += 1
    found = over_steps(program, frames, labels, samples=4)
    assert {at.samples for at in found} == {4}
    assert found[-1].accuracy == 1
    assert found == over_steps(program, frames[:, :4], labels[:4], engine="reference")
    assert over_steps(program, frames, samples=99)[0].samples == 9


def test_several_samples_in_a_column_and_counts_below_1_are_refused(rng):
    frames = np.ones((FRAMES + 1, 1, 6), np.int64)
    with pytest.raises(RangeError, match="7 frames, a sample of period has 6"):
        over_steps(network(rng, "period"), frames)
    for name in ("points", "samples"):
        with pytest.raises(RangeError, match=f"{name} = 0 is below 1"):
            over_steps(network(rng, "plain"), frames, **{name: 0})
