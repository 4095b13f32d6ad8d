"""Pricing with a mapping: messages, hops, layers and static power, by hand and summed again."""

from dataclasses import replace

import numpy as np
import pytest
from mappings import LOIHI1, LOIHI2, chain, drawn, small

from hwsim import Input, price, run
from hwsim._chip_values import COUNTERS_ABOVE, Static
from hwsim._report.counters import counters_by_layer
from hwsim.loads import step_loads
from hwsim.mapping import map_program


def ran(program, steps=5, samples=3, seed=0):
    rng = np.random.default_rng(seed)
    inputs = rng.integers(0, 2, (steps, samples, *program.input.shape))
    return inputs, run(program, inputs, record="spikes")


@pytest.fixture(scope="module", params=[(s, given) for s in (1, 2, 4) for given in (None, 20)])
def mapped(request):
    seed, given = request.param
    program = drawn(seed)
    inputs, result = ran(program)
    mapping = map_program(program, small(LOIHI1), neurons_per_core=given and {"in": given})
    return mapping, result.counts, step_loads(mapping, inputs, result.trace)


def test_transport_is_the_messages_and_hops_of_the_mapping_times_their_prices(mapped):
    mapping, counts, _ = mapped
    report = price(counts, LOIHI1, prices=["loihi1-fitted"], mapping=mapping)
    terms = {t.term: t for t in report.energy.terms}
    traffic = mapping.messages(counts.fired)
    inside = [t for t in traffic if (t.source >= 0).all()]
    sent = sum(int(t.messages.sum()) for t in inside)
    east = sum(int(t.messages @ t.hops_x) for t in inside)
    north = sum(int(t.messages @ t.hops_y) for t in inside)
    expected = {
        "message sent, per destination core": sent * 111.0,
        "hop between tiles, east or west": east * 3.0,
        "hop between tiles, north or south": north * 4.2,
    }
    for name, picojoules in expected.items():
        energy = terms[name].energy_uj if name in terms else 0.0
        assert energy == pytest.approx(picojoules / 3 / 1e6), name
    assert terms["message received"].count == pytest.approx(
        sum(int(t.messages.sum()) for t in traffic) / 3
    )
    assert report.per_inference.hops == pytest.approx((east + north) / 3)
    without = price(counts, LOIHI1, prices=["loihi1-fitted"], program=mapping.program)
    more = report.per_inference.energy_uj.low - without.per_inference.energy_uj.low
    assert more == pytest.approx(sum(expected.values()) / 3 / 1e6)


def test_a_local_message_is_priced_within_its_tile_and_every_message_at_the_high_end(mapped):
    mapping, counts, _ = mapped
    report = price(counts, LOIHI1, prices=["loihi1-2018"], mapping=mapping)
    (term,) = [t for t in report.energy.terms if t.term == "spike within a tile"]
    inside = [t for t in mapping.messages(counts.fired) if (t.source >= 0).all()]
    local = sum(int(t.messages[(t.hops_x + t.hops_y) == 0].sum()) for t in inside)
    assert term.count * 3 == pytest.approx(local)
    assert term.count_high * 3 == pytest.approx(sum(int(t.messages.sum()) for t in inside))


def test_the_energy_of_the_layers_adds_up_to_that_of_the_terms(mapped):
    mapping, counts, loads = mapped
    report = price(counts, LOIHI1, mapping=mapping, loads=loads)
    for table in report.energy.by_table:
        layers = [e for layer in report.layers for e in layer.energy if e.table == table.name]
        assert sum(e.energy_uj for e in layers) == pytest.approx(table.energy_uj.low)
        assert sum(e.energy_high_uj for e in layers) == pytest.approx(table.energy_uj.high)
    assert sum(layer.messages for layer in report.layers) == pytest.approx(
        report.per_inference.messages
    )
    assert sum(layer.hops for layer in report.layers) == pytest.approx(report.per_inference.hops)


def test_the_report_lists_every_core_with_its_use_and_the_hops_placed_row_by_row(mapped):
    mapping, counts, _ = mapped
    use = price(counts, LOIHI1, mapping=mapping).mapping
    assert [c.population for c in use.cores] == [c.population for c in mapping.cores]
    assert [(c.chip, c.x, c.y, c.number) for c in use.cores] == [
        (c.chip, c.x, c.y, c.number) for c in mapping.cores
    ]
    assert [c.use for c in use.cores] == [vars(c.use) for c in mapping.cores]
    assert use.limits == vars(mapping.limits)
    rows = mapping.row_by_row.messages(counts.fired)
    assert use.hops_row_by_row == pytest.approx(sum(t.total_hops for t in rows) / 3)
    assert use.crossings == pytest.approx(
        sum(int(t.messages @ t.crossings) for t in mapping.messages(counts.fired)) / 3
    )


def test_what_comes_from_outside_is_named_and_what_is_mapped_is_not(mapped):
    mapping, counts, _ = mapped
    missing = " ".join(price(counts, LOIHI1, mapping=mapping).energy.missing)
    assert ("bringing the input onto the chip" in missing) == ("in" not in mapping.cuts)
    without = " ".join(price(counts, LOIHI1, program=mapping.program).energy.missing)
    assert "the run has no mapping" in without
    assert "loihi1-2018, loihi1-fitted" in without


