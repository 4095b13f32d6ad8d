"""The compiled engine takes sums from dense products where they are faster, and nothing changes."""

from contextlib import nullcontext
from dataclasses import replace
from math import prod

import numpy as np
import pytest
from native_runs import VARIANTS, compare

from hwsim import (
    Connection,
    Conv2d,
    Cuba,
    Dense,
    GradedRelay,
    Input,
    Population,
    Program,
    Sparse,
)
from hwsim.engines.native import Native, products
from hwsim.engines.native.engine import _extension

LAYOUT = _extension().Layout
CUBA = Cuba(1024, 300, 64 * 90, 50)
BYTES = {"unsigned": (0, 255), "signed": (-128, 127)}
CONVS = {
    "image": (Conv2d(np.ones((64, 3, 3, 3), int), padding=(1, 1)), (3, 9, 8)),
    "stride": (Conv2d(np.ones((5, 2, 3, 4), int), (2, 3), (1, 2)), (2, 9, 8)),
    "dilated": (Conv2d(np.ones((17, 4, 2, 3), int), (1, 1), (2, 2), (2, 3)), (4, 7, 8)),
    "position": (Conv2d(np.ones((3, 2, 3, 3), int), padding=(1, 1)), (2, 1, 1)),
    "unheard": (Conv2d(np.ones((4, 2, 1, 1), int), padding=(2, 2)), (2, 3, 4)),
    "groups": (Conv2d(np.ones((6, 2, 3, 3), int), padding=(1, 1), groups=2), (4, 5, 4)),
}


@pytest.fixture
def always(monkeypatch):
    """Take a product in every block in which a message comes."""
    monkeypatch.setattr(LAYOUT, "crossover", lambda *_: 0.0)


@pytest.fixture
def spoilt(monkeypatch):
    """Add 1 to every sum that a product gives, from the crossover 0.5 on."""
    right = products.product

    def wrong(*arguments):
        found = right(*arguments)
        return found and replace(found, start=found.start + np.int32(1))

    monkeypatch.setattr(LAYOUT, "crossover", lambda *_: 0.5)
    monkeypatch.setattr(products, "product", wrong)


def weights(rng, *shape, scale=127):
    return rng.integers(-scale - 1, scale + 1, shape)


def messages(rng, low, high, density, *shape):
    """Return messages of which every third is the lowest or highest."""
    found = rng.choice([low, high, *rng.integers(low, high + 1, 4)], shape)
    return found * (rng.random(shape) < density)


def one(synapse, source, shape, low, high):
    return Program(
        "one", "loihi1", Input("in", source, low, high), (Population("p", shape, CUBA, 1),),
        (Connection("in", "p", synapse, graded=high > 1),), "p",
    )  # fmt: skip


def several_parts(rng, low, high):
    shape = (21, 13)
    late = Dense(weights(rng, *shape), 0, rng.integers(0, 3, shape))
    kept = rng.random(shape) < 0.4
    sparse = Sparse.of(weights(rng, *shape) * kept, 0, rng.integers(0, 3, shape))
    relayed = Dense(weights(rng, 70, 21))
    return Program(
        "several", "loihi2", Input("in", (13,), low, high),
        (Population("p", (21,), CUBA, 1), Population("q", (70,), GradedRelay(), 2)),
        (
            Connection("in", "p", Dense(2 * weights(rng, *shape)), graded=True),
            Connection("in", "p", late, graded=True, label="late"),
            Connection("in", "p", Dense(weights(rng, *shape)), label="counted"),
            Connection("in", "p", sparse, graded=True, label="sparse"),
            Connection("in", "p", Dense(weights(rng, *shape), 2), graded=True, label="shifted"),
            Connection("p", "q", relayed),
            Connection("in", "q", Dense(weights(rng, 70, 13, scale=300)), graded=True),
        ),
        "q",
    )  # fmt: skip


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("kind", sorted(BYTES))
@pytest.mark.parametrize("density", [0, 0.3, 1])
@pytest.mark.parametrize("block_steps", [1, 5, 1000])
def test_products_of_some_parts_equal_the_reference(rng, kind, density, block_steps):
    program = several_parts(rng, *BYTES[kind])
    spikes = messages(rng, *BYTES[kind], density, 17, 2, 13)
    compare(program, spikes, block_steps=block_steps)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("kind", sorted(BYTES))
