"""Axons, synapse bits, profiles, messages and hops of random mappings, counted again one by one."""

from itertools import product
from math import ceil, log2, prod

import numpy as np
import pytest
from mappings import drawn, grid, homes, small, synapses, walk

from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program, Sparse, SumPool2d
from hwsim._mapping.cut import Cut
from hwsim._mapping.links import links_of
from hwsim._mapping.resources import Site, Store, bound, used
from hwsim._mapping.single import Single
from hwsim.chip import load_chip
from hwsim.mapping import OUTSIDE, map_program

CHIPS = {name: load_chip(name) for name in ("loihi1", "loihi2")}
SEEDS = range(15)


@pytest.fixture(scope="module", params=[(s, c) for s in SEEDS for c in CHIPS], ids=str)
def mapped(request):
    seed, name = request.param
    given = {"in": 20} if seed % 4 == 0 else None
    return map_program(drawn(seed), small(CHIPS[name]), neurons_per_core=given)


def is_conv(c):
    return isinstance(c.synapse, Conv2d | SumPool2d)


def axon(program, c, neuron):
    """What a source neuron's message arrives on: its own axon, or its position's."""
    if not is_conv(c):
        return neuron
    return neuron % prod(program.shape_of(c.source)[1:])


def entry_bits(count, per_synapse, memory):
    total = 0
    while count > 0:
        bits = min(count, memory.entry_synapses) * per_synapse + memory.head_bits
        total += ceil(bits / memory.word_bits) * memory.word_bits
        count -= memory.entry_synapses
    return total


def conv_taps(program, c):
    """(source position, target position, kernel tap), by walking over the kernel."""
    s = c.synapse
    if isinstance(s, SumPool2d):
        s = s.as_conv(program.shape_of(c.source)[0])
    _, height, width = program.shape_of(c.source)
    _, rows, columns = s.output_shape(program.shape_of(c.source))
    for oy, ox, ky, kx in product(range(rows), range(columns), *map(range, s.weight.shape[2:])):
        y = oy * s.stride[0] - s.padding[0] + ky * s.dilation[0]
        x = ox * s.stride[1] - s.padding[1] + kx * s.dilation[1]
        if 0 <= y < height and 0 <= x < width:
            yield y * width + x, (oy, ox), (ky, kx)


