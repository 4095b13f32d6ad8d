"""The compiled engine's ways through a step: rows in registers, sums of 16 bits, bounds of v."""

from dataclasses import replace

import numpy as np
import pytest
from native_runs import CUBA, compare, one, run, weights

from hwsim import (
    Connection,
    Conv2d,
    Cuba,
    CubaLateReset,
    CubaRefractory,
    CubaSubtract,
    Dense,
    Input,
    LeakyIntegrator,
    MultiSpike,
    Population,
    Program,
    Readout,
    Sparse,
    Ternary,
)
from hwsim.engines.native import engine
from hwsim.engines.native.layout import packed_rows
from hwsim.engines.reference import Reference

LEAKY = Cuba.leaky(300, 64 * 900, 70)


@pytest.mark.parametrize("density", [0.02, 0.5, 1.0])
@pytest.mark.parametrize(
    ("low", "high", "step"),
    [
        (-64, 63, 2),
        (-128, 127, 1),
        (-31, 32, 1),
        (-15, 15, 4),
        (0, 127, 1),
        (-100, 0, 1),
        (0, 0, 1),
    ],
)
def test_rows_of_every_span_and_scale_equal_the_reference(rng, low, high, step, density):
    synapse = Dense(step * rng.integers(low, high + 1, (130, 900)))
    program = one(LEAKY, synapse, shape=(130,), source=(900,))
    compare(program, rng.random((12, 2, 900)) < density)


