"""Run by a Python with nir 1.0.8: writes one graph of every node, and reads what spikeport wrote.

``nir_machine.py write FOLDER``: ``every.nir``, ``nested.nir``, and their fields as ``.npz``.
``nir_machine.py read FILE``: the fields and edges of FILE to ``FILE.npz``, types checked.
"""

import sys
from itertools import pairwise
from pathlib import Path

import nir
import numpy as np


def every_node():
    """Return a graph with each primitive of nir once, but for those that need another shape."""
    random = np.random.default_rng(8)

    def reals(*shape, dtype=np.float32):
        return random.uniform(0.5, 2.0, shape).astype(dtype)

    maps, flat = (2, 3, 3), (18,)
    nodes = {
        "input": nir.Input({"input": np.array([1, 8, 8])}),
        "conv2d": nir.Conv2d((8, 8), reals(2, 1, 3, 3), 1, 1, 1, 1, reals(2)),
        "sum": nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        "average": nir.AvgPool2d(np.array([2, 2]), np.array([1, 1]), np.array([0, 0])),
        "if": nir.IF(reals(*maps), reals(*maps), reals(*maps)),
        "flatten": nir.Flatten({"input": np.array(maps)}, 0, -1),
        "linear": nir.Linear(reals(18, 18, dtype=np.float64)),
        "scale": nir.Scale(reals(18)),
        "delay": nir.Delay(reals(18)),
        "lif": nir.LIF(*(reals(18) for _ in range(4))),
        "affine": nir.Affine(np.arange(324, dtype=np.int8).reshape(18, 18), reals(18)),
        "cubalif": nir.CubaLIF(*(reals(18) for _ in range(5)), w_in=0.5),
        "recurrent": nir.Linear(reals(18, 18)),
        "threshold": nir.Threshold(reals(18)),
        "i": nir.I(reals(18)),
        "li": nir.LI(*(reals(18) for _ in range(3))),
        "cubali": nir.CubaLI(*(reals(18, dtype=np.float64) for _ in range(4))),
        "output": nir.Output({"output": np.array(flat)}),
    }
    nodes["lif"].metadata = {"text": "kept", "number": 2.5, "deep": {"array": np.arange(3)}}
    names = [name for name in nodes if name != "recurrent"]
    edges = [*pairwise(names), ("cubalif", "recurrent"), ("recurrent", "cubalif")]
    return nir.NIRGraph(nodes, edges, {"by": "nir"})


def nested():
    """Return a graph with a recurrent subgraph whose names have dots, and a Conv1d."""
    weight = np.arange(16, dtype=np.float64).reshape(4, 4)
    one = np.ones(4)
    inner = nir.NIRGraph(
        {
            "input": nir.Input({"input": np.array([4])}),
            "a.lif": nir.LIF(one, one, one, one),
            "w": nir.Linear(weight),
            "output": nir.Output({"output": np.array([4])}),
        },
        [("input", "a.lif"), ("a.lif", "w"), ("w", "a.lif"), ("a.lif", "output")],
    )
    kernel = np.ones((2, 1, 3), np.float32)
    nodes = {
        "z": nir.Input({"input": np.array([1, 4])}),
        "conv": nir.Conv1d(4, kernel, 2, "valid", 1, 1, np.ones(2, np.float32)),
        "flatten": nir.Flatten({"input": np.array([2, 1])}, 0, 1),
        "up": nir.Linear(np.ones((4, 2))),
        "inner": inner,
        "a": nir.Output({"output": np.array([4])}),
    }
    return nir.NIRGraph(nodes, list(pairwise(nodes)))


def described(graph, at=""):
    """Return every field of ``graph`` by its place, edges as texts."""
    found = {f"{at}edges": np.array(graph.edges)}
    for name, node in graph.nodes.items():
        if isinstance(node, nir.NIRGraph):
            found |= described(node, f"{at}{name}|")
            continue
        for field, value in node.to_dict().items():
            if field != "metadata" and value is not None:
                found[f"{at}{name}|{field}"] = np.asarray(value)
    return found


def main(task, place):
    if task == "read":
        np.savez(f"{place}.npz", **described(nir.read(place)))
        return
    for name, graph in (("every", every_node()), ("nested", nested())):
        nir.write(Path(place) / f"{name}.nir", graph)
        np.savez(Path(place) / f"{name}.npz", **described(graph))


main(*sys.argv[1:])
