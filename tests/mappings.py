"""Small programs for the tests of mapping, chips with other limits, and synapses one by one."""

from dataclasses import replace
from math import prod

import numpy as np

from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program, Sparse, SumPool2d
from hwsim.chip import Figure, load_chip
from hwsim.mapping import OUTSIDE

LOIHI1, LOIHI2 = load_chip("loihi1"), load_chip("loihi2")
SMALL = {
    "neurons_per_core": 24,
    "synaptic_memory_per_core": 6000,
    "input_axons_per_core": 800,
    "output_axons_per_core": 120,
}
LEAKY = Cuba.leaky(1024, 64 * 100)


def limited(chip, **limits):
    """``chip`` with other limits a core."""
    figures = {f.name: f for f in chip.limits}
    figures |= {name: Figure(name, value, "", "") for name, value in limits.items()}
    return replace(chip, limits=tuple(figures.values()))


def chain(source, *layers, neuron=LEAKY, chip="loihi1"):
    """A program of ``layers``: a synapse, or a population's size for an all-to-all one."""
    before, populations, connections = Input("in", source), [], []
    for number, layer in enumerate(layers):
        if isinstance(layer, int):
            layer = Dense(np.zeros((layer, int(np.prod(before.shape))), int))
        shape = layer.output_shape(before.shape)
        population = Population(f"layer{number}", shape, neuron, number + 1)
        connections.append(Connection(before.name, population.name, layer))
        populations.append(population)
        before = population
    first = Input("in", source)
    return Program("chain", chip, first, populations, connections, before.name)


def conv(outputs, inputs, stride=(1, 1), padding=(0, 0)):
    return Conv2d(np.zeros((outputs, inputs, 3, 3), int), stride, padding)


def cores_of(mapping):
    found = {}
    for core in mapping.cores:
        found.setdefault(core.population, []).append(core)
    return found


def ones(program):
    return {s.name: np.ones(s.shape, int) for s in (*program.lines, *program.populations)}


def hops(mapping):
    return sum(t.total_hops for t in mapping.messages(ones(mapping.program)))


def small(chip):
    """A chip so small that tiny networks need many cores, and bases that reach 16 neurons."""
    memory = chip.synapse_memory
    if memory.base_reach is not None:
        memory = replace(memory, base_reach=16)
    figures = {f.name: f for f in chip.limits}
    figures |= {name: Figure(name, value, "", "") for name, value in SMALL.items()}
    mesh = replace(chip.mesh, columns=3, rows=2, cores=2)
    return replace(chip, limits=tuple(figures.values()), synapse_memory=memory, mesh=mesh)


def weights(rng, *shape):
    return 2 * rng.integers(-60, 60, shape)


def drawn(seed):
    """A convolution, perhaps grouped, a pool or another, then flat layers, delays, a loop."""
    rng = np.random.default_rng(seed)

    def two(low, high):
        return tuple(int(x) for x in rng.integers(low, high, 2))

    source, groups = (4, *two(6, 9)), int(rng.choice([1, 2, 4]))
    synapse = Conv2d(
        weights(rng, 8, 4 // groups, *two(1, 4)), two(1, 3), two(0, 3), two(1, 3), groups
    )
    first = synapse.output_shape(source)
    pool = SumPool2d((2, 2), two(1, 3), two(0, 2))
    second = pool if seed % 2 else Conv2d(weights(rng, 6, 8, 2, 3), two(1, 3), (1, 1))
    after = second.output_shape(first)
    delays = rng.integers(0, 9, (7, prod(after))) if seed % 3 == 0 else None
    sparse = Sparse.of(weights(rng, 5, 7) * rng.integers(0, 2, (5, 7)))
    across = Sparse.of(weights(rng, 7, prod(first)) * (rng.random((7, prod(first))) < 0.1))
    thresholds = 64 * rng.integers(1, 4, first[0])
    decays = rng.integers(0, 3, after)
    return Program(
        "drawn",
        "loihi1",
        Input("in", source),
        (
            Population("one", first, Cuba.leaky(1024, thresholds), 1),
            Population("two", after, Cuba.leaky(decays, 640), 2),
            Population("three", (7,), Cuba.leaky(0, 640), 3),
            Population("four", (5,), Cuba.leaky(0, 64 * rng.integers(1, 9, 5)), 4),
        ),
        (
            Connection("in", "one", synapse),
            Connection("one", "two", second),
            Connection("two", "three", Dense(weights(rng, 7, prod(after)), delay=delays)),
            Connection("one", "three", across),
            Connection("three", "four", sparse),
            Connection("four", "four", Sparse.of(weights(rng, 5, 5)), label="again"),
            Connection("one", "one", Sparse.identity(prod(first), delay=3), label="again"),
            Connection("four", "three", Sparse.of(np.zeros((7, 5), int)), label="none"),
        ),
        "four",
    )


def grid(shape):
    return shape if len(shape) == 3 else (prod(shape), 1, 1)


def homes(mapping):
    """The core of each neuron in C order, by population, and the neurons of each core."""
    found = {s.name: np.full(grid(s.shape), -9) for s in mapping.program.populations}
    found["in"] = np.full(grid(mapping.program.input.shape), OUTSIDE)
    for index, core in enumerate(mapping.cores):
        found[core.population][core.part] = index
    return {name: home.ravel() for name, home in found.items()}


def synapses(program, c):
    """Every synapse as (source, target), zero weights of convolutions and matrices included."""
    s, shape = c.synapse, program.shape_of(c.source)
    if isinstance(s, Sparse):
        return list(zip(s.source.tolist(), s.target.tolist(), strict=True))
    if isinstance(s, Dense):
        return [(i, o) for o, i in np.ndindex(s.weight.shape)]
    full = replace(s, weight=1) if isinstance(s, SumPool2d) else replace(s, weight=s.weight * 0 + 1)
    single = Sparse.unrolled(full, shape)
    return list(zip(single.source.tolist(), single.target.tolist(), strict=True))


def walk(one, other):
    """Hops east-west, then north-south, and borders crossed, step by step from router to router."""
    (x, y), (to_x, to_y) = one, other
    counts = [0, 0, 0]
    while x != to_x:
        step = 1 if to_x > x else -1
        counts[2] += (x // 3) != ((x + step) // 3)
        x, counts[0] = x + step, counts[0] + 1
    while y != to_y:
        y, counts[1] = y + (1 if to_y > y else -1), counts[1] + 1
    return counts
