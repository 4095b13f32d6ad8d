"""PilotNet LIF on a Loihi 2 chip: its spikes simulated, counted core by core, timed and priced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hwsim import Conv2d, Dense, load_chip, run
from hwsim.chip import PriceTable
from hwsim.counts import Counts
from hwsim.energy import price
from hwsim.latency import StepTimes, step_times
from hwsim.loads import StepLoads, step_loads
from hwsim.mapping import Core, Mapping, map_program
from hwsim.program import Connection
from hwsim.trace import Trace
from silicon.cases import Range, Row, read
from silicon.prices import ENERGY, MODEL, tables_with_energies, tables_with_times
from snnexport.formats.netx.read import read_netx

CASE = "pilotnet"
AT_ONCE, STEP_PART = "at once", "cores and barrier"
BEYOND, FREE = "with taps beyond the edge", "if nothing were reset"
COUNTS_WITHIN, UPDATES_WITHIN, TIME_WITHIN, APART = 0.005, 0.01, 0.1, 0.01
PERIODS = 8
"""That run; the last is looked at, the spikes have repeated by then."""
FREE_STEPS = 24
"""After which the spikes repeat if nothing is reset."""


@dataclass(frozen=True, eq=False)
class Ran:
    """What ran: the case file, and the run with its mapping and loads; cycle: steps of a period."""

    data: dict
    cycle: int
    mapping: Mapping
    trace: Trace
    counts: Counts
    loads: StepLoads

    @property
    def last(self) -> slice:
        """The steps of the last period."""
        return slice(self.loads.steps - self.cycle, None)

    def mean(self, counter: str, layer: str) -> np.ndarray:
        """Return the mean of a counter over the last period on each core of ``layer``."""
        amounts = self.loads.amounts[counter][self.last, 0]
        return amounts[:, self.mapping.places(layer)].mean(axis=0)


def simulate(network: Path, *, reset: bool = True) -> Ran:
    """Run the netx file ``network`` with silent input, mapped as the compiler did."""
    data = read(CASE)
    cycle = data["reset_steps"] if reset else FREE_STEPS
    program = read_netx(network, period=cycle if reset else None)
    inputs = np.zeros((PERIODS * cycle, 1, *program.input.shape), np.int8)
    ran = run(program, inputs, record="spikes", steps=len(inputs))
    chip = load_chip(data["chip"])
    mapping = map_program(program, chip, neurons_per_core=data["neurons_per_core"])
    assert ran.counts is not None
    assert ran.trace is not None
    loads = step_loads(mapping, inputs, ran.trace)
    return Ran(data, cycle, mapping, ran.trace, ran.counts, loads)


def rows_of(ran: Ran) -> list[Row]:
    """Return all rows of the case."""
    return [*_count_rows(ran), *_update_rows(ran), *_time_rows(ran), *_energy_rows(ran)]


def free_rows(ran: Ran) -> list[Row]:
    """Return what tells that the chip did reset: counters and steps of a run that never does."""
    busiest = [
        _counted(f"{c['label']}: busiest core", ran.mean("nonzero_synops", c["layer"]).max(),
                 c["busiest"], FREE, within=None)
        for c in ran.data["counters"]
    ]  # fmt: skip
    times = step_times(ran.loads, ran.counts, load_chip(ran.data["chip"]).table(MODEL))
    assert times is not None
    return [*busiest, *_steps(ran, _alone(ran, times), f"{FREE}, conv3 alone")]


def counted_again(ran: Ran) -> bool:
    """Count the last period's synaptic operations with nonzero weights a second, slow way.

    Every message is delivered through weights of 1, and what arrives is added up in each core's
    box. Says whether every core and step agrees with :func:`hwsim.loads.step_loads`, and
    whether the spikes of the last two periods are the same.
    """
    repeat = all(np.array_equal(s[-ran.cycle :], s[-2 * ran.cycle : -ran.cycle])
                 for s in ran.trace.spikes.values())  # fmt: skip
    equal = []
    for c in ran.mapping.program.connections:
        if c.source not in ran.trace.spikes:
            continue  # the input, which is silent
        places = ran.mapping.places(c.target)
        ours = ran.loads.amounts["nonzero_synops"][ran.last, 0, places]
        arrived = [_arriving(c, sent) for sent in _sent(ran, c)]
        boxes = [core.part for core in ran.mapping.cores[places]]
        again = [[a[box].sum() for box in boxes] for a in arrived]
        equal.append(np.array_equal(ours, again))
    return repeat and all(equal)


def _sent(ran: Ran, c: Connection) -> Iterator[np.ndarray]:
    """Yield what the source sends in each step of the last period, with a batch axis."""
    for spikes in ran.trace.spikes[c.source][ran.last]:
        yield (spikes != 0).astype(np.int64)


def _arriving(c: Connection, sent: np.ndarray) -> np.ndarray:
    """Return the synaptic operations at each target neuron, of three axes."""
    assert isinstance(c.synapse, Conv2d | Dense)
    ones = replace(c.synapse, weight=(c.synapse.weight != 0).astype(np.int64))
    arrived = ones.deliver(sent)[0]
    return arrived.reshape(*arrived.shape, *(1,) * (3 - arrived.ndim))


def _count_rows(ran: Ran) -> list[Row]:
    found = []
    for counter in ran.data["counters"]:
        layer, label = counter["layer"], counter["label"]
        cores = ran.mean("nonzero_synops", layer)
        last, measured = counter.get("last"), counter["busiest"] * len(cores)
        every = f"{label}: all {len(cores)} cores"
        found.append(_counted(f"{label}: busiest core", cores.max(), counter["busiest"]))
        if last is None:
            found.append(_counted(every, cores.sum(), measured))
            continue
        whole, measured = _overhanging(ran, layer), measured + last - counter["busiest"]
        found += [
            _counted(f"{label}: last core", cores[-1], last, within=None),
            _counted(f"{label}: last core", whole, last, BEYOND, within=None),
            _counted(every, cores.sum(), measured, within=None),
            _counted(every, cores[:-1].sum() + whole, measured, BEYOND),
        ]
    return found


def _overhanging(ran: Ran, layer: str) -> float:
    """Return the synaptic operations a step of a partly filled last core, as the chip has them.

    The chip's counters show that it also does those that kernel taps would cause in the columns
    that the core has room for, right of the layer's edge.
    """
    c = ran.mapping.program.into(layer)[0]
    assert isinstance(c.synapse, Conv2d)
    cores: tuple[Core, ...] = ran.mapping.cores[ran.mapping.places(layer)]
    _, rows, columns = cores[-1].part
    beyond = len(cores) * cores[0].part[2].stop - columns.stop
    wide = ((0, 0), (0, 0), (0, 0), (0, beyond * c.synapse.stride[1]))
    arrived = [_arriving(c, np.pad(sent, wide)) for sent in _sent(ran, c)]
    return float(np.mean([a[:, rows, columns.start :].sum() for a in arrived]))


def _update_rows(ran: Ran) -> list[Row]:
    """Return the neuron-update counter of a full core of conv1: two passes, and the spikes."""
    core = ran.mapping.cores[ran.mapping.places("layer1")][0]
    assert core.use.neurons is not None
    counter = 2 * core.use.neurons + ran.mean("spikes", "layer1").max()
    measured = ran.data["measured"]["neuron_updates_conv1_core"]
    return [_row("cores", "conv1: neuron updates of a core", "1/step", "2 x neurons + spikes",
                 counter, measured, UPDATES_WITHIN)]  # fmt: skip


def _time_rows(ran: Ran) -> list[Row]:
    chip, measured = load_chip(ran.data["chip"]), ran.data["measured"]
    found = []
    for table in tables_with_times(chip):
        times = step_times(ran.loads, ran.counts, table)
        assert times is not None
        for way, ns in ((AT_ONCE, times.low), ("in turn", times.high)):
            asked = table.name == MODEL and way == AT_ONCE
            cycle = _aligned(ns[ran.last, 0] / 1e3, measured["step_cycle_us"])
            found.append(
                _row(
                    STEP_PART, "step, mean", "us", f"{table.name}, {way}", cycle.mean(),
                    tuple(measured["step_us"]), TIME_WITHIN if asked else None,
                )
            )  # fmt: skip
    return [*found, *_phase_rows(ran, chip.table(MODEL))]


def _phase_rows(ran: Ran, table: PriceTable) -> list[Row]:
    """Return the four steps of the cycle, of all cores and of conv3's alone, and the barrier."""
    times = step_times(ran.loads, ran.counts, table)
    assert times is not None
    whole = _aligned(times.low[ran.last, 0] / 1e3, ran.data["measured"]["step_cycle_us"])
    by = f"{table.name}, {AT_ONCE}"
    found = [*_steps(ran, whole, by), *_steps(ran, _alone(ran, times), f"{by}, conv3 alone")]
    ordered = np.sort(whole)
    apart = 1 + int((np.diff(ordered) > APART * ordered[:-1]).sum())
    all_four = len(whole)
    low, high = (ns / 1e3 for ns in times.barrier_ns)
    return [
        *found,
        *_pace_rows(ran),
        Row(CASE, STEP_PART, "steps told apart", "of 4", by, (apart, apart),
            (all_four, all_four), "all", apart == all_four),
        Row(CASE, "barrier", "barrier of a step", "us", table.name, (low, high), None),
    ]  # fmt: skip