def test_no_counter_is_above_those_that_may_bound_it(mapped):
    mapping, counts, _ = mapped
    program, rng = mapping.program, np.random.default_rng(1)
    inputs = rng.integers(-3, 4, (5, 3, *program.input.shape))
    first = replace(program.connections[0], graded=True)
    wide = replace(program.input, low=-3, high=3)
    graded = replace(program, input=wide, connections=(first, *program.connections[1:]))
    for p, c in ((program, counts), (graded, run(graded, inputs).counts)):
        layers = counters_by_layer(c, p, inputs, map_program(p, LOIHI1).messages(c.fired))
        for counters in layers.values():
            for low, above in COUNTERS_ABOVE.items():
                assert all(counters[low] <= counters[high] for high in above), low


def test_a_negative_input_is_as_many_unit_spikes_as_its_size_even_the_least_of_its_type():
    program = chain((2,), 3)
    (into,) = program.connections
    wide = Input("in", (2,), -128, 127)
    program = replace(program, input=wide, connections=(replace(into, graded=True),))
    inputs = np.array([[[-128, 3]]], np.int8)
    result = run(program, inputs, record="spikes")
    loads = step_loads(map_program(program, LOIHI1), inputs, result.trace)
    assert loads.amounts["payload_synops_dense"].sum() == 131 * 3
    exact, bound = (
        price(result.counts, LOIHI1, prices=["loihi1-2018"], program=program, inputs=given)
        for given in (inputs, None)
    )
    assert (exact.energy.terms[0].count, exact.energy.terms[0].count_high) == (6, 131 * 3)
    assert bound.energy.terms[0].count_high == 2 * 128 * 3


def test_a_mesh_without_a_price_is_not_covered():
    program = chain((6,), 5, 4)
    _, result = ran(program)
    mapping = map_program(program, LOIHI1)
    fitted = LOIHI1.table("loihi1-fitted")
    for transport, where in ((fitted.transport, "cores and the mesh"), ((), "cores only")):
        chip = replace(LOIHI1, prices=(replace(fitted, transport=transport),))
        covers = price(result.counts, chip, mapping=mapping).energy.covers
        assert covers.startswith(f"neuromorphic {where}: ")
    timed = tuple(replace(p, energy_pj=None) for p in fitted.transport)
    chip = replace(LOIHI1, prices=(replace(fitted, transport=timed),))
    report = price(result.counts, chip, mapping=mapping)
    assert "message received: no published energy (table loihi1-fitted)" in report.energy.missing
    assert report.per_inference.energy_uj.low is None
    assert price(result.counts, chip).per_inference.energy_uj.low is not None


def test_links_between_chips_are_named_as_priced_like_hops_inside_one(mapped):
    mapping, counts, _ = mapped
    assert mapping.chips > 1
    (line,) = (m for m in price(counts, LOIHI1, mapping=mapping).energy.missing if "links" in m)
    assert line.startswith(f"links between the {mapping.chips} chips: ")
    assert "(loihi1-2018, loihi1-fitted)" in line
    program = chain((6,), 5)
    one = price(ran(program)[1].counts, LOIHI1, mapping=map_program(program, LOIHI1))
    assert not any("links" in m for m in one.energy.missing)


def test_a_program_for_another_chip_says_what_was_not_checked(mapped):
    mapping, counts, _ = mapped
    chip = replace(LOIHI1, name="other")
    notes = " ".join(price(counts, chip, mapping=mapping).energy.notes)
    assert "whether other could hold its registers, weights and messages was not checked" in notes
    notes = " ".join(price(counts, chip, program=mapping.program).energy.notes)
    assert "whether other could hold its neurons, weights and messages was not checked" in notes


def test_loads_bring_their_mapping():
    program = chain((6,), 5, 4)
    inputs, result = ran(program)
    loads = step_loads(map_program(program, LOIHI1), inputs, result.trace)
    assert price(result.counts, LOIHI1, loads=loads).mapping is not None


def test_static_power_is_that_of_all_chips_over_the_latency():
    program = chain((40,), *[30] * 7)
    inputs, result = ran(program)
    chip = replace(small(LOIHI1), static=(Static("board", 10, 30, "a board"),))
    mapping = map_program(program, chip)
    assert mapping.chips > 1
    report = price(
        result.counts, chip, loads=step_loads(mapping, inputs, result.trace), prices=["loihi1-2018"]
    )
    (power,) = report.static
    latency = report.per_inference.latency_us
    assert power.power_mw.low == 10 * mapping.chips
    assert power.energy_uj.low == pytest.approx(10 * mapping.chips * latency.low / 1e3)
    assert power.energy_uj.high == pytest.approx(30 * mapping.chips * latency.high / 1e3)
    assert power.source == "a board"
    untimed = replace(chip, prices=())
    assert price(result.counts, untimed).static[0].energy_uj.low is None


def test_an_all_in_price_of_dynamic_power_says_that_static_power_is_left_out():
    table = replace(LOIHI2.prices[0], all_in="one network", all_in_dynamic=True)
    counts = ran(chain((6,), 5))[1].counts
    for dynamic, expected in ((True, "static power left out"), (False, "static power included")):
        chip = replace(LOIHI2, prices=(replace(table, all_in_dynamic=dynamic),))
        assert expected in " ".join(price(counts, chip, prices=[table.name]).energy.notes)
