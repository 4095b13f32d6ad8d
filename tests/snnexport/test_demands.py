"""What quantize proves of a layer is what hwsim proves of the population it becomes."""

from dataclasses import replace

import numpy as np

from hwsim import Connection, Cuba, Dense, Input, Population, Program
from hwsim.activations import arriving
from snnexport.graph import Edge, Layer, Linear
from snnexport.passes.demands import Drive


def test_worst_sums_are_the_bounds_of_hwsim_though_its_neurons_are_not_told_apart(rng):
    weights = [rng.integers(-99, 99, (6, 5)) for _ in range(2)]
    program = Program(
        "net", "loihi2", Input("in", (5,), -3, 7), (Population("p", (6,), Cuba(0, 0, 64), 1),),
        [Connection("in", "p", Dense(w), graded=True, label=str(i)) for i, w in enumerate(weights)],
        "p",
    )  # fmt: skip
    edges = tuple(Edge("in", "fc", (Linear(w),)) for w in weights)
    layer = Layer("p", (6,), Cuba(0, 0, 64), edges, scale=np.ones(6))
    drive = Drive({"in": (-3, 7)}, 1)
    down, up = drive.worst_sums(layer)
    assert {(-d, u) for d, u in zip(down, up, strict=True)} == {
        arriving(program, program.populations[0])
    }
    alone = replace(layer, edges=edges[:1])
    assert (np.array(drive.sums(alone)) <= np.array(drive.worst_sums(alone))).all()
    assert (np.array(drive.sums(alone)) < np.array(drive.worst_sums(alone))).any()
