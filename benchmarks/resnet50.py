"""Takes a spiking ResNet-50 at 224 x 224 from a torch module to a checked program.

    python benchmarks/resnet50.py [--json FILE]

Prints seconds and peak memory after each stage; weights and normalisations are random. Exits 1
if all of it takes 60 s or more, or 4 GB or more.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hwsim import load_chip
from hwsim.chip import check
from snnexport import Calibration, capture, fold, lower, quantize
from snntrain import Spiking

MOST_SECONDS, MOST_BYTES = 60.0, 4e9
STEPS = 10
STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))
"""Width and number of the bottlenecks.

Source: He et al. 2016, arXiv 1512.03385, table 1; spiking, Ledinauskas et al. 2020, arXiv
2006.04436.
"""


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.manual_seed(0)
    module, chip = _randomised(ResNet50()), load_chip("loihi2")
    timer = _Timer()
    graph = timer("capture", lambda: capture(module, torch.zeros(STEPS, 1, 3, 224, 224)))
    graph = timer("fold", lambda: fold(graph))
    graph = timer("quantize", lambda: quantize(graph, chip, Calibration(0, 255)))
    program = timer("lower", lambda: lower(graph, chip))
    problems = timer("check", lambda: check(program, chip))
    neurons = sum(int(torch.tensor(p.shape).prod()) for p in program.populations)
    print(f"{len(program.populations)} populations, {neurons:,} neurons, {len(problems)} problems")
    rows = [
        {"name": "resnet50", "metric": "seconds", "value": timer.total, "target": MOST_SECONDS},
        {"name": "resnet50", "metric": "bytes", "value": _peak_bytes(), "target": MOST_BYTES},
    ]
    rows = [{**row, "ok": row["value"] < row["target"]} for row in rows]
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if all(row["ok"] for row in rows) and not problems else 1


class ResNet50(nn.Module):
    """Bottlenecks whose shortcut enters the current of their last neurons."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64))
        self.spike = _spiking(64)
        self.largest = nn.MaxPool2d(3, 2, 1)
        self.blocks, size = nn.Sequential(), 64
        for stage, (width, count) in enumerate(STAGES):
            for number in range(count):
                stride = 2 if stage and not number else 1
                self.blocks.append(Bottleneck(size, width, stride))
                size = 4 * width
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.dense = nn.Linear(size, 1000)

    def forward(self, x: Tensor) -> Tensor:
        """Turn one frame (B, 3, 224, 224) into currents (B, 1000)."""
        x = self.blocks(self.largest(self.spike(self.stem(x))))
        return self.dense(torch.flatten(self.mean(x), 1))


class Bottleneck(nn.Module):
    """1x1, 3x3 with the stride, 1x1 to four times the width."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.first = nn.Sequential(_conv(inputs, width, 1), nn.BatchNorm2d(width), _spiking(width))
        middle = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.middle = nn.Sequential(middle, nn.BatchNorm2d(width), _spiking(width))
        self.last = nn.Sequential(_conv(width, outputs, 1), nn.BatchNorm2d(outputs))
        self.spike = _spiking(outputs)
        self.shortcut = nn.Identity()
        if stride > 1 or inputs != outputs:
            projected = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projected, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Turn spikes into spikes."""
        return self.spike(self.last(self.middle(self.first(x))) + self.shortcut(x))


def _conv(inputs: int, outputs: int, size: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, bias=False)


def _spiking(channels: int) -> Spiking:
    return Spiking.lif(channels, decay_v=0.2, norm=False)


def _randomised(module: nn.Module) -> nn.Module:
    """Return ``module`` with statistics and gains as training would leave them."""
    for norm in (m for m in module.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.uniform_(norm.weight, 0.4, 2.0)
        assert norm.running_var is not None
        assert norm.running_mean is not None
        norm.running_var.uniform_(0.5, 2.0)
        norm.running_mean.normal_()
    return module.eval()


class _Timer:
    """Runs stages and adds up their time."""

    def __init__(self) -> None:
        self.total = 0.0

    def __call__(self, name: str, stage: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = stage()
        taken = time.perf_counter() - start
        self.total += taken
        print(f"{name}: {taken:.1f} s, peak {_peak_bytes() / 1e9:.2f} GB")
        return result


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
