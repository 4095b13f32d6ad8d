"""Between two samples of a stream: what is still in flight, and the gap that lets it land.

Setting populations to rest does not stop messages that feedback or delays still hold; they
would reach the next sample; and what biases make neurons send before the first sample would
reach that. So before every sample there is a gap of silent frames, as many as the latest
message needs, in which a blank line inhibits every population that could send another late
message. The reset before the sample then wipes the negative charge.
"""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np

from hwsim.arith import STATE_LIMIT, STATE_UNIT, WEIGHT_MIN
from hwsim.errors import RangeError, raise_all
from hwsim.program import Blank, Connection, Program
from hwsim.synapses import DELAY_MAX, Dense

BLANK_WEIGHT = WEIGHT_MIN + 1
"""The strongest inhibition that a matrix of one sign holds."""
_MAX_EXPONENT = 6
"""Loihi's weight exponents end at 7; one less leaves room for other input."""


def feedback(program: Program, c: Connection) -> int:
    """Return how many frames late ``c`` brings its messages, apart from synaptic delays.

    0 on a connection from one latency to the next; negative if it comes too early, which
    nothing can mean.
    """
    if c.source == program.input.name:
        source = program.gap
    elif program.blank is not None and c.source == program.blank.name:
        source = 0
    else:
        source = program.population(c.source).latency
    return source + 1 - program.population(c.target).latency


def lateness(program: Program, c: Connection) -> int:
    """Return by how many frames a message on ``c`` can outlive its sample."""
    return feedback(program, c) + max(c.synapse.delays)


def cycles(program: Program) -> set[tuple[str, str]]:
    """Return the (source, target) pairs that lie on a cycle of populations."""
    graph = nx.DiGraph((c.source, c.target) for c in program.connections)
    inside = (graph.subgraph(group) for group in nx.strongly_connected_components(graph))
    return {edge for group in inside for edge in group.edges}


def border_problems(program: Program) -> list[str]:
    """List the connections whose messages would reach into the next sample of a stream."""
    if program.period is None:
        return []
    blank = program.blank.name if program.blank else None
    silenced = {c.target for c in program.connections if c.source == blank}
    found = []
    for c in program.connections:
        late = lateness(program, c)
        if c.source == blank or late <= 0:
            continue
        if late > program.gap:
            found.append(
                f"{c.name}: messages arrive up to {late} frames late, the gap between samples "
                f"has {program.gap}; use hwsim.blanked"
            )
        elif c.source not in (program.input.name, *silenced):
            found.append(
                f"{c.name}: nothing silences {c.source} in the gap between samples; "
                "use hwsim.blanked"
            )
    return found


def blanked(program: Program, name: str = "blank") -> Program:
    """Return ``program`` with the gap and the blank line that its feedback and delays need.

    Between samples of ``period`` frames there are ``gap`` silent ones, and the line called
    ``name`` sends 1 in these and in as many before the first; all latencies grow by ``gap``.
    A program that needs no gap is returned as it is.

    Raises
    ------
    CheckError
        Listing the populations that inhibition cannot silence.
    RangeError
        If the program has no period.

    Source: the measurements on lava-nc 0.10.0 in tests/snnexport/lava; u wraps at 2**23, so
    the charge of a whole gap is kept below it.
    """
    if program.period is None:
        raise RangeError(f"program {program.name}: has no period", hint="set it to T, the frames")
    gap = max((lateness(program, c) for c in program.connections), default=0)
    if gap <= 0 or program.blank is not None:
        return program
    late = {c.source for c in program.connections if lateness(program, c) > 0}
    sources = [p for p in program.populations if p.name in late]
    raise_all(
        f"program {program.name} cannot be silenced between samples",
        [
            f"{p.name}: inhibition does not keep a {type(p.neuron).__name__} from sending"
            for p in sources
            if p.neuron.MESSAGES != (0, 1)
        ]
        + [
            f"{p.name}: latency = {p.latency} does not fit 1..{DELAY_MAX + 1}"
            for p in sources
            if not 1 <= p.latency <= DELAY_MAX + 1
        ],
        hint="send feedback and delayed messages from neurons that spike",
    )
    room = STATE_LIMIT // (-BLANK_WEIGHT * STATE_UNIT * gap)
    exponent = min(_MAX_EXPONENT, room.bit_length() - 1)
    lines = [
        Connection(name, p.name, _inhibition(int(np.prod(p.shape)), exponent, p.latency - 1))
        for p in sources
    ]
    later = (replace(p, latency=p.latency + gap) for p in program.populations)
    return replace(
        program,
        populations=tuple(later),
        period=program.period + gap,
        blank=Blank(name, gap),
        connections=(*program.connections, *lines),
    )


def _inhibition(neurons: int, exponent: int, delay: int) -> Dense:
    weight = np.full((neurons, 1), BLANK_WEIGHT)
    return Dense(weight, exponent, np.full((neurons, 1), delay) if delay else None)
