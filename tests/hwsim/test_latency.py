"""The time of each step, by hand and summed up again core by core."""

from dataclasses import replace

import numpy as np
import pytest
from mappings import LOIHI1, LOIHI2, chain, drawn, small

from hwsim import Connection, Cuba, Dense, Input, Population, Program, Sparse, price, run
from hwsim._report import timing
from hwsim.latency import StepTimes, step_times
from hwsim.loads import step_loads
from hwsim.mapping import map_program

FITTED, DAVIES = LOIHI1.table("loihi1-fitted"), LOIHI1.table("loihi1-2018")


def loaded(program, inputs, chip=LOIHI1, **given):
    ran = run(program, inputs, record="spikes")
    return ran, step_loads(map_program(program, chip, **given), inputs, ran.trace)


@pytest.fixture
def two_layers():
    """8 inputs -> 6 neurons that all fire at once -> 2 that never do; each layer on a core."""
    program = chain((8,), 6, 2)
    weights = [2 * np.ones((6, 8), int), np.full((2, 6), -2)]
    connections = [
        replace(c, synapse=replace(c.synapse, weight=w))
        for c, w in zip(program.connections, weights, strict=True)
    ]
    quiet = [replace(p, neuron=replace(p.neuron, threshold=64)) for p in program.populations]
    program = replace(program, connections=connections, populations=quiet)
    return program, np.ones((1, 1, 8), int)


def test_a_step_of_the_fitted_table_by_hand(two_layers):
    ran, loads = loaded(*two_layers)
    times = step_times(loads, ran.counts, FITTED)
    assert ran.trace.spikes["layer0"][:, 0].sum(axis=1).tolist() == [0, 6, 0]
    # step 1: the first core receives 8 messages of 6 synapses; step 2: it sends 6 spikes, each a
    # message, and the second receives them, with 2 synapses each; both cores are on one tile
    updates = ran.counts.populations[0].updates
    assert updates == 6
    idle = 6 * (6.0 + 3.7)
    assert times.receiving_low[0, 0] == pytest.approx([8 * (16 + 6 * 3.8), 0])
    assert times.sending_low[0, 0, 0] == pytest.approx(idle)
    assert times.sending_low[1, 0, 0] == pytest.approx(idle + 6 * (30 + 5.1))
    assert times.receiving_low[1, 0] == pytest.approx([0, 6 * (16 + 2 * 3.8)])
    assert times.barrier_ns == (600, 600)
    assert times.low[0, 0] == pytest.approx(8 * (16 + 6 * 3.8) + 600)
    assert times.low[1, 0] == pytest.approx(idle + 6 * 35.1 + 600)
    assert times.high[0, 0] == pytest.approx(8 * (16 + 6 * 3.8) + idle + 600)


def test_the_route_waited_for_is_the_longest_that_messages_take():
    program = chain((40,), *[30] * 7)
    chip = replace(small(LOIHI1), mesh=replace(small(LOIHI1).mesh, rows=1))  # all hops go east-west
    ran, loads = loaded(program, np.ones((2, 1, 40), int), chip)
    mapping = loads.mapping
    assert mapping.chips > 1
    ones = {s.name: np.ones(s.shape, int) for s in (program.input, *program.populations)}
    ways = [
        4.1 * x + 6.5 * y
        for t in mapping.messages(ones)
        for x, y in zip(t.hops_x.tolist(), t.hops_y.tolist(), strict=True)
    ]
    times = step_times(loads, ran.counts, FITTED)
    assert times.route_ns == pytest.approx(max(ways))
    assert max(ways) > 0
    assert step_times(loads, ran.counts, DAVIES).route_ns == pytest.approx(max(ways) + 2.1)
    for counter in ("hops_x", "hops_y"):
        prices = [replace(p, time_ns=float(p.counter == counter)) for p in FITTED.transport]
        longest = max(int(getattr(t, counter).max()) for t in mapping.messages(ones))
        times = step_times(loads, ran.counts, replace(FITTED, transport=tuple(prices)))
        assert times.route_ns == longest
    twice = replace(FITTED, transport=(*FITTED.transport, *FITTED.transport))
    assert step_times(loads, ran.counts, twice).route_ns == pytest.approx(2 * max(ways))


