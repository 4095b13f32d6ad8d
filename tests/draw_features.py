"""Names what a random network uses, so that coverage can be counted and asserted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from math import prod

import numpy as np

from hwsim.arith import SignMode
from hwsim.counts import Counts
from hwsim.neurons import NEURONS
from hwsim.program import Connection, Population, Program
from hwsim.synapses import Conv2d

_STOCK = ("Delta", "GradedRelay", "Sigma", "SigmaDelta", "Ternary")
EVERY = frozenset(
    [f"neuron {name}" for name in NEURONS]
    + [f"synapse {kind}" for kind in ("Dense", "Sparse", "Conv2d", "SumPool2d")]
    + [f"register per {what}" for what in ("population", "channel", "neuron")]
    + [f"weights {mode.name.lower()}" for mode in SignMode]
    + [f"conv {what}" for what in ("stride", "padding", "dilation", "groups", "asymmetric")]
    + [f"input {what}" for what in ("binary", "graded", "negative", "grid", "flat")]
    + [f"stock {name}" for name in _STOCK]
    + ["delay", "delay above 15", "exponent below 0", "exponent above 0", "conv weights wide"]
    + ["no synapse", "zero weights", "self loop", "cycle", "skip", "several inputs", "label"]
    + ["graded ternary", "graded 32 bit", "payload counted as 1", "one neuron"]
    + ["period", "no period", "period 1", "phase 0", "blank", "blank delayed"]
    + ["readout count", "readout voltage", "unaligned", "one frame", "columns"]
    + ["wraps", "saturations", "never fires", "always fires"]
)
"""What the generator must produce."""


def features(program: Program) -> set[str]:
    """Return the names of what ``program`` uses, a subset of ``EVERY``."""
    found = {"period" if program.period else "no period", f"readout {program.readout.value}"}
    source = program.input
    found.add("input grid" if len(source.shape) == 3 else "input flat")
    found.add("input binary" if (source.low, source.high) == (0, 1) else "input graded")
    order = {name: i for i, name in enumerate(p.name for p in program.populations)}
    names = {
        "period 1": program.period == 1,
        "phase 0": any(program.phase(p) == 0 for p in program.populations),
        "blank": any(program.blank and c.source == program.blank.name for c in program.connections),
        "input negative": source.low < 0,
    }
    found |= {name for name, true in names.items() if true}
    for p in program.populations:
        found |= set(_population_features(program, p))
    for c in program.connections:
        found |= set(_connection_features(program, c, order))
    return found


def run_features(counts: Counts, frames: np.ndarray) -> set[str]:
    """Return what only a run shows."""
    populations = counts.populations
    names = {
        "one frame": len(frames) == 1,
        "columns": frames.shape[1] > 1,
        "wraps": any(p.wraps for p in populations),
        "saturations": any(p.saturations for p in populations),
        "never fires": any(p.silent == p.neurons for p in populations),
        "always fires": any(p.always_firing for p in populations),
    }
    return {name for name, true in names.items() if true}


def _population_features(program: Program, p: Population) -> Iterator[str]:
    yield f"neuron {type(p.neuron).__name__}"
    if prod(p.shape) == 1:
        yield "one neuron"
    if _is_stock(program, p):
        yield f"stock {type(p.neuron).__name__}"
    incoming = program.into(p.name)
    if len(incoming) > 1:
        yield "several inputs"
    for register in fields(p.neuron):
        shape = np.shape(getattr(p.neuron, register.name))
        per = "population" if not shape else "neuron" if shape == p.shape else "channel"
        yield f"register per {per}"


def _is_stock(program: Program, p: Population) -> bool:
    """Say whether a Process of Lava's own can be ``p``: one threshold, and never reset."""
    registers = vars(p.neuron)
    if type(p.neuron).__name__ not in _STOCK or program.period is not None:
        return False
    shift = registers.get("spike_exp", 0) + registers.get("state_exp", 0)
    scaled = [np.asarray(registers.get(name, 0)) for name in ("threshold", "bias")]
    exact = not shift or not any((value % (1 << shift)).any() for value in scaled)
    return exact and not scaled[0].ndim


def _connection_features(program: Program, c: Connection, order: dict[str, int]) -> Iterator[str]:
    source, target = order.get(c.source, -1), order[c.target]
    late = _latency(program, c.target) - _latency(program, c.source)
    blanks = program.blank is not None and c.source == program.blank.name
    low, high = program.messages_of(c.source)
    carries = low < 0 or high > 1
    names = {
        "self loop": source == target,
        "cycle": source > target,
        "skip": not blanks and target - source > 1,
        "label": bool(c.label),
        "unaligned": not blanks and source < target and late != 1,
        "graded ternary": c.graded and (low, high) == (-1, 1) and source >= 0,
        "graded 32 bit": c.graded and high > 255,
        "payload counted as 1": carries and not c.graded,
        "delay": max(c.synapse.delays) > 0,
        "delay above 15": max(c.synapse.delays) > 15,
        "blank delayed": blanks and max(c.synapse.delays) > 0,
        "exponent below 0": getattr(c.synapse, "exponent", 0) < 0,
        "exponent above 0": getattr(c.synapse, "exponent", 0) > 0,
        "no synapse": c.synapse.weights.size == 0,
        "zero weights": c.synapse.weights.size > 0 and not c.synapse.weights.any(),
    }
    yield f"synapse {type(c.synapse).__name__}"
    yield from (name for name, true in names.items() if true)
    if isinstance(c.synapse, Conv2d):
        yield from _conv_features(c.synapse)
    elif c.synapse.weights.any():
        yield f"weights {SignMode.of(c.synapse.weights).name.lower()}"


def _conv_features(conv: Conv2d) -> Iterator[str]:
    rows, columns = conv.weight.shape[2:]
    names = {
        "stride": conv.stride != (1, 1),
        "padding": conv.padding != (0, 0),
        "dilation": conv.dilation != (1, 1),
        "groups": conv.groups > 1,
        "asymmetric": rows != columns,
        "weights wide": np.abs(conv.weight).max() > 2**16,
    }
    yield from (f"conv {name}" for name, true in names.items() if true)


def _latency(program: Program, name: str) -> int:
    return next((p.latency for p in program.populations if p.name == name), program.gap)
