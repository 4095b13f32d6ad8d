"""Tests of chip files and of the check of a Program against a chip."""

from dataclasses import replace

import numpy as np
import pytest

from hwsim.blanking import blanked
from hwsim.chip import check, checked, chip_names, load_chip
from hwsim.errors import CheckError, SpikeportError, UnsupportedError
from hwsim.neurons import (
    NEURONS,
    Cuba,
    CubaSubtract,
    Delta,
    Gate,
    GradedRelay,
    LeakyIntegrator,
    Sigma,
    SigmaDelta,
    Ternary,
    registers,
)
from hwsim.program import Connection, Input, Population, Program
from hwsim.synapses import Dense, Sparse

TARGETS = [name for name in chip_names() if load_chip(name).target]


def program(weight=((2, -4), (6, 8)), neuron=None, *, high=16, graded=True, latency=2, low=0):
    neuron = neuron or Cuba.leaky(1024, 6400)
    dense = Dense(np.array(weight))
    return Program(
        "net",
        "loihi1",
        Input("pixels", (2,), low, high),
        (Population("a", (2,), neuron, 1), Population("b", (2,), Cuba.leaky(0, 64), latency)),
        (Connection("pixels", "a", dense, graded=graded), Connection("a", "b", dense)),
        "b",
    )


def figures_of(chip):
    for table in chip.prices:
        yield from (*table.terms, *table.transport)


@pytest.mark.parametrize("name", chip_names())
def test_every_price_names_its_kind_voltage_node_and_source_and_has_a_unit_in_its_field(name):
    for price in figures_of(load_chip(name)):
        assert price.kind, price
        assert price.voltage, price
        assert price.node, price
        assert len(price.source) > 10, price
        assert price.energy_pj is not None or price.time_ns is not None, price


@pytest.mark.parametrize("name", chip_names())
def test_every_limit_and_register_has_a_unit_and_a_source(name):
    chip = load_chip(name)
    for figure in (*chip.limits, *chip.system):
        assert figure.unit, figure
        assert figure.source, figure
    if chip.target:
        assert all(p.source for p in (chip.messages, chip.weights, chip.bias))
        assert all(spec["source"] for specs in chip.registers.values() for spec in specs.values())


@pytest.mark.parametrize("name", TARGETS)
def test_chip_registers_only_narrow_the_machines(name):
    for neuron, specs in load_chip(name).registers.items():
        for field, spec in specs.items():
            wide = registers(NEURONS[neuron])[field]
            assert wide["low"] <= spec["low"]
            assert spec["high"] <= wide["high"]
            assert spec.get("step", 1) % wide["step"] == 0


@pytest.mark.parametrize("name", TARGETS)
def test_a_program_with_graded_input_fits(name):
    assert check(program(), load_chip(name)) == []
    assert checked(program(), load_chip(name)).name == "net"


def test_check_lists_all_problems_at_once():
    neuron = Cuba(decay_u=0, decay_v=4096, threshold=131072 * 64, bias=4097)
    bad = program([[3, -4], [600, 8]], neuron, graded=False, latency=3)
    found = check(bad, load_chip("loihi1"))
    for start in (
        "a: decay_u = 0 does not fit 1..4096",
        "a: decay_v = 4096 does not fit 0..4095",
        "a: threshold = 8388608 does not fit 0..8388544 in steps of 64",
        "a: bias = 4097 does not fit a 13-bit mantissa",
        "pixels->a: weight = 600 does not fit -256..255 (1 of 4 weights)",
        "pixels->a: weight = 3 does not fit 8 bits: only even values",
        "a->b: latency of b = 3 does not fit 2, one step after a (1)",
        "pixels->a: message = 16 does not fit 0..1",
    ):
        assert [line for line in found if line.startswith(start)], start
    with pytest.raises(CheckError, match=rf"{len(found)} problem"):
        checked(bad, load_chip("loihi1"))


def test_odd_weights_of_one_sign_fit():
    assert check(program([[3, 5], [255, 0]]), load_chip("loihi1")) == []


def test_a_bias_with_low_bits_within_its_exponent_fits():
    assert check(program(neuron=Cuba.leaky(0, 64, bias=8192)), load_chip("loihi2")) == []


def test_a_negative_bias_beyond_the_mantissa_keeps_its_sign():
    assert check(program(neuron=Cuba.leaky(0, 64, bias=-524288)), load_chip("loihi2")) == []
    found = check(program(neuron=Cuba.leaky(0, 64, bias=-524289)), load_chip("loihi2"))
    assert len(found) == 1
    assert "bias = -524289 does not fit -524288..524160" in found[0]


def test_negative_graded_input_is_refused_where_it_is_sent_as_repeated_spikes():
    assert "message = -1" in check(program(low=-1), load_chip("loihi1"))[0]
    assert check(program(low=-1), load_chip("loihi2")) == []


def test_payload_wider_than_the_chips_messages_is_refused():
    chip = load_chip("loihi2")
    narrow = replace(chip, target=replace(chip.target, messages=replace(chip.messages, bits=16)))
    assert check(program(high=2**15 - 1), narrow) == []
    assert "does not fit a payload of 16 bits" in check(program(high=2**15), narrow)[0]


def neurons_program(neuron, *, graded):
    """pixels -> a (the neuron) -> b"""
    net = program(high=1, graded=False)
    middle = replace(net.populations[0], neuron=neuron)
    back = replace(net.connections[1], graded=graded)
    return replace(
        net, populations=(middle, net.populations[1]), connections=(net.connections[0], back)
    )