def conv_bits(program, c, core, links, per_synapse, plain, memory):
    """Bits of a convolution on ``core``; ``links``: its (source, target) synapses there."""
    part_c, part_h, part_w = core.part
    source, target = (prod(program.shape_of(n)[1:]) for n in (c.source, c.target))
    channels = len({(i // source, o // target) for i, o in links})
    by_position, taps = {}, set()
    for position, (oy, ox), tap in conv_taps(program, c):
        if part_h.start <= oy < part_h.stop and part_w.start <= ox < part_w.stop:
            n = part_c.stop - part_c.start
            base = ((oy - part_h.start) * (part_w.stop - part_w.start) + ox - part_w.start) * n
            by_position.setdefault(position, []).append((base, tap))
            taps.add(tap)
    if memory.base_reach is None:
        return entry_bits(channels * len(taps), plain, memory)
    sets = {
        (frozenset(tap for _, tap in found), min(found)[0] // memory.base_reach)
        for found in by_position.values()
    }
    return sum(entry_bits(channels * len(taps), per_synapse, memory) for taps, _ in sets)


def test_every_neuron_has_exactly_one_core(mapped):
    counted = sum(core.use.neurons for core in mapped.cores)
    cells = sum(prod(p.shape) for p in mapped.program.populations)
    home = homes(mapped)
    cells += prod(mapped.program.input.shape) * (home["in"][0] != OUTSIDE)
    assert counted == cells
    assert all((home[p.name] >= 0).all() for p in mapped.program.populations)
    for index, core in enumerate(mapped.cores):
        assert core.use.neurons == sum(int((h == index).sum()) for h in home.values())


def test_axons_are_those_of_the_unrolled_synapses(mapped):
    program, home = mapped.program, homes(mapped)
    arriving = [set() for _ in mapped.cores]
    leaving = [set() for _ in mapped.cores]
    for c in program.connections:
        for i, o in synapses(program, c):
            core, start = home[c.target][o], home[c.source][i]
            arriving[core].add((c.name, axon(program, c, i)))
            if start != OUTSIDE:
                leaving[start].add((c.name, is_conv(c), axon(program, c, i), core))
    slots = mapped.chip.synapse_memory.shared_axon_slots
    for core, into, out in zip(mapped.cores, arriving, leaving, strict=True):
        assert core.use.input_axons == len(into)
        assert core.use.output_axons == sum(slots if shared else 1 for _, shared, *_ in out)


def test_synapse_bits_are_those_of_the_entries_written_one_by_one(mapped):
    program, home, chip = mapped.program, homes(mapped), mapped.chip
    expected = [0] * len(mapped.cores)
    for c in program.connections:
        on = [[] for _ in mapped.cores]
        for i, o in synapses(program, c):
            on[home[c.target][o]].append((i, o))
        delayed = getattr(c.synapse, "delay", None) is not None
        plain = chip.weights.bits + chip.synapse_memory.delay_bits * delayed
        for index, (core, links) in enumerate(zip(mapped.cores, on, strict=True)):
            if not links:
                continue
            n, least = core.use.neurons, chip.synapse_memory.least_index_bits
            indexed = plain + max(least, ceil(log2(n)))
            if is_conv(c):
                more = conv_bits(program, c, core, links, indexed, plain, chip.synapse_memory)
            else:
                per_synapse = plain if isinstance(c.synapse, Dense) else indexed
                counts = np.bincount([i for i, _ in links])
                more = sum(entry_bits(k, per_synapse, chip.synapse_memory) for k in counts)
            expected[index] += more
    assert [core.use.synapse_bits for core in mapped.cores] == expected


def test_profiles_are_the_settings_of_the_neurons_on_the_core(mapped):
    for core in mapped.cores:
        if core.population == "in":
            assert core.use.threshold_profiles == core.use.neuron_profiles == 0
            continue
        p = mapped.program.population(core.population)
        per_channel = np.ndim(p.neuron.threshold) == 1
        threshold = np.asarray(p.neuron.threshold)
        threshold = threshold.reshape(-1, 1, 1) if per_channel else threshold
        values = np.broadcast_to(threshold, grid(p.shape))[core.part]
        decays = np.broadcast_to(np.asarray(p.neuron.decay_v), grid(p.shape))[core.part]
        assert core.use.threshold_profiles == len(set(values.ravel().tolist()))
        assert core.use.neuron_profiles == len(set(decays.ravel().tolist()))


def test_no_core_uses_more_than_it_has(mapped):
    for core in mapped.cores:
        for name, amount in vars(core.use).items():
            limit = getattr(mapped.limits, name)
            assert limit is None or amount <= limit, (name, core)


def test_messages_and_hops_are_those_of_each_neuron_to_each_core_it_reaches(mapped):
    program, home = mapped.program, homes(mapped)
    rng = np.random.default_rng(1)
    sources = (program.input, *program.populations)
    fired = {s.name: rng.integers(0, 5, s.shape) for s in sources}
    routers = [(3 * core.chip + core.x, core.y) for core in mapped.cores]
    traffic = mapped.messages(fired)
    assert [t.connection for t in traffic] == [c.name for c in program.connections]
    for c, found in zip(program.connections, traffic, strict=True):
        expected = {}
        for i, core in {(i, home[c.target][o]) for i, o in synapses(program, c)}:
            pair = (int(home[c.source][i]), int(core))
            expected[pair] = expected.get(pair, 0) + int(fired[c.source].ravel()[i])
        pairs = zip(found.source.tolist(), found.target.tolist(), strict=True)
        assert dict(zip(pairs, found.messages.tolist(), strict=True)) == expected
        ways = np.stack([found.hops_x, found.hops_y, found.crossings], axis=1).tolist()
        for a, b, way in zip(found.source, found.target, ways, strict=True):
            assert way == ([0, 0, 0] if a == OUTSIDE else walk(routers[a], routers[b]))


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_quick_bound_of_a_cuts_memory_is_never_above_what_its_largest_core_needs(seed, chip):
    program, chip = drawn(seed), small(CHIPS[chip])
    store = Store(chip.weights.bits, chip.synapse_memory)
    rng = np.random.default_rng(seed)
    for p in program.populations:
        into = tuple((c, links_of(program, c)) for c in program.connections if c.target == p.name)
        site = Site(p.name, grid(p.shape), p, into, ())
        least = bound(site, store)
        for _ in range(10):
            cut = Cut(site.grid, tuple(int(rng.integers(1, n + 1)) for n in site.grid))
            needed = dict(used(site, cut, store))["synapse_bits"].max()
            assert least(cut) <= needed, (p.name, cut)


def test_registers_by_channel_of_a_row_of_neurons_are_counted_by_the_neurons_on_a_core():
    thresholds = 64 * np.arange(1, 5)
    shape = (4, 6)  # channels and positions: no plane, so neurons are cut in C order
    into = Dense(np.ones((24, 3), int))
    population = Population("a", shape, Cuba.leaky(0, thresholds), 1)
    connections = (Connection("in", "a", into),)
    program = Program("row", "loihi1", Input("in", (3,)), (population,), connections, "a")
    mapping = map_program(program, CHIPS["loihi1"], neurons_per_core={"a": 9})
    assert [c.use.neurons for c in mapping.cores] == [9, 9, 6]
    assert [c.use.threshold_profiles for c in mapping.cores] == [2, 2, 1]


@pytest.mark.parametrize("chip", CHIPS)
def test_the_quick_bound_of_single_synapses_is_near_what_full_entries_need_and_not_above(chip):
    links = Single(np.zeros(64, int), np.arange(64), np.ones(64, int), 1)
    connection = Connection("in", "a", Sparse.of(np.ones((64, 1), int)))
    population = Population("a", (64,), Cuba.leaky(0, 64), 1)
    site = Site("a", (64, 1, 1), population, ((connection, links),), ())
    store = Store(CHIPS[chip].weights.bits, CHIPS[chip].synapse_memory)
    cut = Cut((64, 1, 1), (64, 1, 1))
    needed = int(dict(used(site, cut, store))["synapse_bits"].max())
    assert 0.9 * needed < bound(site, store)(cut) <= needed
