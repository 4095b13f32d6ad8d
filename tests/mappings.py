"""Small programs for the tests of mapping, and chips with other limits."""

from dataclasses import replace

import numpy as np

from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program
from hwsim.chip import Figure, load_chip

LOIHI1, LOIHI2 = load_chip("loihi1"), load_chip("loihi2")
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
    return sum(t.hops for t in mapping.messages(ones(mapping.program)))
