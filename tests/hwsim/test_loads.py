"""Loads by core and step, counted again synapse by synapse on random mapped programs."""

from dataclasses import replace

import numpy as np
import pytest
from mappings import LOIHI1, LOIHI2, chain, drawn, grid, homes, small, synapses, walk

from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program, blanked, run
from hwsim._mapping import single
from hwsim.cost_report import Ran, full_report
from hwsim.loads import step_loads
from hwsim.mapping import OUTSIDE, map_program
from hwsim.neurons import Ternary
from hwsim.synapses import Sparse, SumPool2d

T, B = 6, 3


def with_zeros(program, rng):
    """``program`` with some weights of 0, which a format may store or leave out."""

    def thinned(c):
        if isinstance(c.synapse, SumPool2d):
            return c
        kept = rng.integers(0, 2, c.synapse.weight.shape)
        return replace(c, synapse=replace(c.synapse, weight=c.synapse.weight * kept))

    return replace(program, connections=[thinned(c) for c in program.connections])


@pytest.fixture(scope="module", params=[(s, c) for s in range(10) for c in (LOIHI1, LOIHI2)],
                ids=lambda p: f"{p[0]}-{p[1].name}")  # fmt: skip
def case(request):
    seed, chip = request.param
    rng = np.random.default_rng(seed)
    program = with_zeros(drawn(seed), rng)
    given = {"in": 20} if seed % 2 == 0 else None
    mapping = map_program(program, small(chip), neurons_per_core=given)
    inputs = (rng.random((T, B, *program.input.shape)) < 0.3).astype(np.int8)
    ran = run(program, inputs, record="spikes", engine="reference")
    return mapping, inputs, ran, step_loads(mapping, inputs, ran.trace)


def sent_in(mapping, inputs, trace, name, step, sample):
    """The flat indices of the neurons of ``name`` that send in ``step``, from 1 on."""
    if name != "in":
        return np.flatnonzero(trace.spikes[name][step - 1, sample])
    frame = mapping.program.frame_sent_in(step)
    return np.flatnonzero(inputs[frame, sample]) if 0 <= frame < len(inputs) else np.array([], int)


def weight_of(c, shape):
    """A dict of the weight of each (source, target) of a connection."""
    if isinstance(c.synapse, Dense):
        return {(i, o): int(w) for (o, i), w in np.ndenumerate(c.synapse.weight)}
    if isinstance(c.synapse, Sparse):
        s = c.synapse
        return dict(zip(zip(s.source, s.target, strict=True), s.weight, strict=True))
    single = Sparse.unrolled(c.synapse, shape)
    return dict(zip(zip(single.source, single.target, strict=True), single.weight, strict=True))


def events(mapping, inputs, trace, name):
    """Every message of ``name`` as ((step - 1, sample), neuron)."""
    for step in range(1, 1 + len(trace.spikes[mapping.program.output])):
        for sample in range(B):
            for i in sent_in(mapping, inputs, trace, name, step, sample).tolist():
                yield (step - 1, sample), i


def test_synaptic_operations_are_those_of_every_synapse_that_a_message_meets(case):
    mapping, inputs, ran, loads = case
    program, home = mapping.program, homes(mapping)
    expected = {n: np.zeros_like(a) for n, a in loads.amounts.items() if "synops" in n}
    for c in program.connections:
        into, weights = {}, weight_of(c, program.shape_of(c.source))
        for i, o in synapses(program, c):
            into.setdefault(i, []).append(o)
        for at, i in events(mapping, inputs, ran.trace, c.source):
            for o in into.get(i, []):
                core = home[c.target][o]
                expected[f"spike_synops_{c.synapse.FORM.value}"][at][core] += 1
                expected["nonzero_synops"][at][core] += bool(weights.get((i, o), 0))
    for name, amounts in expected.items():
        assert (loads.amounts[name] == amounts).all(), name


