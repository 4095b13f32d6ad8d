"""Latency: how long the steps of a run take, from the loads of its cores and a price table.

In each step a core advances its neurons and sends their messages, and it receives messages and
reads their synapses; when all cores have done so a barrier ends the step. Low: every core does
both at the same time, and the mesh delays nothing (SANA-FE 2.2.9,
``schedule_messages_timestep_simple``). High: one after the other, and each step also waits for
the longest route that its messages may take.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hwsim._chip_values import PriceTable
from hwsim.counts import Counts, PopulationCounts
from hwsim.loads import StepLoads
from hwsim.mapping import Mapping as Placed

_SENT = frozenset(
    {"spikes", "messages_out", "updates", "driven", "idle", "zero", "undriven", "nonzero_updates"}
)
"""What a core does to advance its neurons and to send; the rest it does to receive."""
_WAYS = ("hops_x", "hops_y", "local_messages")
"""What a message does between the cores."""


@dataclass(frozen=True, eq=False)
class StepTimes:
    """Times in ns. sending, receiving: (steps, samples, cores); barrier: low and high; route_ns:
    the longest, None if no time of a hop is published.
    """

    sending_low: np.ndarray
    sending_high: np.ndarray
    receiving_low: np.ndarray
    receiving_high: np.ndarray
    barrier_ns: tuple[float, float]
    route_ns: float | None

    @property
    def low(self) -> np.ndarray:
        """The shortest that each step may take, (steps, samples)."""
        return self.busy_low.max(axis=2) + self.barrier_ns[0]

    @property
    def high(self) -> np.ndarray:
        """The longest that each step may take, (steps, samples)."""
        return self.busy_high.max(axis=2) + self.barrier_ns[1] + (self.route_ns or 0.0)

    @property
    def busy_low(self) -> np.ndarray:
        """What each core needs if it sends and receives at the same time."""
        return np.maximum(self.sending_low, self.receiving_low)

    @property
    def busy_high(self) -> np.ndarray:
        """What each core needs if it sends and then receives."""
        return self.sending_high + self.receiving_high


def step_times(loads: StepLoads, counts: Counts, table: PriceTable) -> StepTimes | None:
    """Return the times of all steps by the prices of ``table``; None if one is not published.

    Updates are spread evenly over the steps and neurons of a population, as ``counts`` has
    them: whether a neuron was driven in a step is not in ``loads``.
    """
    if table.barrier_low_ns is None or table.barrier_high_ns is None:
        return None
    updates = _updates(loads.mapping, counts)
    shape = (loads.steps, loads.samples, len(loads.mapping.cores))
    sums = {(sent, end): np.zeros(shape) for sent in (True, False) for end in (0, 1)}
    for price in (*table.terms, *table.transport):
        if price.counter in _WAYS:
            continue
        for end, counter in enumerate((price.counter, price.counter_high or price.counter)):
            amount = _amount(counter, loads, updates)
            if amount is None or not np.any(amount):
                continue
            if price.time_ns is None:
                if price in table.terms:
                    return None
                continue  # most tables price transport in energy alone, or not at all
            sums[price.counter in _SENT, end] += amount * price.time_ns
    return StepTimes(
        sums[True, 0],
        sums[True, 1],
        sums[False, 0],
        sums[False, 1],
        _barrier(loads.mapping, table),
        _route(loads, table),
    )


def _amount(counter: str, loads: StepLoads, updates: Mapping[str, np.ndarray]) -> np.ndarray | None:
    if counter == "nonzero_synops":
        return loads.amounts[counter]
    if counter in updates:
        return updates[counter]
    kind, synops, form = counter.partition("_synops")
    if synops and not form:
        forms = [a for name, a in loads.amounts.items() if name.startswith(f"{kind}_synops_")]
        return sum(forms, np.zeros(())) if forms else None
    return loads.amounts.get(counter)


def _updates(mapping: Placed, counts: Counts) -> dict[str, np.ndarray]:
    """Return what each core updates in a step, (cores,); an input has nothing to update."""
    by_name = {p.name: p for p in counts.populations}
    shares = [
        _shares(by_name[c.population], c.use.neurons) if c.population in by_name else {}
        for c in mapping.cores
    ]
    names = ("updates", "driven", "idle", "zero", "undriven", "nonzero_updates")
    return {name: np.array([share.get(name, 0.0) for share in shares]) for name in names}


def _shares(p: PopulationCounts, neurons: int | None) -> dict[str, float]:
    assert neurons is not None
    each = neurons / max(p.updates, 1)
    return {
        "updates": float(neurons),
        "driven": p.driven * each,
        "idle": p.idle * each,
        "zero": p.zero * each,
        "undriven": (p.updates - p.driven) * each,
        "nonzero_updates": (p.updates - p.zero) * each,
    }


def _barrier(mapping: Placed, table: PriceTable) -> tuple[float, float]:
    low, high = table.barrier_low_ns, table.barrier_high_ns
    assert low is not None
    assert high is not None
    tiles = len({(c.chip, c.x, c.y) for c in mapping.cores})
    reached = [ns for least, ns in table.barrier_by_tiles if least <= tiles]
    return (reached[-1], reached[-1]) if reached else (low, high)


def _route(loads: StepLoads, table: PriceTable) -> float | None:
    """Return the longest time that a message may be under way; 0 if none goes between cores.

    None if ``table`` has no time for any part of a way.
    """
    if not any(p.counter in _WAYS and p.time_ns is not None for p in table.transport):
        return None
    x, y, local = (
        sum(p.time_ns or 0.0 for p in table.transport if p.counter == way) for way in _WAYS
    )
    ways = [r.ways for r in loads.mapping.routes.values() if r.inside and r.ways.size]
    return max((float((x * w[0] + y * w[1]).max()) + local for w in ways), default=0.0)
