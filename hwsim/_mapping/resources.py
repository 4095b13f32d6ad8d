"""Resources of a core: what a box of neurons uses of each, and how many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields

import numpy as np

from hwsim._chip_values import Chip, SynapseMemory
from hwsim._mapping.along import Along
from hwsim._mapping.cut import Cut, Grid
from hwsim._mapping.links import Links
from hwsim._mapping.memory import least_bits, synapse_bits
from hwsim._mapping.single import Single
from hwsim.errors import raise_all
from hwsim.program import Connection, Population, expand
from hwsim.synapses import Dense, Sparse

PROFILES = {
    "neuron_profiles": ("decay_u", "decay_v", "period"),
    "threshold_profiles": ("threshold",),
}
"""Registers that neurons of a core share in a limited number of settings (nengo-loihi 1.1.0
``CompartmentConfig``, ``VthConfig``)."""


@dataclass(frozen=True)
class Resources:
    """Amounts that a core uses, or has; None: no limit is published.

    synapse_bits: see hwsim/_mapping/memory.py. input_axons: one a source neuron, or one a source
    position of a convolution. output_axons: one for each of those and each core it leads to,
    times the chip's slots if it is a convolution's. neuron_profiles: settings of decays and
    refractory period; threshold_profiles: thresholds; synapse_formats: settings of weight
    exponent, delays and index.
    """

    neurons: int | None
    synapse_bits: int | None
    input_axons: int | None
    output_axons: int | None
    neuron_profiles: int | None
    threshold_profiles: int | None
    synapse_formats: int | None


RESOURCES = tuple(f.name for f in fields(Resources))
_FIGURES = {
    "neurons": ("neurons_per_core", 1),
    "synapse_bits": ("synaptic_memory_per_core", 8),
    "input_axons": ("input_axons_per_core", 1),
    "output_axons": ("output_axons_per_core", 1),
    "neuron_profiles": ("neuron_profiles_per_core", 1),
    "threshold_profiles": ("threshold_profiles_per_core", 1),
    "synapse_formats": ("synapse_formats_per_core", 1),
}
"""The limit in a chip file that each resource has, and how many of ours are one of its units."""


def limits_of(chip: Chip) -> Resources:
    """Return what a core of ``chip`` has; raise CheckError listing limits that are no amounts."""
    names = [name for name, _ in _FIGURES.values()]
    figures = {figure.name: figure.value for figure in chip.limits if figure.name in names}
    wrong = {n: v for n, v in figures.items() if isinstance(v, str) or v < 1 or v != int(v)}
    raise_all(
        f"chip {chip.name}",
        [f"[limits.{n}]: value = {v!r} is not a whole number from 1 up" for n, v in wrong.items()],
        hint="correct the chip file",
    )
    return Resources(
        **{
            name: int(figures[figure]) * factor if figure in figures else None
            for name, (figure, factor) in _FIGURES.items()
        }
    )


@dataclass(frozen=True, eq=False)
class Site:
    """A population, or an input that has cores, as what is to be cut."""

    name: str
    grid: Grid
    population: Population | None
    into: tuple[tuple[Connection, Links], ...]
    out: tuple[tuple[Connection, Links], ...]


@dataclass(frozen=True)
class Store:
    """What synapses are stored with: the bits of a weight, and the format of entries."""

    weight_bits: int
    memory: SynapseMemory


def used(site: Site, cut: Cut, store: Store) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each resource but the output axons, with its use by each box, (boxes,)."""
    formats = len({_format(c, links) for c, links in site.into})
    yield "neurons", cut.neurons()
    yield "synapse_formats", np.full(cut.boxes, formats)
    yield "input_axons", sum((w.axons_in(cut) for _, w in site.into), np.zeros(cut.boxes, np.int64))
    for resource, registers in PROFILES.items():
        yield resource, _profiles(site, cut, registers)
    bits = np.zeros(cut.boxes, np.int64)
    for c, links in site.into:
        bits = bits + synapse_bits(links, cut, store.weight_bits, _delayed(c), store.memory)
    yield "synapse_bits", bits


def output_axons(site: Site, cut: Cut, cuts: Mapping[str, Cut], store: Store) -> np.ndarray:
    """Return the output axons of each box if the targets are cut like ``cuts``, (boxes,)."""
    found = np.zeros(cut.boxes, np.int64)
    for c, links in site.out:
        slots = store.memory.shared_axon_slots if isinstance(links, Along) and links.shared else 1
        found = found + slots * links.axons_out(cut, cuts[c.target])
    return found


def bound(site: Site, store: Store) -> Callable[[Cut], int]:
    """Return a quick lower bound of the synapse bits of the largest box of a cut."""
    bits = store.weight_bits + store.memory.least_index_bits
    shared = [w for _, w in site.into if isinstance(w, Along) and w.shared]
    bounds = [least_bits(w, bits) for w in shared if store.memory.base_reach is not None]
    singles = [w for _, w in site.into if isinstance(w, Single)]
    bounds += [lambda cut, w=w: bits * int(w.synapses(cut).max()) for w in singles]
    return lambda cut: max((least(cut) for least in bounds), default=0)


def _profiles(site: Site, cut: Cut, registers: tuple[str, ...]) -> np.ndarray:
    """Count the distinct settings of ``registers`` in each box, (boxes,)."""
    p = site.population
    if p is None:
        return np.zeros(cut.boxes, np.int64)
    values = [expand(getattr(p.neuron, r), p.shape) for r in registers if hasattr(p.neuron, r)]
    values = [v for v in values if v.size > 1]
    if not values:
        return np.ones(cut.boxes, np.int64)
    if site.grid[0] == p.shape[0] and all(v.size == v.shape[0] for v in values):
        values = [v.ravel()[:, None, None] for v in values]  # by channel: no position matters
        per_chunk = [
            len(np.unique(np.stack([v[c].ravel() for v in values]), axis=1).T)
            for c in (slice(s, s + n) for s, n in zip(cut.starts(0), cut.lengths(0), strict=True))
        ]
        return np.repeat(per_chunk, cut.chunks[1] * cut.chunks[2])
    settings = np.stack([np.broadcast_to(v, p.shape).ravel() for v in values])
    _, label = np.unique(settings, axis=1, return_inverse=True)
    label = label.reshape(site.grid)
    return np.array([len(np.unique(label[box])) for box in cut.slices()])


def _format(connection: Connection, links: Links) -> tuple[str, int, bool]:
    kind = "shared" if isinstance(links, Along) and links.shared else type(links).__name__
    return kind, getattr(connection.synapse, "exponent", 0), _delayed(connection)


def _delayed(connection: Connection) -> bool:
    synapse = connection.synapse
    return isinstance(synapse, Dense | Sparse) and synapse.delay is not None
