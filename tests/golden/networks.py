"""Seeded random Programs that reach every corner of the Lava backend, and Programs as arrays."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields

import numpy as np

from hwsim.neurons import Cuba
from hwsim.program import Connection, Input, Population, Program, Readout
from hwsim.synapses import Conv2d, Dense, SumPool2d

Random = np.random.Generator


def even(random: Random, *shape: int, limit: int = 60) -> np.ndarray:
    """Weights of both signs that Lava keeps: even, about half of them zero."""
    return 2 * random.integers(-limit, limit, shape) * random.integers(0, 2, shape)


def neuron(random: Random, shape: tuple[int, ...]) -> Cuba:
    """A CUBA neuron each of whose registers is a scalar, per channel, or per neuron."""

    def draw(low: int, high: int) -> np.ndarray | int:
        size = [None, shape[:1], shape][random.integers(3)]
        return random.integers(low, high, size)

    return Cuba(
        decay_u=draw(200, 4097) if random.random() < 0.7 else 4096,
        decay_v=draw(0, 4097),
        threshold=64 * draw(0, 250),
        bias=draw(-2500, 3000) if random.random() < 0.7 else 0,
    )


def layer(random: Random, source: tuple[int, ...]) -> tuple[object, tuple[int, ...]]:
    """A random synapse that can follow ``source``, and the shape of its population."""
    kinds = ["conv"] * 6 + ["pool", "grid", "dense"] if len(source) == 3 else ["grid", "dense"]
    kind = random.choice(kinds)
    if kind == "conv" and min(source[1:]) > 2:
        groups = int(random.choice([g for g in (1, 2, 3) if source[0] % g == 0]))
        kernel, stride = random.integers(1, 4, 2), tuple(map(int, random.integers(1, 3, 2)))
        dilation = tuple(1 + int(n > 4) * int(random.integers(2)) for n in source[1:])
        padding = tuple(
            int(d * (k - 1)) // 2 + int(random.integers(2))
            for d, k in zip(dilation, kernel, strict=True)
        )
        weight = even(random, groups * int(random.integers(1, 4)), source[0] // groups, *kernel)
        synapse = Conv2d(weight + random.integers(0, 2), stride, padding, dilation, groups)
        return synapse, synapse.output_shape(source)
    if kind == "pool" and min(source[1:]) > 1:
        synapse = SumPool2d(
            (2, 2), (2, 1), (int(random.integers(2)), 0), int(random.integers(5, 90))
        )
        return synapse, synapse.output_shape(source)
    shape = (
        (int(random.integers(3, 12)),)
        if kind == "dense"
        else tuple(random.integers(1, 5, 3).tolist())
    )
    weight = even(random, int(np.prod(shape)), int(np.prod(source)))
    return Dense(weight, int(random.integers(-2, 3))), shape


def program(seed: int, *, depth: int, period: int | None, name: str, skips: float = 0.6) -> Program:
    """A chain of ``depth`` random layers; a share ``skips`` has a second source, from before.

    Paths of different length are not aligned: the machine does not ask for it.
    """
    random = np.random.default_rng(seed)
    graded = bool(seed % 2)
    entry = Input("in", (int(random.integers(1, 4)), 7, 6), -3 * graded, 1 + 4 * graded)
    shapes, latency = {entry.name: entry.shape}, {entry.name: 0}
    populations: list[Population] = []
    connections: list[Connection] = []
    for index in range(depth):
        target, sources = f"block.{index}.spike", [[*shapes][-1]]
        synapse, shape = layer(random, shapes[sources[0]])
        connections.append(Connection(sources[0], target, synapse, graded or random.random() < 0.3))
        if index and random.random() < skips:
            sources.append(str(random.choice([n for n in shapes if n != sources[0]])))
            weight = even(random, int(np.prod(shape)), int(np.prod(shapes[sources[1]])))
            connections.append(Connection(sources[1], target, Dense(weight), random.random() < 0.5))
        latency[target] = 1 + max(latency[s] for s in sources)
        shapes[target] = shape
        populations.append(Population(target, shape, neuron(random, shape), latency[target]))
    return Program(
        name, "loihi2", entry, tuple(populations), tuple(connections), populations[-1].name,
        Readout.COUNT, period,
    )  # fmt: skip


def registers(seed: int) -> Program:
    """48 neurons of random registers, driven so hard that u wraps and v saturates.

    Behind a depthwise Conv (activations up to 2**23), a Dense with exponent 15 (up to 2**29,
    which leaves 32 bits when shifted), and a gentle Dense.
    """
    random, n = np.random.default_rng(seed), 48
    extremes = [0, 1, 2, 4095, 4096]

    def cuba() -> Cuba:
        decays = [np.where(random.random(n) < 0.3, random.choice(extremes, n), d)
                  for d in random.integers(0, 4097, (2, n))]  # fmt: skip
        threshold = 64 * np.minimum(2 ** random.integers(0, 18, n), 131072)
        bias = random.integers(-32768, 32768, n) << random.integers(0, 14, n)
        return Cuba(decays[0], decays[1], threshold, bias * (random.random(n) < 0.5))

    sign = 1 - 2 * random.integers(0, 2, n)
    conv = Conv2d((sign * random.integers(1, 1 << 17, n)).reshape(n, 1, 1, 1), groups=n)
    diagonal = np.diag(2 * random.integers(-127, 128, n))
    drives = {"conv": conv, "far": Dense(diagonal, 15), "near": Dense(diagonal)}
    return Program(
        f"registers-{seed}", "loihi2", Input("in", (n, 1, 1), -127, 127),
        tuple(Population(k, (n,), cuba(), 1) for k in drives),
        tuple(Connection("in", k, synapse, graded=True) for k, synapse in drives.items()),
        "near", Readout.VOLTAGE, period=None if seed % 2 else 13,
    )  # fmt: skip


def wide(seed: int) -> Program:
    """A depthwise Conv and a pooling of more channels than Lava's int8 ``groups`` can count."""
    random, n = np.random.default_rng(seed), 130
    return Program(
        "wide", "loihi2", Input("in", (n, 2, 3)),
        (Population("conv", (2 * n, 2, 2), Cuba.leaky(100, 640), 1),
         Population("pool", (2 * n, 1, 1), Cuba.integrator(64), 2)),
        (Connection("in", "conv", Conv2d(random.integers(-9, 30, (2 * n, 1, 1, 2)), groups=n)),
         Connection("conv", "pool", SumPool2d((2, 2), (2, 2)))),
        "pool",
    )  # fmt: skip


