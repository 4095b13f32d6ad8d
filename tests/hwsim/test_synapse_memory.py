"""Bits of synapse memory and settings of registers on a core, by hand and written one by one."""

from dataclasses import replace
from itertools import product
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mappings import LEAKY, LOIHI1

from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program, Sparse
from hwsim._chip_values import SynapseMemory
from hwsim._mapping.cut import Cut
from hwsim._mapping.links import links_of
from hwsim._mapping.memory import least_bits, synapse_bits
from hwsim._mapping.resources import Site, Store, bound, limits_of, output_axons, used
from hwsim.chip import Figure
from hwsim.errors import CheckError

quick = settings(deadline=None, derandomize=True, database=None, max_examples=40)
PLAIN = SynapseMemory(
    word_bits=32, entry_synapses=4, head_bits=3, delay_bits=5, least_index_bits=2,
    shared_axon_slots=3, source="", base_reach=6,
)  # fmt: skip
memories = st.builds(
    SynapseMemory,
    word_bits=st.sampled_from([1, 8, 64]),
    entry_synapses=st.integers(1, 5),
    head_bits=st.integers(0, 9),
    delay_bits=st.integers(0, 6),
    least_index_bits=st.integers(0, 4),
    shared_axon_slots=st.just(2),
    source=st.just(""),
    base_reach=st.sampled_from([None, 1, 5, 256]),
)


def program_of(source, target, synapse, *, neuron=LEAKY, label=""):
    population = Population("a", target, neuron, 1)
    into = (Connection("in", "a", synapse, label=label),)
    return Program("memory", "loihi1", Input("in", source), (population,), into, "a")


def site_of(program, grid):
    into = tuple((c, links_of(program, c)) for c in program.connections)
    return Site("a", grid, program.populations[0], into, ())


def entries(count, bits, memory):
    """The bits of an axon with ``count`` synapses, entry by entry."""
    total = 0
    for first in range(0, count, memory.entry_synapses):
        held = min(memory.entry_synapses, count - first)
        total += ceil((held * bits + memory.head_bits) / memory.word_bits) * memory.word_bits
    return total


def index_bits(neurons, memory):
    """The bits of an index that tells ``neurons`` apart."""
    bits = 0
    while 2**bits < neurons:
        bits += 1
    return max(bits, memory.least_index_bits)


@pytest.mark.parametrize(
    ("synapses", "bits"), [(1, 32), (3, 32), (4, 64), (5, 96), (8, 128), (9, 160)]
)
def test_an_axon_takes_whole_words_and_a_head_for_every_four_synapses(synapses, bits):
    # of 8 bits each: 3 + 24 bits are a word, 3 + 32 bits two
    program = program_of((1,), (synapses,), Dense(np.ones((synapses, 1), int)))
    links, cut = links_of(program, program.connections[0]), Cut((synapses, 1, 1), (synapses, 1, 1))
    assert synapse_bits(links, cut, 8, False, PLAIN).tolist() == [bits]


@quick
@given(seed=st.integers(0, 9999), memory=memories, delayed=st.booleans(), size=st.integers(1, 9))
def test_single_synapses_are_stored_axon_by_axon_with_index_and_a_matrix_without(
    seed, memory, delayed, size
):
    random = np.random.default_rng(seed)
    weight = random.integers(-1, 2, (9, 5))
    cut = Cut((9, 1, 1), (size, 1, 1))
    found = [
        synapse_bits(links_of(p, p.connections[0]), cut, 7, delayed, memory).tolist()
        for p in (program_of((5,), (9,), s) for s in (Sparse.of(weight), Dense(weight)))
    ]
    plain = 7 + memory.delay_bits * delayed
    sparse, dense = [], []
    for start in range(0, 9, size):
        box = weight[start : start + size]
        bits = plain + index_bits(len(box), memory)
        sparse.append(sum(entries(int(n), bits, memory) for n in np.count_nonzero(box, axis=0)))
        dense.append(5 * entries(len(box), plain, memory))
    assert found == [sparse, dense]


def shared_sets(conv, source, box, reach):
    """The (taps, block) sets of a box (rows, columns) that positions share, walked tap by tap."""
    _, height, width = source
    outputs = conv.weight.shape[0]
    (top, bottom), (left, right) = box
    sets = {}
    for y, x in product(range(height), range(width)):
        found = []
        for oy, ox in product(range(top, bottom), range(left, right)):
            ky, kx = (
                i + p - o * s
                for i, o, p, s in zip((y, x), (oy, ox), conv.padding, conv.stride, strict=True)
            )
            if 0 <= ky < conv.weight.shape[2] and 0 <= kx < conv.weight.shape[3]:
                first = ((oy - top) * (right - left) + ox - left) * outputs
                found.append(((ky, kx), first))
        if found:
            key = frozenset(tap for tap, _ in found), found[0][1] // reach
            sets[key] = len(found)
    return sets


