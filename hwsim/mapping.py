"""Mapping: a program cut onto the neurocores of chips, and the messages between them."""

from __future__ import annotations

import collections.abc as abc
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from hwsim._mapping.cut import Cut, grid_of
from hwsim._mapping.cutting import cut_all, uses
from hwsim._mapping.links import Links, links_of
from hwsim._mapping.pairs import Counting
from hwsim._mapping.placement import Edges, Places, place, row_by_row
from hwsim._mapping.resources import RESOURCES, Resources, Site, Store, limits_of
from hwsim._mapping.route import Route
from hwsim._mapping.sent import Sent, in_boxes
from hwsim.chip import Chip
from hwsim.errors import SpikeportError, UnsupportedError, raise_all
from hwsim.program import Connection, Program

__all__ = ["Core", "Mapping", "Resources", "Traffic", "map_program"]

OUTSIDE = -1
"""The source core of what comes from outside: an input without cores, and the blank line."""


@dataclass(frozen=True)
class Core:
    """One used core: where it is, the neurons of ``population`` that live on it, and its use.

    ``x``, ``y``: the router on chip ``chip``; ``number``: the core at that router. part: the
    slices of the population's (channels, rows, columns); neurons of another shape are channels,
    in C order.
    """

    chip: int
    x: int
    y: int
    number: int
    population: str
    part: tuple[slice, slice, slice]
    use: Resources


@dataclass(frozen=True, eq=False)
class Traffic:
    """Messages of one connection between cores, arrays of one value a pair of cores.

    A message is sent once to each core on which it has a synapse. source, target: indices into
    the mapping's cores, ``OUTSIDE`` for the source of what comes from outside; messages: how
    many; hops_x, hops_y: routers that each passes, east-west and north-south, X first, 0 from
    outside; crossings: borders between chips among them.
    """

    connection: str
    source: np.ndarray
    target: np.ndarray
    messages: np.ndarray
    hops_x: np.ndarray
    hops_y: np.ndarray
    crossings: np.ndarray

    @property
    def total_hops(self) -> int:
        """Hops of all messages together."""
        return int((self.messages * (self.hops_x + self.hops_y)).sum())


