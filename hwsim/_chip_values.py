"""What a chip is to the rest of hwsim: registers, limits and prices, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hwsim.errors import UnsupportedError, known_hint

COUNTERS = frozenset(
    {f"{kind}_synops{form}" for kind in ("spike", "graded", "payload")
     for form in ("", "_dense", "_sparse", "_conv")}
    | {"nonzero_synops", "updates", "driven", "idle", "zero", "undriven", "nonzero_updates"}
    | {"spikes"}
)  # fmt: skip
"""What the price of a term may be multiplied with; hwsim/_report/counters.py counts them."""

TRANSPORT_COUNTERS = frozenset(
    {"messages_out", "messages_in", "local_messages", "hops_x", "hops_y"}
)
"""What the price of a transport may be multiplied with; they need a mapping."""

COUNTERS_ABOVE = {
    **{f"graded_synops{form}": {f"payload_synops{form}"}
       for form in ("", "_dense", "_sparse", "_conv")},
    "driven": {"nonzero_updates", "updates"},
    "idle": {"undriven", "nonzero_updates", "updates"},
    "zero": {"undriven", "updates"},
    "undriven": {"updates"},
    "nonzero_updates": {"updates"},
    "local_messages": {"messages_out", "messages_in"},
    "messages_out": {"messages_in"},
}  # fmt: skip
"""Counters that are never less than another: what may bound the count of a price from above."""

BASELINE_COUNTERS = frozenset(
    {f"{kind}_{what}" for kind in ("int8", "int32", "fp16", "fp32") for what in ("adds", "mults")}
    | {f"sram_{size}_accesses" for size in ("8kb", "32kb", "1mb")}
    | {"dram_accesses"}
)
"""What the price of a baseline may be multiplied with: operations of a conventional processor,
and 64-bit accesses to memories of a size."""


@dataclass(frozen=True)
class Price:
    """Cost of one event: ``energy_pj`` and ``time_ns`` are None where nothing is published.

    counter: what it is multiplied with, one of ``COUNTERS`` (of transport
    ``TRANSPORT_COUNTERS``, of a baseline ``BASELINE_COUNTERS``); ``counter_high``: its upper
    bound where the events are only bracketed, one of its ``COUNTERS_ABOVE``. includes: counters
    of what this price already contains.
    """

    name: str
    label: str
    kind: str
    voltage: str
    node: str
    source: str
    counter: str
    counter_high: str = ""
    includes: tuple[str, ...] = ()
    energy_pj: float | None = None
    time_ns: float | None = None
    note: str = ""


@dataclass(frozen=True)
class PriceTable:
    """Prices of one origin. barrier_low_ns, barrier_high_ns: one barrier, fewest and most tiles.

    barrier_by_tiles: (tiles, ns) pairs, ascending; a mapping's barrier is that of the largest
    number of tiles that it reaches. all_in: empty, or the operating point at which the chip's
    power was divided by its synaptic operations; such a figure holds everything else, there
    only, and static power too unless all_in_dynamic. baseline: prices of a conventional
    network's operations.
    """

    name: str
    description: str
    kind: str
    voltage: str
    node: str
    source: str
    terms: tuple[Price, ...] = ()
    transport: tuple[Price, ...] = ()
    baseline: tuple[Price, ...] = ()
    all_in: str = ""
    all_in_dynamic: bool = False
    note: str = ""
    barrier_low_ns: float | None = None
    barrier_high_ns: float | None = None
    barrier_by_tiles: tuple[tuple[int, float], ...] = ()
    barrier_source: str = ""


@dataclass(frozen=True)
class Figure:
    """A published number with its unit: a limit of the chip, or a figure of a whole system."""

    name: str
    value: float | str
    unit: str
    source: str


@dataclass(frozen=True)
class Static:
    """Power of a whole chip, in mW, that is taken whatever it does: one published range."""

    name: str
    low_mw: float
    high_mw: float
    source: str


@dataclass(frozen=True)
class Messages:
    """Width of a message. repeated_input: graded input is sent as that many unit spikes."""

    bits: int
    repeated_input: bool
    source: str


@dataclass(frozen=True)
class Weights:
    """Range of a weight, the mantissa's ``bits``, and the range of the exponent."""

    bits: int
    low: int
    high: int
    exponent_low: int
    exponent_high: int
    source: str


@dataclass(frozen=True)
class Bias:
    """Widths of the registers of ``bias = mantissa << exponent``; the mantissa is signed."""

    mantissa_bits: int
    exponent_bits: int
    source: str

    @property
    def mantissa_limit(self) -> int:
        """Return the largest mantissa; the smallest is one below its negative."""
        return 2 ** (self.mantissa_bits - 1) - 1

    @property
    def exponent_limit(self) -> int:
        """Return the largest exponent."""
        return 2**self.exponent_bits - 1


@dataclass(frozen=True)
class Target:
    """What a program must fit. registers: by neuron and register, its low, high, step, source."""

    messages: Messages
    weights: Weights
    bias: Bias
    registers: Mapping[str, Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class Mesh:
    """A chip's ``columns`` x ``rows`` of routers, each with ``cores`` neurocores."""

    columns: int
    rows: int
    cores: int
    source: str


@dataclass(frozen=True)
class SynapseMemory:
    """How a core stores synapses, for :func:`hwsim.mapping.map_program`.

    An entry is a head of ``head_bits`` with up to ``entry_synapses`` synapses, in whole words of
    ``word_bits``. A synapse has its weight, ``delay_bits`` if its connection has delays, and an
    index of at least ``least_index_bits`` unless it is one of an all-to-all matrix. Axons of
    a convolution share entries whose first neurons lie in the same block of ``base_reach``, or,
    without it, all use one kernel without index; each takes ``shared_axon_slots`` of the sending
    core's output axons.
    """

    word_bits: int
    entry_synapses: int
    head_bits: int
    delay_bits: int
    least_index_bits: int
    shared_axon_slots: int
    source: str
    base_reach: int | None = None


@dataclass(frozen=True)
class Chip:
    """One chip file. target: None for a chip that only prices what ran on another.

    notes and not_priced are sentences that every report on this chip repeats. ``messages``,
    ``weights``, ``bias`` and ``registers`` are the target's; they raise UnsupportedError if
    there is none, so that no program is ever made for, or checked against, such a chip.
    """

    name: str
    description: str
    target: Target | None = None
    mesh: Mesh | None = None
    synapse_memory: SynapseMemory | None = None
    limits: tuple[Figure, ...] = ()
    prices: tuple[PriceTable, ...] = ()
    static: tuple[Static, ...] = ()
    system: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    not_priced: tuple[str, ...] = ()

    @property
    def messages(self) -> Messages:
        """Return the width of a message."""
        return self._needed().messages

    @property
    def weights(self) -> Weights:
        """Return the range of a weight."""
        return self._needed().weights

    @property
    def bias(self) -> Bias:
        """Return the widths of a bias."""
        return self._needed().bias

    @property
    def registers(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        """Return the registers of each neuron that the chip has."""
        return self._needed().registers

    def table(self, name: str) -> PriceTable:
        """Return the price table called ``name``; raise UnsupportedError if there is none."""
        for table in self.prices:
            if table.name == name:
                return table
        hint = known_hint([table.name for table in self.prices], name)
        raise UnsupportedError(f"chip {self.name} has no price table {name!r}", hint=hint)

    def _needed(self) -> Target:
        if self.target is None:
            raise UnsupportedError(
                f"chip {self.name} has prices only: its file has no registers to fit a program to",
                hint="make the program for loihi1 or loihi2; simulate and report price it with "
                f"--chip {self.name}",
            )
        return self.target