@quick
@given(
    seed=st.integers(0, 9999),
    memory=memories.filter(lambda memory: memory.base_reach),
    size=st.tuples(st.integers(1, 6), st.integers(1, 7)),
)
def test_positions_of_a_convolution_share_what_has_the_same_taps_in_the_same_block(
    seed, memory, size
):
    random = np.random.default_rng(seed)
    stride, padding = (tuple(map(int, random.integers(low, 3, 2))) for low in (1, 0))
    kernel = random.integers(1, 4, 2)
    conv = Conv2d(np.ones((2, 3, *kernel), int), stride, padding)
    source = (3, 6, 7)
    target = conv.output_shape(source)
    size = tuple(min(n, most) for n, most in zip(size, target[1:], strict=True))
    program = program_of(source, target, conv)
    links, cut = links_of(program, program.connections[0]), Cut(target, (2, *size))
    expected, sizes = [], []
    for _, rows, columns in cut.slices():
        box = (rows.start, rows.stop), (columns.start, columns.stop)
        neurons = 2 * (rows.stop - rows.start) * (columns.stop - columns.start)
        bits = 8 + index_bits(neurons, memory)
        # each tap leads from three channels to two
        axons = [6 * n for n in shared_sets(conv, source, box, memory.base_reach).values()]
        expected.append(sum(entries(n, bits, memory) for n in axons))
        sizes.append(sum(axons) * (8 + memory.least_index_bits))
    assert synapse_bits(links, cut, 8, False, memory).tolist() == expected
    least = least_bits(links, 8 + memory.least_index_bits)(cut)
    assert least <= max(sizes)


@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (2, 3)])
@pytest.mark.parametrize("padding", [(0, 0), (1, 2)])
def test_the_quick_bound_of_one_box_is_what_its_shared_synapses_take_without_entries(
    stride, padding
):
    conv = Conv2d(np.ones((2, 3, 2, 3), int), stride, padding)
    source = (3, 6, 7)
    target = conv.output_shape(source)
    program = program_of(source, target, conv)
    links = links_of(program, program.connections[0])
    sets = shared_sets(conv, source, ((0, target[1]), (0, target[2])), 10**6)
    assert least_bits(links, 11)(Cut(target, target)) == 11 * 6 * sum(sets.values())


def test_a_grouped_convolution_stores_the_input_channels_of_its_own_groups():
    conv = Conv2d(np.ones((4, 1, 1, 1), int), groups=4)
    program = program_of((4, 1, 1), (4, 1, 1), conv)
    links = links_of(program, program.connections[0])
    none = replace(PLAIN, base_reach=None)
    for size, linked in ((1, [1] * 4), (3, [3, 1]), (4, [4])):
        cut = Cut((4, 1, 1), (size, 1, 1))
        kernel = [entries(n, 8, none) for n in linked]
        assert synapse_bits(links, cut, 8, False, none).tolist() == kernel
        indexed = [8 + index_bits(n, PLAIN) for n in cut.neurons().tolist()]
        shared = [entries(n, b, PLAIN) for n, b in zip(linked, indexed, strict=True)]
        assert synapse_bits(links, cut, 8, False, PLAIN).tolist() == shared
        assert least_bits(links, 10)(cut) == 10 * max(linked)


def test_only_the_taps_that_lead_into_a_box_are_stored_of_its_kernel():
    conv = Conv2d(np.ones((1, 1, 1, 3), int), padding=(0, 2))
    program = program_of((1, 1, 1), (1, 1, 3), conv)
    links = links_of(program, program.connections[0])
    none = replace(PLAIN, base_reach=None, word_bits=1, head_bits=0)
    found = synapse_bits(links, Cut((1, 1, 3), (1, 1, 2)), 8, False, none)
    assert found.tolist() == [16, 8]
    assert synapse_bits(links, Cut((1, 1, 3), (1, 1, 3)), 8, False, none).tolist() == [24]


def resources(site, cut, memory=PLAIN):
    return {name: use.tolist() for name, use in used(site, cut, Store(8, memory))}


@quick
@given(seed=st.integers(0, 9999), size=st.tuples(*[st.integers(1, 4)] * 3))
def test_profiles_are_the_settings_that_the_neurons_of_a_box_have(seed, size):
    random = np.random.default_rng(seed)
    shape = (3, 2, 4)
    drawn = [random.integers(0, 3, random.choice([1, 3, 24])) for _ in range(3)]
    decay_u, decay_v, threshold = (v.reshape(shape) if v.size == 24 else v for v in drawn)
    registers = [v.item() if v.size == 1 else v for v in (decay_u, decay_v, 64 * threshold)]
    site = Site("a", shape, Population("a", shape, Cuba(*registers), 1), (), ())
    cut = Cut(shape, tuple(min(n, s) for n, s in zip(shape, size, strict=True)))
    of_each = [
        np.broadcast_to(np.reshape(v, (-1, 1, 1)) if np.ndim(v) == 1 else v, shape)
        for v in registers
    ]
    decays, thresholds = [], []
    for box in cut.slices():
        u, v, t = (values[box].ravel().tolist() for values in of_each)
        decays.append(len(set(zip(u, v, strict=True))))
        thresholds.append(len(set(t)))
    found = resources(site, cut)
    assert (found["neuron_profiles"], found["threshold_profiles"]) == (decays, thresholds)


