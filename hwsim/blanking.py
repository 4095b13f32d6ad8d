"""Between two samples of a stream: what is still in flight, and the gap that lets it land.

Setting populations to rest does not stop messages that feedback or delays still hold; they
would reach the next sample; and what biases make neurons send before the first sample would
reach that. So before every sample there is a gap of silent frames, as many as the latest
message needs, in which a blank line inhibits every population that could send another late
message. The reset before the sample then wipes the negative charge.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import networkx as nx
import numpy as np

from hwsim.activations import arriving
from hwsim.arith import DECAY_UNITY, STATE_LIMIT, STATE_UNIT, WEIGHT_MIN
from hwsim.errors import RangeError, raise_all
from hwsim.neurons import Cuba, CubaRefractory, Gate
from hwsim.program import Blank, Connection, Population, Program
from hwsim.synapses import DELAY_MAX, Dense

BLANK_WEIGHT = -WEIGHT_MIN - 1
"""The strongest inhibition that a matrix of one sign holds, in units of weight."""
EXPONENT_MAX = 7
"""The largest weight exponent of the chips (nengo-loihi 1.1.0 SynapseConfig)."""
_SILENCED = (Cuba, CubaRefractory, Gate)
"""Neurons that do not fire while their current and bias are not above 0."""


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
    if program.period is None or not program.streamed:
        return []
    blank = program.blank.name if program.blank else None
    found = [
        f"{c.name}: messages arrive up to {lateness(program, c)} frames late, the gap between "
        f"samples has {program.gap}; use hwsim.blanked"
        for c in program.connections
        if c.source != blank and lateness(program, c) > program.gap
    ]
    for p in _late_sources(program) if not found else ():
        lines = [c for c in program.into(p.name) if c.source == blank]
        charge = -arriving(program, p, lines)[0]
        found += _loudness(program, p, charge, program.gap)
    return found


def blanked(program: Program, name: str = "blank") -> Program:
    """Return ``program`` with the gap and the blank line that its feedback and delays need.

    Between samples of ``period`` frames there are ``gap`` silent ones, and the line called
    ``name`` sends 1 in these and in as many before the first; all latencies grow by ``gap``.
    A program that needs no gap is returned as it is.

    The inhibition is proven to silence its targets: whatever arrives, current and bias stay
    below 0 in the gap, and the charge of the whole gap does not wrap the current.

    Raises
    ------
    CheckError
        Listing the populations for which no inhibition is enough.
    RangeError
        If the program has no period.
    """
    if program.period is None:
        raise RangeError(f"program {program.name}: has no period", hint="set it to T, the frames")
    gap = max((lateness(program, c) for c in program.connections), default=0)
    if gap <= 0 or program.blank is not None or not program.streamed:
        return program
    sources = _late_sources(program)
    exponents = {p.name: _exponent(program, p, gap) for p in sources}
    raise_all(
        f"program {program.name} cannot be silenced between samples",
        [
            problem
            for p in sources
            for problem in _loudness(program, p, BLANK_WEIGHT << exponents[p.name], gap)
        ]
        + [
            f"{p.name}: latency = {p.latency} does not fit 1..{DELAY_MAX + 1}"
            for p in sources
            if not 1 <= p.latency <= DELAY_MAX + 1
        ],
        hint="use smaller weights or a faster decay of u there, or run each sample alone: capture "
        "with streamed=False, convert with --alone",
    )
    lines = [Connection(name, p.name, _inhibition(p, exponents[p.name])) for p in sources]
    return replace(
        program,
        populations=tuple(replace(p, latency=p.latency + gap) for p in program.populations),
        period=program.period + gap,
        blank=Blank(name, gap),
        connections=(*program.connections, *lines),
    )


def _late_sources(program: Program) -> list[Population]:
    blank = program.blank.name if program.blank else None
    late = {c.source for c in program.connections if lateness(program, c) > 0} - {blank}
    return [p for p in program.populations if p.name in late and p.neuron.MESSAGES != (0, 0)]


def _exponent(program: Program, p: Population, gap: int) -> int:
    """Return the smallest weight exponent whose inhibition is enough, the largest if none is."""
    for exponent in range(EXPONENT_MAX):
        if not _loudness(program, p, BLANK_WEIGHT << exponent, gap):
            return exponent
    return EXPONENT_MAX


def _loudness(program: Program, p: Population, charge: int, gap: int) -> list[str]:
    """Say why ``p`` may fire in a gap in which ``charge``, in units of weight, is taken each step.

    Whatever arrives, u lies between the ends of its geometric series since the last reset. In
    the gap it is at most the upper end less the charge; if that and the bias are not above 0,
    a voltage below the threshold stays there. It is at least the lower end less all charges.
    """
    neuron, blank = p.neuron, program.blank.name if program.blank else None
    if not isinstance(neuron, _SILENCED):
        return [f"{p.name}: inhibition does not keep a {type(neuron).__name__} from sending"]
    others = [c for c in program.into(p.name) if c.source != blank]
    kept = 1 - int(np.min(getattr(neuron, "decay_u", DECAY_UNITY))) / DECAY_UNITY
    held, reach = (
        _series(kept, n) for n in (gap, (program.frames or 0) + gap + p.latency - program.gap)
    )
    low, high = (STATE_UNIT * end * reach for end in arriving(program, p, others))
    need = high + max(int(np.max(getattr(neuron, "bias", 0))), 0)
    room = (STATE_LIMIT + low) / held
    taken = STATE_UNIT * charge
    if need <= taken < room and high < STATE_LIMIT:
        return []
    return [
        f"{p.name}: inhibition of {taken} a step does not silence it for {gap} steps: input and "
        f"bias may reach {need:.0f}, and the register of u has room for {max(room, 0):.0f} a step"
    ]


def _series(factor: float, terms: int) -> float:
    """Return ``1 + factor + factor**2 + ...``."""
    return sum(factor**n for n in range(terms))


def _inhibition(p: Population, exponent: int) -> Dense:
    delay = p.latency - 1  # the first message then acts when the population's gap begins
    weight = np.full((prod(p.shape), 1), -BLANK_WEIGHT)
    return Dense(weight, exponent, np.full_like(weight, delay) if delay else None)