def frames(net: Program, seed: int, *, steps: int, batch: int) -> np.ndarray:
    """Random input (steps, batch, *shape), a third of it not zero."""
    random = np.random.default_rng(seed)
    values = random.integers(net.input.low, net.input.high + 1, (steps, batch, *net.input.shape))
    return (values * (random.random(values.shape) < 0.33)).astype(np.int16)


CASES: dict[str, tuple[Callable[[], Program], int, int]] = {
    # name: program, T, B; with a period of T a long column is samples back to back
    **{f"mixed-{s}": (lambda s=s: program(s, depth=5, period=6, name=f"mixed-{s}"), 20, 1)
       for s in (0, 1, 12, 18, 19, 29, 35)},
    "latency-above-period": (lambda: program(39, depth=9, period=4, name="latency-above"), 17, 1),
    "latency-one-below": (lambda: program(11, depth=5, period=6, name="latency-equal"), 18, 1),
    "never-reset": (lambda: program(16, depth=5, period=None, name="never-reset"), 20, 1),
    "period-one": (lambda: program(25, depth=3, period=1, name="period-one"), 8, 1),
    "columns": (lambda: program(24, depth=3, period=5, name="columns"), 7, 3),
    "registers-0": (lambda: registers(0), 60, 1),
    "registers-1": (lambda: registers(1), 60, 1),
    "wide": (lambda: wide(0), 4, 1),
}  # fmt: skip
"""What the golden traces hold: (how to build it, T, B) by name."""


def pack(net: Program) -> dict[str, np.ndarray]:
    """Return a Program as plain arrays, with its structure in JSON; inverse of ``unpack``."""
    arrays: dict[str, np.ndarray] = {}
    for p in net.populations:
        arrays |= {
            f"register/{p.name}/{f.name}": np.asarray(getattr(p.neuron, f.name))
            for f in fields(Cuba)
        }
    parts = []
    for c in net.connections:
        arrays[f"weight/{c.name}"] = c.synapse.weights
        rest = {k: v for k, v in vars(c.synapse).items() if k != "weight" and v is not None}
        parts.append([c.source, c.target, c.graded, type(c.synapse).__name__, rest])
    structure = {
        "name": net.name, "input": vars(net.input), "output": net.output, "period": net.period,
        "readout": net.readout.value, "connections": parts,
        "populations": [[p.name, p.shape, p.latency] for p in net.populations],
    }  # fmt: skip
    return arrays | {"structure": np.array(json.dumps(structure, default=int))}


def unpack(arrays: dict[str, np.ndarray]) -> Program:
    """Build the Program that ``pack`` was given."""

    def tuples(values: dict) -> dict:
        return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}

    def cuba(name: str) -> Cuba:
        return Cuba(**{f.name: arrays[f"register/{name}/{f.name}"] for f in fields(Cuba)})

    def synapse(name: str, kind: str, rest: dict) -> object:
        weight = arrays[f"weight/{name}"]
        known = {"Dense": Dense, "Conv2d": Conv2d, "SumPool2d": SumPool2d}
        return known[kind](weight=int(weight[0]) if kind == "SumPool2d" else weight, **tuples(rest))

    s = json.loads(str(arrays["structure"]))
    return Program(
        s["name"], "loihi2", Input(**tuples(s["input"])),
        tuple(Population(n, tuple(shape), cuba(n), lat) for n, shape, lat in s["populations"]),
        tuple(Connection(a, b, synapse(f"{a}->{b}", kind, rest), graded)
              for a, b, graded, kind, rest in s["connections"]),
        s["output"], Readout(s["readout"]), s["period"],
    )  # fmt: skip