def test_an_input_has_no_profiles_and_no_synapses_on_its_cores():
    found = resources(Site("in", (6, 1, 1), None, (), ()), Cut((6, 1, 1), (4, 1, 1)))
    assert found.pop("neurons") == [4, 2]
    assert set(map(tuple, found.values())) == {(0, 0)}


def test_formats_differ_by_kind_exponent_and_delays_and_are_counted_once_each():
    ones, late = np.ones((2, 2), int), np.array([[0, 1], [2, 3]])
    synapses = [Dense(ones), Dense(-ones), Dense(ones, 1), Dense(ones, delay=late),
                Sparse.of(ones), Sparse.of(ones, 1), Sparse.of(ones, delay=late)]  # fmt: skip
    for count, different in ((1, 1), (2, 1), (3, 2), (4, 3), (5, 4), (6, 5), (7, 6)):
        chosen = [Connection("in", "a", s, label=str(i)) for i, s in enumerate(synapses[:count])]
        program = replace(program_of((2,), (2,), synapses[0]), connections=tuple(chosen))
        found = resources(site_of(program, (2, 1, 1)), Cut((2, 1, 1), (1, 1, 1)))
        assert found["synapse_formats"] == [different] * 2
        assert found["input_axons"] == [2 * count] * 2


def test_a_convolution_and_a_matrix_into_the_same_neurons_are_two_formats():
    conv = program_of((2, 1, 1), (2, 1, 1), Conv2d(np.ones((2, 2, 1, 1), int)))
    matrix = Connection("in", "a", Dense(np.ones((2, 2), int)), label="matrix")
    both = replace(conv, connections=(*conv.connections, matrix))
    whole = Cut((2, 1, 1), (2, 1, 1))
    assert resources(site_of(conv, (2, 1, 1)), whole)["synapse_formats"] == [1]
    assert resources(site_of(both, (2, 1, 1)), whole)["synapse_formats"] == [2]


def test_output_axons_of_a_convolution_take_several_slots_for_each_core_they_reach():
    conv = Conv2d(np.ones((2, 3, 1, 1), int))
    program = program_of((3, 2, 2), (2, 2, 2), conv)
    out = ((program.connections[0], links_of(program, program.connections[0])),)
    site, cut = Site("in", (3, 2, 2), None, (), out), Cut((3, 2, 2), (3, 1, 2))
    one, split = Cut((2, 2, 2), (2, 2, 2)), Cut((2, 2, 2), (1, 2, 2))
    store = Store(8, PLAIN)
    assert output_axons(site, cut, {"a": one}, store).tolist() == [3 * 2, 3 * 2]
    assert output_axons(site, cut, {"a": split}, store).tolist() == [3 * 4, 3 * 4]


def test_the_quick_bound_is_that_of_the_largest_connection_and_0_without_any():
    store, cut = Store(8, PLAIN), Cut((6, 1, 1), (4, 1, 1))
    weight = np.ones((6, 3), int)
    weight[1:3, :2] = 0
    program = program_of((3,), (6,), Sparse.of(weight))
    assert bound(site_of(program, (6, 1, 1)), store)(cut) == 10 * 8
    dense = program_of((3,), (6,), Dense(weight))
    assert bound(site_of(dense, (6, 1, 1)), store)(cut) == 0
    conv = site_of(program_of((3, 1, 1), (6, 1, 1), Conv2d(np.ones((6, 3, 1, 1), int))), (6, 1, 1))
    assert bound(conv, store)(cut) == 10 * 4 * 3
    once = Store(8, replace(PLAIN, base_reach=None))  # one kernel without index, however large
    assert bound(conv, once)(cut) == 0


@pytest.mark.parametrize("value", ["many", 0, -1, 2.5, 0.5])
def test_a_limit_that_is_no_amount_is_named_with_its_value(value):
    figures = [f for f in LOIHI1.limits if f.name != "neurons_per_core"]
    chip = replace(LOIHI1, limits=(*figures, Figure("neurons_per_core", value, "", "")))
    with pytest.raises(CheckError, match="chip loihi1") as caught:
        limits_of(chip)
    assert caught.value.problems == (
        f"[limits.neurons_per_core]: value = {value!r} is not a whole number from 1 up",
    )
    assert caught.value.hint == "correct the chip file"


def test_a_limit_may_be_one_or_a_whole_float_and_is_none_where_there_is_no_figure():
    limits = [Figure("neurons_per_core", 1, "", ""), Figure("elsewhere", "no amount", "", ""),
              Figure("synaptic_memory_per_core", 2.0, "", "")]  # fmt: skip
    found = vars(limits_of(replace(LOIHI1, limits=tuple(limits))))
    assert found.pop("neurons") == 1
    assert found.pop("synapse_bits") == 16
    assert set(found.values()) == {None}
