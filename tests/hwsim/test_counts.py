"""Every count of a run equals one made synapse by synapse and update by update from its trace."""

from dataclasses import replace
from math import prod

import numpy as np
import pytest
from draw import Drawn, networks
from draw_parts import conv, flat, pool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import frames as random_frames
from strategies import small_program

from hwsim import (
    Blank,
    Connection,
    Conv2d,
    Cuba,
    Delta,
    Dense,
    Gate,
    GradedRelay,
    Input,
    Population,
    Program,
    Sparse,
    SumPool2d,
    run,
)
from hwsim.counts import (
    ConnectionCounts,
    Counts,
    Form,
    PopulationCounts,
    count,
    fired_of_trace,
    kind_of,
    population_counts,
)
from hwsim.engines.base import PopulationTally

repeatable = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
engines = st.sampled_from(["native", "reference"])
FORMS = {Dense: Form.DENSE, Sparse: Form.SPARSE, Conv2d: Form.CONV, SumPool2d: Form.CONV}


def single_synapses(synapse, source):
    """Yield (source, target, weight) of every synapse, neurons in C order."""
    if isinstance(synapse, Dense):
        for (target, sender), weight in np.ndenumerate(synapse.weight):
            yield sender, target, int(weight)
    elif isinstance(synapse, Sparse):
        yield from zip(synapse.source, synapse.target, synapse.weight.tolist(), strict=True)
    elif isinstance(synapse, SumPool2d):
        yield from single_synapses(synapse.as_conv(source[0]), source)
    else:
        yield from taps(synapse, source)


