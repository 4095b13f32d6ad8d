"""How late a message can be, which connections lie on a cycle, and what silences a population."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim import Blank, Connection, Cuba, Dense, Input, Population, Program, blanked
from hwsim.blanking import BLANK_WEIGHT, border_problems, cycles, feedback, lateness
from hwsim.errors import CheckError
from hwsim.neurons import CubaSubtract, LeakyIntegrator
from hwsim.program import ALONE

quick = settings(deadline=None, derandomize=True, database=None, max_examples=40)
QUIET = Cuba(4096, 0, 64 * 30)


def dense(weight=2, delay=0):
    return Dense(np.array([[weight]]), delay=np.array([[delay]]) if delay else None)


def program_of(latencies, *connections, neuron=QUIET, period=6, **options):
    """Populations of one neuron, p0 and so on, with these latencies."""
    populations = [Population(f"p{i}", (1,), neuron, n) for i, n in enumerate(latencies)]
    given = Connection("in", "p0", dense(), label="first")
    return Program(
        "late", "loihi1", Input("in", (1,)), populations, (given, *connections), "p0",
        period=period, **options,
    )  # fmt: skip


def reached(edges, start):
    """All that ``start`` leads to, in one step or more."""
    found, edge = set(), {start}
    while edge:
        edge = {target for source, target in edges if source in edge} - found
        found |= edge
    return found


@quick
@given(pairs=st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_a_connection_lies_on_a_cycle_if_its_target_leads_back_to_its_source(pairs):
    connections = [Connection(f"p{a}", f"p{b}", dense()) for a, b in sorted(pairs)]
    program = program_of([1] * 6, *connections)
    edges = {(c.source, c.target) for c in program.connections}
    assert cycles(program) == {(a, b) for a, b in edges if b == a or a in reached(edges, b)}


@quick
@given(
    latencies=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    ends=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    delay=st.integers(0, 20),
)
def test_a_message_is_late_by_what_its_way_takes_beyond_the_step_of_its_frame(
    latencies, ends, delay
):
    source, target = (end % len(latencies) for end in ends)
    connection = Connection(f"p{source}", f"p{target}", dense(delay=delay))
    program = program_of(latencies, connection)
    sent = 1 + latencies[source]  # frame 0, as the source answers it
    wanted = 1 + latencies[target]
    assert feedback(program, connection) == sent + 1 - wanted
    assert lateness(program, connection) == sent + 1 + delay - wanted


def test_input_is_sent_after_the_gap_and_a_blank_line_from_the_first_step_on():
    program = program_of([4, 5], blank=Blank("blank", 3))
    line = Connection("blank", "p1", dense(-2, delay=4))
    assert feedback(program, program.connections[0]) == 0
    assert feedback(program, line) == -4
    assert lateness(program, line) == 0


def test_the_latest_delay_of_a_connection_counts_and_the_gap_is_that_of_the_latest_message():
    mixed = Dense(np.array([[2], [2]]), delay=np.array([[1], [7]]))
    pair = Population("two", (2,), QUIET, 1)
    program = program_of([1], Connection("p0", "p0", dense()))
    late = Connection("p0", "two", mixed)
    program = replace(
        program, populations=(*program.populations, pair), connections=(*program.connections, late)
    )
    assert lateness(program, late) == 8
    assert blanked(program).gap == 8


def test_what_needs_no_gap_or_has_one_or_runs_alone_is_returned_as_it_is():
    straight = program_of([1, 2], Connection("p0", "p1", dense()))
    assert blanked(straight) is straight
    assert border_problems(straight) == []
    bare = replace(straight, connections=())
    assert blanked(bare) is bare
    loop = program_of([1], Connection("p0", "p0", dense()))
    alone = replace(loop, metadata={ALONE: "yes"})
    assert blanked(alone) is alone
    assert border_problems(alone) == []
    assert border_problems(replace(loop, period=None)) == []
    safe = blanked(loop)
    assert blanked(safe) is safe


def test_each_connection_that_is_later_than_the_gap_is_named_by_how_much():
    ways = [Connection("p0", "p1", dense(delay=4)), Connection("p1", "p0", dense())]
    program = program_of([1, 2], *ways)
    told = "frames late, the gap between samples has 0; use hwsim.blanked"
    assert border_problems(program) == [
        f"p0->p1: messages arrive up to 4 {told}",
        f"p1->p0: messages arrive up to 2 {told}",
    ]


def test_a_blanked_program_is_shifted_by_its_gap_and_keeps_all_that_it_had():
    program = program_of([1, 2], Connection("p0", "p1", dense()), Connection("p1", "p0", dense()))
    safe = blanked(program, "quiet")
    assert (safe.gap, safe.period, safe.frames) == (2, 8, 6)
    assert [p.latency for p in safe.populations] == [3, 4]
    assert safe.connections[:3] == program.connections
    (line,) = safe.connections[3:]  # p0 -> p1 is in time, so p0 may go on firing
    assert (line.source, line.target, line.graded) == ("quiet", "p1", False)
    assert line.synapse.weight.tolist() == [[-255]]
    assert (line.synapse.delay.tolist(), line.synapse.exponent) == ([[1]], 0)


@pytest.mark.parametrize(
    ("weight", "bias", "exponent"),
    [(255, 0, 0), (255, 64, 1), (510, 0, 1), (511, 0, 2), (255 * 128, 0, 7), (2, 253 * 64, 0),
     (2, 253 * 64 + 1, 1), (-255, 0, 0), (-255, 255 * 64, 0), (2, -64, 0)],
)  # fmt: skip
def test_inhibition_is_the_least_power_of_two_that_outweighs_input_and_bias(weight, bias, exponent):
    loop = Connection("p0", "p0", dense(weight))
    program = program_of([1], loop, neuron=Cuba(4096, 0, 64 * 30, bias))
    program = replace(program, connections=(replace(program.connections[0], synapse=dense(0)),
                                            loop))  # fmt: skip
    line = blanked(program).connections[-1].synapse
    assert line.exponent == exponent
    assert BLANK_WEIGHT << exponent >= max(weight, 0) + max(bias, 0) / 64
    assert exponent == 0 or BLANK_WEIGHT << exponent - 1 < max(weight, 0) + max(bias, 0) / 64


def test_what_cannot_be_silenced_is_listed_with_input_and_room():
    loop = Connection("p0", "p0", dense(255 * 128 + 1))
    with pytest.raises(CheckError) as caught:
        blanked(program_of([1], loop))
    charge, need = 64 * 255 * 128, 64 * (255 * 128 + 1 + 2)  # the loop, and the input's 2
    assert caught.value.problems == (
        f"p0: inhibition of {charge} a step does not silence it for 1 steps: input and bias may "
        f"reach {need}, and the register of u has room for {2**23} a step",
    )
    assert "run each sample alone" in caught.value.hint


def test_a_current_with_memory_needs_more_and_has_less_room():
    slow = Cuba(2048, 0, 64 * 30)  # half of the current is left in each step
    loop = Connection("p0", "p0", dense(-3, delay=1))
    safe = blanked(program_of([1], loop, neuron=slow, period=3))
    assert (safe.gap, safe.frames) == (2, 3)
    *others, line = safe.connections
    weak = replace(safe, connections=(*others, replace(line, synapse=dense(-3))))
    # the input's 2 over 3 frames, the gap's 2 and the latency: 1 + 1/2 + ... + 1/32 = 63/32
    need = 64 * 2 * 63 / 32
    room = (2**23 - 64 * 3 * 63 / 32) / 1.5
    assert border_problems(weak) == [
        f"p0: inhibition of {64 * 3} a step does not silence it for 2 steps: input and bias may "
        f"reach {need:.0f}, and the register of u has room for {room:.0f} a step"
    ]
    assert border_problems(replace(safe, connections=(*others, replace(
        line, synapse=dense(-4))))) == []  # fmt: skip


def test_a_neuron_that_fires_on_what_is_left_is_refused_and_one_that_never_fires_needs_no_line():
    loop = Connection("p0", "p0", dense())
    with pytest.raises(CheckError) as caught:
        blanked(program_of([1], loop, neuron=CubaSubtract(4096, 0, 640)))
    assert caught.value.problems == ("p0: inhibition does not keep a CubaSubtract from sending",)
    silent = blanked(program_of([1], loop, neuron=LeakyIntegrator(4096, 0)))
    assert silent.gap == 1
    assert len(silent.connections) == 2