def _pace_rows(ran: Ran) -> list[Row]:
    """Return what an operation took on the chip had the cores of one layer set all four steps.

    In no step did it take longer, whichever cores set it: the least is a bound. The steps are
    put in the order of conv3's operations, which is the chip's.
    """
    cycle, found, turn = np.array(ran.data["measured"]["step_cycle_us"]), [], None
    for label, layer in (("conv3", "layer3"), ("conv2", "layer2")):
        synops = ran.loads.amounts["nonzero_synops"][ran.last, 0, ran.mapping.places(layer)]
        busiest = synops.max(axis=1).reshape(-1, len(cycle)).mean(axis=0)
        turns = [np.roll(busiest, k) for k in range(len(cycle))]
        turn = (
            int(np.argmax(turns @ cycle)) if turn is None else turn
        )  # conv3's order is the chip's
        pace = 1e3 * cycle / turns[turn]
        ends = (float(pace.min()), float(pace.max()))
        found.append(Row(CASE, "cores", f"{label}: time of an operation", "ns",
                         "measured step / step_loads", None, ends))  # fmt: skip
    return found


def _alone(ran: Ran, times: StepTimes) -> np.ndarray:
    """Return the cycle's steps if there were no cores but conv3's, the busiest over a cycle."""
    busy = times.busy_low[ran.last, 0, ran.mapping.places("layer3")].max(axis=1)
    return _aligned((busy + times.barrier_ns[0]) / 1e3, ran.data["measured"]["step_cycle_us"])


