"""Bounds of what arrives and of what relays send on: never too small, quick on any network."""

import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim import Connection, Cuba, Dense, GradedRelay, Input, Population, Program, run
from hwsim.activations import arriving, messages
from hwsim.arith import WORD


def chain(count, *, parallel=1, weight=1, high=3):
    """in -> r0 -> r1 -> ... of graded relays, ``parallel`` connections between two, -> a Cuba."""
    names = ["in", *(f"r{i}" for i in range(count)), "end"]
    eye = Dense(np.eye(2, dtype=np.int64) * weight)
    populations = [Population(n, (2,), GradedRelay(), i + 1) for i, n in enumerate(names[1:-1])]
    populations.append(Population("end", (2,), Cuba(4096, 0, 640), count + 1))
    connections = [
        Connection(a, b, eye, graded=True, label=str(k))
        for a, b in pairwise(names)
        for k in range(parallel if a != "in" else 1)
    ]
    return Program("chain", "loihi2", Input("in", (2,), 0, high), populations, connections, "end")


def test_a_relay_sends_on_no_more_than_what_can_arrive_at_it():
    program = chain(3, parallel=2, weight=-5)
    found = {c.target: messages(program, c) for c in program.connections}
    assert found == {"r0": (0, 3), "r1": (-15, 0), "r2": (0, 150), "end": (-1500, 0)}
    assert arriving(program, program.population("end")) == (0, 15000)


@pytest.mark.parametrize("back", ["r1", "r0"])
def test_a_relay_that_hears_itself_may_send_anything(back):
    program = chain(2)
    loop = Connection("r1", back, Dense(np.eye(2, dtype=np.int64)), graded=True)
    program = replace(program, connections=(*program.connections, loop))
    assert messages(program, program.into("end")[0]) == WORD


def test_a_connection_that_is_not_graded_hears_ones_whatever_a_relay_sends():
    program = chain(1)
    blunt = replace(program.connections[-1], graded=False)
    assert messages(program, blunt) == (0, 1)


def test_bounds_of_relays_with_countless_paths_take_no_time():
    before = time.process_time()
    assert arriving(chain(60, parallel=2), Population("end", (2,), Cuba(1, 0, 64), 61)) == WORD
    assert messages(chain(1500), chain(1500).connections[-1]) == (0, 3)
    assert time.process_time() - before < 10


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_message_passes_its_bound_and_both_engines_agree_on_it(seed):
    rng = np.random.default_rng(seed)
    program = chain(int(rng.integers(1, 5)), high=int(rng.integers(1, 2**10)))
    reach = int(rng.choice([3, 200, 2**12]))
    program = replace(
        program,
        input=replace(program.input, low=-int(rng.integers(0, 50))),
        connections=[
            replace(c, synapse=Dense(rng.integers(-reach, reach, (2, 2))))
            for c in program.connections
        ],
    )
    x = rng.integers(program.input.low, program.input.high, (12, 3, 2), endpoint=True)
    traces = [run(program, x, engine=e, record="state").trace for e in ("reference", "native")]
    for c in program.connections[1:]:
        low, high = messages(program, c)
        sent = traces[0].spikes[c.source].astype(np.int64)
        assert (low <= sent).all()
        assert (sent <= high).all()
    for name, array in traces[0].arrays.items():
        assert (array == traces[1].arrays[name]).all(), name