def test_every_neuron_fits_loihi2_and_loihi1_names_those_it_lacks():
    neurons = [Ternary(4096, 0, 640, -640), GradedRelay(), Sigma(), Delta(0), SigmaDelta(0)]
    for neuron in [*neurons, Gate(), CubaSubtract(4096, 0, 64), LeakyIntegrator(1, 0)]:
        net = neurons_program(neuron, graded=neuron.MESSAGES not in ((0, 1), (0, 0)))
        assert check(net, load_chip("loihi2")) == [], neuron
    found = check(neurons_program(Sigma(), graded=True), load_chip("loihi1"))
    assert "chip loihi1 has no neuron Sigma; use Cuba" in found[0]
    assert "neurons of this chip send spikes" in found[1]


def test_negative_messages_on_a_connection_that_is_not_graded_are_refused():
    found = check(neurons_program(Ternary(4096, 0, 640, -640), graded=False), load_chip("loihi2"))
    assert "a->b: message = -1 does not fit 0..1" in found[0]


def recurrent(latency_of_a=1, delay=0):
    """pixels -> a -> b, b -> a, a -> a"""
    net = program(high=1, graded=False)
    late = np.full((2, 2), delay) if delay else None
    weight = np.array([[2, -4], [6, 8]])
    back = [
        Connection("b", "a", Dense(weight)),
        Connection("a", "a", Dense(weight, delay=late)),
    ]
    return replace(net, connections=(*net.connections, *back), period=4)


def test_feedback_within_a_period_needs_a_gap_and_a_blank_line():
    chip = load_chip("loihi2")
    found = check(recurrent(), chip)
    assert [line.split(":")[0] for line in found] == ["b->a", "a->a"]
    assert "b->a: messages arrive up to 2 frames late, the gap between samples has 0" in found[0]
    assert check(blanked(recurrent()), chip) == []
    assert check(replace(recurrent(), period=None), chip) == [], "nothing to separate"
    unsilenced = replace(blanked(recurrent()), connections=recurrent().connections)
    found = check(unsilenced, chip)
    assert "a: inhibition of 0 a step does not silence it for 2 steps" in found[0]
    assert "b: inhibition of 0 a step" in found[1]


def test_blanked_makes_the_gap_as_long_as_the_latest_message():
    assert blanked(recurrent()).gap == 2
    assert blanked(recurrent()).period == 6
    assert blanked(recurrent(delay=5)).gap == 6, "a self loop is one frame late, its delay five"
    plain = replace(program(), period=4)
    assert blanked(plain) is plain


def test_a_population_that_inhibition_cannot_silence_is_named():
    net = recurrent()
    ternary = replace(net.populations[0], neuron=Ternary(4096, 0, 640, -640))
    net = replace(net, populations=(ternary, net.populations[1]))
    with pytest.raises(CheckError, match="a: inhibition does not keep a Ternary from sending"):
        blanked(net)


def test_weight_exponent_beyond_the_format_is_refused():
    net = program()
    first = replace(net.connections[0], synapse=Dense(np.array([[2, 4], [6, 8]]), exponent=8))
    net = replace(net, connections=(first, net.connections[1]))
    assert "weight exponent = 8 does not fit -8..7" in check(net, load_chip("loihi1"))[0]


def test_a_neuron_the_chip_lacks_is_refused_by_name():
    chip = load_chip("loihi1")
    chip = replace(chip, target=replace(chip.target, registers={"Other": {}}))
    assert "has no neuron Cuba" in check(program(), chip)[0]


def test_unknown_chip_lists_the_known_ones():
    with pytest.raises(SpikeportError, match="loihi1, loihi2"):
        load_chip("loihi9")


@pytest.mark.parametrize("name", sorted({*chip_names()} - {*TARGETS}))
def test_a_chip_without_registers_checks_no_program_and_says_what_it_is_for(name):
    with pytest.raises(UnsupportedError, match=rf"(?s)chip {name} has prices only.*--chip {name}"):
        check(program(), load_chip(name))


def waiting(delay, latency=3):
    """pixels -> a -> b -> c and, with delays, pixels -> c, which answers after 3 steps"""
    net = program()
    c = Population("c", (2,), Cuba.leaky(0, 64), latency)
    weight = np.array([[2, 4], [6, 8]])
    short = Dense(weight, delay=None if delay is None else np.array(delay))
    ends = Connection("b", "c", Dense(weight)), Connection("pixels", "c", short, graded=True)
    return replace(
        net, populations=(*net.populations, c), connections=(*net.connections, *ends), output="c"
    )


def test_synapses_that_wait_fit_where_a_path_is_shorter_than_others():
    for delay in ([[2, 2], [2, 2]], [[2, 5], [4, 3]]):
        assert check(waiting(delay), load_chip("loihi1")) == []


@pytest.mark.parametrize("delay", [None, [[1, 1], [1, 1]], [[2, 2], [2, 1]]])
def test_synapses_that_wait_too_little_are_a_latency_that_does_not_fit(delay):
    (found,) = check(waiting(delay), load_chip("loihi1"))
    assert found.startswith("pixels->c: latency of c = 3 does not fit 1, one step after pixels (0)")


def test_a_short_path_without_a_single_synapse_has_nothing_to_wait_for():
    net = waiting([[2, 2], [2, 2]])
    nothing = np.zeros(0, np.int64)
    empty = Sparse((2, 2), nothing, nothing, nothing)
    short = replace(net.connections[-1], synapse=empty)
    assert (
        check(replace(net, connections=(*net.connections[:-1], short)), load_chip("loihi1")) == []
    )


def test_synapses_that_wait_and_then_delay_are_late_by_the_rest():
    net = replace(waiting([[2, 5], [4, 3]]), period=6)
    (found,) = check(net, load_chip("loihi1"))
    assert "pixels->c: messages arrive up to 3 frames late" in found
    assert blanked(net).gap == 3
