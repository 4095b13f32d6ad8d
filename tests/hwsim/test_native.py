"""The compiled engine returns what the reference returns, whatever network, blocks, threads."""

from dataclasses import replace

import numpy as np
import pytest
from native_runs import CUBA, assert_equal, compare, one, run, weights

from hwsim import (
    NEURONS,
    Blank,
    Connection,
    Conv2d,
    Cuba,
    CubaLateReset,
    CubaRefractory,
    CubaSubtract,
    Delta,
    Dense,
    Gate,
    GradedRelay,
    Input,
    LeakyIntegrator,
    MultiSpike,
    Population,
    Program,
    Readout,
    Sigma,
    SigmaDelta,
    Sparse,
    SumPool2d,
    Ternary,
)
from hwsim.engines.native import Native
from hwsim.engines.native.bounds import fits_32_bits
from hwsim.engines.reference import Reference
from hwsim.errors import UnsupportedError

SAMPLES = {
    "Cuba": CUBA,
    "CubaLateReset": CubaLateReset(900, 200, 64 * 50, 64 * 70, 100),
    "CubaRefractory": CubaRefractory(900, 200, 64 * 50, 100, 2),
    "CubaSubtract": CubaSubtract(4096, 0, 64 * 40),
    "Delta": Delta(300, 2, 1),
    "Gate": Gate(64 * 10),
    "GradedRelay": GradedRelay(20),
    "LeakyIntegrator": LeakyIntegrator(700, 100, -30),
    "MultiSpike": MultiSpike(900, 200, 64 * 30, 64 * 40, -64 * 50, 200, 100),
    "Sigma": Sigma(),
    "SigmaDelta": SigmaDelta(50, 10, 1),
    "Ternary": Ternary(2048, 100, 64 * 60, -64 * 50, 10),
}


@pytest.mark.parametrize("name", sorted(NEURONS))
@pytest.mark.parametrize("scale", [3, 120, 2**24])
def test_every_neuron_equals_the_reference(rng, name, scale):
    synapse = Dense(weights(rng, 37, 20, scale=scale))
    readout = Readout.VOLTAGE if "v" in NEURONS[name].STATE else Readout.COUNT
    program = one(
        SAMPLES[name], synapse, shape=(37,), source=(20,), graded=True, low=-3, high=3,
        readout=readout, period=7,
    )  # fmt: skip
    compare(program, rng.integers(-3, 4, (30, 3, 20)))


@pytest.mark.parametrize("shape", [(3,), (3, 5, 4)])
def test_registers_per_channel_and_per_neuron_equal_the_reference(rng, shape):
    size = int(np.prod(shape))
    neuron = Cuba(
        rng.integers(0, 4097, 3), rng.integers(0, 4097, shape), 64 * rng.integers(0, 99, shape), 7
    )
    compare(one(neuron, Dense(weights(rng, size, 6)), shape=shape), rng.integers(0, 2, (20, 2, 6)))


CONVS = {
    "plain": (Conv2d(np.ones((4, 2, 3, 3), int)), (2, 7, 6)),
    "stride": (Conv2d(np.ones((5, 2, 3, 4), int), (2, 3), (1, 2)), (2, 9, 8)),
    "dilated": (Conv2d(np.ones((3, 2, 3, 3), int), (1, 2), (2, 2), (2, 3)), (2, 8, 9)),
    "dilated stride": (Conv2d(np.ones((3, 2, 3, 3), int), (4, 4), (3, 3), (2, 2)), (2, 9, 9)),
    "groups": (Conv2d(np.ones((6, 2, 3, 3), int), (2, 1), (1, 1), groups=3), (6, 7, 6)),
    "pool": (SumPool2d((2, 3), (2, 2), (1, 1), 3), (4, 7, 6)),
}


@pytest.mark.parametrize("name", sorted(CONVS))
@pytest.mark.parametrize("flat", [False, True])
def test_every_convolution_equals_the_reference(rng, name, flat):
    synapse, source = CONVS[name]
    if isinstance(synapse, Conv2d):
        synapse = replace(synapse, weight=weights(rng, *synapse.weight.shape))
    shape = synapse.output_shape(source)
    target = (int(np.prod(shape)),) if flat else shape
    program = one(
        CUBA, synapse, shape=target, source=source, graded=True, low=-2, high=2,
    )  # fmt: skip
    compare(program, rng.integers(-2, 3, (12, 2, *source)))


def test_a_convolution_wraps_its_sum_to_24_bits_before_the_others_are_added(rng):
    source = (2, 4, 4)
    big = Conv2d(weights(rng, 3, 2, 3, 3, scale=2**22), padding=(1, 1))
    small = Conv2d(weights(rng, 3, 2, 1, 1))
    program = Program(
        "wraps", "loihi1", Input("in", source), (Population("p", (3, 4, 4), Sigma(), 1),),
        (
            Connection("in", "p", big),
            Connection("in", "p", small, label="small"),
            Connection("in", "p", big, label="again"),
        ),
        "p",
    )  # fmt: skip
    compare(program, rng.integers(0, 2, (15, 2, *source)))


