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
from torch import nn

from hwsim import load_chip
from hwsim.chip import check
from snnexport import Calibration, capture, fold, lower, quantize
from snntrain import CurrentNorm
from snntrain.nets.blocks import Shortcut
from snntrain.nets.resnet import ResNet, ResNetSettings, Stem

MOST_SECONDS, MOST_BYTES = 60.0, 4e9
STEPS = 10


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.manual_seed(0)
    settings = ResNetSettings(
        Shortcut.SPIKING, Stem.LARGE, input_shape=(3, 224, 224), classes=1000, depth=50, decay_v=0.2
    )
    module, chip = _randomised(ResNet(settings)), load_chip("loihi2")
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


def _randomised(module: nn.Module) -> nn.Module:
    """Return ``module`` with statistics and gains as training would leave them."""
    for norm in (m for m in module.modules() if isinstance(m, (nn.BatchNorm2d, CurrentNorm))):
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
