"""Makes a failing network smaller, as long as it fails in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from itertools import islice
from math import prod
from typing import Any

import numpy as np
from draw import Network

from hwsim import run
from hwsim.errors import SpikeportError
from hwsim.program import Connection, Input, Population, Program, Readout, expand
from hwsim.synapses import Conv2d, Dense, Sparse, SumPool2d

Failing = Callable[[Sequence[Network]], list[bool]]
"""Says of each network whether it still fails."""
Make = Callable[[], Network]
Change = Callable[[Network], Iterator[Make]]
"""A kind of simplification: ways to make simpler networks, some of them not valid."""


def shrink(network: Network, failing: Failing, *, tries: int = 1000, at_once: int = 1) -> Network:
    """Return the smallest network that was found to fail like ``network``.

    Kinds of simplification take turns until none helps, or ``tries`` networks were asked about.
    Where asking is slow, ``at_once`` networks are asked about together.
    """
    before = None
    while network is not before and tries > 0:
        before = network
        for change in _CHANGES:
            network, tries = _exhausted(network, change, failing, tries, at_once)
    return network


def _exhausted(
    network: Network, change: Change, failing: Failing, tries: int, at_once: int
) -> tuple[Network, int]:
    """Apply one kind of change as often as it helps; return the tries that are left too."""
    place = 0  # what is before it did not help, and would hardly help now
    while tries > 0:
        asked = list(islice(_valid(change(network)), place, place + min(at_once, tries)))
        if not asked:
            break
        tries -= len(asked)
        answers = failing(asked)
        if any(answers):
            place += answers.index(True)
            network = asked[answers.index(True)]
        else:
            place += len(asked)
    return network, tries


def _valid(makes: Iterator[Make]) -> Iterator[Network]:
    for make in makes:
        try:
            yield make()
        except SpikeportError:
            continue


def _isolated(network: Network) -> Iterator[Make]:
    """Yield single populations, driven by what really arrived, or through one connection."""
    program = network.program
    if len(program.connections) + len(program.populations) <= 2:
        return
    trace = run(program, network.frames, engine="reference", record="state").trace
    assert trace is not None
    for p in program.populations:
        arrived = trace.state["a"][p.name][1:]  # nothing arrives in the first step
        synapse = Sparse.identity(prod(p.shape))
        yield lambda p=p, f=arrived, s=synapse: _driven(program, p, f, Connection("", "", s, True))
    for c in program.connections:
        if c.source in trace.spikes:
            target, sent = program.population(c.target), trace.spikes[c.source]
            yield lambda p=target, f=sent, c=c: _driven(program, p, f, c)


def _driven(program: Program, p: Population, frames: np.ndarray, c: Connection) -> Network:
    """Return ``p`` alone behind an input that sends ``frames`` through the synapses of ``c``."""
    line = Input("in", frames.shape[2:], min(0, int(frames.min())), max(1, int(frames.max())))
    alone = replace(
        program, input=line, populations=(p,), output=p.name, readout=Readout.COUNT, blank=None,
        connections=(replace(c, source="in", target=p.name, label=""),),
    )  # fmt: skip
    return Network(alone, frames.astype(np.int64))


def _changed(network: Network, **changes: Any) -> Network:
    return replace(network, program=replace(network.program, **changes))


def _less_input(network: Network) -> Iterator[Make]:
    frames, program = network.frames, network.program
    steps, batch = frames.shape[:2]
    if batch > 1:
        for column in range(batch):
            yield lambda c=column: replace(network, frames=frames[:, c : c + 1])
    for kept in sorted({1, steps // 2, steps - 1} - {0, steps}):
        yield lambda k=kept: replace(network, frames=frames[:k])
        yield lambda k=kept: replace(network, frames=frames[-k:])
    if frames.any():
        yield lambda: replace(network, frames=np.zeros_like(frames))
        for step in np.flatnonzero(frames.reshape(steps, -1).any(axis=1)):
            mask = np.arange(steps).reshape(-1, *(1,) * (frames.ndim - 1)) != step
            yield lambda m=mask: replace(network, frames=frames * m)
    small = replace(program.input, low=min(0, int(frames.min())), high=max(1, int(frames.max())))
    if small != program.input:
        yield lambda: _changed(network, input=small)


def _fewer_populations(network: Network) -> Iterator[Make]:
    program = network.program
    for gone in program.populations:
        rest = tuple(p for p in program.populations if p is not gone)
        kept = tuple(c for c in program.connections if gone.name not in (c.source, c.target))
        if rest:
            output = rest[-1].name if program.output == gone.name else program.output
            late = (*rest[:-1], replace(rest[-1], latency=program.latency))  # a run as long
            for populations in (rest, late):
                yield lambda r=populations, k=kept, o=output: _changed(
                    network, populations=r, connections=k, output=o, readout=Readout.COUNT
                )
    if program.blank is not None:
        kept = tuple(c for c in program.connections if c.source != program.blank.name)
        yield lambda: _changed(network, blank=None, connections=kept)
    elif program.period is not None:
        yield lambda: _changed(network, period=None)


def _fewer_connections(network: Network) -> Iterator[Make]:
    all_of = network.program.connections
    for gone in all_of:
        yield lambda g=gone: _changed(network, connections=tuple(c for c in all_of if c is not g))


def _fewer_neurons(network: Network) -> Iterator[Make]:
    """Cut flat lines and populations whose synapses are all flat; flatten the others."""
    program = network.program
    for line in (program.input, *program.populations):
        touching = [c for c in program.connections if line.name in (c.source, c.target)]
        size = prod(line.shape)
        if len(line.shape) > 1:
            yield lambda n=line.name: _flattened(network, n)
        elif size > 1 and all(isinstance(c.synapse, Dense | Sparse) for c in touching):
            for part in sorted({size // 2, size // 4, size // 8, 1} - {0}, reverse=True):
                for first in range(0, size, part):
                    keep = np.delete(np.arange(size), slice(first, first + part))
                    yield lambda n=line.name, k=keep: _cut(network, n, k)


def _flattened(network: Network, name: str) -> Network:
    """Give ``name`` the shape (n,), its convolutions as single synapses."""
    program, frames = network.program, network.frames
    connections = tuple(
        replace(c, synapse=_flat(program, c)) if name in (c.source, c.target) else c
        for c in program.connections
    )
    if name == program.input.name:
        frames = frames.reshape(*frames.shape[:2], -1)
        line = replace(program.input, shape=frames.shape[2:])
        return Network(replace(program, input=line, connections=connections), frames)
    return _changed(
        network,
        connections=connections,
        populations=_with(program, name, lambda p: _registers(p, (prod(p.shape),), np.ravel)),
    )


def _flat(program: Program, c: Connection) -> Any:
    if isinstance(c.synapse, Conv2d | SumPool2d):
        return Sparse.unrolled(c.synapse, program.shape_of(c.source))
    return c.synapse


def _cut(network: Network, name: str, keep: np.ndarray) -> Network:
    """Keep only the neurons ``keep`` of a flat line or population."""
    program, frames = network.program, network.frames
    connections = tuple(_cut_synapses(c, name, keep) for c in program.connections)
    if name == program.input.name:
        line = replace(program.input, shape=(len(keep),))
        return Network(replace(program, input=line, connections=connections), frames[:, :, keep])
    return _changed(
        network,
        connections=connections,
        populations=_with(program, name, lambda p: _registers(p, (len(keep),), lambda x: x[keep])),
    )


def _cut_synapses(c: Connection, name: str, keep: np.ndarray) -> Connection:
    synapse = c.synapse
    sides = [side for side, n in enumerate((c.target, c.source)) if n == name]
    for side in sides:
        if isinstance(synapse, Dense):
            delay = None if synapse.delay is None else synapse.delay.take(keep, side)
            synapse = replace(synapse, weight=synapse.weight.take(keep, side), delay=delay)
        elif isinstance(synapse, Sparse):
            ends = [synapse.target, synapse.source]
            there = np.isin(ends[side], keep)
            ends[side] = np.searchsorted(keep, ends[side])
            shape = [*synapse.shape]
            shape[side] = len(keep)
            delay = None if synapse.delay is None else synapse.delay[there]
            synapse = Sparse(
                (shape[0], shape[1]), ends[0][there], ends[1][there],
                synapse.weight[there], synapse.exponent, delay,
            )  # fmt: skip
    return replace(c, synapse=synapse)


def _registers(p: Population, shape: tuple[int, ...], change: Callable[..., Any]) -> Population:
    """Give a population another shape, changing the registers that each neuron has."""
    full = {
        f.name: np.broadcast_to(expand(value, p.shape), p.shape)
        for f in fields(p.neuron)
        if np.ndim(value := getattr(p.neuron, f.name))
    }
    changed = {name: change(value) for name, value in full.items()}
    return replace(p, shape=shape, neuron=replace(p.neuron, **changed))


def _with(
    program: Program, name: str, change: Callable[[Population], Population]
) -> tuple[Population, ...]:
    return tuple(change(p) if p.name == name else p for p in program.populations)


def _plainer(network: Network) -> Iterator[Make]:
    """Simplify registers, timing, synapses and weights."""
    program = network.program
    for p in program.populations:
        for changed in _plainer_populations(p):
            yield lambda n=p.name, q=changed: _changed(
                network, populations=_with(program, n, lambda _: q)
            )
    for c in program.connections:
        for changed in _plainer_connections(c):
            kept = tuple(changed if x is c else x for x in program.connections)
            yield lambda k=kept: _changed(network, connections=k)


def _plainer_populations(p: Population) -> Iterator[Population]:
    if p.latency:
        yield replace(p, latency=0)
    for f in fields(p.neuron):
        value = getattr(p.neuron, f.name)
        for plain in (0, 4096, int(np.max(value))):
            low, high = f.metadata["low"], f.metadata["high"]
            if np.ndim(value) or (plain == 0 and value != 0):
                yield replace(p, neuron=replace(p.neuron, **{f.name: min(max(plain, low), high)}))


def _plainer_connections(c: Connection) -> Iterator[Connection]:
    synapse = c.synapse
    if c.graded:
        yield replace(c, graded=False)
    if c.label:
        yield replace(c, label="")
    if isinstance(synapse, Dense | Sparse):
        if synapse.delay is not None:
            yield replace(c, synapse=replace(synapse, delay=None))
            if synapse.delay.max(initial=0) > 1:
                yield replace(c, synapse=replace(synapse, delay=np.minimum(synapse.delay, 1)))
        if synapse.exponent:
            yield replace(c, synapse=replace(synapse, exponent=0))
    if isinstance(synapse, Dense | Conv2d):
        for axis in range(synapse.weight.ndim):
            yield from _thinned(c, synapse, axis)


def _thinned(c: Connection, synapse: Dense | Conv2d, axis: int) -> Iterator[Connection]:
    """Yield the connection with half of the weights along ``axis`` at zero."""
    size = synapse.weight.shape[axis]
    index = np.arange(size).reshape([-1 if i == axis else 1 for i in range(synapse.weight.ndim)])
    for half in (index < size // 2, index >= size // 2):
        weight = synapse.weight * half
        if (weight != synapse.weight).any():
            yield replace(c, synapse=replace(synapse, weight=weight))


_CHANGES: tuple[Change, ...] = (
    _isolated,
    _less_input,
    _fewer_populations,
    _fewer_connections,
    _fewer_neurons,
    _plainer,
)