@pytest.mark.parametrize("exponent", [-31, -3, 0, 2, 9, 31])
@pytest.mark.parametrize("scale", [5, 300, 40000, 2**31 - 1])
def test_weight_exponents_delays_and_widths_equal_the_reference(rng, exponent, scale):
    shape = (11, 9)
    dense = Dense(weights(rng, *shape, scale=scale), exponent, rng.integers(0, 4, shape))
    sparse = Sparse.of(
        weights(rng, *shape, scale=scale) * (rng.random(shape) < 0.4), -exponent,
        rng.integers(0, 63, shape),
    )  # fmt: skip
    plain = Dense(weights(rng, *shape, scale=scale), exponent)
    program = Program(
        "delays", "loihi2", Input("in", (9,), -(2**31), 2**31 - 1),
        (Population("p", (11,), GradedRelay(), 1), Population("q", (11,), CUBA, 1)),
        (
            Connection("in", "p", dense, graded=True),
            Connection("in", "p", sparse, graded=True, label="sparse"),
            Connection("in", "q", plain, graded=True),
            Connection("in", "q", sparse, label="sparse"),
        ),
        "p",
    )  # fmt: skip
    spikes = rng.integers(-(2**31), 2**31, (80, 2, 9)) * (rng.random((80, 2, 9)) < 0.3)
    compare(program, spikes, block_steps=7)


def cyclic(rng, period=None):
    def sparse(n_out, n_in, late):
        delay = rng.integers(0, late, (n_out, n_in))
        return Sparse.of(weights(rng, n_out, n_in) * (rng.random((n_out, n_in)) < 0.5), 0, delay)

    shape = (4, 5, 5)
    return Program(
        "cyclic", "loihi2", Input("in", (2, 7, 7)),
        (
            Population("tail", (10,), Ternary(500, 900, 64 * 30, -64 * 30), 4),
            Population("stem", shape, Cuba(4096, 200, 64 * 90), 1),
            Population("a", shape, Cuba(100, 200, 64 * 90), 2),
            Population("b", (100,), SigmaDelta(30), 3),
        ),
        (
            Connection("in", "stem", Conv2d(weights(rng, 4, 2, 3, 3))),
            Connection("stem", "a", Sparse.identity(100, 90)),
            Connection("stem", "a", Conv2d(weights(rng, 4, 4, 3, 3), padding=(1, 1)), label="c"),
            Connection("a", "b", sparse(100, 100, 5)),
            Connection("b", "a", sparse(100, 100, 9), graded=True),
            Connection("a", "a", sparse(100, 100, 63)),
            Connection("b", "tail", Dense(weights(rng, 10, 100)), graded=True),
            Connection("tail", "tail", Dense(weights(rng, 10, 10, scale=20)), graded=True),
            Connection("line", "a", Dense(np.full((100, 1), -200))),
        ) if period else (
            Connection("in", "stem", Conv2d(weights(rng, 4, 2, 3, 3))),
            Connection("stem", "b", sparse(100, 100, 63)),
            Connection("b", "b", Sparse.identity(100, -3), graded=True),
            Connection("b", "tail", Dense(weights(rng, 10, 100)), graded=True),
        ),
        "tail", period=period, blank=Blank("line", 3) if period else None,
    )  # fmt: skip


@pytest.mark.parametrize("period", [None, 9])
@pytest.mark.parametrize("block_steps", [1, 2, 7, 1000])
@pytest.mark.parametrize("threads", [1, 3])
def test_cycles_skips_and_resets_do_not_depend_on_blocks_and_threads(
    rng, period, block_steps, threads
):
    program = cyclic(rng, period)
    spikes = (rng.random((20, 4, 2, 7, 7)) < 0.3).astype(np.uint8)
    compare(program, spikes, block_steps=block_steps, threads=threads)


@pytest.mark.parametrize("steps", [1, 3, 90])
def test_a_run_may_end_early_or_go_on_long_after_the_input(rng, steps):
    spikes = rng.integers(0, 2, (8, 2, 2, 7, 7))
    compare(cyclic(rng, 9), spikes, steps=steps, block_steps=4)


