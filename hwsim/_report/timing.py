"""What a report says of the time of an inference, with and without a mapping."""

from __future__ import annotations

from collections import Counter

import numpy as np

from hwsim._chip_values import PriceTable
from hwsim._report.counters import Counters
from hwsim._report.values import UNKNOWN, Bracket, Latency
from hwsim.counts import Counts
from hwsim.latency import step_times
from hwsim.loads import StepLoads


def latency_of(loads: StepLoads, counts: Counts, table: PriceTable) -> Latency | None:
    """Return the means over the samples of ``loads``; None if a time is not published."""
    times = step_times(loads, counts, table)
    if times is None:
        return None
    low, high = times.low, times.high
    busy = times.busy_low.argmax(axis=2).ravel()
    slowest = Counter(loads.mapping.cores[i].population for i in busy.tolist())
    return Latency(
        table=table.name,
        samples=loads.samples,
        low_us=_mean_us(low),
        high_us=_mean_us(high),
        cores_us=Bracket(
            _mean_us(times.busy_low.max(axis=2)), _mean_us(times.busy_high.max(axis=2))
        ),
        barrier_us=Bracket(*(ns * loads.steps / 1e3 for ns in times.barrier_ns)),
        routes_us=None if times.route_ns is None else times.route_ns * loads.steps / 1e3,
        slowest={name: n / len(busy) for name, n in slowest.most_common()},
        slowest_step_us=Bracket(float(low.max()) / 1e3, float(high.max()) / 1e3),
    )


def _mean_us(steps: np.ndarray) -> float:
    """Return the mean over samples of the sum over steps, (steps, samples) in ns, in us."""
    return float(steps.sum(axis=0).mean()) / 1e3


def serial_latency(table: PriceTable, counters: Counters, counts: Counts) -> Bracket:
    """Bracket one inference: nothing but barriers .. all that was counted, one after the other."""
    if table.barrier_low_ns is None or table.barrier_high_ns is None:
        return UNKNOWN
    steps = counts.machine_steps
    serial = 0.0
    for p in (*table.terms, *table.transport):
        high = counters.get(p.counter_high or p.counter, 0)
        if high and p.time_ns is None and p in table.terms:
            return UNKNOWN
        serial += high * (p.time_ns or 0.0) / counts.samples
    low, high = steps * table.barrier_low_ns, steps * table.barrier_high_ns + serial
    return Bracket(low / 1e3, high / 1e3)