def test_messages_and_hops_of_each_step_are_those_of_each_neuron_to_each_core_it_reaches(case):
    mapping, inputs, ran, loads = case
    program, home = mapping.program, homes(mapping)
    routers = [(mapping.chip.mesh.columns * c.chip + c.x, c.y) for c in mapping.cores]
    received, sent = (np.zeros_like(loads.amounts[f"messages_{way}"]) for way in ("in", "out"))
    ways = np.zeros((3, loads.steps, B), int)
    for c in program.connections:
        cores = {}
        for i, o in synapses(program, c):
            cores.setdefault(i, set()).add(int(home[c.target][o]))
        for at, i in events(mapping, inputs, ran.trace, c.source):
            start = home[c.source][i]
            for core in cores.get(i, ()):
                received[at][core] += 1
                if start != OUTSIDE:
                    sent[at][start] += 1
                    ways[:, *at] += walk(routers[start], routers[core])
    assert (loads.amounts["messages_in"] == received).all()
    assert (loads.amounts["messages_out"] == sent).all()
    assert (np.stack([loads.hops_x, loads.hops_y, loads.crossings]) == ways).all()


def test_spikes_are_those_of_the_neurons_that_live_on_a_core(case):
    mapping, inputs, ran, loads = case
    expected = np.zeros_like(loads.amounts["spikes"])
    for name, home in homes(mapping).items():
        for at, i in events(mapping, inputs, ran.trace, name) if home[0] != OUTSIDE else ():
            expected[at][home[i]] += 1
    assert (loads.amounts["spikes"] == expected).all()


def test_loads_of_all_steps_are_the_messages_of_the_run(case):
    mapping, inputs, ran, loads = case
    fired = {name: (s != 0).sum(axis=(0, 1)) for name, s in ran.trace.spikes.items()}
    fired["in"] = inputs.sum(axis=(0, 1))
    traffic = mapping.messages(fired)
    assert loads.amounts["messages_in"].sum() == sum(t.messages.sum() for t in traffic)
    assert (loads.hops_x + loads.hops_y).sum() == mapping.hops(traffic)
    assert loads.crossings.sum() == sum(int(t.messages @ t.crossings) for t in traffic)


def test_the_sum_over_cores_and_steps_is_what_the_run_counted():
    rng = np.random.default_rng(2)
    program = chain((3, 8, 8), Conv2d(2 * rng.integers(-9, 9, (5, 3, 3, 3))), 7)
    inputs = rng.integers(0, 2, (T, B, 3, 8, 8))
    ran = run(program, inputs, record="spikes")
    loads = step_loads(map_program(program, LOIHI1), inputs, ran.trace)
    by_form = {c.form.value: c.synops for c in ran.counts.connections}
    assert loads.amounts["spike_synops_conv"].sum() == by_form["conv"]
    assert loads.amounts["spike_synops_dense"].sum() == by_form["dense"]
    nonzero = sum(c.nonzero_synops for c in ran.counts.connections)
    assert loads.amounts["nonzero_synops"].sum() == nonzero
    assert loads.amounts["spikes"].sum() == ran.counts.spikes


def test_graded_input_is_counted_once_and_by_its_payload():
    weight = 2 * np.ones((2, 3), int)
    population = Population("a", (2,), Cuba.leaky(0, 640), 1)
    into = Connection("in", "a", Dense(weight), graded=True)
    program = Program("graded", "loihi2", Input("in", (3,), 0, 9), (population,), (into,), "a")
    inputs = np.array([[[0, 4, 9]], [[1, 0, 0]]])
    ran = run(program, inputs, record="spikes")
    loads = step_loads(map_program(program, LOIHI2), inputs, ran.trace)
    assert loads.amounts["graded_synops_dense"][:, 0, 0].tolist() == [4, 2, 0]
    assert loads.amounts["payload_synops_dense"][:, 0, 0].tolist() == [26, 2, 0]
    assert loads.amounts["messages_in"][:, 0, 0].tolist() == [2, 1, 0]