@dataclass(frozen=True, eq=False)
class Mapping:
    """Cores of ``chips`` chips, and what a core has at most.

    The meshes of the chips form one row, west to east: an assumption, since boards differ.
    cores: in the order of the program's populations, the input first if it has cores; a core
    holds neurons of one population. cuts: how each was cut, its boxes in the order of its cores.
    """

    program: Program
    chip: Chip
    chips: int
    limits: Resources
    cores: tuple[Core, ...]
    cuts: abc.Mapping[str, Cut]

    @property
    def used(self) -> Resources:
        """Use of all cores together; profiles and formats: of the core that has most."""
        most = ("neuron_profiles", "threshold_profiles", "synapse_formats")
        return Resources(
            **{
                n: (max if n in most else sum)(getattr(c.use, n) for c in self.cores)
                for n in RESOURCES
            }
        )

    def messages(self, fired: abc.Mapping[str, np.ndarray]) -> tuple[Traffic, ...]:
        """Count the messages between cores, connection by connection.

        ``fired[name]``: messages that each neuron of a source sent in a run, the source's shape:
        of every population, the input, and the blank line if there is one; as
        ``hwsim.counts.connection_counts`` takes them. A graded message is one message.
        """
        raise_all(
            "fired", _fired_problems(self.program, fired), hint="give a count for each neuron"
        )
        sent = {name: self.sent(name, np.asarray(counts)) for name, counts in fired.items()}
        return tuple(
            Traffic(c.name, r.source, r.target, r.messages(sent[c.source])[0], *r.ways)
            for c, r in zip(self.program.connections, self.routes.values(), strict=True)
        )

    def sent(self, source: str, counts: np.ndarray) -> Sent:
        """Return ``counts`` (..., *shape) of a source as routes and :attr:`synops` take them."""
        return Sent(counts, grid_of(self.program.shape_of(source)))

    @cached_property
    def routes(self) -> dict[str, Route]:
        """The route of each connection."""
        return {c.name: self._route(c) for c in self.program.connections}

    def _route(self, c: Connection) -> Route:
        grid = grid_of(self.program.shape_of(c.source))
        inside = c.source in self.cuts
        source = self.cuts[c.source] if inside else Cut(grid, grid)
        pairs = self._links[c.name].between(source, self.cuts[c.target])
        target = pairs.target + self.places(c.target).start
        start = np.full_like(target, OUTSIDE)
        if inside:
            start = pairs.source + self.places(c.source).start
        ways = abs(self._routers[:, start] - self._routers[:, target]) * inside
        return Route(start, target, ways, pairs.messages, inside)

    @cached_property
    def spikes(self) -> dict[str, Counting]:
        """What counts the spikes of each population, and of an input with cores, by core."""
        return {name: in_boxes(cut) for name, cut in self.cuts.items()}

    @cached_property
    def synops(self) -> dict[str, Counting]:
        """What counts the synaptic operations of each connection by core of its target."""
        return {
            c.name: self._links[c.name].synops(self.cuts[c.target])
            for c in self.program.connections
        }

    @cached_property
    def nonzero_synops(self) -> dict[str, Counting]:
        """As :attr:`synops`, of synapses whose weight is not 0."""
        return {
            c.name: self._links[c.name].synops(self.cuts[c.target], nonzero=True)
            for c in self.program.connections
        }

    def hops(self, traffic: abc.Sequence[Traffic]) -> int:
        """Return the hops of messages between the same cores, placed as they are here."""
        xy = self._routers[:2]
        inside = _between_cores(traffic)
        ways = (abs(xy[:, t.source] - xy[:, t.target]).sum(axis=0) for t in inside)
        return sum(int(t.messages @ way) for t, way in zip(inside, ways, strict=True))

    def places(self, population: str) -> slice:
        """Return which of ``cores`` are those of a population, or of an input that has cores."""
        first = self._first[population]
        return slice(first, first + self.cuts[population].boxes)

    @cached_property
    def _links(self) -> dict[str, Links]:
        """The links of each connection by its name."""
        return {c.name: links_of(self.program, c) for c in self.program.connections}

    @cached_property
    def row_by_row(self) -> Mapping:
        """The same cores placed in order, row after row: what placement is compared with."""
        mesh = self.chip.mesh
        assert mesh is not None
        return _placed(self, row_by_row(len(self.cores), mesh))

    @cached_property
    def _first(self) -> dict[str, int]:
        """The index of each population's first core."""
        firsts = np.cumsum([0, *(cut.boxes for cut in self.cuts.values())]).tolist()
        return dict(zip(self.cuts, firsts, strict=False))

    @cached_property
    def _routers(self) -> np.ndarray:
        """The x in the row of all chips, the y and the chip of each core, (3, cores)."""
        mesh = self.chip.mesh
        assert mesh is not None
        rows = [(c.chip * mesh.columns + c.x, c.y, c.chip) for c in self.cores]
        return np.array(rows).T


