"""Targets that cannot run a reset by subtraction say how to train without it."""

import numpy as np
import pytest
from hand_graphs import problems_of

from hwsim import Connection, Dense, Input, Population, Program
from hwsim.chip import load_chip
from hwsim.neurons import CubaLateReset, CubaSubtract, GradedRelay, MultiSpike, Ternary
from snnexport import Calibration
from snnexport.formats.netx.chain import chain
from snnexport.formats.netx.write_neurons import neuron_problems
from snnexport.formats.sanafe.problems import program_problems
from snnexport.graph import Edge, Graph, Layer, Linear

WAY = "; `spikeport train RECIPE --init FILE` fine-tunes with reset to zero"
LATE, SOFT = CubaLateReset(4096, 0, 64, 64), CubaSubtract(4096, 0, 64)
MANY = MultiSpike(4096, 0, 64, 64, most=3)


def program(neuron):
    """Return two neurons, each of which hears its input."""
    weights = Dense(np.array([[2, 0], [0, 2]]))
    populations, connections = [Population("b", (2,), neuron, 1)], [Connection("in", "b", weights)]
    return Program("one", "loihi1", Input("in", (2,)), populations, connections, output="b")


@pytest.mark.parametrize("neuron", [LATE, SOFT, MANY])
def test_netx_names_the_way_out_of_a_reset_by_subtraction(neuron):
    made = program(neuron)
    (problem,) = neuron_problems(made, chain(made)[0])
    kind = type(neuron).__name__
    assert problem == f"b: netx has no {kind}; the lava format has{WAY}"


@pytest.mark.parametrize("neuron", [LATE, MANY])
def test_sana_fe_names_the_way_out_of_resets_that_it_does_not_have(neuron):
    found = program_problems(program(neuron), load_chip("loihi1"))
    (problem,) = (line for line in found if "SANA-FE has no" in line)
    assert problem.startswith(f"b: SANA-FE has no {type(neuron).__name__}; it has Cuba, ")
    assert problem.endswith(WAY)


@pytest.mark.parametrize("kind", [CubaLateReset, CubaSubtract, MultiSpike])
def test_a_chip_without_the_neuron_names_the_way_out(kind):
    more = {} if kind is CubaSubtract else {"decrement": 1.0}
    neuron = kind(decay_u=1.0, decay_v=0.0, threshold=1.0, **more)
    layer = Layer("x", (2,), neuron, (Edge("in", "fc", (Linear(np.eye(2)),)),))
    graph = Graph("soft", "in", (2,), (layer,), "x", 4)
    (problem,) = problems_of(graph, load_chip("loihi1"), Calibration(0, 1))
    assert problem.startswith(f"x: chip loihi1 has no neuron {kind.__name__}; use Cuba, ")
    assert problem.endswith(WAY)


def test_neurons_that_training_would_not_replace_have_no_such_way_out():
    made = program(GradedRelay())
    assert WAY not in "\n".join(program_problems(made, load_chip("loihi1")))
    made = program(Ternary(4096, 0, 64, -64))
    assert WAY not in "\n".join(neuron_problems(made, chain(made)[0]))