@pytest.mark.parametrize(
    ("counter", "amount"),
    [("updates", 6), ("driven", 3), ("idle", 2), ("zero", 1), ("undriven", 3),
     ("nonzero_updates", 5)],
)  # fmt: skip
def test_a_core_advances_its_share_of_the_updates_of_each_kind(two_layers, counter, amount):
    ran, loads = loaded(*two_layers)
    first, second = ran.counts.populations
    shared = replace(first, updates=60, driven=30, zero=10)
    counts = replace(ran.counts, populations=(shared, second))
    term = replace(DAVIES.terms[0], counter=counter, time_ns=1.0)
    times = step_times(loads, counts, replace(DAVIES, terms=(term,), transport=()))
    assert times.sending_low[:, 0, 0].tolist() == pytest.approx([amount] * loads.steps)
    assert not times.receiving_low.any()


def test_graded_input_takes_the_time_of_one_spike_to_that_of_its_value():
    population = Population("a", (2,), Cuba.leaky(0, 640), 1)
    into = Connection("in", "a", Dense(2 * np.ones((2, 3), int)), graded=True)
    program = Program("graded", "loihi2", Input("in", (3,), 0, 9), (population,), (into,), "a")
    ran, loads = loaded(program, np.array([[[0, 4, 9]]]))
    times = step_times(loads, ran.counts, DAVIES)
    assert times.receiving_low[:, 0, 0].tolist() == pytest.approx([4 * 3.5, 0])
    assert times.receiving_high[:, 0, 0].tolist() == pytest.approx([26 * 3.5, 0])


def test_no_route_is_waited_for_where_no_message_goes_between_cores():
    ran, loads = loaded(chain((6,), 4), np.ones((2, 1, 6), int))
    assert step_times(loads, ran.counts, DAVIES).route_ns == 0
    program = chain((6,), 4, Sparse.of(np.zeros((3, 4), int)))
    ran, loads = loaded(program, np.ones((2, 1, 6), int))
    assert step_times(loads, ran.counts, DAVIES).route_ns == 0


def test_without_loads_the_high_end_has_every_message_and_hop_after_the_other(two_layers):
    program, inputs = two_layers
    ran = run(program, inputs)
    mapping = map_program(program, LOIHI1)
    report = price(ran.counts, LOIHI1, prices=["loihi1-fitted"], mapping=mapping)
    work = 8 * (16 + 6 * 3.8) + 6 * (30 + 5.1 + 16 + 2 * 3.8) + 8 * 6.0
    busy = sum(p.updates - p.zero for p in ran.counts.populations)
    steps = ran.counts.machine_steps
    expected = steps * 1800 + work + busy * 3.7
    assert report.per_inference.latency_us.high == pytest.approx(expected / 1e3)
    assert report.per_inference.latency_us.low == pytest.approx(steps * 600 / 1e3)
    untimed = tuple(replace(p, time_ns=None) for p in FITTED.transport)
    chip = replace(LOIHI1, prices=(replace(FITTED, transport=untimed),))
    report = price(ran.counts, chip, mapping=mapping)
    expected -= 8 * 16 + 6 * (5.1 + 16)
    assert report.per_inference.latency_us.high == pytest.approx(expected / 1e3)