def taps(synapse, source):
    """Yield the synapses of a convolution, as its definition has them: output by output."""
    target, (height, width) = synapse.output_shape(source), source[1:]
    outputs, inputs = (n // synapse.groups for n in (target[0], source[0]))
    for out, y, x in np.ndindex(target):
        first = out // outputs * inputs
        for (inner, ky, kx), weight in np.ndenumerate(synapse.weight[out]):
            row = y * synapse.stride[0] + ky * synapse.dilation[0] - synapse.padding[0]
            column = x * synapse.stride[1] + kx * synapse.dilation[1] - synapse.padding[1]
            if 0 <= row < height and 0 <= column < width:
                sender = ((first + inner) * height + row) * width + column
                yield sender, (out * target[1] + y) * target[2] + x, int(weight)


def messages_by_step(program, frames, trace):
    """Yield (name, messages (B, n)) of each source in each step that counts."""
    for step in range(1, 1 + len(trace.spikes[program.output])):
        frame = step - 1 - program.gap
        if 0 <= frame < len(frames):
            yield program.input.name, frames[frame]
        if program.blank is not None and (step - 1) % program.period < program.gap:
            yield program.blank.name, np.ones((frames.shape[1], 1))
        for p in program.populations:
            if 0 <= step - 1 - p.latency < len(frames):
                yield p.name, trace.spikes[p.name][step - 1]


def brute_fired(program, frames, trace):
    fired = {s.name: np.zeros(prod(s.shape), int) for s in (*program.lines, *program.populations)}
    for name, messages in messages_by_step(program, frames, trace):
        for sample in messages.reshape(len(messages), -1):
            fired[name] += sample != 0
    return fired


def brute_synops(connection, source, fired):
    """Return synaptic operations, and those of weights that are not 0."""
    synops = nonzero = 0
    for sender, _, weight in single_synapses(connection.synapse, source):
        synops += fired[sender]
        nonzero += fired[sender] * (weight != 0)
    return synops, nonzero


def brute_updates(program, p, frames, trace):
    """Return how many updates are driven, idle, zero and with a bias, one by one."""
    counted = dict.fromkeys(("driven", "idle", "zero", "biased"), 0)
    bias = np.asarray(getattr(p.neuron, "bias", 0))
    bias = bias if bias.shape in ((), p.shape) else bias.reshape(-1, *(1,) * (len(p.shape) - 1))
    bias = np.broadcast_to(bias, p.shape)
    a, states = trace.state["a"][p.name], [trace.state[k][p.name] for k in p.neuron.STATE]
    for index in np.ndindex(a.shape):
        row, at = index[0], (index[0] - 1, *index[1:])
        if not 0 <= row - p.latency < len(frames):
            continue
        rest = program.period is not None and (row - p.latency) % program.period == 0
        before = [0 if rest or row == 0 else s[at] for s in states]
        has_bias = bool(bias[index[2:]])
        if a[index] != 0:
            counted["driven"] += 1
        elif any(before) or has_bias:
            counted["idle"] += 1
        else:
            counted["zero"] += 1
        counted["biased"] += has_bias
    return counted


def assert_counted(net, engine, **options):
    program, frames = net.program, net.frames
    found = run(program, frames, engine=engine, record="state", **options)
    counts, fired = found.counts, brute_fired(program, frames, found.trace)
    for name, messages in fired.items():
        assert (counts.fired[name].ravel() == messages).all(), name
    for p, counted in zip(program.populations, counts.populations, strict=True):
        updates = brute_updates(program, p, frames, found.trace)
        assert counted.spikes == fired[p.name].sum()
        assert counted.driven == updates["driven"]
        assert counted.idle == updates["idle"]
        assert counted.zero == updates["zero"]
        assert counted.bias_adds == updates["biased"]
        assert counted.updates == updates["driven"] + updates["idle"] + updates["zero"]
    for c, counted in zip(program.connections, counts.connections, strict=True):
        synops, nonzero = brute_synops(c, program.shape_of(c.source), fired[c.source])
        assert counted.messages == fired[c.source].sum()
        assert (counted.synops, counted.nonzero_synops) == (synops, nonzero), c.name
        assert counted.weight_fetches == synops
        assert counted.form is FORMS[type(c.synapse)]
        assert counted.index_fetches == (synops if isinstance(c.synapse, Sparse) else 0)
        assert counted.kind is kind_of(program, c)
    again = fired_of_trace(program, frames, found.trace)
    assert again.keys() == fired.keys()
    assert all((again[name].ravel() == messages).all() for name, messages in fired.items())
    spikes = {p.name: int(fired[p.name].sum()) for p in program.populations}
    assert count(program, frames, found.trace) == (spikes, counts.synops)
    machine_steps = options.get("steps", len(frames) + program.latency)
    assert counts.barriers == machine_steps * frames.shape[1]


@settings(repeatable, max_examples=120)
@given(net=networks(lava_ready=False), engine=engines)
def test_every_count_is_what_single_synapses_and_updates_add_up_to(net, engine):
    assert_counted(net, engine)


@settings(repeatable, max_examples=40)
@given(net=networks(lava_ready=False), engine=engines, steps=st.integers(1, 40))
def test_runs_cut_short_or_drawn_out_are_counted_as_far_as_they_went(net, engine, steps):
    assert_counted(net, engine, steps=steps)


@settings(repeatable, max_examples=150)
@given(data=st.data(), build=st.sampled_from([conv, pool, flat]))
def test_fan_outs_and_fan_ins_are_those_of_single_synapses(data, build):
    choice = Drawn(data.draw)
    source = (choice.integer(1, 4), choice.integer(2, 7), choice.integer(2, 7))
    if build is flat:
        synapse = flat(choice, (choice.integer(1, 9), prod(source)), lava_ready=False)
    else:
        synapse = build(choice, source, 1, lava_ready=False)
    target = synapse.output_shape(source)
    out, nonzero, into = (np.zeros(n, int) for n in (prod(source), prod(source), prod(target)))
    for sender, receiver, weight in single_synapses(synapse, source):
        out[sender] += 1
        nonzero[sender] += weight != 0
        into[receiver] += 1
    np.testing.assert_array_equal(synapse.fan_out(source), out.reshape(source))
    np.testing.assert_array_equal(synapse.nonzero_fan_out(source), nonzero.reshape(source))
    np.testing.assert_array_equal(synapse.fan_in(source), into.reshape(target))


def test_what_single_neurons_sent_is_neither_compared_nor_printed(rng):
    program = small_program(rng)
    counts = run(program, random_frames(rng, program)).counts
    assert counts.fired
    assert replace(counts, fired={}) == counts
    assert "fired" not in repr(counts)


def kinds_into(sources, *connections, low=0, high=1, blank=None):
    """Return the kinds of connections into ``p`` in a program with a chain of ``sources``."""
    populations = [*sources, Population("p", (4,), Cuba(0, 0, 64), 2)]
    program = Program(
        "kinds", "loihi2", Input("in", (4,), low, high), populations, connections, "p",
        period=9 if blank else None, blank=blank,
    )  # fmt: skip
    return [kind_of(program, c).value for c in connections if c.target == "p"]


ALL, ONE = Dense(np.ones((4, 4), int)), Sparse.identity(4, delay=3)
RELAY = Population("relay", (4,), GradedRelay(), 1)
BIASED = Population("biased", (4,), Cuba(0, 0, 64, 9), 1)


@pytest.mark.parametrize(
    ("low", "high", "graded", "kind"),
    [(0, 1, True, "spike"), (0, 1, False, "spike"), (0, 255, True, "analogue"),
     (-1, 1, True, "analogue"), (-1, 0, True, "analogue"), (0, 255, False, "spike")],
)  # fmt: skip
def test_only_graded_input_beyond_0_to_1_is_analogue(low, high, graded, kind):
    assert kinds_into([], Connection("in", "p", ALL, graded), low=low, high=high) == [kind]


def test_graded_messages_of_a_population_are_graded_unless_it_sends_only_spikes():
    feed = Connection("in", "relay", ONE, True)
    assert kinds_into([RELAY], feed, Connection("relay", "p", ALL, True)) == ["graded"]
    assert kinds_into([RELAY], feed, Connection("relay", "p", ALL)) == ["spike"]
    gate = Population("gate", (4,), Gate(), 1)
    into = Connection("in", "gate", ONE)
    assert kinds_into([gate], into, Connection("gate", "p", ALL, True)) == ["spike"]


def test_a_population_that_nothing_leads_into_sends_biases_and_a_blank_line_blanks():
    blank = Connection("gap", "p", Dense(-np.ones((4, 1), int)))
    bias = Connection("biased", "p", ONE)
    spike = Connection("in", "p", ONE)
    line = Blank("gap", 1)
    assert kinds_into([BIASED], blank, bias, spike, blank=line) == ["blank", "bias", "spike"]
    delta = Population("biased", (4,), Delta(1), 1)
    assert kinds_into([delta], Connection("biased", "p", ALL, True)) == ["bias"]


@pytest.mark.parametrize(
    ("synapse", "kind"),
    [(ONE, "shortcut"), (ALL, "spike"), (Dense(np.eye(4, dtype=int)), "spike"),
     (Sparse((4, 4), np.array([0, 0]), np.array([1, 2]), np.array([5, 5])), "spike"),
     (Sparse((4, 4), np.array([1, 2]), np.array([0, 0]), np.array([5, 5])), "spike"),
     (Sparse((4, 4), np.array([1]), np.array([0]), np.array([0])), "shortcut")],
)  # fmt: skip
def test_a_shortcut_joins_neurons_one_to_one_beside_another_connection(synapse, kind):
    beside = Connection("in", "p", ALL, label="main")
    assert kinds_into([], beside, Connection("in", "p", synapse)) == ["spike", kind]
    assert kinds_into([], Connection("in", "p", synapse)) == ["spike"]


@pytest.mark.parametrize(("groups", "size", "kind"), [(2, 1, "shortcut"), (2, 3, "spike"),
                                                     (1, 1, "spike")])  # fmt: skip
def test_a_convolution_is_a_shortcut_if_each_channel_has_one_tap_of_its_own(groups, size, kind):
    weight = np.ones((2, 2 // groups, size, size), int)
    synapse = Conv2d(weight, padding=(size // 2, size // 2), groups=groups)
    main = Conv2d(np.ones((2, 2, 3, 3), int), padding=(1, 1))
    grid = Population("p", (2, 3, 3), Cuba(0, 0, 64), 1)
    connections = (Connection("in", "p", main), Connection("in", "p", synapse, label="shortcut"))
    program = Program("grid", "loihi2", Input("in", (2, 3, 3)), (grid,), connections, "p")
    assert [kind_of(program, c).value for c in connections] == ["spike", kind]


def test_a_fan_out_of_more_than_a_byte_holds_is_counted_in_full():
    weight = np.ones((300, 2), int)
    weight[:40, 1] = 0
    population = Population("a", (300,), Cuba.leaky(0, 64 * 100), 1)
    into = (Connection("in", "a", Dense(weight)),)
    program = Program("wide", "loihi2", Input("in", (2,)), (population,), into, "a")
    counts = run(program, np.ones((2, 3, 2), int)).counts
    assert counts.synops == 2 * 3 * 600
    assert counts.connections[0].nonzero_synops == 2 * 3 * 560


def test_the_sums_and_properties_of_counts_by_hand():
    a = PopulationCounts("a", 4, 11, 40, 17, 0, 0, 1, 2, zero=9, bias_adds=5)
    b = replace(a, name="b", spikes=3, updates=20, driven=20, zero=0)
    sparse = ConnectionCounts("in", "a", False, 6, 30, form=Form.SPARSE, nonzero_synops=8)
    dense = ConnectionCounts("a", "b", True, 7, 14, "again", nonzero_synops=14)
    counts = Counts(3, 5, 8, (a, b), (sparse, dense))
    assert (a.idle, b.idle) == (40 - 17 - 9, 0)
    assert (counts.barriers, counts.spikes, counts.synops, counts.updates) == (24, 14, 44, 60)
    assert (sparse.weight_fetches, sparse.index_fetches) == (30, 30)
    assert (dense.weight_fetches, dense.index_fetches) == (14, 0)
    assert (sparse.name, dense.name) == ("in->a", "a->b#again")


@pytest.mark.parametrize(("updates", "always"), [(12, 1), (0, 0)])
def test_neurons_that_fire_in_every_update_or_never_are_counted(updates, always):
    population = Population("a", (2, 3), Cuba(0, 0, 64, np.array([0, 64])), 1)
    each = updates // 6
    fired = np.array([[0, each, 0], [1, 0, 0]]) if each else np.zeros((2, 3), int)
    tally = PopulationTally(fired, updates, 5, 1, 2, 3)
    found = population_counts(population, tally)
    assert (found.neurons, found.spikes, found.updates) == (6, fired.sum(), updates)
    assert (found.silent, found.always_firing) == ((fired == 0).sum(), always)
    assert found.bias_adds == 3 * each  # the second channel has three neurons
