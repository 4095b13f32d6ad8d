"""What the energy of a report holds and leaves out: each sentence, and when it is said."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from mappings import LOIHI1, chain, small

from hwsim import Connection, Cuba, Dense, Input, Population, Program
from hwsim._chip_values import Price, PriceTable
from hwsim._report.coverage import covers, gaps, missing, mixed, notes, unpriced
from hwsim.counts import Counts
from hwsim.mapping import map_program

FORMS = ("dense", "sparse", "conv")
UPDATES = ("driven", "undriven", "idle", "zero", "nonzero_updates")
COUNTED = Counter(
    dict.fromkeys(
        ["updates", *UPDATES, "spikes", "spike_synops", "graded_synops", "hops_x", "messages_out"]
        + [f"{kind}_synops_{form}" for kind in ("spike", "graded") for form in FORMS],
        5,
    )
)
"""Counters of a run in which everything happened."""


def price(counter, energy_pj=1.0, **options):
    label = f"{counter}, one by one"
    return Price(counter, label, "k", "v", "n", "s", counter, energy_pj=energy_pj, **options)


def table(name, *counters, transport=(), **options):
    terms = tuple(c if isinstance(c, Price) else price(c) for c in counters)
    ways = tuple(c if isinstance(c, Price) else price(c) for c in transport)
    return PriceTable(name, "d", "k", "v", "n", "s", terms, ways, **options)


WHOLE = table("whole", "spike_synops", "graded_synops", "updates")


@pytest.mark.parametrize("have", [set(c) for c in product(*[(None, u) for u in UPDATES])])
def test_updates_are_priced_where_the_parts_that_happened_make_up_all(have):
    found = unpriced(table("t", "spike_synops", "graded_synops", *have - {None}), COUNTED)
    whole = {"driven", "undriven"} <= have or {"driven", "idle", "zero"} <= have
    whole |= {"nonzero_updates", "zero"} <= have
    assert found == ([] if whole else ["neuron updates"])


@pytest.mark.parametrize("kind", ["spike", "graded"])
@pytest.mark.parametrize("happened", [set(c) for c in product(*[(None, f) for f in FORMS])])
def test_synaptic_operations_are_priced_where_every_format_that_occurs_is(kind, happened):
    used = [form for form in FORMS if form in happened]
    other = "graded" if kind == "spike" else "spike"
    counters = COUNTED + Counter()
    for form in FORMS:
        counters[f"{kind}_synops_{form}"] = 5 * (form in used)
    counters[f"{kind}_synops"] = 5 * len(used)
    rest = [price("updates"), price(f"{other}_synops")]
    every = table("every", *rest, *(price(f"{kind}_synops_{form}") for form in used))
    assert unpriced(every, counters) == []
    for form in used:
        terms = tuple(p for p in every.terms if p.counter != f"{kind}_synops_{form}")
        label = {"spike": "spike synaptic operations", "graded": "graded synaptic operations"}
        assert unpriced(replace(every, terms=terms), counters) == [label[kind]]


def test_a_price_without_an_energy_prices_nothing_and_one_that_includes_others_prices_those():
    timed = table("t", price("updates", None, time_ns=1.0), "spike_synops", "graded_synops")
    assert unpriced(timed, COUNTED) == ["neuron updates"]
    holder = price("spike_synops", includes=("updates", "graded_synops"))
    assert unpriced(table("t", holder), COUNTED) == []
    assert unpriced(table("t"), Counter()) == []


@pytest.mark.parametrize("counter", ["hops_x", "messages_out", "spikes"])
def test_what_a_table_times_alone_needs_an_energy_only_if_it_happened(counter):
    timed = price(counter, None, time_ns=2.0)
    named = [f"{counter}, one by one"]
    one = replace(WHOLE, transport=(timed,))
    assert unpriced(one, COUNTED) == named
    assert unpriced(replace(WHOLE, terms=(*WHOLE.terms, timed)), COUNTED) == named
    assert unpriced(one, Counter({**COUNTED, counter: 0})) == []
    assert unpriced(replace(one, transport=(timed, price(counter))), COUNTED) == []


@pytest.mark.parametrize("parts", [("driven", "undriven"), ("nonzero_updates", "zero")])
def test_a_table_that_prices_exactly_the_parts_of_updates_leaves_none_of_them_out(parts):
    counters = Counter(dict.fromkeys(["updates", *UPDATES], 5))
    assert unpriced(table("t", *parts), counters) == []
    assert unpriced(table("t", parts[0]), counters) == ["neuron updates"]


def test_a_gap_names_every_table_that_has_it_once():
    no_updates = table("two", "spike_synops", "graded_synops")
    nothing = table("three")
    assert gaps([WHOLE, no_updates, nothing], COUNTED) == [
        "neuron updates: no published energy (tables two, three)",
        "spike synaptic operations: no published energy (table three)",
        "graded synaptic operations: no published energy (table three)",
    ]
    assert gaps([WHOLE], COUNTED) == []


def test_tables_that_hold_different_things_make_no_range_and_are_named_by_kind():
    point, dynamic = replace(WHOLE, name="point", all_in="1 V"), replace(WHOLE, name="dynamic")
    dynamic = replace(dynamic, all_in="2 V", all_in_dynamic=True)
    assert mixed([WHOLE, replace(WHOLE, name="again")]) == []
    assert mixed([dynamic]) == mixed([]) == []
    (two,) = mixed([point, WHOLE])
    assert "(all-in: point; not all-in: whole)" in two
    assert mixed([WHOLE, point, dynamic, replace(WHOLE, name="again")]) == [
        "one range: prices hold different things (not all-in: whole, again; all-in: point; "
        "all-in without static power: dynamic); choose among them"
    ]


def graded_program(high):
    """in -> a -> b, all graded; the input sends up to ``high``, a spikes of 0 and 1."""
    eye = Dense(2 * np.eye(2, dtype=int))
    names = ("in", "a", "b")
    populations = [Population(n, (2,), Cuba(4096, 0, 640), i) for i, n in enumerate(names) if i]
    pairs = pairwise(names)
    connections = [Connection(a, b, eye, graded=True) for a, b in pairs]
    return Program("graded", "loihi1", Input("in", (2,), 0, high), populations, connections, "b")


def test_graded_operations_go_without_an_upper_bound_only_if_nothing_bounds_them():
    repeated = replace(
        WHOLE, terms=(price("graded_synops", counter_high="payload_synops"), price("updates"))
    )
    named = "graded synaptic operations beyond one per message (price was not given the program)"
    assert missing([WHOLE, repeated], COUNTED, None, None) == (named,)
    assert missing([WHOLE], COUNTED, None, None) == ()
    assert missing([repeated], Counter({**COUNTED, "graded_synops": 0}), None, None) == ()
    assert missing([repeated], COUNTED, graded_program(9), None) == ()


def test_transport_is_missing_without_a_mapping_and_input_from_outside_with_one():
    program = chain((4,), 6, 2)
    moving = replace(WHOLE, name="moving", transport=(price("hops_x"),))
    tables = [WHOLE, moving, replace(moving, name="other")]
    assert missing(tables, COUNTED, program, None) == (
        "message transport and mesh hops, which moving, other would price: the run has no mapping",
    )
    assert missing([WHOLE], COUNTED, program, None) == ()
    inside = map_program(program, LOIHI1, neurons_per_core={"in": 4})
    outside = map_program(program, LOIHI1)
    assert missing(tables, COUNTED, program, inside) == ()
    (line,) = missing(tables, COUNTED, program, outside)
    assert line.startswith("bringing the input onto the chip: it comes from outside")
    assert missing([WHOLE], COUNTED, program, outside) == ()


def test_hops_between_chips_are_named_with_their_number_and_the_tables_that_price_hops():
    program = chain((4,), *[30] * 7)
    mapping = map_program(program, small(LOIHI1), neurons_per_core={"in": 4})
    assert mapping.chips > 1
    hops = replace(WHOLE, name="hops", transport=(price("hops_y"),))
    local = replace(WHOLE, name="local", transport=(price("local_messages"),))
    assert missing([WHOLE, hops, local], COUNTED, program, mapping) == (
        f"links between the {mapping.chips} chips: a message that crosses one is priced as a hop "
        "inside a chip (hops)",
    )
    assert missing([local], COUNTED, program, mapping) == ()


def test_what_a_figure_covers_is_said_thing_by_thing_and_table_by_table():
    one = table("one", price("updates"), price("updates", 0.0), transport=["hops_x"])
    again = replace(price("driven"), label="updates, driven")
    two = table("two", again, again, price("spikes", None), transport=[price("hops_x", None)])
    mapping = map_program(chain((4,), 6), LOIHI1)
    assert covers([one, two], [], [], None) == (
        "neuromorphic cores only: updates (one); updates (two)"
    )
    assert covers([one, two], [], [], mapping) == (
        "neuromorphic cores and the mesh: updates, hops_x (one); updates (two)"
    )
    assert covers([two], [], [], mapping) == "neuromorphic cores only: updates (two)"


def test_a_figure_that_cannot_be_says_why_and_an_all_in_one_where_it_holds():
    point = replace(WHOLE, all_in="at 1 V")
    assert covers([point], [], [], None) == "the whole chip at its operating point (whole)"
    dynamic = replace(point, all_in_dynamic=True)
    assert covers([dynamic, replace(dynamic, name="b")], [], [], None) == (
        "the dynamic power at its operating point (whole, b)"
    )
    assert covers([point], ["a gap"], [], None) == "nothing: operations have no published price"
    different = "nothing: the tables price different things"
    assert covers([point], ["a gap"], ["mixed"], None) == different


def said(program, *, chip=LOIHI1, tables=(), steps=5, machine_steps=7, mapping=None):
    """The notes of a run but those of the chip, which end them."""
    counts = Counts(1, steps, machine_steps, (), ())
    found = notes(tables, chip, counts, program, mapping)
    assert found[len(found) - len(chip.notes) :] == chip.notes
    return found[: len(found) - len(chip.notes)]


def test_a_run_is_cut_if_it_lacks_one_step_of_the_last_answer():
    program = graded_program(1)
    assert program.latency == 2
    assert said(program, machine_steps=7) == said(None, machine_steps=1) == ()
    (line,) = said(program, machine_steps=6)
    assert line.startswith("The run was cut: 6 of 7 machine steps.")


def test_a_program_made_for_another_chip_is_named_with_what_was_not_checked():
    program = replace(graded_program(1), chip="other")
    (line,) = said(program)
    assert line.startswith("The program was made for other and is priced as if loihi1 did the same")
    assert "whether loihi1 could hold its neurons, weights and messages" in line
    mapping = map_program(chain((4,), 6), LOIHI1)
    (line,) = said(program, mapping=mapping)
    assert "could hold its registers, weights and messages" in line


def test_sums_that_may_wrap_and_operating_points_are_noted_by_name():
    point = replace(WHOLE, all_in="1 V, 20 C")
    dynamic = replace(point, name="moving", all_in_dynamic=True)
    assert said(graded_program(9), tables=[WHOLE, point, dynamic]) == (
        "Prices whole are all-in, static power included, and hold at one operating point only: "
        "1 V, 20 C.",
        "Prices moving are all-in, static power left out, and hold at one operating point only: "
        "1 V, 20 C.",
    )
    (line,) = said(graded_program(2**30))
    assert line.startswith("Sums of in->a may wrap (at 24 bits in a convolution, else at 32)")