@pytest.mark.parametrize("table", [FITTED, DAVIES])
@pytest.mark.parametrize("seed", range(4))
def test_a_step_takes_what_its_slowest_core_does(table, seed):
    rng = np.random.default_rng(seed)
    program = drawn(seed)
    inputs = rng.integers(0, 2, (4, 2, *program.input.shape))
    ran, loads = loaded(program, inputs, small(LOIHI1))
    times = step_times(loads, ran.counts, table)
    prices = {p.name: p.time_ns for p in (*table.terms, *table.transport)}
    by_name = {p.name: p for p in ran.counts.populations}
    for step in range(loads.steps):
        for sample in range(2):
            low, high = [], []
            for i, core in enumerate(loads.mapping.cores):
                amount = {n: int(a[step, sample, i]) for n, a in loads.amounts.items()}
                p = by_name[core.population]
                share = core.use.neurons / p.updates
                if table is FITTED:
                    sending = core.use.neurons * prices["neuron_access"]
                    sending += (p.updates - p.zero) * share * prices["neuron_update"]
                    sending += amount["spikes"] * prices["spike"]
                    sending += amount["messages_out"] * prices["message_out"]
                    receiving = amount["messages_in"] * prices["message_in"]
                    for form in ("dense", "sparse", "conv"):
                        receiving += amount.get(f"spike_synops_{form}", 0) * prices[f"{form}_synop"]
                else:
                    sending = p.driven * share * prices["active_update"]
                    sending += (p.updates - p.driven) * share * prices["inactive_update"]
                    receiving = prices["spike_synop"] * sum(
                        a for n, a in amount.items() if n.startswith("spike_synops")
                    )
                low.append(max(sending, receiving))
                high.append(sending + receiving)
            barrier = times.barrier_ns
            assert times.low[step, sample] == pytest.approx(max(low) + barrier[0])
            expected = max(high) + barrier[1] + times.route_ns
            assert times.high[step, sample] == pytest.approx(expected)