def test_columns_do_not_depend_on_how_the_batch_is_split(rng):
    program = cyclic(rng, 9)
    spikes = rng.integers(0, 2, (20, 5, 2, 7, 7))
    steps, engine = 26, Native(program)
    whole, arrays = run(engine, spikes, steps)
    parts = [run(engine, spikes[:, cut], steps) for cut in (slice(0, 1), slice(1, 5))]
    joined = np.concatenate([tally.outputs for tally, _ in parts])
    np.testing.assert_array_equal(joined, whole.outputs)
    for name, kinds in arrays.items():
        for kind, array in kinds.items():
            split = np.concatenate([part[name][kind] for _, part in parts], axis=1)
            np.testing.assert_array_equal(split, array)


@pytest.mark.parametrize(
    "dtype", [bool, np.uint8, np.int8, np.uint16, np.int16, np.int32, np.uint32, np.int64, ">i4"]
)
def test_input_of_any_integer_type_and_stride_gives_the_same(rng, dtype, tmp_path):
    program = one(CUBA, Conv2d(weights(rng, 4, 2, 3, 3)), shape=(4, 4, 3), source=(2, 6, 5))
    spikes = rng.integers(0, 2, (9, 3, 2, 6, 5)).astype(dtype)
    want = run(Reference(program), spikes.astype(np.int64), 12)
    np.save(tmp_path / "in.npy", spikes)
    wide = np.zeros((18, 6, 2, 6, 10), dtype)
    wide[::2, ::-2, :, :, ::2] = spikes
    for array in (
        spikes,
        np.load(tmp_path / "in.npy", mmap_mode="r"),
        wide[::2, ::-2, :, :, ::2],
        np.asfortranarray(spikes),
    ):
        assert_equal(run(Native(program), array, 12, block_steps=4), want)


def test_lanes_are_64_bits_wide_where_32_could_overflow(rng):
    spikes = np.ones((30, 2, 6), int)
    small = one(CUBA, Dense(weights(rng, 5, 6)), shape=(5,))
    assert compare(small, spikes) == [32]
    for neuron in (CUBA, CUBA_BIASED, Gate(64), SAMPLES["LeakyIntegrator"]):
        big = one(neuron, Dense(np.full((5, 6), 2**31 - 1)), shape=(5,))
        assert compare(big, spikes) == [64]


CUBA_BIASED = Cuba(0, 0, 131072 * 64, 2**31 - 1)


@pytest.mark.parametrize(
    ("neuron", "activation", "fits"),
    [
        (Cuba(0, 0, 64), (-(2**18), 2**18), True),
        (Cuba(0, 0, 64), (0, 2**18 + 1), False),  # beyond one fold of u
        (Cuba(4096, 0, 64), (-(2**18), 2**18 + 2**17 - 1), True),
        (Cuba(0, 0, 64), (0, 2**26), False),
        (CUBA_BIASED, (0, 1), False),
        (SAMPLES["CubaRefractory"], (-100, 100), True),  # wait never counts below 0
        (SAMPLES["CubaSubtract"], (-100, 100), True),
        (SAMPLES["CubaLateReset"], (-100, 100), True),
        (SAMPLES["MultiSpike"], (-100, 100), True),  # its voltage never falls below lowest
        (MultiSpike(4096, 0, 131072 * 64, 131072 * 64, most=255), (-100, 100), True),
        (SAMPLES["Ternary"], (-100, 100), True),
        (Gate(64), (-(2**18), 2**18), True),
        (GradedRelay(), (-(2**31), 0), False),  # its magnitude has 33 bits
        (GradedRelay(), (-(2**31) + 1, 2**31 - 1), True),
        (Sigma(), (0, 1), False),  # the sum may grow for ever
        (SigmaDelta(1), (0, 0), False),
    ],
)
def test_the_proof_admits_32_bit_lanes_only_where_nothing_leaves_them(neuron, activation, fits):
    assert fits_32_bits(neuron, activation) is fits


@pytest.mark.parametrize(
    "edge", [2**17 - 1, 2**17, 2**17 + 5, 2**18 - 1, 2**18, 2**18 + 1, 3 * 2**17, 2**25 - 1, 2**25]
)
@pytest.mark.parametrize("decay_u", [0, 1, 4096])
def test_folds_at_the_edges_of_the_registers_equal_the_reference(edge, decay_u):
    synapse = Dense(np.array([[edge], [-edge], [edge // 2], [-edge // 3]]))
    for neuron in (Cuba(decay_u, 1, 64), CubaSubtract(decay_u, 0, 131072 * 64, -5)):
        program = one(neuron, synapse, shape=(4,), source=(1,), graded=True, low=-1, high=1)
        compare(program, np.repeat([1, -1, 1, 0, -1, -1], 5).reshape(-1, 1, 1))


def test_an_unknown_variant_is_refused_by_name(rng):
    with pytest.raises(UnsupportedError, match=r"variant 'v9'(.|\n)*'baseline'"):
        Native(one(CUBA, Dense(weights(rng, 5, 6)), shape=(5,)), variant="v9")
