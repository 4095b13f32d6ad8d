"""Streams of recurrent and delaying networks: what a gap and a blank line are for."""

from dataclasses import replace

import numpy as np
import pytest
from strategies import even

from hwsim import Connection, Cuba, Dense, Input, Population, Program, blanked, run
from hwsim.errors import RangeError

FRAMES = 7


def recurrent(rng, *, feedback_delay=0):
    """in -> a -> b -> a, a -> a: the feedback from b is two frames late, and more if delayed."""

    def neuron(n):
        bias = 64 * rng.integers(0, 200, n)
        return Cuba(rng.integers(500, 4097, n), rng.integers(0, 2000, n), 64 * 300, bias)

    delay = rng.integers(0, feedback_delay + 1, (12, 8)) if feedback_delay else None
    return Program(
        "loop", "loihi2", Input("in", (6,)),
        (Population("a", (12,), neuron(12), 1), Population("b", (8,), neuron(8), 2)),
        (
            Connection("in", "a", Dense(even(rng, (12, 6)))),
            Connection("a", "a", Dense(even(rng, (12, 12)))),
            Connection("a", "b", Dense(even(rng, (8, 12)))),
            Connection("b", "a", Dense(even(rng, (12, 8)), delay=delay)),
        ),
        "b", period=FRAMES,
    )  # fmt: skip


def mismatches(program, x):
    """Differences in the windows of a stream, each sample followed by the program's gap."""
    padded = np.concatenate([x, np.zeros((program.gap, *x.shape[1:]), x.dtype)])
    stream = padded.swapaxes(0, 1).reshape(-1, 1, *x.shape[2:])
    alone = run(program, x, engine="reference", record="state").trace.arrays
    whole = run(program, stream, engine="reference", record="state").trace.arrays
    wrong = 0
    for p in program.populations:
        for kind in ("spikes", "u", "v"):
            key = f"{p.name}/{kind}"
            for n in range(x.shape[1]):
                first = n * program.period + p.latency
                window = whole[key][first : first + len(x), 0]
                wrong += int((window != alone[key][p.latency : p.latency + len(x), n]).sum())
    return wrong


@pytest.mark.parametrize("delay", [0, 1, 9])
def test_a_stream_with_gap_and_blank_line_equals_each_sample_alone(rng, delay):
    program = recurrent(rng, feedback_delay=delay)
    x = rng.integers(0, 2, (FRAMES, 12, 6))
    safe = blanked(program)
    assert safe.gap == 2 + delay
    assert safe.latency == program.latency + safe.gap
    assert mismatches(safe, x) == 0
    counts = run(safe, x, engine="reference").counts.populations
    assert all(0 < c.spikes < c.updates for c in counts)


def test_without_the_blank_line_or_the_gap_samples_leak_into_each_other(rng):
    program = recurrent(rng)
    x = rng.integers(0, 2, (FRAMES, 12, 6))
    safe = blanked(program)
    assert mismatches(program, x) > 50, "no gap"
    unsilenced = replace(safe, connections=program.connections)
    assert mismatches(unsilenced, x) > 50, "a gap in which neurons go on firing"


def test_blanked_needs_a_period(rng):
    with pytest.raises(RangeError, match="has no period"):
        blanked(replace(recurrent(rng), period=None))


def test_a_blank_line_that_does_not_fit_its_period_is_refused(rng):
    safe = blanked(recurrent(rng))
    with pytest.raises(Exception, match="blank: gap = 2 does not fit into period = 2"):
        replace(safe, period=2)
