"""Tests of the conventional baseline: by pen and paper, by brute force, and what is refused."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from draw import Seeded, network

from hwsim import (
    Connection,
    Conv2d,
    Cuba,
    Dense,
    Input,
    Population,
    Program,
    SigmaDelta,
    Sparse,
    Ternary,
    blanked,
    run,
)
from hwsim._report.operations import waiting
from hwsim.baseline import baseline_of, baseline_problems
from hwsim.chip import load_chip
from hwsim.errors import CheckError
from hwsim.neurons import CubaLateReset, CubaSubtract, Gate, GradedRelay, MultiSpike

TINY = Program(
    "tiny",
    "loihi2",
    Input("in", (3,)),
    (
        Population("a", (2,), Cuba.integrator(threshold=64), 1),
        Population("out", (1,), Cuba.leaky(1024, threshold=640), 2),
    ),
    (
        Connection("in", "a", Dense(np.array([[2, 6, 2], [2, 0, 2]]))),
        Connection("a", "out", Dense(np.array([[2, 2]]))),
    ),
    "out",
)
FRAMES = np.array([[[1, 0, 0]], [[0, 0, 0]]])
"""One sample of two frames: both neurons of a fire once, out never."""


def priced(program, frames, **options):
    done = run(program, frames, record="spikes", **options)
    return baseline_of(program, frames, done.trace, done.counts)


def terms(baseline, network):
    """Energy in pJ by term, whatever its operations are priced as."""
    found = Counter()
    for t in baseline.terms:
        if t.network == network:
            found[t.term.partition(":")[0]] += 1e6 * t.energy_uj
    return dict(found)


def test_the_conventional_network_of_a_tiny_one_by_pen_and_paper():
    found = priced(TINY, FRAMES)
    assert (found.weight_bits, found.activation_bits) == (2, 2)  # 6 and 0 in units of 2; 0, 1, 2
    assert (found.macs, found.effective_macs, found.sparsity) == (8, 4, 0.5)
    expected = {
        "multiplications of activations": 4 * 0.2,
        "additions of products": 4 * 0.1,
        "weight fetches": 4 * 2 / 64 * 20,
        "requantizations": 3 * 3.1,
        "comparisons": 3 * 0.1,
        # one of three inputs and both of a: value and address, written once and read once
        "activations written and read": (1 * (2 + 2) + 2 * (2 + 1)) * 2 / 64 * 20,
    }
    assert terms(found, "ann") == pytest.approx(expected)  # sums of floats
    assert found.ann_uj == pytest.approx(sum(expected.values()) / 1e6)


def test_the_spiking_network_of_a_tiny_one_by_pen_and_paper():
    found = priced(TINY, FRAMES)
    expected = {
        "additions of weights": 4 * 0.1,
        "weight fetches": 4 * 2 / 64 * 20,
        # a is IF and was driven in one step of two; out leaks in both
        "multiplications of decays": 2 * 3.1,
        "additions and comparisons of updates": (2 * 2 + 2 * 2) * 0.1,
        "states read and written": (2 + 2) * 2 * 24 / 64 * 20,
        "messages written and read": (1 * 2 + 2 * 1) * 2 / 64 * 20,
    }
    assert terms(found, "snn") == pytest.approx(expected)
    assert found.snn_uj == pytest.approx(sum(expected.values()) / 1e6)
    assert found.ratio == pytest.approx(found.snn_uj / found.ann_uj)


def test_graded_input_is_multiplied_in_both_and_keeps_its_own_width():
    first = replace(TINY.connections[0], graded=True)
    wide = replace(TINY, input=Input("in", (3,), 0, 255), connections=(first, TINY.connections[1]))
    found = priced(wide, 200 * FRAMES)
    assert terms(found, "snn")["multiplications of messages"] == pytest.approx(2 * 0.2)
    moved = (1 * (8 + 2) + 2 * (2 + 1)) * 2 / 64 * 20
    assert terms(found, "ann")["activations written and read"] == pytest.approx(moved)


@pytest.mark.parametrize(("reach", "bits", "price"), [(510, 8, 0.2), (512, 9, 3.1)])
def test_weights_of_more_than_8_bits_take_the_multiplier_of_32(reach, bits, price):
    wide = replace(TINY.connections[0], synapse=Dense(np.array([[2, reach, 2], [2, 0, 2]])))
    found = priced(replace(TINY, connections=(wide, TINY.connections[1])), FRAMES)
    assert found.weight_bits == bits
    assert terms(found, "ann")["multiplications of activations"] == pytest.approx(4 * price)


@pytest.mark.parametrize(("high", "price"), [(255, 0.2), (256, 3.1)])
def test_input_of_more_than_8_bits_takes_the_multiplier_of_32(high, price):
    first = replace(TINY.connections[0], graded=True)
    source = Input("in", (3,), 0, high)
    found = priced(replace(TINY, input=source, connections=(first, TINY.connections[1])), FRAMES)
    assert terms(found, "snn")["multiplications of messages"] == pytest.approx(2 * price)
    spent = terms(found, "ann")["multiplications of activations"]
    assert spent == pytest.approx(2 * price + 2 * 0.2)


@pytest.mark.parametrize(("steps", "bits"), [(1, 1), (2, 2), (3, 2), (4, 3), (7, 3), (8, 4)])
def test_an_activation_has_as_many_bits_as_a_count_of_up_to_t_spikes(steps, bits):
    assert priced(TINY, np.ones((steps, 1, 3), np.int64)).activation_bits == bits


def test_sparse_synapses_fetch_an_index_beside_the_weight():
    first, second = TINY.connections
    sparse = replace(first, synapse=Sparse.of(first.synapse.weight))
    found = priced(replace(TINY, connections=(sparse, second)), FRAMES)
    assert terms(found, "ann")["weight fetches"] == pytest.approx((2 * 3 + 2 * 2) / 64 * 20)


def relayed(neuron, weight):
    """The tiny network with a relay between its layers."""
    relay = Population("relay", (2,), neuron, 2)
    out = replace(TINY.populations[1], latency=3)
    first, last = TINY.connections
    return replace(
        TINY,
        populations=(TINY.populations[0], relay, out),
        connections=(
            first,
            Connection("a", "relay", Sparse.identity(2, weight=weight), graded=True),
            replace(last, source="relay", graded=True),
        ),
    )


@pytest.mark.parametrize(
    ("neuron", "weight"),
    [(GradedRelay(), 1), (Cuba.leaky(4095, threshold=64), 2), (Gate.any_of(), 1)],
)
def test_a_relay_that_waits_costs_the_conventional_network_nothing(neuron, weight):
    with_relay, without = priced(relayed(neuron, weight), FRAMES), priced(TINY, FRAMES)
    assert terms(with_relay, "ann") == pytest.approx(terms(without, "ann"))
    assert with_relay.effective_macs == without.effective_macs
    assert any(note.endswith("no layer of it: relay.") for note in with_relay.notes)
    assert with_relay.snn_uj > without.snn_uj


def test_a_residual_sum_is_additions_and_no_layer():
    program = relayed(GradedRelay(), 1)
    again = Connection("a", "relay", Sparse.identity(2), label="skip")
    found = priced(replace(program, connections=(*program.connections, again)), FRAMES)
    assert terms(found, "ann")["additions of shortcuts and sums"] == pytest.approx(4 * 0.1)
    assert (found.macs, found.effective_macs) == (8, 4)
    assert terms(found, "ann")["requantizations"] == pytest.approx(3 * 3.1)


def test_a_population_that_fires_by_itself_is_a_bias():
    bias = Population("ones", (1,), Cuba.integrator(threshold=0, bias=64), 0)
    fires = Connection("ones", "a", Dense(np.array([[2], [2]])))
    program = replace(
        TINY,
        populations=(*TINY.populations, bias),
        connections=(*TINY.connections, fires),
    )
    found = priced(program, FRAMES)
    assert (found.macs, found.effective_macs) == (8, 4)
    assert terms(found, "ann")["additions of biases"] == pytest.approx(2 * 0.1)
    assert terms(found, "ann")["requantizations"] == pytest.approx(3 * 3.1)


def test_a_bias_of_a_neuron_is_added_once_in_one_network_and_every_step_in_the_other():
    a = replace(TINY.populations[0], neuron=Cuba.integrator(64, bias=np.array([0, 1])))
    found = priced(replace(TINY, populations=(a, TINY.populations[1])), FRAMES)
    assert terms(found, "ann")["additions of biases"] == pytest.approx(0.1)
    # the second step of a: one neuron has a bias, u of the other still holds what arrived before
    expected = (2 + 2) * 2 + 2 + 2 * 2
    assert terms(found, "snn")["additions and comparisons of updates"] == pytest.approx(
        expected * 0.1
    )


@pytest.mark.parametrize(
    "neuron",
    [CubaSubtract(4096, 0, 64), CubaLateReset(4096, 0, 64, 64), MultiSpike(4096, 0, 64, 64)],
    ids=lambda neuron: type(neuron).__name__,
)
def test_soft_reset_pays_for_steps_without_input(neuron):
    soft = replace(TINY.populations[0], neuron=neuron)
    found = priced(replace(TINY, populations=(soft, TINY.populations[1])), FRAMES)
    assert terms(found, "snn")["states read and written"] == pytest.approx(6 * 2 * 24 / 64 * 20)


def test_the_blank_line_is_no_part_of_the_conventional_network():
    slow = replace(TINY.connections[1], synapse=Dense(np.array([[2, 2]]), 0, np.array([[0, 1]])))
    late = replace(TINY, connections=(TINY.connections[0], slow), period=2)
    found, alone = priced(blanked(late), FRAMES), priced(replace(late, period=None), FRAMES)
    assert terms(found, "ann") == pytest.approx(terms(alone, "ann"))
    assert (found.macs, found.effective_macs) == (8, 4)
    assert found.snn_uj > alone.snn_uj
    assert any("delays" in note for note in found.notes)


def test_ternary_spikes_are_multiplied_and_have_a_sign():
    a = replace(TINY.populations[0], neuron=Ternary(4096, 0, 64, -64))
    out, (first, last) = TINY.populations[1], TINY.connections
    graded = replace(last, graded=True)
    program = replace(TINY, populations=(a, out), connections=(first, graded))
    found = priced(program, FRAMES)
    assert found.activation_bits == 3
    assert terms(found, "snn")["multiplications of messages"] == pytest.approx(2 * 0.2)
    moved = (1 * (2 + 2) + 2 * (3 + 1)) * 2 / 64 * 20
    assert terms(found, "ann")["activations written and read"] == pytest.approx(moved)


def test_all_that_has_no_counterpart_is_named_at_once():
    a = replace(TINY.populations[0], neuron=SigmaDelta(64))
    loop = Connection("out", "out", Dense(np.array([[2]])))
    program = replace(
        TINY, populations=(a, TINY.populations[1]), connections=(*TINY.connections, loop)
    )
    with pytest.raises(CheckError) as caught:
        priced(program, FRAMES)
    assert caught.value.problems == (
        "out->out: is feedback, which a single pass does not have",
        "a: sends numbers, which no count of spikes over T steps stands for",
    )
    bare = replace(TINY, connections=(), populations=TINY.populations[:1], output="a")
    assert baseline_problems(bare) == ["no layer has weights: nothing multiplies"]


def test_a_run_that_is_not_one_of_whole_samples_is_refused():
    with pytest.raises(CheckError, match=r"cut: 3 of 4 machine steps"):
        priced(TINY, FRAMES, steps=3)
    with pytest.raises(CheckError, match=r"2 frames, one sample has 1"):
        priced(replace(TINY, period=1), FRAMES)
    done, two = run(TINY, FRAMES, record="spikes"), np.repeat(FRAMES, 2, axis=1)
    more = run(TINY, two, record="spikes")
    with pytest.raises(CheckError, match=r"the trace has 1 samples of 4.* had 2 of 4"):
        baseline_of(TINY, two, done.trace, more.counts)
    with pytest.raises(CheckError, match=r"counts are of 1 samples of 2 frames, the inputs 2"):
        baseline_of(TINY, two, more.trace, done.counts)


def test_a_note_says_what_fetching_no_weight_twice_would_save():
    dense = replace(TINY.connections[0], synapse=Dense(np.array([[2, 2, 2], [2, 2, 2]])))
    program = replace(TINY, connections=(dense, TINY.connections[1]))
    assert f"{priced(program, FRAMES).ann_uj:.3g} uJ" in priced(program, FRAMES).notes[-1]


def test_a_note_gives_the_ratio_with_smaller_and_larger_memories():
    found = priced(TINY, FRAMES)
    prices = {p.counter: p.energy_pj for p in load_chip("cmos45").table(found.table).baseline}
    ratios = []
    for size in ("8kb", "1mb"):
        scale = prices[f"sram_{size}_accesses"] / prices["sram_32kb_accesses"]
        sums = {"ann": 0.0, "snn": 0.0}
        for t in found.terms:
            sums[t.network] += t.energy_uj * (scale if "SRAM" in t.term else 1)
        ratios.append(f"{sums['snn'] / sums['ann']:.3g}")
    assert f"the ratio is {ratios[0]} with 8 KB and {ratios[1]} with 1 MB" in found.notes[-2]


@pytest.mark.parametrize("seed", range(60))
def test_every_network_has_a_baseline_or_a_reason(seed):
    net = network(Seeded.of(5, seed), lava_ready=False)
    program, frames = net.program, net.frames[: net.program.frames]
    if baseline_problems(program):
        with pytest.raises(CheckError):
            priced(program, frames)
        return
    found = priced(program, frames)
    assert found.ann_uj > 0
    assert found.effective_macs <= found.macs
    assert all(t.count > 0 for t in found.terms)
    assert found.snn_uj == pytest.approx(sum(terms(found, "snn").values()) / 1e6)


def test_only_populations_without_memory_and_with_one_source_wait():
    assert waiting(relayed(GradedRelay(), 1)) == ["relay"]
    assert waiting(relayed(Cuba.integrator(64), 2)) == []


def test_a_silent_sample_costs_the_conventional_network_its_neurons_alone():
    found = priced(TINY, 0 * FRAMES)
    assert (found.effective_macs, found.sparsity) == (0, 1)
    assert set(terms(found, "ann")) == {"requantizations", "comparisons"}


def test_reused_weights_are_fetched_once_for_all_positions():
    conv = Conv2d(np.full((1, 1, 1, 2), 2))
    program = replace(
        TINY,
        input=Input("in", (1, 1, 5)),
        populations=(Population("a", (1, 1, 4), Cuba.integrator(1 << 20), 1),),
        connections=(Connection("in", "a", conv),),
        output="a",
    )
    found = priced(program, np.ones((1, 1, 1, 1, 5), np.int64))
    assert found.effective_macs == 8  # of two weights
    assert f"{found.ann_uj - 6 * 1 / 64 * 20 / 1e6:.3g} uJ" in found.notes[-1]
