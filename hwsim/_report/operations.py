"""What a spiking network and its conventional counterpart do, as operations that have a price.

Which operations those are is said in :mod:`hwsim.baseline`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np

from hwsim.activations import inside
from hwsim.arith import DECAY_UNITY, Range
from hwsim.counts import Counts, Form, Kind, PopulationCounts, kind_of, one_to_one
from hwsim.neurons import (
    CubaLateReset,
    CubaSubtract,
    GradedRelay,
    MultiSpike,
    Neuron,
    messages,
)
from hwsim.program import Connection, Population, Program, expand

MEMORY = "sram_32kb_accesses"
"""Of a core, for weights, messages and states: the 65,536 synapses of 4 bits of ODIN's core
(Frenkel et al. 2019, arXiv 1804.07858) fill 32 KB, a size that has a price."""
ACCESS_BITS = 64
_FETCHES = "weight fetches"
_UNASKED = (Kind.BLANK, Kind.BIAS)
_SUBTRACTING = (CubaLateReset, CubaSubtract, MultiSpike)


class Operations(NamedTuple):
    """So many of what ``counter`` has a price for, per inference."""

    network: str
    term: str
    counter: str
    amount: float


@dataclass(frozen=True)
class Widths:
    """Bits of any weight, and of each source's activation and message, its address not included."""

    weight: int
    activations: Mapping[str, int]
    messages: Mapping[str, int]


def widths_of(program: Program, steps: int) -> Widths:
    """Return how wide what moves is: an activation counts up to ``steps`` spikes.

    A weight has the bits that its range needs, without zeros that a whole connection ends in.
    Input beyond 0..1 is an activation as it is. A spike has no payload.
    """
    names = [line.name for line in (*program.lines, *program.populations)]
    messages = {name: _payload_bits(*program.messages_of(name)) for name in names}
    activations = {name: _activation_bits(program, name, steps) for name in names}
    return Widths(_weight_bits(program), activations, messages)


def _payload_bits(low: int, high: int) -> int:
    return (high - low).bit_length() if low < 0 or high > 1 else 0


def _activation_bits(program: Program, name: str, steps: int) -> int:
    low, high = program.messages_of(name)
    if name == program.input.name:
        return _payload_bits(low, high) or steps.bit_length()
    added = [c.source for c in asked(program, name)] if name in relays(program) else []
    if added:
        return max(_activation_bits(program, source, steps) for source in added)
    return steps.bit_length() + (low < 0)