@pytest.mark.parametrize("name", sorted(CONVS))
@pytest.mark.parametrize("flat", [False, True])
def test_products_of_convolutions_equal_the_reference(rng, kind, name, flat):
    synapse, source = CONVS[name]
    synapse = replace(synapse, weight=weights(rng, *synapse.weight.shape))
    shape = synapse.output_shape(source)
    target = (prod(shape),) if flat else shape
    spikes = messages(rng, *BYTES[kind], 0.6, 6, 2, *source)
    compare(one(synapse, source, target, *BYTES[kind]), spikes, block_steps=4)


@pytest.mark.usefixtures("always")
def test_products_at_the_edges_of_bytes_equal_the_reference():
    synapse = Dense(np.array([[-128] * 515, [127] * 515, [-128, 127, 0, 1, -1] * 103]))
    for low, high in BYTES.values():
        spikes = np.repeat([low, high, 1, 0], 515).reshape(-1, 1, 515)
        compare(one(synapse, (515,), (3,), low, high), spikes)


@pytest.mark.usefixtures("always")
def test_a_product_takes_more_steps_than_it_holds_at_a_time(rng):
    source, steps = (8, 20, 21), 40
    synapse = Conv2d(weights(rng, 2, 8, 1, 3), padding=(0, 1))
    assert steps * 3 * np.prod(source) > 3 * 2**17  # bytes, of which so many are held
    program = one(synapse, source, synapse.output_shape(source), 0, 255)
    compare(program, messages(rng, 0, 255, 0.1, steps, 1, *source))


@pytest.mark.parametrize("scale", [100, 20])
@pytest.mark.parametrize("conv", [False, True])
def test_blocks_of_events_and_of_products_follow_each_other(rng, scale, conv):
    source, shape = ((16, 4, 4), (16, 4, 4)) if conv else ((64,), (130,))
    if conv:
        synapse = Conv2d(weights(rng, 16, 16, 3, 3, scale=scale), padding=(1, 1))
    else:
        synapse = Dense(weights(rng, 130, 64, scale=scale))
    draw = rng.random((4, 16, 2, *source))
    spikes = [draw[i] < density for i, density in enumerate((1, 0.05, 0.9, 0))]
    compare(one(synapse, source, shape, 0, 1), np.concatenate(spikes), block_steps=16)


@pytest.mark.usefixtures("spoilt")
@pytest.mark.parametrize(
    ("density", "block_steps", "taken"), [(0.4, 8, False), (0.6, 8, True), (0.6, 1, False)]
)
def test_a_product_is_taken_from_the_crossover_on_in_whole_tiles(density, block_steps, taken):
    synapse = Dense(np.full((64, 100), 100))
    program = one(synapse, (100,), (64,), 0, 255)
    spikes = np.broadcast_to((np.arange(100) < 100 * density) * 255, (16, 1, 100))
    with pytest.raises(AssertionError) if taken else nullcontext():
        compare(program, spikes, block_steps=block_steps)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ["dense", "image"])
def test_a_graded_input_with_all_messages_is_multiplied_on_every_processor(
    monkeypatch, variant, name
):
    synapse, source = CONVS.get(name, (Dense(np.full((64, 100), 100)), (100,)))
    shape = synapse.output_shape(source) if isinstance(synapse, Conv2d) else (64,)
    least_messages = []
    monkeypatch.setattr(
        LAYOUT, "product", lambda _layout, _p, least, *_: least_messages.append(least)
    )
    Native(one(synapse, source, shape, 0, 255), variant)
    assert len(least_messages) == 1
    assert 0 < least_messages[0] < prod(source)


@pytest.mark.parametrize(
    ("weight", "sent", "fits"),
    [
        (127, (0, 255), True), (127, (0, 256), False), (127, (-128, 127), True),
        (127, (-1, 128), False), (127, (-129, 0), False), (-128, (0, 1), True),
        (-129, (0, 1), False), (128, (0, 1), True), (254, (0, 1), True), (255, (0, 1), False),
        (127 << 20, (0, 255), True),
    ],
)  # fmt: skip
def test_messages_and_weights_of_a_product_fit_bytes(weight, sent, fits):
    found = products.dense(Dense(np.array([[weight]])), (np.arange(1), np.arange(1)), sent, 16)
    assert (found is not None) is fits