def test_a_byte_of_a_row_is_the_weight_above_the_lowest_without_its_common_zeros():
    weight = np.array([[-12, 8], [4, 0]])
    found = packed_rows(weight, 4)
    assert found is not None
    assert found.numbers == [4, 2, -12, 65535 // 5 // 4 * 4]
    assert found.packed.shape == (1, 3, 64)
    assert sorted(np.unique(found.packed)) == [0, 3, 4, 5]
    assert (found.packed[0, 2] == 3).all()  # after the last source: weights 0
    assert packed_rows(np.array([[-128, 128]]), 4).numbers[0] == 4  # two values, a step apart
    assert packed_rows(np.array([[-128, 127]]), 4).numbers[0] == 1
    assert packed_rows(np.array([[-128, 129]]), 4) is None


def test_dense_matrices_of_several_sources_and_delays_are_rows_together(rng):
    late = Dense(weights(rng, 70, 30), delay=rng.integers(0, 4, (70, 30)))
    dense = weights(rng, 70, 70)
    sparse = Sparse.of(dense[::-1] * (rng.random((70, 70)) < 0.3))
    program = Program(
        "joined", "loihi2", Input("in", (30,)),
        (Population("p", (70,), LEAKY, 1), Population("q", (70,), LEAKY, 2)),
        (
            Connection("in", "p", late), Connection("in", "q", late),
            Connection("p", "q", Dense(dense)), Connection("q", "q", sparse),
        ),
        "q",
    )  # fmt: skip
    compare(program, rng.random((40, 3, 30)) < 0.3, block_steps=7)


KINDS = [Cuba, CubaSubtract, CubaLateReset, CubaRefractory, MultiSpike, Ternary, LeakyIntegrator]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decay_v", [0, 1, 100])
@pytest.mark.parametrize("sign", [-1, 1])
def test_voltages_that_reach_the_end_of_their_register_saturate_and_are_counted(
    rng, kind, decay_v, sign
):
    neuron = {
        Cuba: Cuba(4096, decay_v, 131071 * 64),
        CubaSubtract: CubaSubtract(4096, decay_v, 131071 * 64, 3),
        CubaLateReset: CubaLateReset(4096, decay_v, 131071 * 64, 90, 3),
        CubaRefractory: CubaRefractory(4096, decay_v, 131071 * 64, -3, 2),
        MultiSpike: MultiSpike(4096, decay_v, 131071 * 64, 90, bias=3),
        Ternary: Ternary(4096, decay_v, 131071 * 64, -131071 * 64),
        LeakyIntegrator: LeakyIntegrator(4096, decay_v, 0),
    }[kind]
    synapse = Dense(sign * rng.integers(90, 128, (100, 100)))
    readout = Readout.VOLTAGE if kind is LeakyIntegrator else Readout.COUNT
    program = one(neuron, synapse, shape=(100,), source=(100,), readout=readout)
    spikes = rng.random((60, 2, 100)) < np.linspace(1, 0, 60)[:, None, None]
    compare(program, spikes)
    tally, _ = run(Reference(program), spikes, 64)
    assert tally.populations["p"].saturations > 0


@pytest.mark.parametrize(
    "neuron",
    [CubaLateReset(4096, 0, 64, 131072 * 64), MultiSpike(4096, 0, 64, 131072 * 64, most=255)],
    ids=lambda neuron: type(neuron).__name__,
)
def test_a_reset_that_takes_more_than_there_is_saturates_and_is_counted(rng, neuron):
    synapse = Dense(rng.integers(-127, 128, (100, 20)))
    program = one(neuron, synapse, shape=(100,), source=(20,))
    spikes = rng.random((12, 2, 20)) < 0.2
    compare(program, spikes)
    tally, _ = run(Reference(program), spikes, 64)
    assert tally.populations["p"].saturations > 0


@pytest.mark.parametrize("outputs", [16, 32, 64, 128, 24])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolutions_of_spikes_equal_the_reference_whatever_their_channels(rng, outputs, stride):
    synapse = Conv2d(weights(rng, outputs, 3, 3, 3), (stride, stride), (1, 1))
    shape = synapse.output_shape((3, 9, 8))
    second = Conv2d(weights(rng, 16, outputs, 3, 3), (2, 2))
    program = Program(
        "convs", "loihi2", Input("in", (3, 9, 8)),
        (
            Population("p", shape, LEAKY, 1),
            Population("q", second.output_shape(shape), LEAKY, 2),
        ),
        (Connection("in", "p", synapse), Connection("p", "q", second)),
        "q",
    )  # fmt: skip
    compare(program, rng.random((25, 2, 3, 9, 8)) < 0.2)


@pytest.mark.parametrize("excess", [0, 1])
def test_sums_of_16_bits_end_where_they_could_be_left(rng, excess):
    kernel = np.full((16, 1, 1, 5), 6553)
    kernel[:, :, :, 0] += 2 + excess
    program = one(
        replace(LEAKY, threshold=64 * 100000), Conv2d(kernel), shape=(16, 1, 4), source=(1, 1, 8)
    )
    compare(program, np.ones((4, 2, 1, 1, 8), int))


@pytest.mark.parametrize("columns", [1, 3, 7])
@pytest.mark.parametrize("threads", [1, 2])
def test_columns_that_take_turns_at_far_rows_do_not_hear_each_other(
    rng, monkeypatch, columns, threads
):
    monkeypatch.setattr(engine, "_NEAR_BYTES", 0)
    dense = weights(rng, 90, 90)
    program = Program(
        "far", "loihi2", Input("in", (90,)),
        (Population("p", (90,), LEAKY, 1), Population("q", (90,), CUBA, 2)),
        (
            Connection("in", "p", Dense(dense)), Connection("p", "q", Dense(dense.T.copy())),
            Connection("q", "q", Dense(dense[:, ::-1].copy())),
        ),
        "q", period=11,
    )  # fmt: skip
    spikes = rng.random((30, columns, 90)) < rng.random((columns, 1)) / 2
    compare(program, spikes, threads=threads, block_steps=8)


def test_neurons_that_only_fill_a_word_are_not_counted(rng):
    program = one(Cuba.leaky(0, 64, 131072), Dense(weights(rng, 3, 6)), shape=(3,))
    assert compare(program, np.zeros((20, 2, 6), int)) == [32]


def test_every_decay_truncates_toward_zero_over_the_whole_register(rng):
    # each neuron has a decay of its own, and is driven from end to end
    decays = np.arange(4097)
    neuron = LeakyIntegrator(4096, decays, 0)
    weight = rng.integers(-(2**15), 2**15, (4097, 6))
    weight[:, 0], weight[:, 1] = 2**15 - 1, -(2**15) + 1
    program = one(neuron, Dense(weight), shape=(4097,), readout=Readout.VOLTAGE)
    spikes = np.zeros((36, 2, 6), int)
    spikes[np.arange(36), 0, rng.integers(0, 6, 36)] = 1
    spikes[::3, 1, :2] = 1
    spikes[1::3, 1, rng.integers(2, 6)] = 1
    assert compare(program, spikes) == [32]


@pytest.mark.parametrize("channels", [32, 40])
@pytest.mark.parametrize("outputs", [64, 128])
@pytest.mark.parametrize(("stride", "scale"), [(1, 127), (2, 60), (1, 30), (2, 200)])
def test_convolutions_of_many_channels_equal_the_reference(rng, channels, outputs, stride, scale):
    first = Conv2d(weights(rng, channels, 2, 3, 3), padding=(1, 1))
    synapse = Conv2d(weights(rng, outputs, channels, 3, 3, scale=scale), (stride, stride), (1, 1))
    shape = synapse.output_shape((channels, 6, 5))
    program = Program(
        "runs", "loihi2", Input("in", (2, 6, 5)),
        (Population("p", (channels, 6, 5), LEAKY, 1), Population("q", shape, LEAKY, 2)),
        (Connection("in", "p", first), Connection("p", "q", synapse)),
        "q",
    )  # fmt: skip
    for density in (0.05, 0.7):
        compare(program, rng.random((12, 2, 2, 6, 5)) < density)


def test_a_population_that_nothing_leads_into_fires_by_its_bias(rng):
    program = Program(
        "alone", "loihi2", Input("in", (6,)),
        (Population("p", (9,), Cuba.leaky(100, 640, 100), 1), Population("q", (9,), LEAKY, 1)),
        (Connection("in", "q", Dense(weights(rng, 9, 6))),),
        "p",
    )  # fmt: skip
    compare(program, rng.random((40, 2, 6)) < 0.5)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.int64, ">i4"])
