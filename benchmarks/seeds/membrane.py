"""Membrane potentials as differentiable signals on digits, and on some recordings of N-MNIST.

Lee, Delbruck and Pfeiffer 2016, Front. Neurosci. 10:508. They report 98.66 % on N-MNIST after
60,000 recordings; how many there are here is a row of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seeds.common import accuracy_on_test, at_least, mean, noted, trained, where_found
from snntrain import load

DIGITS = 0.90
RECORDINGS = "membrane: N-MNIST"


def rows(root: Path | None, seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Return the accuracies on both test splits."""

    def accuracy(name: str) -> float:
        return mean(accuracy_on_test(trained(name, seed, root), root) for seed in seeds)

    def recordings() -> list[dict[str, Any]]:
        sizes = {split: len(load("nmnist", split, root)) for split in ("train", "test")}
        found = noted(RECORDINGS, "accuracy", accuracy("membrane-nmnist"))
        return [found, *(noted(RECORDINGS, f"{split} recordings", n) for split, n in sizes.items())]

    digits = at_least("membrane: digits", "accuracy", accuracy("membrane"), DIGITS)
    return [digits, *where_found("nmnist", root, recordings)]
