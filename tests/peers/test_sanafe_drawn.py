"""Random programs over all of tests/draw.py that the writer accepts, spike for spike on SANA-FE."""

from dataclasses import replace

import numpy as np
import pytest
from draw import Seeded, network
from peers.sanafe_machine import LOIHI1, every_step, some_frames

from hwsim import Conv2d, SumPool2d
from hwsim.arith import DECAY_UNITY
from hwsim.neurons import CubaSubtract
from snnexport.formats.sanafe.problems import NEURONS
from snnexport.formats.sanafe.write import unsupported


def calmed(program, random):
    """A drawn program with what SANA-FE does not run exactly left out, else as it is."""

    def neuron(p):
        if isinstance(p.neuron, NEURONS):
            held = {"decay_u": DECAY_UNITY} if hasattr(p.neuron, "decay_u") else {}
            return replace(p.neuron, **held)
        registers = [random.integers(*ends, p.shape) for ends in ((0, 4097), (1, 400), (-500, 900))]
        decay_v, threshold, bias = registers
        return CubaSubtract(DECAY_UNITY, decay_v, 64 * threshold, bias)

    def synapse(c):
        if isinstance(c.synapse, SumPool2d):
            return c.synapse
        small = replace(c.synapse, weight=np.sign(c.synapse.weight) * (abs(c.synapse.weight) % 257))
        if isinstance(small, Conv2d):
            return small
        return replace(small, exponent=min(max(small.exponent, 0), 5), delay=None)

    return replace(
        program,
        chip="loihi1",
        input=replace(program.input, low=0),
        populations=[replace(p, neuron=neuron(p)) for p in program.populations],
        connections=[
            replace(c, synapse=synapse(c), graded=c.graded or c.source == program.input.name)
            for c in program.connections
        ],
    )


@pytest.mark.parametrize("index", range(40))
def test_random_programs_over_all_that_is_not_refused(agree, index):
    """Feedback, gates, refractory periods, parallel connections, values of 8 bits."""
    for attempt in range(50):
        random = np.random.default_rng((index, attempt))
        program = calmed(network(Seeded(random), lava_ready=False).program, random)
        frames = some_frames(random, program, program.input.high)
        if unsupported(program, LOIHI1):
            continue
        counts = every_step(program, frames).counts
        if counts.spikes and not any(p.wraps or p.saturations for p in counts.populations):
            break
    agree(program, frames=frames)
