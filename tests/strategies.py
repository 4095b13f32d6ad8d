"""Random programs and registers that several tests draw from."""

from __future__ import annotations

import numpy as np

from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program, SumPool2d


def even(rng: np.random.Generator, shape: tuple[int, ...], reach: int = 127) -> np.ndarray:
    """Return even weights of mixed signs, which the chip keeps as they are."""
    return 2 * rng.integers(-reach, reach, shape, endpoint=True)


def registers(rng: np.random.Generator, channels: int, threshold: int = 4000) -> Cuba:
    """Return per-channel registers that make neurons fire now and then."""
    return Cuba(
        decay_u=rng.integers(1, 4096, channels, endpoint=True),
        decay_v=rng.integers(0, 4096, channels, endpoint=True),
        threshold=64 * rng.integers(1, threshold, channels, endpoint=True),
        bias=64 * rng.integers(-300, 600, channels, endpoint=True),
    )


def small_program(
    rng: np.random.Generator, *, high: int = 16, period: int | None = 5, name: str = "small"
) -> Program:
    """Return conv -> sum pool -> dense, with random strides, padding, dilation and groups."""
    groups = int(rng.choice([1, 2]))
    kernel = tuple(rng.integers(1, 4, 2))
    weight = even(rng, (4, 2 // groups, *kernel))
    stride, dilation = (tuple(int(x) for x in rng.integers(1, 3, 2)) for _ in range(2))
    padding = tuple(int(x) for x in rng.integers(1, 3, 2))
    conv = Conv2d(weight, stride, padding, dilation, groups)
    first = conv.output_shape((2, 9, 8))
    pool = SumPool2d((2, 1), (2, 1), weight=int(rng.integers(1, 200)))
    second = pool.output_shape(first)
    dense = Dense(even(rng, (7, int(np.prod(second)))))
    return Program(
        name=name,
        chip="loihi1",
        input=Input("image", (2, 9, 8), 0, high),
        populations=(
            Population("conv", first, registers(rng, first[0], 3000), 1),
            Population("pool.spike", second, registers(rng, second[0], 200), 2),
            Population("out", (7,), registers(rng, 7, 500), 3),
        ),
        connections=(
            Connection("image", "conv", conv, graded=high > 1),
            Connection("conv", "pool.spike", pool),
            Connection("pool.spike", "out", dense),
        ),
        output="out",
        period=period,
    )


def frames(
    rng: np.random.Generator, program: Program, steps: int = 5, batch: int = 3
) -> np.ndarray:
    """Return random input, half of it silent."""
    shape = (steps, batch, *program.input.shape)
    low, high = program.input.low, program.input.high
    return rng.integers(low, high, shape, endpoint=True) * rng.integers(0, 2, shape)
