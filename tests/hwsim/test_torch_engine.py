"""The torch engine: products that are exact at any size of sum, devices, and what is refused.

That it computes what the others compute is in test_engines_agree and test_simulate.
"""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from command import call, refused
from draw import Seeded, network
from strategies import frames, small_program

from hwsim import (
    Blank,
    Connection,
    Conv2d,
    Cuba,
    Dense,
    GradedRelay,
    Input,
    Population,
    Program,
    Sparse,
    run,
)
from hwsim.arith import STATE_LIMIT, WORD
from hwsim.engines.base import Job, Recording
from hwsim.engines.tensors import Torch, products
from hwsim.engines.tensors import engine as device
from hwsim.errors import UnsupportedError

CPU = torch.device("cpu")
BITS = {"one": (0, 1), "signed": (-5, 5), "byte": (0, 255), "word": WORD}


def extreme(rng, sent, shape):
    """Messages at and near the ends of their range, and all bits set."""
    ends = [*sent, sent[0] + 1, sent[1] - 1, max(sent[0], -1)]
    return rng.choice(np.clip(ends, *sent), shape)


def assert_delivers(synapse, messages, sent):
    got = products.delivery(torch, CPU, synapse, sent)(torch.from_numpy(messages)).numpy()
    want = synapse.deliver(messages)
    np.testing.assert_array_equal(got.reshape(want.shape), want)


@pytest.mark.parametrize("sent", BITS.values(), ids=BITS)
@pytest.mark.parametrize("scale", [127, 40_000, 2**31 - 1])
@pytest.mark.parametrize("exponent", [-31, -3, 0, 9, 31])
def test_products_of_single_synapses_equal_the_reference_at_any_size_of_sum(
    rng, sent, scale, exponent
):
    weight = rng.integers(-scale, scale, (5, 200), endpoint=True)
    weight[0], weight[1] = scale, -scale
    messages = extreme(rng, sent, (4, 200))
    messages[0], messages[1] = sent
    assert_delivers(Dense(weight, exponent), messages, sent)
    kept = Sparse.of(weight * (rng.random(weight.shape) < 0.3), exponent)
    assert_delivers(kept, messages, sent)


GEOMETRIES = {
    "plain": ((4, 2, 3, 3), {}),
    "stride": ((5, 2, 3, 4), {"stride": (2, 3), "padding": (1, 2)}),
    "dilated": ((3, 2, 3, 2), {"stride": (1, 2), "padding": (2, 0), "dilation": (2, 3)}),
    "groups": ((6, 2, 3, 3), {"stride": (2, 1), "padding": (1, 1), "groups": 3}),
    "depthwise": ((12, 1, 2, 3), {"groups": 6}),
}


@pytest.mark.parametrize("name", GEOMETRIES)
@pytest.mark.parametrize("sent", BITS.values(), ids=BITS)
@pytest.mark.parametrize("scale", [127, 2**22, 2**31 - 1])
def test_products_of_convolutions_equal_the_reference_at_any_size_of_sum(
    rng, name, sent, scale, monkeypatch
):
    shape, geometry = GEOMETRIES[name]
    conv = Conv2d(rng.integers(-scale, scale, shape, endpoint=True), **geometry)
    source = (shape[1] * geometry.get("groups", 1), 9, 8)
    messages = extreme(rng, sent, (5, *source))
    assert_delivers(conv, messages, sent)
    monkeypatch.setattr(products, "_WINDOW_VALUES", 1)  # one frame at once
    assert_delivers(conv, messages, sent)