def _steps(ran: Ran, cycle: np.ndarray, by: str) -> list[Row]:
    pairs = zip(cycle, ran.data["measured"]["step_cycle_us"], strict=True)
    return [
        _row(STEP_PART, f"step {i} of {len(cycle)}", "us", by, ours, theirs)
        for i, (ours, theirs) in enumerate(pairs, 1)
    ]


def _aligned(steps: np.ndarray, cycle: list[float]) -> np.ndarray:
    """Return the means over the cycle's places, begun where they fit the measured cycle best."""
    folded = steps.reshape(-1, len(cycle)).mean(axis=0)
    turns = [np.roll(folded, k) for k in range(len(cycle))]
    return min(turns, key=lambda turn: float(np.abs(turn - cycle).sum()))


def _energy_rows(ran: Ran) -> list[Row]:
    measured, chip = ran.data["measured"], load_chip(ran.data["chip"])
    dynamic = tuple(measured["dynamic_uj"])
    found = []
    for table in tables_with_energies(chip):
        report = price(ran.counts, replace(chip, prices=(table,)), mapping=ran.mapping)
        energy = report.per_inference.energy_uj
        assert energy.low is not None
        assert energy.high is not None
        low, high = energy.low / ran.counts.steps, energy.high / ran.counts.steps
        row = Row(CASE, "cores and mesh", "dynamic energy of a step", "uJ", table.name,
                  (low, high), dynamic)  # fmt: skip
        inside = dynamic[0] <= low and high <= dynamic[1]
        asked = table.name == ENERGY
        found.append(replace(row, target="inside", ok=inside) if asked else row)
    static = tuple(measured["static_mw"])
    found += [
        Row(CASE, "static", "static power of the chip", "mW", f"{s.name} [static]",
            (s.low_mw, s.high_mw), static)
        for s in chip.static
        if s.name != CASE
    ]  # fmt: skip
    unpriced = "not priced: none is published"
    return [
        *found,
        Row(CASE, "management", "power of the x86 cores", "mW", unpriced, None, None),
        Row(CASE, "I/O", "power of the rail VDDIO", "mW", unpriced, None,
            tuple(measured["io_mw"])),
    ]  # fmt: skip


def _counted(
    quantity: str,
    ours: float,
    theirs: float,
    by: str = "step_loads",
    within: float | None = COUNTS_WITHIN,
) -> Row:
    return _row("cores", quantity, "synops/step", by, ours, theirs, within)


def _row(
    part: str,
    quantity: str,
    unit: str,
    by: str,
    ours: float,
    theirs: float | Range,
    within: float | None = None,
) -> Row:
    """Return a row; ``within``: the error allowed, against the nearer end of a range."""
    low, high = theirs if isinstance(theirs, tuple) else (theirs, theirs)
    estimate = (float(ours), float(ours))
    if within is None:
        return Row(CASE, part, quantity, unit, by, estimate, (low, high))
    ok = low * (1 - within) <= ours <= high * (1 + within)
    return Row(CASE, part, quantity, unit, by, estimate, (low, high), f"{within:.1%}", bool(ok))