def test_a_message_of_minus_one_is_one_message():
    neuron = Ternary(decay_u=4096, decay_v=0, threshold=64, threshold_low=-64)
    program = chain((3,), Dense(np.full((4, 3), -100)), 5, neuron=neuron, chip="loihi2")
    inputs = np.ones((2, 1, 3), int)
    ran = run(program, inputs, record="spikes")
    assert ran.trace.spikes["layer0"][:, 0, 0].tolist() == [0, -1, -1, 0]
    loads = step_loads(map_program(program, LOIHI2), inputs, ran.trace)
    assert loads.amounts["spikes"][:, 0, 0].tolist() == [0, 4, 4, 0]
    assert loads.amounts["messages_in"][:, 0, 1].tolist() == [0, 4, 4, 0]
    assert loads.amounts["spike_synops_dense"][:, 0, 1].tolist() == [0, 20, 20, 0]


def test_the_gap_and_the_blank_line_are_in_the_loads():
    population = Population("a", (4,), Cuba.leaky(decay_v=400, threshold=640), 1)
    program = blanked(Program(
        "loop", "loihi1", Input("in", (2,)), (population,),
        (Connection("in", "a", Dense(np.full((4, 2), 20))),
         Connection("a", "a", Dense(2 * np.eye(4, dtype=int)))), "a", period=6,
    ))  # fmt: skip
    inputs = np.ones((6, 1, 2), int)
    ran = run(program, inputs, record="spikes")
    loads = step_loads(map_program(program, LOIHI1), inputs, ran.trace)
    received = loads.amounts["messages_in"][:, 0, 0]
    looped = ran.trace.spikes["a"][:, 0].sum(axis=1)
    for step in range(1, loads.steps + 1):
        frame = program.frame_sent_in(step)
        lines = 2 * (0 <= frame < 6) + program.blanks_in(step)
        assert received[step - 1] == lines + looped[step - 1], step


def test_a_core_of_a_large_matrix_counts_beyond_what_small_reals_hold():
    weight = np.ones((3000, 6000), int)
    program = chain((6000,), Dense(weight), chip="loihi2")
    inputs = np.ones((1, 1, 6000), int)
    ran = run(program, inputs, record="spikes")
    mapping = map_program(program, replace(LOIHI2, limits=()))
    loads = step_loads(mapping, inputs, ran.trace)
    assert loads.amounts["spike_synops_dense"].sum() == 18_000_000
    assert grid((6000,)) == (6000, 1, 1)


def test_a_network_that_nothing_enters_and_that_never_fires_has_loads_of_zero():
    program = chain((6,), 5, 4, chip="loihi2")
    silent = np.zeros((3, 2, 6), int)
    ran = run(program, silent, record="spikes")
    loads = step_loads(map_program(program, LOIHI2), silent, ran.trace)
    assert not any(amounts.any() for amounts in loads.amounts.values())
    assert not loads.hops_x.any()
    report = full_report(program, Ran(silent, ran.counts), LOIHI2)
    assert {t.table for t in report.latency} == {"loihi2-times", "loihi2-derived"}
    assert report.html()
    assert report.table()


def test_single_synapses_are_counted_the_same_however_few_are_gathered_at_once(case, monkeypatch):
    mapping, inputs, ran, loads = case
    monkeypatch.setattr(single, "_GATHERED", 7)
    again = step_loads(replace(mapping), inputs, ran.trace)  # nothing prepared before
    for name, amounts in loads.amounts.items():
        assert (again.amounts[name] == amounts).all(), name


def test_messages_of_many_samples_are_exact_beyond_what_small_reals_hold():
    rng = np.random.default_rng(3)
    program = chain((3, 8, 8), Conv2d(2 * rng.integers(1, 9, (5, 3, 3, 3))), 7)
    mapping = map_program(program, LOIHI1)
    many = (1 << 27) + 1
    once = {s.name: np.ones(s.shape, int) for s in (program.input, *program.populations)}
    fired = {name: many * ones for name, ones in once.items()}
    for one, all_of_them in zip(mapping.messages(once), mapping.messages(fired), strict=True):
        assert (all_of_them.messages == many * one.messages).all()