@pytest.mark.parametrize("end", [STATE_LIMIT - 1, STATE_LIMIT, -STATE_LIMIT, -STATE_LIMIT - 1])
def test_a_convolution_wraps_exactly_from_the_first_sum_that_24_bits_do_not_hold(end):
    assert_delivers(Conv2d(np.full((1, 1, 1, 1), end)), np.ones((1, 1, 1, 1), int), (0, 1))
    halves = np.array([end // 2, end - end // 2]).reshape(1, 2, 1, 1)
    assert_delivers(Conv2d(halves), np.ones((1, 2, 1, 1), int), (0, 1))


@pytest.mark.parametrize("over", [0, 1])
def test_a_dense_wraps_exactly_from_the_first_sum_that_32_bits_do_not_hold(over):
    weight = np.array([[WORD[1], over], [WORD[0], -over]])
    assert_delivers(Dense(weight), np.ones((1, 2), int), (0, 1))


def test_what_several_connections_bring_wraps_to_32_bits():
    most = Dense(np.array([[WORD[1]]]))
    p = Program(
        "two", "loihi1", Input("in", (1,)), (Population("p", (1,), GradedRelay(), 1),),
        (Connection("in", "p", most), Connection("in", "p", most, label="again")), "p",
    )  # fmt: skip
    assert run(p, np.ones((1, 1, 1), int), engine="torch").outputs.item() == -2


def test_a_sum_that_float64_would_round_is_made_of_digits():
    weight = np.array([[2**30, 1], [-(2**30), -1]])
    assert_delivers(Dense(weight), np.array([[2**23, 1]]), (0, 2**23))
    assert_delivers(Dense(weight), np.array([[2**23 - 1, 1]]), (0, 2**23 - 1))


def test_weights_that_no_digit_makes_exact_are_refused():
    wide = Dense(np.full((1, 2**22 + 2), 2**31 - 1))
    with pytest.raises(
        UnsupportedError, match=r"weights of one neuron of a Dense add up(.|\n)*ref"
    ):
        products.delivery(torch, CPU, wide, (0, 1))


def test_a_device_that_is_not_there_is_refused_and_those_that_are_named(rng):
    p = small_program(rng)
    for name in ("cuda:99", "nowhere", "", "meta"):
        with pytest.raises(UnsupportedError, match=rf"device '{name}': .+\nhint: .*cpu"):
            run(p, frames(rng, p), engine=f"torch:{name}")


def test_only_torch_takes_a_device(rng):
    p = small_program(rng)
    with pytest.raises(UnsupportedError, match=r"no engine 'native:cpu'(.|\n)*torch:DEVICE"):
        run(p, frames(rng, p), engine="native:cpu")


def test_by_default_a_cuda_device_is_taken_if_there_is_one():
    found = device._device(torch, None)
    assert found.type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert device._device(torch, "cpu").type == "cpu"


def test_without_torch_the_extra_that_has_it_is_named(rng, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    p = small_program(rng)
    with pytest.raises(
        UnsupportedError, match=r"needs torch(.|\n)*pip install 'spikeport\[train\]'"
    ):
        run(p, frames(rng, p), engine="torch")


def test_all_that_is_computed_is_on_the_device(rng, monkeypatch):
    """On ``meta``, which has no data, until the first result would have to be fetched."""
    monkeypatch.setattr(device, "_device", lambda torch, name: torch.device(name))
    p, ticks = small_program(rng), []
    line = Connection("gap", "out", Dense(np.ones((7, 1), int)))
    p = replace(p, blank=Blank("gap", 2), connections=(*p.connections, line))
    x = frames(rng, p)
    with pytest.raises(NotImplementedError, match="meta"):
        Torch(p, "meta").run(x, Job(9, tick=ticks.append), Recording())
    assert sum(ticks) == 9 * x.shape[1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_computes_every_output_count_and_state_of_the_reference():
    for index in range(30):
        net = network(Seeded.of(7, index), lava_ready=False)
        ours, theirs = (
            run(net.program, net.frames, engine=engine, record="state")
            for engine in ("torch:cuda", "reference")
        )
        assert (ours.outputs == theirs.outputs).all(), index
        assert ours.counts == theirs.counts, index
        for name, array in theirs.trace.arrays.items():
            np.testing.assert_array_equal(ours.trace.arrays[name], array, err_msg=f"{index} {name}")


def test_the_command_takes_the_engine_and_its_device(rng, tmp_path):
    p = small_program(rng)
    p.save(tmp_path / "p.onnx")
    np.save(tmp_path / "in.npy", frames(rng, p))
    given = ("simulate", tmp_path / "p.onnx", "--spikes", tmp_path / "in.npy", "--json")
    said = [call(*given, "--engine", name) for name in ("torch:cpu", "reference")]
    assert said[0].exit_code == 0, said[0].output
    assert said[0].stdout == said[1].stdout
    refused(call(*given, "--engine", "torch:cuda:99"), "device 'cuda:99'")


def test_ticks_add_up_to_all_steps_of_all_columns_and_may_stop_the_run():
    p = Program(
        "one", "loihi1", Input("in", (5,)), (Population("p", (4,), Cuba(100, 50, 6400), 1),),
        (Connection("in", "p", Dense(np.ones((4, 5), int))),), "p",
    )  # fmt: skip
    ticks: list[int] = []
    Torch(p).run(np.ones((20, 3, 5), int), Job(30, block_steps=7, tick=ticks.append), Recording())
    assert ticks == [21, 21, 21, 21, 6]

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Torch(p).run(np.ones((20, 3, 5), int), Job(30, tick=stop), Recording())


def test_a_block_holds_fewer_steps_the_more_columns_there_are(monkeypatch):
    p = small_program(np.random.default_rng(0))
    monkeypatch.setattr(device, "_BLOCK_CELLS", 3 * 2 * Torch(p).cells)
    x, ticks = frames(np.random.default_rng(0), p, batch=2), []
    Torch(p).run(x, Job(8, tick=ticks.append), Recording())
    assert ticks == [6, 6, 4]
