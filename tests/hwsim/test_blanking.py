"""Streams of recurrent and delaying networks: what a gap and a blank line are for."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from strategies import even

from hwsim import (
    Connection,
    Cuba,
    CubaSubtract,
    Dense,
    Input,
    Population,
    Program,
    blanked,
    run,
)
from hwsim.blanking import border_problems
from hwsim.errors import CheckError, RangeError

FRAMES = 7


def recurrent(rng, *, feedback_delay=0):
    """in -> a -> b -> a, a -> a: the feedback from b is two frames late, and more if delayed."""

    def neuron(n):
        bias = 64 * rng.integers(0, 200, n)
        return Cuba(rng.integers(3000, 4097, n), rng.integers(0, 2000, n), 64 * 300, bias)

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


def loop(rng, neuron, *, delay, frames, low=-256, high=254):
    """in -> a -> a: one self loop whose messages all come ``delay`` steps later."""
    n = len(np.atleast_1d(neuron.threshold))
    weight = 2 * rng.integers(low // 2, high // 2 + 1, (n, n))
    back = Dense(weight, delay=np.full((n, n), delay) if delay else None)
    return Program(
        "loop", "loihi2", Input("in", (6,)), (Population("a", (n,), neuron, 1),),
        (Connection("in", "a", Dense(even(rng, (n, 6)))), Connection("a", "a", back)),
        "a", period=frames,
    )  # fmt: skip


def test_inhibition_silences_every_population_or_is_refused(rng):
    refused = 0
    for _ in range(60):
        threshold = np.full(8, 64 * rng.choice([10, 300]))
        bias = int(64 * rng.choice([0, 20, 1000, 8000]))
        decay_u, decay_v = (int(rng.choice([low, 2000, 4096])) for low in (1, 0))
        neuron = Cuba(decay_u, decay_v, threshold, bias)
        span = [(-256, 254), (0, 254), (-256, 0)][rng.integers(3)]
        delay, frames = int(rng.choice([0, 7, 40])), int(rng.choice([7, 50]))
        program = loop(rng, neuron, delay=delay, frames=frames, low=span[0], high=span[1])
        x = rng.integers(0, 2, (frames, 4, 6))
        try:
            safe = blanked(program)
        except CheckError as error:
            refused += error.problems[0].startswith("a: inhibition of")
        else:
            assert mismatches(safe, x) == 0, neuron
            assert border_problems(safe) == []
    assert 10 < refused < 50, "both happen"


@pytest.mark.parametrize("delay", range(0, 63, 4))
def test_the_inhibition_suits_every_length_of_gap(rng, delay):
    neuron = Cuba(4096, 0, np.full(8, 64 * 30), 640)
    program = loop(rng, neuron, delay=delay, frames=70)
    safe = blanked(program)
    assert safe.gap == delay + 1
    assert mismatches(safe, rng.integers(0, 2, (70, 2, 6))) == 0
    assert blanked(safe) is safe


def test_an_inhibition_that_is_too_weak_is_a_problem_of_the_chip(rng):
    safe = blanked(loop(rng, Cuba(4096, 0, np.full(8, 640), 640), delay=3, frames=9))
    *others, line = safe.connections
    weak = replace(line, synapse=replace(line.synapse, weight=line.synapse.weight // 200))
    found = border_problems(replace(safe, connections=(*others, weak)))
    assert len(found) == 1
    assert "does not silence it for 4 steps" in found[0]


def test_a_soft_reset_is_refused_since_its_charge_outlasts_inhibition(rng):
    with pytest.raises(CheckError, match="inhibition does not keep a CubaSubtract from sending"):
        blanked(loop(rng, CubaSubtract(4096, 0, np.full(8, 640)), delay=0, frames=9))


def test_the_first_blank_message_acts_when_the_latest_population_begins_its_gap(rng):
    program = recurrent(rng)
    late = tuple(replace(p, latency=p.latency + 61) for p in program.populations)
    with pytest.raises(CheckError, match=r"c: latency = 64 does not fit 1\.\.63"):
        blanked(_with_late_neighbour(replace(program, populations=late)))
    slow = blanked(replace(program, populations=late))
    assert [max(c.synapse.delays) for c in slow.connections if c.source == "blank"] == [61, 62]


def _with_late_neighbour(program):
    """b -> c -> b, c one step behind b."""
    neuron = Cuba(4096, 0, 640)
    c = Population("c", (8,), neuron, program.latency + 1)
    ways = [Connection("b", "c", Dense(even(np.random.default_rng(0), (8, 8))))]
    ways.append(Connection("c", "b", Dense(even(np.random.default_rng(1), (8, 8)))))
    return replace(
        program,
        populations=(*program.populations, c),
        connections=(*program.connections, *ways),
    )


def test_the_first_frame_is_sent_after_the_gap(rng):
    program = blanked(recurrent(rng))
    fed = program.connections[0]
    x = np.zeros((FRAMES, 1, 6), int)
    x[0] = 1
    alone = replace(program, connections=(fed,))
    for engine in ("reference", "native"):
        arrived = run(alone, x, engine=engine, record="state").trace.state["a"]["a"][:, 0]
        assert np.flatnonzero(arrived.any(axis=1)).tolist() == [program.gap + 1]
        assert program.population("a").latency == program.gap + 1


def test_blanked_needs_a_period(rng):
    with pytest.raises(RangeError, match="has no period"):
        blanked(replace(recurrent(rng), period=None))


def test_a_blank_line_that_does_not_fit_its_period_is_refused(rng):
    safe = blanked(recurrent(rng))
    with pytest.raises(Exception, match="blank: gap = 2 does not fit into period = 2"):
        replace(safe, period=2)


@pytest.mark.parametrize("largest", range(4, 254, 10))
def test_the_inhibition_that_blanked_chooses_is_enough_for_its_own_check(largest):
    slow = Cuba(40, 0, 64 * 300, 6400)  # a current that remembers the whole sample
    weight = np.full((4, 4), largest)
    program = Program(
        "loop", "loihi2", Input("in", (4,)), (Population("a", (4,), slow, 1),),
        (Connection("in", "a", Dense(weight)), Connection("a", "a", Dense(-weight))),
        "a", period=5,
    )  # fmt: skip
    with suppress(CheckError):  # large weights cannot be silenced at all
        assert border_problems(blanked(program)) == []