def _weight_bits(program: Program) -> int:
    widest = 1
    for c in program.connections:
        weight = c.synapse.weights
        together = int(np.bitwise_or.reduce(weight, axis=None)) if weight.size else 0
        if together and kind_of(program, c) is not Kind.BLANK:
            span = int(weight.max(initial=0)) - int(weight.min(initial=0))
            widest = max(widest, (span // (together & -together)).bit_length())
    return widest


def leaks(neuron: Neuron) -> int:
    """Return how many states of ``neuron`` decay by a part in each step."""
    return sum(bool(np.any((d > 0) & (d < DECAY_UNITY))) for d in _decays(neuron).values())


def kept(neuron: Neuron) -> dict[str, Range]:
    """Return the states of which more than one part in ``DECAY_UNITY`` outlives a step."""
    decays = _decays(neuron)
    return {s: neuron.STATE[s] for s, d in decays.items() if np.any(d < DECAY_UNITY - 1)}


def _decays(neuron: Neuron) -> dict[str, np.ndarray]:
    return {state: np.asarray(getattr(neuron, f"decay_{state}", 0)) for state in neuron.STATE}


def relays(program: Program) -> list[str]:
    """Name the populations that send on the sum of what they receive."""
    return [p.name for p in program.populations if isinstance(p.neuron, GradedRelay)]


def sends_numbers(program: Program) -> list[str]:
    """Name the populations whose messages are neither spikes nor sums that a relay passes on."""
    wide = [p.name for p in program.populations if not inside(messages(p.neuron), (-1, 1))]
    return [name for name in wide if name not in relays(program)]


def asked(program: Program, name: str) -> list[Connection]:
    """Return the connections into a population that are neither biases nor blanks."""
    return [c for c in program.into(name) if kind_of(program, c) not in _UNASKED]


def waiting(program: Program) -> list[str]:
    """Name the populations that only send on, a step later, what one other population sent."""
    return [
        p.name
        for p in program.populations
        if not kept(p.neuron)
        and len(sources := asked(program, p.name)) == 1
        and one_to_one(program, sources[0])
    ]


def layers(program: Program) -> list[Connection]:
    """Return the connections whose synapses are MACs of the conventional network."""
    return [
        c for p in program.populations for c in asked(program, p.name) if not one_to_one(program, c)
    ]


def macs(program: Program, c: Connection, active: Mapping[str, np.ndarray]) -> tuple[int, int]:
    """Return the synapses of ``c``, and how many of them an activation meets in all samples.

    ``active[source]``: in how many samples each neuron's activation is not 0, source's shape.
    """
    reached = c.synapse.fan_out(program.shape_of(c.source))
    return int(reached.sum()), int((active[c.source] * reached).sum())


def conventional(
    program: Program, active: Mapping[str, np.ndarray], samples: int, widths: Widths
) -> Iterator[Operations]:
    """Yield what the conventional network does, see :func:`macs` for ``active``."""
    absent = waiting(program)
    used = [c for p in program.populations for c in asked(program, p.name)]
    for c in used:
        if c.target not in absent:
            yield from _conventional_synapses(program, c, active, samples, widths)
    for p in program.populations:
        if p.name not in absent and asked(program, p.name):
            yield from _conventional_neurons(program, p)
    moved = Counter(c.source for c in used if c.target not in absent)
    moved.update({name for c in used for name in (c.source, c.target)}.difference(absent))
    sent = {name: int(active[name].sum()) / samples for name in moved}
    bits = _moved_bits(program, sent, widths.activations, moved)
    yield memory("ann", "activations written and read", bits)


def _conventional_synapses(
    program: Program,
    c: Connection,
    active: Mapping[str, np.ndarray],
    samples: int,
    widths: Widths,
) -> Iterator[Operations]:
    n = macs(program, c, active)[1] / samples
    if one_to_one(program, c):
        yield Operations("ann", "additions of shortcuts and sums", "int32_adds", n)
    else:
        yield from multiplied(program, c, n, widths)


def multiplied(program: Program, c: Connection, n: float, widths: Widths) -> Iterator[Operations]:
    """Yield what ``n`` multiply-accumulates of ``c`` are in the conventional network."""
    width = max(widths.weight, widths.activations[c.source])
    yield Operations("ann", "multiplications of activations", _multiplier(width), n)
    yield Operations("ann", "additions of products", "int32_adds", n)
    yield memory("ann", _FETCHES, n * fetch_bits(program, c, widths))


def _conventional_neurons(program: Program, p: Population) -> Iterator[Operations]:
    size = prod(p.shape)
    bias = np.broadcast_to(expand(getattr(p.neuron, "bias", 0), p.shape), p.shape)
    fed = any(kind_of(program, c) is Kind.BIAS for c in program.into(p.name))
    biased = size if fed else int(np.count_nonzero(bias))
    yield Operations("ann", "additions of biases", "int32_adds", biased)
    if p.name not in relays(program):  # these hand their sum on as it is
        yield Operations("ann", "requantizations", "int32_mults", size)
        yield Operations("ann", "comparisons", "int32_adds", size)


def spiking(program: Program, counts: Counts, widths: Widths) -> Iterator[Operations]:
    """Yield what the spiking network did."""
    for c, counted in zip(program.connections, counts.connections, strict=True):
        n = counted.synops / counts.samples
        if counted.kind in (Kind.GRADED, Kind.ANALOGUE):
            width = max(widths.weight, widths.messages[c.source])
            yield Operations("snn", "multiplications of messages", _multiplier(width), n)
        yield Operations("snn", "additions of weights", "int32_adds", n)
        yield memory("snn", _FETCHES, n * fetch_bits(program, c, widths))
    for p, counted in zip(program.populations, counts.populations, strict=True):
        yield from _updates(p, counted, counts.samples)
    sent = {name: int(fired.sum()) / counts.samples for name, fired in counts.fired.items()}
    moved = Counter([*sent, *(c.source for c in program.connections)])
    bits = _moved_bits(program, sent, widths.messages, moved)
    yield memory("snn", "messages written and read", bits)


def _updates(p: Population, counted: PopulationCounts, samples: int) -> Iterator[Operations]:
    states, decays = kept(p.neuron), leaks(p.neuron)
    plain = not decays and not counted.bias_adds and not isinstance(p.neuron, _SUBTRACTING)
    unmoved = plain and [*states] == ["v"]  # what is left above a threshold would fire
    n = (counted.driven if unmoved else counted.driven + counted.idle) / samples
    compares = p.neuron.MESSAGES != (0, 0)
    adds = n * (len(states) + compares) + counted.bias_adds / samples
    bits = sum((high - low).bit_length() for low, high in states.values())
    yield Operations("snn", "multiplications of decays", "int32_mults", n * decays)
    yield Operations("snn", "additions and comparisons of updates", "int32_adds", adds)
    yield memory("snn", "states read and written", 2 * n * bits)


def fetch_bits(program: Program, c: Connection, widths: Widths) -> int:
    """Return the bits of a weight, and of the index beside it in the sparse format."""
    indexed = c.synapse.FORM is Form.SPARSE
    return widths.weight + _address_bits(program, c.target) * indexed


def _moved_bits(
    program: Program,
    sent: Mapping[str, float],
    payload: Mapping[str, int],
    times: Mapping[str, int],
) -> float:
    """Return the bits of ``sent`` messages, each written and read so many ``times`` in all."""
    return sum(
        n * times[name] * (payload[name] + _address_bits(program, name)) for name, n in sent.items()
    )


def _address_bits(program: Program, name: str) -> int:
    return (prod(program.shape_of(name)) - 1).bit_length()


def memory(network: str, term: str, bits: float) -> Operations:
    """Return the accesses that move so many bits."""
    return Operations(network, term, MEMORY, bits / ACCESS_BITS)


def _multiplier(bits: int) -> str:
    return "int8_mults" if bits <= 8 else "int32_mults"
