"""The values that a report is made of; what each key of ``report.json`` means is said here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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


UNKNOWN = Bracket(None, None)
_MOST_CORES = 10_000_000
"""Of all chips of a mapping, used or not: what a page can still draw."""


@dataclass(frozen=True)
class PerInference:
    """Means over the samples. steps: T frames; machine_steps: those that were run.

    edp_uj_us: energy times latency, of each table alone, the range over all. input_messages:
    nonzero input values. messages: to cores, once a destination core; hops: routers
    they pass; both None without a mapping. spikes_per_synapse: synaptic operations over
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
    edp_uj_us: Bracket = UNKNOWN
    messages: float | None = None
    hops: float | None = None


@dataclass(frozen=True)
class LayerEnergy:
    """Energy of one price table's term that one population takes, per inference."""

    table: str
    term: str
    energy_uj: float
    energy_high_uj: float


@dataclass(frozen=True)
class Layer:
    """A population, means per inference; what leads into it is counted with it.

    spikes, synops (into it), neuron_updates, driven. rate: spikes per neuron and step. wraps,
    saturations: updates, and silent, always_firing: neurons, over the whole run. The rest as in
    :mod:`hwsim.counts`: synops_by_kind, nonzero_synops, weight_fetches and index_fetches of
    what leads into it; idle and zero updates; bias_adds. messages: to its cores, once a
    destination core, and their hops; cores: that it lives on; None without a mapping.
    energy: what its terms cost, of each table and term with a price.
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
    idle: float = 0.0
    zero: float = 0.0
    bias_adds: float = 0.0
    nonzero_synops: float = 0.0
    weight_fetches: float = 0.0
    index_fetches: float = 0.0
    synops_by_kind: Mapping[str, float] = field(default_factory=dict)
    cores: int | None = None
    messages: float | None = None
    hops: float | None = None
    energy: tuple[LayerEnergy, ...] = ()


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
class Latency:
    """The time of one inference by the prices of ``table``, step by step (hwsim/latency.py).

    low: cores send and receive at the same time, nothing waits on the mesh; high: one after the
    other, and the longest route is waited for. In microseconds, means over ``samples`` samples:
    cores and barrier are parts of the sum, routes a part of its high end, None and not waited for
    if no time of a hop is published. slowest: how often
    the core of each population was the slowest of a step, a fraction of the steps.
    slowest_step_us: the longest step of any sample.
    """

    table: str
    samples: int
    low_us: float
    high_us: float
    cores_us: Bracket
    barrier_us: Bracket
    routes_us: float | None
    slowest: Mapping[str, float]
    slowest_step_us: Bracket


@dataclass(frozen=True)
class CoreUse:
    """A used core: chip, router (x, y), number at that router, population, amounts used."""

    chip: int
    x: int
    y: int
    number: int
    population: str
    use: Mapping[str, int]


@dataclass(frozen=True)
class MappingUse:
    """A mapping. limits: of a core by resource, None: not published; columns, rows: of a chip.

    crossings: messages between chips per inference. hops_row_by_row: the hops of the same
    messages if the cores were placed row after row.
    """

    chips: int
    columns: int
    rows: int
    cores_per_router: int
    limits: Mapping[str, int | None]
    cores: tuple[CoreUse, ...]
    crossings: float
    hops_row_by_row: float

    def __post_init__(self) -> None:
        cores = self.chips * self.columns * self.rows * self.cores_per_router
        if not 0 < cores <= _MOST_CORES:
            raise ValueError(f"a mapping is onto 1 to {_MOST_CORES:,} cores, not {cores:,}")


@dataclass(frozen=True)
class StaticPower:
    """Power that a chip takes without doing anything: published range, one line a source.

    energy_uj: that power over the latency of one inference (lowest power times shortest
    latency, highest times longest); it is in no other figure of the report.
    """

    power_mw: Bracket
    energy_uj: Bracket
    source: str


@dataclass(frozen=True)
class BaselineTerm:
    """One operation of the baseline or of the spiking network on the same conventional prices."""

    network: str
    term: str
    count: float
    price_pj: float
    energy_uj: float


@dataclass(frozen=True)
class Baseline:
    """The same network as a quantized conventional one, priced beside it in one technology.

    weight_bits, activation_bits: of that network; macs: one a synapse; effective_macs: those
    whose activation is not 0 (a neuron that never spiked in a sample is 0 there, its own
    sparsity); samples: of which that was measured. terms: of network ``"ann"`` and ``"snn"``;
    ratio: energy of the spiking one over that of the conventional one.
    """

    table: str
    weight_bits: int
    activation_bits: int
    macs: float
    effective_macs: float
    sparsity: float
    samples: int
    terms: tuple[BaselineTerm, ...]
    ann_uj: float
    snn_uj: float
    ratio: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class BreakEven:
    """A published test of whether a spiking network can pay: ``value`` against ``limits``.

    verdict: "pays", "depends" (inside the published range), "does not pay", or "no figure"
    where the source gives none for this network; reason says why, in a sentence.
    """

    name: str
    quantity: str
    value: float
    limits: Bracket
    verdict: str
    reason: str
    source: str


@dataclass(frozen=True)
class AtSteps:
    """The same network stopped after ``steps`` frames: means over ``samples`` samples."""

    steps: int
    samples: int
    accuracy: float | None
    synops: float
    spikes: float


@dataclass(frozen=True)
class RasterLayer:
    """Spikes of some neurons of a population: (machine step, row) pairs, rows 0..shown-1.

    neurons: all of the population; index of the neuron in row r: ``neurons_shown[r]``, C order.
    """

    name: str
    neurons: int
    neurons_shown: tuple[int, ...]
    events: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Raster:
    """Spikes of one sample over all machine steps, and the mean rate of each step by layer.

    rates[layer]: fraction of all its neurons that spiked in each machine step of the sample.
    """

    sample: int
    steps: int
    layers: tuple[RasterLayer, ...]
    rates: Mapping[str, tuple[float, ...]]
