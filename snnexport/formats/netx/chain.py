"""A program as what netx can hold: populations one behind the other, perhaps recurrent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwsim.arith import DECAY_UNITY
from hwsim.neurons import Cuba, Delta
from hwsim.program import Connection, Population, Program
from hwsim.synapses import Sparse, Synapse

_CHAIN = "netx layers form a chain"


@dataclass(frozen=True, eq=False)
class Link:
    """A population, the one connection that leads into it, and the one from itself if any."""

    population: Population
    connection: Connection
    recurrent: Connection | None
    is_input: bool = False
    """Whether it is a layer of input neurons: each takes one value of the input as its current."""


def chain(program: Program) -> tuple[Link, ...]:
    """Return the populations in the order of their layers, if :func:`chain_problems` finds none."""
    follows = {link.connection.source: link for link in every_link(program)}
    found: list[Link] = []
    source = program.input.name
    while source in follows and len(found) < len(follows):
        found.append(follows[source])
        source = found[-1].population.name
    return tuple(found)


def every_link(program: Program) -> list[Link]:
    """Return a link for each connection that leads on, also where they are no chain."""
    again = {c.source: c for c in program.connections if c.source == c.target}
    found = []
    for c in program.connections:
        if c.source != c.target and _carries_data(program, c):
            p = program.population(c.target)
            is_input = c.source == program.input.name and _feeds_neurons(c, p)
            found.append(Link(p, c, again.get(p.name), is_input))
    return found


def chain_problems(program: Program) -> list[str]:
    """List everything that keeps ``program`` from being a chain that ends in its output."""
    found = []
    if program.blank is not None:
        found.append(f"{program.blank.name}: netx has no blank line; run each sample alone")
    for p in program.populations:
        found += _fan_in_problems(program, p)
    for name in [program.input.name, *(p.name for p in program.populations)]:
        targets = {c.target for c in program.connections if c.source == name} - {name}
        if len(targets) > 1:
            found.append(f"{name}: it leads to {', '.join(sorted(targets))}; {_CHAIN}")
    return found or _order_problems(program)


def _order_problems(program: Program) -> list[str]:
    """List what is wrong where each population has one connection in and at most one out."""
    links = chain(program)
    reached = [link.population.name for link in links]
    lost = [p.name for p in program.populations if p.name not in reached]
    if lost:
        return [f"{', '.join(lost)}: only a cycle leads there; {_CHAIN}"]
    found = (
        []
        if reached[-1] == program.output
        else [f"output {program.output} is not the last population, {reached[-1]}"]
    )
    for latency, link in enumerate(links, 1):
        p = link.population
        if p.latency != latency:
            found.append(f"{p.name}: latency = {p.latency}, netx's layer has {latency}")
    return found


def _fan_in_problems(program: Program, p: Population) -> list[str]:
    into = [c for c in program.into(p.name) if _carries_data(program, c)]
    forward = [c.name for c in into if c.source != p.name]
    recurrent = [c.name for c in into if c.source == p.name]
    found = []
    if len(forward) != 1:
        names = ", ".join(forward) or "none"
        found.append(f"{p.name}: {len(forward)} connections lead into it ({names}); {_CHAIN}")
    if len(recurrent) > 1:
        found.append(f"{p.name}: {' and '.join(recurrent)} are recurrent; netx holds one")
    return found


def _carries_data(program: Program, c: Connection) -> bool:
    return program.blank is None or c.source != program.blank.name


def _feeds_neurons(c: Connection, p: Population) -> bool:
    """Say whether ``c`` only hands each value of the input to a neuron whose u forgets at once."""
    forgets = isinstance(p.neuron, Cuba) and np.all(np.equal(p.neuron.decay_u, DECAY_UNITY))
    return bool(forgets or isinstance(p.neuron, Delta)) and _is_identity(c.synapse)


def _is_identity(synapse: Synapse) -> bool:
    if not isinstance(synapse, Sparse) or synapse.shape[0] != synapse.shape[1]:
        return False
    same = Sparse.identity(synapse.shape[0])
    parts = ("target", "source", "weight")
    equal = all(np.array_equal(getattr(synapse, n), getattr(same, n)) for n in parts)
    return equal and synapse.exponent == 0 and max(synapse.delays) == 0
