"""Report: what a run did and what it costs on a chip, as a frozen value and a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from hwsim.errors import FileError
from hwsim.files import read_bytes, write_atomic

SCHEMA = "spikeport.report/1"
_T = TypeVar("_T")


@dataclass(frozen=True)
class Agreement:
    """How an independent oracle agreed: samples run, spike values compared, mismatches."""

    samples: int
    compared: int
    mismatches: int


@dataclass(frozen=True)
class Context:
    """What only the caller of ``price`` knows; None where unknown or not run.

    sha256: of the program's file. accuracy: fractions 0..1. agreement: of the
    oracles that were run, by name.
    """

    program: str | None = None
    sha256: str | None = None
    data: str | None = None
    split: str | None = None
    accuracy_float: float | None = None
    accuracy_program: float | None = None
    agreement: Mapping[str, Agreement] = field(default_factory=dict)


@dataclass(frozen=True)
class Bracket:
    """A range; both ends are None where a price is missing."""

    low: float | None
    high: float | None


@dataclass(frozen=True)
class PerInference:
    """Means over the samples. steps: T frames; machine_steps: those that were run.

    input_messages: nonzero input values. spikes_per_synapse: synaptic operations over
    synapses, None if the synapses were not counted.
    """

    steps: int
    spikes: float
    synops: float
    neuron_updates: float
    energy_uj: Bracket
    latency_us: Bracket
    machine_steps: int
    input_messages: float
    spikes_per_synapse: float | None


@dataclass(frozen=True)
class Layer:
    """A population. spikes, synops (into it), neuron_updates, driven: means per inference.

    rate: spikes per neuron and step. wraps, saturations: updates, and silent, always_firing:
    neurons, over the whole run.
    """

    name: str
    neurons: int
    spikes: float
    synops: float
    neuron_updates: float
    driven: float
    rate: float
    wraps: int
    saturations: int
    silent: int
    always_firing: int


@dataclass(frozen=True)
class Term:
    """One price times one count, per inference; ``_high`` where the count is only bracketed."""

    table: str
    term: str
    count: float
    count_high: float
    price_pj: float | None
    energy_uj: float | None
    energy_high_uj: float | None
    kind: str
    source: str
    note: str


@dataclass(frozen=True)
class Table:
    """A price table as used: its origin, what it adds up to, per inference, and its warning."""

    name: str
    description: str
    kind: str
    voltage: str
    node: str
    source: str
    note: str
    energy_uj: Bracket
    latency_us: Bracket
    barrier_source: str


@dataclass(frozen=True)
class Energy:
    """The priced terms. covers: what the figure holds; missing: what it does not; notes."""

    tables: tuple[str, ...]
    terms: tuple[Term, ...]
    missing: tuple[str, ...]
    covers: str
    notes: tuple[str, ...]
    by_table: tuple[Table, ...]


@dataclass(frozen=True)
class Report:
    """A run, counted and priced on ``chip``; numbers are means over ``samples`` samples."""

    chip: str
    samples: int
    per_inference: PerInference
    layers: tuple[Layer, ...]
    energy: Energy
    context: Context = field(default_factory=Context)

    def with_context(self, context: Context) -> Report:
        """Return this report with ``context`` in the place of its own."""
        return replace(self, context=context)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data in the layout of ``report.json`` (docs/formats.md)."""
        c = self.context
        agreement = dict.fromkeys(("lava", "onnxruntime")) | dict(c.agreement)
        return {
            "schema": SCHEMA,
            "program": {"name": c.program, "sha256": c.sha256, "chip": self.chip},
            "data": {"name": c.data, "split": c.split, "samples": self.samples},
            "accuracy": {"float": c.accuracy_float, "program": c.accuracy_program},
            "agreement": {name: a and asdict(a) for name, a in agreement.items()},
            "per_inference": asdict(self.per_inference),
            "layers": [asdict(layer) for layer in self.layers],
            "energy": asdict(self.energy),
        }

    def to_json(self) -> str:
        """Return ``to_dict`` as indented JSON."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def table(self) -> str:
        """Return the report as text tables for a terminal."""
        from hwsim._report.table import report_text

        return report_text(self)

    def html(self) -> str:
        """Return the report as one self-contained HTML page."""
        from hwsim._report.html import report_html

        return report_html(self)

    def save(self, path: str | Path) -> None:
        """Write the page to a ``.html`` path, JSON to any other."""
        path = Path(path)
        write_atomic(path, self.html() if path.suffix == ".html" else self.to_json() + "\n")

    @staticmethod
    def load(path: str | Path) -> Report:
        """Read the JSON that ``save`` wrote; raise FileError if ``path`` is anything else."""
        content = read_bytes(Path(path), "a report, as simulate --report writes it")
        try:
            return _of_dict(json.loads(content))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FileError(
                f"{path}: is not a report of schema {SCHEMA}: {type(error).__name__}: {error}",
                hint="give a file that spikeport simulate --report wrote",
            ) from None


def _of_dict(d: dict[str, Any]) -> Report:
    if d["schema"] != SCHEMA:
        raise ValueError(f"schema is {d['schema']!r}")
    agreement = {name: _build(Agreement, a) for name, a in d["agreement"].items() if a}
    context = Context(
        d["program"]["name"],
        d["program"]["sha256"],
        d["data"]["name"],
        d["data"]["split"],
        d["accuracy"]["float"],
        d["accuracy"]["program"],
        agreement,
    )
    energy = {
        **d["energy"],
        "tables": tuple(d["energy"]["tables"]),
        "terms": tuple(_build(Term, t) for t in d["energy"]["terms"]),
        "missing": tuple(d["energy"]["missing"]),
        "notes": tuple(d["energy"]["notes"]),
        "by_table": tuple(_build(Table, _brackets(t)) for t in d["energy"]["by_table"]),
    }
    return Report(
        chip=d["program"]["chip"],
        samples=d["data"]["samples"],
        per_inference=_build(PerInference, _brackets(d["per_inference"])),
        layers=tuple(_build(Layer, layer) for layer in d["layers"]),
        energy=_build(Energy, energy),
        context=context,
    )


def _brackets(d: dict[str, Any]) -> dict[str, Any]:
    return {**d, **{k: _build(Bracket, d[k]) for k in ("energy_uj", "latency_us")}}


def _build(kind: type[_T], d: dict[str, Any]) -> _T:
    """Build a dataclass from the keys it knows: a later version may write more."""
    return kind(**{f.name: d[f.name] for f in fields(kind)})  # type: ignore[arg-type]