def test_a_barrier_is_that_of_the_tiles_in_use():
    for cores, expected in ((4, 600), (5, 1000), (13, 1400), (28 * 4, 1400), (29 * 4, 1800)):
        program = chain((2,), *[2] * cores)
        ran, loads = loaded(program, np.ones((1, 1, 2), int))
        assert len(loads.mapping.cores) == cores
        tiles = {(c.x, c.y) for c in loads.mapping.cores}
        assert len(tiles) == -(-cores // 4), "cores share tiles"
        assert step_times(loads, ran.counts, FITTED).barrier_ns == (expected, expected)


def test_without_a_published_time_there_is_no_latency(two_layers):
    ran, loads = loaded(*two_layers)
    (spike, *rest) = DAVIES.terms
    untimed = replace(DAVIES, terms=(replace(spike, time_ns=None), *rest))
    assert step_times(loads, ran.counts, untimed) is None
    assert step_times(loads, ran.counts, replace(DAVIES, barrier_low_ns=None)) is None
    chip = replace(LOIHI1, prices=(untimed,))
    report = price(ran.counts, chip, loads=loads)
    assert report.latency == ()
    assert report.per_inference.latency_us.low is None
    assert report.per_inference.edp_uj_us.low is None


def test_a_time_of_nonzero_synapses_needs_loads_that_counted_them(two_layers):
    program, inputs = two_layers
    ran = run(program, inputs, record="spikes")
    mapping = map_program(program, LOIHI2)
    loads = step_loads(mapping, inputs, ran.trace, nonzero=False)
    spike = replace(DAVIES.terms[0], counter="nonzero_synops")
    table = replace(DAVIES, terms=(spike, *DAVIES.terms[1:]))
    with pytest.raises(KeyError, match="nonzero_synops"):
        step_times(loads, ran.counts, table)
    whole = step_loads(mapping, inputs, ran.trace)
    assert step_times(whole, ran.counts, table).receiving_low[0, 0, 0] == pytest.approx(48 * 3.5)


def test_the_report_has_the_mean_over_samples_and_says_whose_core_was_slowest():
    rng = np.random.default_rng(0)
    program = chain((50,), 40, 3)
    inputs = (rng.random((5, 4, 50)) < [[[0.0]], [[0.2]], [[0.9]], [[0.5]], [[0.5]]]).astype(int)
    ran, loads = loaded(program, inputs)
    report = price(ran.counts, LOIHI1, prices=["loihi1-2018"], loads=loads)
    (latency,) = report.latency
    times = step_times(loads, ran.counts, DAVIES)
    assert latency.samples == 4
    assert latency.low_us == pytest.approx(times.low.sum(axis=0).mean() / 1e3)
    assert latency.high_us == pytest.approx(times.high.sum(axis=0).mean() / 1e3)
    assert latency.slowest_step_us.high == pytest.approx(times.high.max() / 1e3)
    parts = latency.cores_us.high + latency.barrier_us.high + latency.routes_us
    assert parts == pytest.approx(latency.high_us)
    assert latency.cores_us.low + latency.barrier_us.low == pytest.approx(latency.low_us)
    assert sum(latency.slowest.values()) == pytest.approx(1)
    assert latency.slowest["layer0"] > 0.5
    edp, energy = report.per_inference.edp_uj_us, report.per_inference.energy_uj
    assert edp.low == pytest.approx(energy.low * latency.low_us)
    assert edp.high == pytest.approx(energy.high * latency.high_us)


def test_where_no_hop_is_timed_no_route_is_waited_for_and_the_report_says_so():
    program = chain((40,), *[30] * 7, chip="loihi2")
    ran, loads = loaded(program, np.ones((2, 1, 40), int), LOIHI2)
    report = price(ran.counts, LOIHI2, prices=["loihi2-times"], loads=loads)
    (latency,) = report.latency
    assert latency.routes_us is None
    assert latency.high_us == pytest.approx(latency.cores_us.high + latency.barrier_us.high)
    assert "longest route" not in report.table()
    assert "no time published" in report.html()
    timed = price(ran.counts, LOIHI1, prices=["loihi1-2018"], loads=loads)
    assert "longest route" in timed.table()
    assert "no time published" not in timed.html()


def test_the_slowest_core_of_a_step_is_that_of_its_low_end(two_layers, monkeypatch):
    ran, loads = loaded(*two_layers)
    shape = (loads.steps, loads.samples, 2)
    # layer0 takes 31 at the same time, 61 in turn; layer1 takes 60 either way
    sending = np.broadcast_to([30.0, 0.0], shape)
    receiving = np.broadcast_to([31.0, 60.0], shape)
    times = StepTimes(sending, sending, receiving, receiving, (0.0, 0.0), None)
    monkeypatch.setattr(timing, "step_times", lambda *_: times)
    assert timing.latency_of(loads, ran.counts, FITTED).slowest == {"layer1": 1.0}


def test_a_step_ends_with_its_slowest_core_its_barrier_and_at_worst_its_longest_route():
    sending, receiving = np.array([[[5.0, 1.0]], [[0.0, 7.0]]]), np.array([[[2.0, 4.0]], [[6, 6]]])
    times = StepTimes(sending, 2 * sending, receiving, 3 * receiving, (10.0, 20.0), 100.0)
    assert times.busy_low.tolist() == [[[5, 4]], [[6, 7]]]
    assert times.busy_high.tolist() == [[[16, 14]], [[18, 32]]]
    assert times.low.tolist() == [[15], [17]]
    assert times.high.tolist() == [[136], [152]]
    assert replace(times, route_ns=None).high.tolist() == [[36], [52]]


def test_a_time_of_transport_that_is_no_way_gives_no_route(two_layers):
    ran, loads = loaded(*two_layers)
    ways = ("hops_x", "hops_y", "local_messages")
    timed = [p for p in FITTED.transport if p.time_ns is not None and p.counter not in ways]
    assert timed
    times = step_times(loads, ran.counts, replace(FITTED, transport=tuple(timed)))
    assert times.route_ns is None
    untimed = [replace(p, time_ns=None) for p in FITTED.transport if p.counter in ways]
    times = step_times(loads, ran.counts, replace(FITTED, transport=(*timed, *untimed)))
    assert times.route_ns is None


def test_a_price_without_a_time_matters_only_for_what_was_counted(two_layers):
    ran, loads = loaded(*two_layers)
    whole = step_times(loads, ran.counts, FITTED)
    for counter, needed in (("spike_synops_dense", True), ("spike_synops_conv", False)):
        terms = [replace(p, time_ns=None) if p.counter == counter else p for p in FITTED.terms]
        found = step_times(loads, ran.counts, replace(FITTED, terms=tuple(terms)))
        assert (found is None) is needed
    assert (found.low == whole.low).all()
    assert (found.high == whole.high).all()


def test_the_steps_that_loads_have_are_those_of_the_run(two_layers):
    program, inputs = two_layers
    ran, loads = loaded(program, np.repeat(inputs, 3, axis=1))
    assert (loads.steps, loads.samples) == (ran.counts.machine_steps, 3)
    times = step_times(loads, ran.counts, FITTED)
    assert times.low.shape == times.high.shape == (3, 3)
    # every sample is alike
    assert (times.low == times.low[:, :1]).all()