def map_program(
    program: Program, chip: Chip, *, neurons_per_core: abc.Mapping[str, int] | None = None
) -> Mapping:
    """Cut ``program`` onto as many cores, and chips, as it takes, and place them.

    Each population gets the fewest cores it fits on; of those cuts, the one that the fewest
    messages reach if all neurons fire equally often, which is also what placement shortens.
    The same program always gets the same mapping.

    Parameters
    ----------
    program, chip
        What is mapped, and where to.
    neurons_per_core
        Neurons of a full core by population, for a mapping that is known; the input has cores
        only if it is named here, else it arrives from outside.

    Raises
    ------
    UnsupportedError
        If ``chip`` says nothing of its mesh or its synapse memory.
    CheckError
        Listing every resource of a core that does not suffice, with what would make it fit.
    """
    missing = [n for n in ("mesh", "synapse_memory") if getattr(chip, n) is None]
    if missing or chip.mesh is None or chip.synapse_memory is None:
        raise UnsupportedError(
            f"chip {chip.name} has no {' and no '.join(missing)}: nothing can be mapped onto it",
            hint="use loihi1 or loihi2, or add the tables to the chip file",
        )
    given = dict(neurons_per_core or {})
    where = f"program {program.name} on chip {chip.name}"
    raise_all(where, _given_problems(program, given), hint="name populations, or the input")
    limits, store = limits_of(chip), Store(chip.weights.bits, chip.synapse_memory)
    sites = _sites(program, program.input.name in given, where)
    cuts, problems = cut_all(sites, limits, store, given)
    raise_all(where, problems, hint="each line ends with its way out")
    cores = []
    for site in sites.values():
        use = uses(site, cuts, store)
        for box, part in enumerate(cuts[site.name].slices()):
            amounts = {name: int(use[name][box]) for name in RESOURCES}
            cores.append(Core(0, 0, 0, 0, site.name, part, Resources(**amounts)))
    unplaced = Mapping(program, chip, 0, limits, tuple(cores), cuts)
    return _placed(unplaced, place(len(cores), _edges(unplaced), chip.mesh))


def _sites(program: Program, with_input: bool, where: str) -> dict[str, Site]:
    links, problems = {}, []
    for c in program.connections:
        try:
            links[c.name] = links_of(program, c)
        except SpikeportError as error:
            problems.append(f"{error.message}; {error.hint}")
    raise_all(where, problems, hint="each line ends with its way out")
    sources = [(program.input, None)] if with_input else []
    found = {}
    for s, population in (*sources, *((p, p) for p in program.populations)):
        into = tuple((c, links[c.name]) for c in program.connections if c.target == s.name)
        out = tuple((c, links[c.name]) for c in program.connections if c.source == s.name)
        found[s.name] = Site(s.name, grid_of(s.shape), population, into, out)
    return found


def _between_cores(traffic: abc.Sequence[Traffic]) -> list[Traffic]:
    """Leave out what comes from outside."""
    return [t for t in traffic if (t.source != OUTSIDE).all()]


def _edges(mapping: Mapping) -> Edges:
    """Return the messages between cores if every neuron fired once."""
    ones = {s.name: np.ones(s.shape, np.int64) for s in _sources(mapping.program)}
    inside = _between_cores(mapping.messages(ones))
    parts = [(t.source, t.target, t.messages) for t in inside] or [(np.zeros(0, np.int64),) * 3]
    return Edges(*map(np.concatenate, zip(*parts, strict=True)))


def _placed(mapping: Mapping, places: Places) -> Mapping:
    mesh = mapping.chip.mesh
    assert mesh is not None
    chip, x = np.divmod(places.x, mesh.columns)
    rows = zip(
        mapping.cores, *(a.tolist() for a in (chip, x, places.y, places.number)), strict=True
    )
    cores = tuple(replace(c, chip=i, x=at, y=y, number=n) for c, i, at, y, n in rows)
    return replace(mapping, cores=cores, chips=int(chip.max()) + 1)


def _sources(program: Program) -> tuple:
    return (*program.lines, *program.populations)


def _given_problems(program: Program, given: abc.Mapping[str, int]) -> list[str]:
    known = {program.input.name, *(p.name for p in program.populations)}
    found = [
        f"{name}: no such population to give neurons a core"
        for name in sorted(given.keys() - known)
    ]
    return found + [
        f"{n}: neurons a core = {k} is not 1 or more" for n, k in given.items() if k < 1
    ]


def _fired_problems(program: Program, fired: abc.Mapping[str, np.ndarray]) -> list[str]:
    found = []
    for s in _sources(program):
        if s.name not in fired:
            found.append(f"{s.name} is missing")
        elif np.shape(fired[s.name]) != s.shape:
            found.append(f"{s.name} has shape {np.shape(fired[s.name])}, not {s.shape}")
    return found