@pytest.mark.parametrize("source", [(6,), (2, 6, 5)])
@pytest.mark.parametrize("threads", [1, 2])
def test_input_too_large_to_copy_whole_is_copied_in_blocks(
    rng, monkeypatch, dtype, source, threads
):
    monkeypatch.setattr(engine, "_COPIED_BYTES", 0)
    image = len(source) == 3
    synapse = Conv2d(weights(rng, 4, 2, 3, 3)) if image else Dense(weights(rng, 7, 6))
    program = one(CUBA, synapse, shape=synapse.output_shape(source), source=source)
    spikes = rng.integers(0, 2, (23, 3, *source)).astype(dtype)
    compare(program, np.asfortranarray(spikes), block_steps=4, threads=threads)


def test_frames_that_are_a_field_of_records_give_the_same(rng):
    records = np.zeros((20, 2), [("time", np.uint8), ("spikes", np.int32, (6,))])
    records["spikes"] = rng.integers(0, 2, (20, 2, 6))
    compare(one(CUBA, Dense(weights(rng, 7, 6)), shape=(7,)), records["spikes"])


@pytest.mark.parametrize("team", [1, 4])
def test_columns_go_on_where_a_tick_interrupted_them(rng, monkeypatch, team):
    monkeypatch.setattr(engine, "_TICK_SECONDS", 0.0)
    monkeypatch.setattr(engine, "_TEAM", team)
    monkeypatch.setattr(engine, "_NEAR_BYTES", 0)
    program = one(LEAKY, Dense(weights(rng, 70, 30)), shape=(70,), source=(30,))
    compare(program, rng.random((30, 5, 30)) < 0.3, threads=1, block_steps=4)


def test_a_column_that_saturates_beside_a_silent_one_saturates(rng, monkeypatch):
    monkeypatch.setattr(engine, "_NEAR_BYTES", 0)
    synapse = Dense(rng.integers(90, 128, (100, 100)))
    program = one(Cuba(4096, 0, 131071 * 64), synapse, shape=(100,), source=(100,))
    spikes = np.ones((60, 3, 100), int) * np.array([0, 1, 1])[:, None]
    compare(program, spikes, threads=1)


@pytest.mark.parametrize("period", [None, 7])  # a period resets in step 1, too
def test_a_reset_and_a_new_column_forget_that_the_step_before_was_driven(rng, period):
    silent = Population("p", (70,), Cuba.leaky(300, 64 * 9000), 0)  # counted from step 1 on
    connection = Connection("in", "p", Dense(weights(rng, 70, 6)))
    program = Program(
        "one", "loihi1", Input("in", (6,)), (silent,), (connection,), "p", period=period
    )
    spikes = np.zeros((21, 2, 6), int)
    spikes[5::7] = 1  # heard before each reset, and in the last step
    compare(program, spikes, steps=21, threads=1)


@pytest.mark.parametrize("steps", [255, 256, 520])
def test_neurons_that_fire_in_every_step_are_counted_beyond_a_byte(steps):
    program = one(Cuba.leaky(0, 64, 65), Dense(np.ones((3, 6), int)), shape=(3,))
    compare(program, np.ones((steps, 1, 6), int))


@pytest.mark.parametrize("weight", [2**15, -(2**15)])
def test_a_voltage_one_beyond_its_register_saturates(weight):
    program = one(
        LeakyIntegrator(4096, 0, 0), Dense(np.full((3, 6), weight)), shape=(3,),
        readout=Readout.VOLTAGE,
    )  # fmt: skip
    spikes = np.zeros((6, 1, 6), int)
    spikes[:4, :, 0] = 1  # 4 * 64 * weight is 2**23
    assert compare(program, spikes) == [32]


def test_the_slowest_decay_and_the_largest_bias_decide_whether_a_voltage_may_saturate(rng):
    decay_v, bias = np.full(70, 4096), np.zeros(70, int)
    decay_v[3], bias[5], decay_v[5] = 0, -(2**21), 0
    program = one(
        Cuba(4096, decay_v, 131071 * 64, bias), Dense(rng.integers(90, 128, (70, 100))),
        shape=(70,), source=(100,),
    )  # fmt: skip
    compare(program, rng.random((40, 2, 100)) < np.linspace(0, 1, 40)[:, None, None])
