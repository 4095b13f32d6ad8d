"""Maps ResNet-18 onto chips, and compares its placement with cores placed row by row.

    python benchmarks/mapping.py [--json FILE] [--only CASE,...]

Weights are random, thresholds are equal. Prints cores, chips, use and seconds, and the ratio of
the hops that messages make, if every neuron fires once, row by row and as placed. Exits 1 if a
mapping takes 60 s or more, makes no fewer hops than row by row, or differs the second time.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from math import prod
from pathlib import Path

import numpy as np
from networks import n1, n2  # beside this file

from hwsim import Connection, Conv2d, Cuba, Dense, Input, Population, Program, Sparse, SumPool2d
from hwsim.chip import load_chip
from hwsim.mapping import Mapping, map_program
from hwsim.synapses import Synapse

MOST_SECONDS, LEAST_RATIO = 60.0, 1.0
STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))
"""Width and first stride of each stage, two blocks of two convolutions each.

Source: He et al. 2016, arXiv 1512.03385, table 1; its max-pool is a sum here.
"""


class _Chain:
    """Populations and connections, one layer after the other."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.input = Input("image", shape, 0, 255)
        self.populations: list[Population] = []
        self.connections: list[Connection] = []
        self.random = np.random.default_rng(0)

    def add(self, synapse: Synapse, source: str) -> str:
        """Add a population of what ``synapse`` puts out, and return its name."""
        shapes = {p.name: p.shape for p in (self.input, *self.populations)}
        shape, name = synapse.output_shape(shapes[source]), f"layer{len(self.populations)}"
        late = len(self.populations) + 1
        self.populations.append(Population(name, shape, Cuba.leaky(410, 64 * 100), late))
        self.connections.append(Connection(source, name, synapse, graded=source == "image"))
        return name

    def conv(self, source: str, channels: int, size: int, stride: int) -> Conv2d:
        """Return a convolution of what ``source`` sends, padded to keep its size."""
        shapes = {p.name: p.shape for p in (self.input, *self.populations)}
        weight = 2 * self.random.integers(-64, 64, (channels, shapes[source][0], size, size))
        return Conv2d(weight, (stride, stride), (size // 2, size // 2))


def resnet18(side: int) -> Program:
    """Return ResNet-18 for images of ``side``; 32 without the stem's stride and pooling."""
    chain = _Chain((3, side, side))
    large = side > 32
    last = chain.add(chain.conv("image", 64, 7 if large else 3, 2 if large else 1), "image")
    if large:
        last = chain.add(SumPool2d((3, 3), (2, 2), (1, 1)), last)
    for channels, stride in STAGES:
        last = _block(chain, _block(chain, last, channels, stride), channels, 1)
    shape = chain.populations[-1].shape
    last = chain.add(SumPool2d(shape[1:], shape[1:]), last)
    classes = 1000 if large else 10
    weight = 2 * chain.random.integers(-64, 64, (classes, shape[0]))
    last = chain.add(Dense(weight), last)
    return Program(
        f"resnet18-{side}", "loihi2", chain.input, chain.populations, chain.connections, last
    )


def _block(chain: _Chain, source: str, channels: int, stride: int) -> str:
    """Add two convolutions and the shortcut around them."""
    shape = chain.populations[-1].shape
    shortcut: Synapse = Sparse.identity(prod(shape))
    if stride > 1 or shape[0] != channels:
        shortcut = chain.conv(source, channels, 1, stride)
    middle = chain.add(chain.conv(source, channels, 3, stride), source)
    last = chain.add(chain.conv(middle, channels, 3, 1), middle)
    chain.connections.append(Connection(source, last, shortcut))
    return last


CASES: dict[str, tuple[str, Callable[[], Program]]] = {
    "n1-loihi1": ("loihi1", lambda: n1()[0]),
    "n2-loihi1": ("loihi1", lambda: n2()[0]),
    "resnet18-cifar-loihi1": ("loihi1", lambda: resnet18(32)),
    "resnet18-cifar-loihi2": ("loihi2", lambda: resnet18(32)),
    "resnet18-imagenet-loihi1": ("loihi1", lambda: resnet18(224)),
    "resnet18-imagenet-loihi2": ("loihi2", lambda: resnet18(224)),
}


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", default=",".join(CASES))
    options = parser.parse_args()
    rows = [row for case in options.only.split(",") for row in _measured(case)]
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if all(row["ok"] for row in rows) else 1


def _measured(case: str) -> list[dict]:
    chip, build = CASES[case]
    program, start = build(), time.perf_counter()
    mapping = map_program(program, load_chip(chip))
    seconds = time.perf_counter() - start
    again = map_program(program, load_chip(chip))
    placed, baseline = _hops(mapping), _hops(mapping.row_by_row)
    ratio = baseline / placed
    neurons = sum(prod(p.shape) for p in program.populations)
    print(
        f"{case}: {neurons:,} neurons on {len(mapping.cores)} cores of {mapping.chips} chips in "
        f"{seconds:.1f} s; {placed:,} hops, {ratio:.2f} times fewer than row by row"
    )
    print(f"  {_use(mapping)}")
    equal = mapping.cores == again.cores
    ok = equal and seconds < MOST_SECONDS and ratio > LEAST_RATIO
    row = {"case": case, "tool": "spikeport", "equal_results": equal, "ok": ok}
    return [
        {**row, "metric": "time", "unit": "s", "value": seconds},
        {**row, "metric": "row by row / placed", "unit": "ratio of hops", "value": ratio},
    ]


def _hops(mapping: Mapping) -> int:
    program = mapping.program
    ones = {s.name: np.ones(s.shape, int) for s in (*program.lines, *program.populations)}
    return sum(traffic.total_hops for traffic in mapping.messages(ones))


def _use(mapping: Mapping) -> str:
    """Return the share of each limited resource that the used cores use."""
    shares = []
    for name in ("neurons", "synapse_bits", "input_axons", "output_axons"):
        limit, used = getattr(mapping.limits, name), getattr(mapping.used, name)
        if limit is not None:
            shares.append(f"{name.replace('_', ' ')} {used / limit / len(mapping.cores):.0%}")
    return "use of the used cores: " + ", ".join(shares)


if __name__ == "__main__":
    sys.exit(main())
