"""Measured networks of which only sizes are public: their work in closed form, and its price."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwsim import load_chip
from hwsim._report.counters import counters_by_layer, total
from hwsim.chip import Chip, PriceTable
from hwsim.counts import ConnectionCounts, Counts, Form, PopulationCounts
from hwsim.energy import price

FOLDER = Path(__file__).parent
OTHER = ("pilotnet", "not-estimated")
"""Files of another layout: the network that is simulated, and those left out with a reason."""
MICRO = {"nJ": 1e3, "uJ": 1.0}

Range = tuple[float, float]


@dataclass(frozen=True)
class Row:
    """A printed line. part: of the chip; by: what estimates; estimate, measured: None if unknown.

    target: the error allowed, or what is asked; ok: None if there is no target.
    """

    case: str
    part: str
    quantity: str
    unit: str
    by: str
    estimate: Range | None
    measured: Range | None
    target: str = ""
    ok: bool | None = None

    @property
    def ratio(self) -> Range | None:
        """Estimate over measurement, the lowest and the highest that the ranges allow."""
        if self.estimate is None or self.measured is None:
            return None
        return self.estimate[0] / self.measured[1], self.estimate[1] / self.measured[0]


@dataclass(frozen=True)
class Group:
    """Neurons alike. synapses: all that lead out of them; rate: spikes a neuron and step."""

    name: str
    neurons: int
    synapses: int
    rate: Range
    updated: bool = True


@dataclass(frozen=True)
class Figure:
    """A measurement, and how it is estimated: one of ``estimate``, ``stated`` or ``reason``.

    estimate: ``energy`` (of a sample), ``time`` (of a step) or ``static``; own_static: the
    static power of the chip file that is this measurement. stated: a range that the file
    derives, ``by`` whom. reason: why there is none.
    """

    part: str
    quantity: str
    unit: str
    measured: Range
    estimate: str = ""
    own_static: str = ""
    stated: Range | None = None
    by: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Case:
    """A case file. steps: of a sample; cores: that share the work evenly; form: of synapses."""

    name: str
    title: str
    chip: str
    source: str
    assumed: tuple[str, ...]
    tables: tuple[str, ...]
    steps: int
    cores: int
    form: Form
    groups: tuple[Group, ...]
    figures: tuple[Figure, ...]


def case_names() -> list[str]:
    """Return the names of the cases in closed form."""
    return sorted(p.stem for p in FOLDER.glob("*.toml") if p.stem not in OTHER)


def read(name: str) -> dict:
    """Return the content of a file of ``FOLDER``."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text())


def load_case(name: str) -> Case:
    """Return the case of this name."""
    content = read(name)
    content["form"] = Form(content["form"])
    content["groups"] = tuple(_value(Group, g) for g in content["groups"])
    content["figures"] = tuple(_value(Figure, f) for f in content["figures"])
    return Case(name, **content)


def _value(kind: type, table: dict) -> Any:
    """Return a table as a value of ``kind``; its lists are ranges."""
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in table.items()})


def rows_of(case: Case) -> list[Row]:
    """Return a row for each figure and table of the chip."""
    chip = load_chip(case.chip)
    return [
        Row(case.name, f.part, f.quantity, f.unit, by, estimate, f.measured)
        for f in case.figures
        for by, estimate in _estimates(case, f, chip)
    ]


def _estimates(case: Case, figure: Figure, chip: Chip) -> list[tuple[str, Range | None]]:
    if figure.stated is not None:
        return [(figure.by, figure.stated)]
    if figure.estimate == "static":
        return [(f"{s.name} [static]", (s.low_mw, s.high_mw))
                for s in chip.static if s.name != figure.own_static]  # fmt: skip
    tables = [chip.table(name) for name in case.tables]
    if figure.estimate == "energy":
        return [(t.name, _energy(case, chip, t, MICRO[figure.unit])) for t in tables]
    if figure.estimate == "time":
        return [(t.name, step_us(case, chip, t)) for t in tables]
    return [(figure.reason, None)]


def _energy(case: Case, chip: Chip, table: PriceTable, scale: float) -> Range:
    ends = [price(work(case, end), chip, prices=[table.name]) for end in (0, 1)]
    low, high = (report.per_inference.energy_uj for report in ends)
    assert low.low is not None
    assert high.high is not None
    return low.low * scale, high.high * scale


def step_us(case: Case, chip: Chip, table: PriceTable) -> Range:
    """Return the time of a step: cores share the work evenly and do it at once .. in turn.

    Low is a floor, since the busiest core has more than its share; high has the high rates
    and the longest barrier.
    """
    assert chip.mesh is not None
    low, high = (_core_ns(case, table, end) for end in (0, 1))
    tiles = -(-case.cores // chip.mesh.cores)
    reached = [ns for least, ns in table.barrier_by_tiles if least <= tiles]
    barrier = (table.barrier_low_ns or 0.0, table.barrier_high_ns or 0.0)
    shortest, longest = (reached[-1], reached[-1]) if reached else barrier
    return (max(low) + shortest) / 1e3, (sum(high) + longest) / 1e3


def _core_ns(case: Case, table: PriceTable, end: int) -> tuple[float, float]:
    """Return what a core needs in a step to advance its neurons and to receive."""
    amounts, found = total(counters_by_layer(work(case, end), None, None, ())), [0.0, 0.0]
    for p in table.terms:
        counter = (p.counter, p.counter_high or p.counter)[end]
        share = amounts.get(counter, 0) / case.steps / case.cores
        found["synops" in counter] += share * (p.time_ns or 0.0)
    return found[0], found[1]


def work(case: Case, end: int) -> Counts:
    """Return the counts of a sample: 0, with the low rates and idle neurons, or 1."""
    return Counts(
        samples=1,
        steps=case.steps,
        machine_steps=case.steps,
        populations=tuple(_population(g, case.steps, end) for g in case.groups if g.updated),
        connections=tuple(_connection(g, case, end) for g in case.groups if g.synapses),
    )


def _population(group: Group, steps: int, end: int) -> PopulationCounts:
    updates = group.neurons * steps
    return PopulationCounts(
        name=group.name,
        neurons=group.neurons,
        spikes=round(updates * group.rate[end]),
        updates=updates,
        driven=updates * end,
        wraps=0,
        saturations=0,
        silent=0,
        always_firing=0,
        zero=updates * (1 - end),
    )


def _connection(group: Group, case: Case, end: int) -> ConnectionCounts:
    active = case.steps * group.rate[end]
    synops = round(group.synapses * active)
    return ConnectionCounts(
        source=group.name,
        target=f"behind {group.name}",
        graded=False,
        messages=round(group.neurons * active),
        synops=synops,
        form=case.form,
        nonzero_synops=synops,
    )
