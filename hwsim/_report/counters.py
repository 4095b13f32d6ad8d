"""What a report takes from the counts of a run: the counters that prices are multiplied with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from hwsim.counts import ConnectionCounts, Counts, Form, PopulationCounts
from hwsim.mapping import OUTSIDE, Traffic
from hwsim.program import Program

Counters = Mapping[str, int]
"""Counts over all samples by the names in ``hwsim.chip``'s COUNTERS and TRANSPORT_COUNTERS."""


def counters_by_layer(
    counts: Counts,
    program: Program | None,
    inputs: np.ndarray | None,
    traffic: Sequence[Traffic],
) -> dict[str, Counters]:
    """Return the counters of each population, what leads into it included.

    spike, graded: synaptic operations by connection; payload: graded ones if a value k of the
    input were sent as k unit spikes; each also by synapse format. ``inputs``: all frames
    (T, B, *shape), of which those count that were sent. traffic: that of the run, empty without
    a mapping.
    """
    if program is not None and inputs is not None:
        inputs = inputs[: program.frames_sent(counts.machine_steps)]
    found = {p.name: Counter(_updates(p)) for p in counts.populations}
    for c in counts.connections:
        found.setdefault(c.target, Counter()).update(_synops(c, _payload(program, c, inputs)))
    targets = {c.name: c.target for c in counts.connections}
    for t in traffic:
        found[targets[t.connection]].update(_transport(t))
    return {name: _with_sums(counter) for name, counter in found.items()}


def total(layers: Mapping[str, Counters]) -> Counters:
    """Return the sums over all populations."""
    return sum(map(Counter, layers.values()), Counter())


def _updates(p: PopulationCounts) -> dict[str, int]:
    return {
        "updates": p.updates,
        "driven": p.driven,
        "idle": p.idle,
        "zero": p.zero,
        "undriven": p.updates - p.driven,
        "nonzero_updates": p.updates - p.zero,
        "spikes": p.spikes,
    }


def _synops(c: ConnectionCounts, payload: int) -> dict[str, int]:
    form, kind = c.form.value, "graded" if c.graded else "spike"
    found = {f"{kind}_synops_{form}": c.synops, "nonzero_synops": c.nonzero_synops}
    return {**found, f"payload_synops_{form}": payload} if c.graded else found


def _payload(program: Program | None, c: ConnectionCounts, inputs: np.ndarray | None) -> int:
    """Return the synaptic operations if a value k of the input were sent as k unit spikes."""
    if program is None or not c.graded or c.source != program.input.name:
        return c.synops
    if inputs is None:
        return c.synops * max(abs(program.input.low), abs(program.input.high))
    connection = next(one for one in program.connections if one.name == c.name)
    values = sum(np.abs(frame.astype(np.int64)).sum(axis=0) for frame in inputs)
    return int((values * connection.synapse.fan_out(program.input.shape)).sum())


def _transport(t: Traffic) -> dict[str, int]:
    """Count what enters from outside as received only: nobody on the chip sends it."""
    inside = t.source != OUTSIDE
    local = inside & (t.hops_x + t.hops_y == 0)
    return {
        "messages_in": int(t.messages.sum()),
        "messages_out": int(t.messages[inside].sum()),
        "local_messages": int(t.messages[local].sum()),
        "hops_x": int(t.messages @ t.hops_x),
        "hops_y": int(t.messages @ t.hops_y),
    }


def _with_sums(counters: Counter[str]) -> Counters:
    """Add the sums over the synapse formats."""
    for kind in ("spike", "graded", "payload"):
        names = [f"{kind}_synops_{form.value}" for form in Form]
        counters[f"{kind}_synops"] = sum(counters[name] for name in names)
    return counters
